#include "dense.h"

#include <algorithm>
#include <cstring>

namespace ilk::dense {
namespace {

constexpr Index kTriangle = 32;       // triangles up to this size go to the unblocked kernels
constexpr Index kInverseBlock = 128;  // block columns of the inverse
constexpr Index kSmallProduct = 1000; // multiplications up to which products are not blocked
constexpr Index kSmallTile = 4;       // ... or whatever the depth, if the result is so small
constexpr Index kDiagonalBlock = 64;  // of symmetric matrices, expanded for products
constexpr Index kSmallInverse = 8;    // inverses up to this size are formed in place

bool is_small_product(Index m, Index n, Index k) {
  return std::max(m, n) <= kSmallTile ||
         (std::max({m, n, k}) <= kSmallProduct && m * n * k <= kSmallProduct);
}

const Kernels& choose_kernels() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw"))
    return v4::kernels;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return v3::kernels;
  return v2::kernels;
#else
  return generic::kernels;
#endif
}

const Kernels& kernels() {
  static const Kernels& best = choose_kernels();
  return best;
}

// Where to split a triangle of size n > kTriangle in two: a multiple of the base size, so that
// the recursion ends in full base cases.
Index split(Index n) { return (n / kTriangle + 1) / 2 * kTriangle; }

void spend(void* workspace, double flops) { static_cast<Workspace*>(workspace)->spend(flops); }

void multiply_add_any(bool lower_only, Index m, Index n, Index k, double sign, Operand A,
                      Operand B, double* C, Index stride, Workspace& work) {
  if (m == 0 || n == 0 || k == 0) return;
  const Kernels& kernel = kernels();
  if (is_small_product(m, n, k)) {
    kernel.multiply_add_small(lower_only, m, n, k, sign, A, B, C, stride);
    return;
  }
  kernel.multiply_add(lower_only, m, n, k, sign, A, B, C, stride,
                      work.reserve(static_cast<std::size_t>(kernel.scratch_size)),
                      Progress{spend, &work});
}

}  // namespace

void multiply_add(Index m, Index n, Index k, double sign, Operand A, Operand B, double* C,
                  Index stride, Workspace& work) {
  multiply_add_any(false, m, n, k, sign, A, B, C, stride, work);
}

void lower_multiply_add(Index m, Index n, Index k, double sign, Operand A, Operand B, double* C,
                        Index stride, Workspace& work) {
  multiply_add_any(true, m, n, k, sign, A, B, C, stride, work);
}

void symmetric_update(Index n, Index k, double sign, Operand A, double* C, Index stride,
                      Workspace& work) {
  multiply_add_any(true, n, n, k, sign, A, transpose(A), C, stride, work);
}

// [C1 C2] += [A1 A2] [S11  S12]
//                    [S12' S22]
void symmetric_multiply_add(Index m, Index n, double sign, Operand A, const double* S,
                            Index stride_S, double* C, Index stride, Workspace& work) {
  if (n <= kDiagonalBlock) {
    double full[kDiagonalBlock * kDiagonalBlock];
    for (Index j = 0; j < n; ++j)
      for (Index i = 0; i <= j; ++i) full[i + j * n] = full[j + i * n] = S[i + j * stride_S];
    multiply_add(m, n, n, sign, A, columns_of(full, n), C, stride, work);
    return;
  }
  const Index n1 = split(n);
  const Index n2 = n - n1;
  const Operand A2 = {A.data + n1 * A.column_stride, A.row_stride, A.column_stride};
  const Operand S12 = columns_of(S + n1 * stride_S, stride_S);
  double* C2 = C + n1 * stride;
  multiply_add(m, n2, n1, sign, A, S12, C2, stride, work);
  multiply_add(m, n1, n2, sign, A2, transpose(S12), C, stride, work);
  symmetric_multiply_add(m, n1, sign, A, S, stride_S, C, stride, work);
  symmetric_multiply_add(m, n2, sign, A2, S + n1 * (stride_S + 1), stride_S, C2, stride, work);
}

// [A11  . ]   [L11     ]     L11 = chol(A11),  L21 = A21 L11^-T,
// [A21 A22] = [L21 L22 ] :   L22 = chol(A22 - L21 L21').
Index cholesky(Index n, double* A, Index stride, Workspace& work) {
  if (n <= kTriangle) return kernels().cholesky(n, A, stride);
  const Index n1 = split(n);
  const Index n2 = n - n1;
  double* A21 = A + n1;
  double* A22 = A + n1 * (stride + 1);
  const Index done = cholesky(n1, A, stride, work);
  if (done < n1) return done;
  solve_right_transposed(n2, n1, A, stride, A21, stride, work);
  symmetric_update(n2, n1, -1.0, columns_of(A21, stride), A22, stride, work);
  return n1 + cholesky(n2, A22, stride, work);
}

// [X1 X2] [L11' L21'] = [B1 B2] :   X1 = B1 L11^-T,   X2 = (B2 - X1 L21') L22^-T.
//         [ .   L22']
void solve_right_transposed(Index m, Index n, const double* L, Index stride, double* B,
                            Index stride_B, Workspace& work) {
  if (n <= kTriangle) {
    kernels().solve_right_transposed(m, n, L, stride, B, stride_B);
    return;
  }
  const Index n1 = split(n);
  double* B2 = B + n1 * stride_B;
  solve_right_transposed(m, n1, L, stride, B, stride_B, work);
  multiply_add(m, n - n1, n1, -1.0, columns_of(B, stride_B), transpose(columns_of(L + n1, stride)),
               B2, stride_B, work);
  solve_right_transposed(m, n - n1, L + n1 * (stride + 1), stride, B2, stride_B, work);
}

