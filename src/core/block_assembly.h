// Moves blocks between the compact layout and the panels of the factorization.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "block_pattern.h"
#include "dense.h"
#include "fronts.h"

namespace ilk {

// Adds nothing, overwrites: panel blocks = Lambda_a' A_ab Lambda_b, on the diagonal (lower
// triangle) + I for terms with a prior, or what `precision` has for the list (BlockCholesky).
// `panels` are those of the front.
void assemble_blocks(const BlockPattern& pattern, const Fronts& fronts, const Front& front,
                     const double* A, const std::vector<const double*>& lambda,
                     const std::vector<const double*>& precision, double* panels);

// The way back, without factors: compact blocks = panel blocks, of diagonal ones the lower
// triangle. `panels` need not be stored as those of L are.
void extract_blocks(const Fronts& fronts, const Front& front, dense::Operand panels,
                    double* compact);

}  // namespace ilk
