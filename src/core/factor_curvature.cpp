#include "factor_curvature.h"

#include <algorithm>
#include <cmath>

namespace ilk {

namespace {

constexpr double kSmallestPivot = 1e-6;  // of Lambda, for the recovery of derivatives in Sigma

// The symmetric D with lower(2 D Lambda) = lower(G), column by column from the right: if G is the
// derivative of a function of Lambda Lambda' in Lambda, D is that in Lambda Lambda'.
std::vector<double> derivative_in_covariance(int q, const double* lambda, const double* G) {
  std::vector<double> D(static_cast<std::size_t>(q) * q, 0.0);
  for (int j = q - 1; j >= 0; --j) {
    double pivot = lambda[j * (q + 1)];
    if (std::fabs(pivot) < kSmallestPivot) pivot = pivot < 0.0 ? -kSmallestPivot : kSmallestPivot;
    for (int i = q - 1; i >= j; --i) {
      double sum = 0.5 * G[i + j * q];
      for (int k = j + 1; k < q; ++k) sum -= D[i + k * q] * lambda[k + j * q];
      D[i + j * q] = D[j + i * q] = sum / pivot;
    }
  }
  return D;
}

// 2 tr(dLambda_j' D dLambda_k).
double curvature_term(int q, const double* dlam_j, const std::vector<double>& D,
                      const double* dlam_k) {
  double sum = 0.0;
  for (int c = 0; c < q; ++c)
    for (int b = c; b < q; ++b) {
      if (dlam_k[b + c * q] == 0.0) continue;
      for (int a = c; a < q; ++a)
        sum += dlam_j[a + c * q] * D[a + b * q] * dlam_k[b + c * q];
    }
  return 2.0 * sum;
}

}  // namespace

void covariance_direction(const BlockPattern& pattern, int terms,
                          const std::vector<const double*>& lambda, const double* dlam,
                          const double* scores, double* m) {
  std::fill(m, m + pattern.scalars(), 0.0);
  std::vector<double> inner;
  for (int t = 0; t < terms; ++t) {
    const int q = pattern.term(t).width;
    const double* factor = lambda[t];
    const bool touched = std::any_of(dlam, dlam + q * q, [](double v) { return v != 0.0; });
    if (touched) {
      inner.resize(static_cast<std::size_t>(2 * q));
      double* from_factor = inner.data();
      double* from_dlam = from_factor + q;
      for (int k = pattern.scalar_offset(t); k < pattern.scalar_offset(t + 1); k += q) {
        const double* e = &scores[k];
        for (int b = 0; b < q; ++b) {
          from_factor[b] = from_dlam[b] = 0.0;
          for (int a = b; a < q; ++a) {
            from_factor[b] += factor[a + b * q] * e[a];
            from_dlam[b] += dlam[a + b * q] * e[a];
          }
        }
        for (int b = 0; b < q; ++b)
          for (int a = b; a < q; ++a)
            m[k + a] += dlam[a + b * q] * from_factor[b] + factor[a + b * q] * from_dlam[b];
      }
    }
    dlam += q * q;
  }
}

void subtract_factor_curvature(const BlockPattern& pattern, int terms,
                               const std::vector<const double*>& lambda, const double* gradient,
                               const double* jacobian, int lambda_size, int theta_size, double* H,
                               std::size_t stride) {
  std::size_t offset = 0;
  for (int t = 0; t < terms; ++t) {
    const int q = pattern.term(t).width;
    const std::vector<double> D = derivative_in_covariance(q, lambda[t], gradient + offset);
    const auto dlam = [&](int j) {
      return jacobian + j * static_cast<std::size_t>(lambda_size) + offset;
    };
    for (int k = 0; k < theta_size; ++k)
      for (int j = 0; j < theta_size; ++j)
        H[j + k * stride] -= curvature_term(q, dlam(j), D, dlam(k));
    offset += static_cast<std::size_t>(q) * q;
  }
}

}  // namespace ilk
