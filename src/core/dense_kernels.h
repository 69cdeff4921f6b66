// The instruction-set specific inner loops of the dense layer.
//
// dense_kernels.cpp is compiled once per instruction set, each time with another value of
// ILK_DENSE_NAMESPACE and the matching -march:
//     v2 (x86-64-v2), v3 (x86-64-v3), v4 (x86-64-v4), generic (other architectures).
//
// This header must stay free of inline functions and templates: the linker keeps one copy of
// those for the whole program, and it could be the one compiled for the largest instruction set.
#pragma once

#include <cstddef>

namespace ilk::dense {

using Index = std::ptrdiff_t;

// A matrix to be read: element (i, j) is data[i * row_stride + j * column_stride].
struct Operand {
  const double* data;
  Index row_stride;
  Index column_stride;
};

// Called with the number of operations about to be done; may throw to stop the computation.
struct Progress {
  void (*spend)(void* owner, double flops);
  void* owner;
};

struct Kernels {
  const char* name;
  Index scratch_size;  // doubles of scratch memory `multiply_add` needs

  // C += sign * A B with A (m, k), B (k, n), C (m, n) column-major; sign is 1 or -1. With
  // `lower_only` the entries above the diagonal of C are left alone.
  void (*multiply_add)(bool lower_only, Index m, Index n, Index k, double sign, Operand A,
                       Operand B, double* C, Index stride, double* scratch, Progress progress);

  // The same for small matrices, by plain loops.
  void (*multiply_add_small)(bool lower_only, Index m, Index n, Index k, double sign, Operand A,
                             Operand B, double* C, Index stride);

  // Cholesky factor of a small matrix, lower triangle in place. Returns the number of columns
  // done: n, or less if a pivot is not positive.
  Index (*cholesky)(Index n, double* A, Index stride);

  // B <- B L^-T and B <- B L^-1 for small lower-triangular L (n, n) and B (m, n).
  void (*solve_right_transposed)(Index m, Index n, const double* L, Index stride, double* B,
                                 Index stride_B);
  void (*solve_right)(Index m, Index n, const double* L, Index stride, double* B, Index stride_B);
};

// One per compiled instruction set.
namespace v2 { extern const Kernels kernels; }
namespace v3 { extern const Kernels kernels; }
namespace v4 { extern const Kernels kernels; }
namespace generic { extern const Kernels kernels; }

}  // namespace ilk::dense
