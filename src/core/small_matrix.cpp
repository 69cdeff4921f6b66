#include "small_matrix.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>

namespace ilk::small {

namespace {

constexpr double kPivotTolerance = 1e-14;  // of the diagonal element

}  // namespace

bool cholesky(Matrix& A, int n) {
  for (int j = 0; j < n; ++j) {
    double* column = &A[static_cast<std::size_t>(j) * n];
    const double diagonal = column[j];
    for (int k = 0; k < j; ++k) {
      const double* left = &A[static_cast<std::size_t>(k) * n];
      const double factor = left[j];
      for (int i = j; i < n; ++i) column[i] -= factor * left[i];
    }
    if (!(column[j] > kPivotTolerance * std::fabs(diagonal)) || !std::isfinite(column[j]))
      return false;
    const double pivot = std::sqrt(column[j]);
    for (int i = j; i < n; ++i) column[i] /= pivot;
  }
  return true;
}

void solve(const Matrix& L, int n, double* x) {
  for (int j = 0; j < n; ++j) {
    const double* column = &L[static_cast<std::size_t>(j) * n];
    x[j] /= column[j];
    for (int i = j + 1; i < n; ++i) x[i] -= column[i] * x[j];
  }
  for (int j = n - 1; j >= 0; --j) {
    const double* column = &L[static_cast<std::size_t>(j) * n];
    for (int i = j + 1; i < n; ++i) x[j] -= column[i] * x[i];
    x[j] /= column[j];
  }
}

double ridged_cholesky(const Matrix& A, int n, Matrix& L) {
  double largest = 0.0;
  for (int j = 0; j < n; ++j)
    largest = std::max(largest, std::fabs(A[j + static_cast<std::size_t>(j) * n]));
  for (double ridge = 0.0; ridge < 1e12; ridge = ridge == 0.0 ? 1e-8 : 10.0 * ridge) {
    L = A;
    for (int j = 0; j < n; ++j) {
      double& diagonal = L[j + static_cast<std::size_t>(j) * n];
      diagonal += ridge * std::max(std::fabs(diagonal), 1e-12 * largest);
    }
    if (cholesky(L, n)) return ridge;
  }
  // Nothing to work with (zeros or numbers that are not finite): steepest ascent.
  L.assign(static_cast<std::size_t>(n) * n, 0.0);
  for (int j = 0; j < n; ++j) L[j + static_cast<std::size_t>(j) * n] = 1.0;
  return 1e12;
}

Matrix inverse(const Matrix& A, int n) {
  Matrix L, out(static_cast<std::size_t>(n) * n, 0.0);
  ridged_cholesky(A, n, L);
  for (int j = 0; j < n; ++j) {
    out[j + static_cast<std::size_t>(j) * n] = 1.0;
    solve(L, n, &out[static_cast<std::size_t>(j) * n]);
  }
  return out;
}

void symmetric_eigen(Matrix A, int n, std::vector<double>& values, Matrix& V) {
  const auto at = [n](Matrix& M, int i, int j) -> double& {
    return M[i + static_cast<std::size_t>(j) * n];
  };
  V.assign(static_cast<std::size_t>(n) * n, 0.0);
  for (int i = 0; i < n; ++i) at(V, i, i) = 1.0;
  for (int sweep = 0; sweep < 60; ++sweep) {
    double off = 0.0, total = 0.0;
    for (int j = 0; j < n; ++j)
      for (int i = 0; i < n; ++i) {
        total += at(A, i, j) * at(A, i, j);
        if (i != j) off += at(A, i, j) * at(A, i, j);
      }
    if (!(off > 1e-30 * total)) break;
    for (int p = 0; p < n; ++p)
      for (int q = p + 1; q < n; ++q) {
        if (at(A, p, q) == 0.0) continue;
        // The rotation (c, s) that annihilates element (p, q).
        const double ratio = (at(A, q, q) - at(A, p, p)) / (2.0 * at(A, p, q));
        const double t = std::copysign(1.0, ratio) / (std::fabs(ratio) + std::hypot(1.0, ratio));
        const double c = 1.0 / std::hypot(1.0, t), s = t * c;
        for (int k = 0; k < n; ++k) {
          const double kp = at(A, k, p), kq = at(A, k, q);
          at(A, k, p) = c * kp - s * kq;
          at(A, k, q) = s * kp + c * kq;
        }
        for (int k = 0; k < n; ++k) {
          const double pk = at(A, p, k), qk = at(A, q, k);
          at(A, p, k) = c * pk - s * qk;
          at(A, q, k) = s * pk + c * qk;
          const double vp = at(V, k, p), vq = at(V, k, q);
          at(V, k, p) = c * vp - s * vq;
          at(V, k, q) = s * vp + c * vq;
        }
      }
  }
  std::vector<int> order(n);
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](int i, int j) { return at(A, i, i) < at(A, j, j); });
  const Matrix unsorted = V;
  values.resize(n);
  for (int j = 0; j < n; ++j) {
    values[j] = at(A, order[j], order[j]);
    std::copy_n(&unsorted[static_cast<std::size_t>(order[j]) * n], n, &at(V, 0, j));
  }
}

}  // namespace ilk::small