// [X1 X2] [L11  . ] = [B1 B2] :   X2 = B2 L22^-1,   X1 = (B1 - X2 L21) L11^-1.
//         [L21 L22]
void solve_right(Index m, Index n, const double* L, Index stride, double* B, Index stride_B,
                 Workspace& work) {
  if (n <= kTriangle) {
    kernels().solve_right(m, n, L, stride, B, stride_B);
    return;
  }
  const Index n1 = split(n);
  double* B2 = B + n1 * stride_B;
  solve_right(m, n - n1, L + n1 * (stride + 1), stride, B2, stride_B, work);
  multiply_add(m, n1, n - n1, -1.0, columns_of(B2, stride_B), columns_of(L + n1, stride), B,
               stride_B, work);
  solve_right(m, n1, L, stride, B, stride_B, work);
}

namespace {

// Lower triangle of Z = (L L')^-1 = X'X for a small block, with X = L^-1 by substitution against
// the identity. X and Z are (n, n).
void invert_block(Index n, const double* L, Index stride, double* X, double* Z, Workspace& work) {
  std::fill(X, X + n * n, 0.0);
  for (Index i = 0; i < n; ++i) X[i * (n + 1)] = 1.0;
  solve_right(n, n, L, stride, X, n, work);
  std::fill(Z, Z + n * n, 0.0);
  symmetric_update(n, n, 1.0, transpose(columns_of(X, n)), Z, n, work);
}

// (L L')^-1 = X'X in place for a very small matrix, both triangles. First X = L^-1, columns from
// left to right and each from the top, so that what is read of L is still there; then
// Z_ij = sum_(k >= i) X_ki X_kj, i >= j, in the same order for the same reason.
void invert_small(Index n, double* L, Index stride) {
  for (Index j = 0; j < n; ++j) {
    double* x = L + j * stride;
    x[j] = 1.0 / x[j];
    for (Index i = j + 1; i < n; ++i) {
      double sum = 0.0;
      for (Index k = j; k < i; ++k) sum -= L[i + k * stride] * x[k];
      x[i] = sum / L[i * (stride + 1)];
    }
  }
  for (Index j = 0; j < n; ++j)
    for (Index i = j; i < n; ++i) {
      double sum = 0.0;
      for (Index k = i; k < n; ++k) sum += L[k + i * stride] * L[k + j * stride];
      L[i + j * stride] = L[j + i * stride] = sum;
    }
}

}  // namespace

Index upper_inverse_scratch(Index n) {
  const Index block = std::min(n, kInverseBlock);
  return (n + block) * block;
}

// Block columns of L from the last to the first. With Z22 the inverse of the trailing part,
//     Y = L21 L11^-1,   Z12 = -Y' Z22,   Z11 = (L11 L11')^-1 - Z12 Y.
void upper_inverse(Index n, const double* L, Index stride, double* Z, Index stride_Z,
                   double* scratch, Workspace& work) {
  for (Index end = n; end > 0;) {
    const Index begin = (end - 1) / kInverseBlock * kInverseBlock;
    const Index columns = end - begin;
    const Index below = n - end;
    const double* L11 = L + begin * (stride + 1);
    double* Z11 = Z + begin * (stride_Z + 1);
    double* Z12 = Z11 + columns * stride_Z;
    double* Y = scratch;
    double* X = Y + below * columns;
    double* lower = X + columns * columns;  // of Z11
    for (Index j = 0; j < columns; ++j) {
      const double* L21 = L11 + j * stride + columns;
      std::copy(L21, L21 + below, Y + j * below);
    }
    solve_right(below, columns, L11, stride, Y, below, work);
    for (Index j = 0; j < below; ++j)
      std::fill(Z12 + j * stride_Z, Z12 + j * stride_Z + columns, 0.0);
    symmetric_multiply_add(columns, below, -1.0, transpose(columns_of(Y, below)),
                           Z12 + columns, stride_Z, Z12, stride_Z, work);
    invert_block(columns, L11, stride, X, lower, work);
    lower_multiply_add(columns, columns, below, -1.0, transpose(columns_of(Y, below)),
                       transpose(columns_of(Z12, stride_Z)), lower, columns, work);
    for (Index j = 0; j < columns; ++j)
      for (Index i = 0; i <= j; ++i) Z11[i + j * stride_Z] = lower[j + i * columns];
    end = begin;
  }
}

void invert_from_cholesky(Index n, double* L, Index stride, Workspace& work) {
  if (n <= kSmallInverse) {
    invert_small(n, L, stride);
    return;
  }
  const Index size = n * n + upper_inverse_scratch(n);
  const std::unique_ptr<double[]> Z(new double[static_cast<std::size_t>(size)]);
  upper_inverse(n, L, stride, Z.get(), n, Z.get() + n * n, work);
  for (Index j = 0; j < n; ++j)
    for (Index i = 0; i <= j; ++i) L[i + j * stride] = L[j + i * stride] = Z[i + j * n];
}

void mirror_lower(Index n, double* A, Index stride) {
  for (Index j = 0; j < n; ++j)
    for (Index i = j + 1; i < n; ++i) A[j + i * stride] = A[i + j * stride];
}

const char* instruction_set() { return kernels().name; }

}  // namespace ilk::dense
