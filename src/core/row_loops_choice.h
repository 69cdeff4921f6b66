// The row loops for the best instruction set of this machine.
#pragma once

#include "row_loops.h"

namespace ilk {

const RowLoops& row_loops();

}  // namespace ilk
