// Start values of standard deviations from moments of the scores at Lambda = 0.
#pragma once

#include <vector>

#include "cell_set.h"

namespace ilk {

// For every term the standard deviations of its columns; the cells must have been evaluated at
// Lambda = 0 with coefficients that fit the data in the mean.
std::vector<std::vector<double>> moment_deviations(CellSet& cells);

}  // namespace ilk
