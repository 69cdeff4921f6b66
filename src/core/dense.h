// Dense linear algebra of the block Cholesky: products, triangular solves, factors and inverses.
//
// All matrices are column-major; of symmetric and triangular ones only the lower triangle is
// read, of inverses only the upper one. The recursions here split everything into matrix products;
// the inner loops are compiled for several instruction sets (dense_kernels.h). Nothing here starts
// threads.
#pragma once

#include <cstddef>
#include <memory>

#include "dense_kernels.h"
#include "interrupt.h"

namespace ilk::dense {

// Scratch memory that only grows, and the wish to be interrupted.
class Workspace {
 public:
  double* reserve(std::size_t size) {
    if (size > size_) {
      memory_.reset(new double[size]);
      size_ = size;
    }
    return memory_.get();
  }

  // Asks whether to stop once enough operations have been announced since the last time.
  void spend(double flops) {
    constexpr double enough = 3e8;  // about 10 ms
    spent_ += flops;
    if (spent_ < enough) return;
    spent_ = 0.0;
    poll();
  }

  InterruptPoll poll;

 private:
  double spent_ = 0.0;
  std::unique_ptr<double[]> memory_;
  std::size_t size_ = 0;
};

inline Operand columns_of(const double* data, Index stride) { return {data, 1, stride}; }
inline Operand transpose(Operand A) { return {A.data, A.column_stride, A.row_stride}; }

// C += sign * A B with A (m, k), B (k, n), C (m, n); sign is 1 or -1.
void multiply_add(Index m, Index n, Index k, double sign, Operand A, Operand B, double* C,
                  Index stride, Workspace& work);

// The same for the part of C on and below its diagonal, m >= n.
void lower_multiply_add(Index m, Index n, Index k, double sign, Operand A, Operand B, double* C,
                        Index stride, Workspace& work);

// Lower triangle of C += sign * A A' with A (n, k).
void symmetric_update(Index n, Index k, double sign, Operand A, double* C, Index stride,
                      Workspace& work);

// C += sign * A S with A (m, n), C (m, n) and S (n, n) symmetric, upper triangle.
void symmetric_multiply_add(Index m, Index n, double sign, Operand A, const double* S,
                            Index stride_S, double* C, Index stride, Workspace& work);

// A = L L' in place. Returns the number of columns done: n, or less if a pivot is not positive.
Index cholesky(Index n, double* A, Index stride, Workspace& work);

// B <- B L^-T and B <- B L^-1 with L (n, n) lower triangular and B (m, n).
void solve_right_transposed(Index m, Index n, const double* L, Index stride, double* B,
                            Index stride_B, Workspace& work);
void solve_right(Index m, Index n, const double* L, Index stride, double* B, Index stride_B,
                 Workspace& work);

// The upper triangle of Z = (L L')^-1 from a Cholesky factor L; Z may be in the same array, one
// column to the right (Z = L + stride), where it leaves L intact. `scratch` has room for
// upper_inverse_scratch(n) doubles.
Index upper_inverse_scratch(Index n);
void upper_inverse(Index n, const double* L, Index stride, double* Z, Index stride_Z,
                   double* scratch, Workspace& work);

// Overwrites a Cholesky factor L by the inverse (L L')^-1, both triangles.
void invert_from_cholesky(Index n, double* L, Index stride, Workspace& work);

// Copies the lower triangle onto the upper one.
void mirror_lower(Index n, double* A, Index stride);

const char* instruction_set();

}  // namespace ilk::dense
