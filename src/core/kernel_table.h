// kernel_table.h: what the objects compiled for each instruction set hand to density.cpp.
//
// Constant tables of plain pointers: neither initialization at load time nor any code of the
// standard library may be compiled into those objects, for both could be run on a processor that
// lacks their instructions.
#pragma once

#include "density.h"

namespace ilk {

struct DensityEntry {
    const char* name;
    int predictors;  // of a family of categories: those that it has whatever their number
    Kernel inner, inner_value, full, multi2, multi3;
    NodeKernel node;
};

struct DensityTable {
    const DensityEntry* entries;
    int size;
};

}  // namespace ilk
