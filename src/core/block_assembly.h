// Moves blocks between the compact layout and the panels of the factorization.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "block_pattern.h"
#include "fronts.h"

namespace ilk {

// Adds nothing, overwrites: panel blocks = Lambda_a' A_ab Lambda_b, on the diagonal (lower
// triangle) + I for terms with a prior. `L` is the storage the targets of the runs refer to,
// `height` the column stride of the front's panels.
void assemble_blocks(const BlockPattern& pattern, const BlockRun* begin, const BlockRun* end,
                     const double* A, const std::vector<const double*>& lambda,
                     std::ptrdiff_t height, double* L);

// The way back, without factors: compact blocks = panel blocks. `panels` stands for the part of
// the storage of L that starts at offset `first`. Diagonal blocks of the panels must be filled in
// both triangles.
void extract_blocks(const BlockPattern& pattern, const BlockRun* begin, const BlockRun* end,
                    const double* panels, std::int64_t first, std::ptrdiff_t height,
                    double* compact);

}  // namespace ilk
