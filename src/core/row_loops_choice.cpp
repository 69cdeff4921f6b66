#include "row_loops_choice.h"

#include "density.h"

namespace ilk {

const RowLoops& row_loops() {
#if defined(__x86_64__)
  switch (best_instruction_set()) {
    case InstructionSet::x86_64_v4: return row_loops_v4::loops;
    case InstructionSet::x86_64_v3: return row_loops_v3::loops;
    default: return row_loops_v2::loops;
  }
#else
  return row_loops_generic::loops;
#endif
}

}  // namespace ilk
