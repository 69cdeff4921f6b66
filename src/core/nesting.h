// Which grouping factors are nested in which.
#pragma once

#include <vector>

#include "data.h"

namespace ilk {

// The terms of a model by depth, those with the outermost grouping factor first; terms that group
// the rows alike are together. Empty if the grouping factors are not nested in each other.
using Nesting = std::vector<std::vector<int>>;

Nesting find_nesting(const Data& data);

// The level of `outer` that each level of `inner` lies in (inner.levels,); levels without rows are
// put into level 0. Empty if a level lies in several.
std::vector<int> parent_levels(const Term& inner, const Term& outer);

}  // namespace ilk
