// The map theta -> lam from covariance parameters to the flat relative factors.
//
// lam is the concatenation over the terms of Lambda_t (q_t x q_t), column-major. Structured
// covariances are maps; the engines know nothing about them and use the chain rule
//     dL/dtheta = J' dL/dlam,    J = dlam/dtheta  (lambda_size x theta_size, column-major).
#pragma once

#include <cstddef>
#include <functional>
#include <vector>

namespace ilk {

// lam = base + sum_k values[k] * theta[columns[k]] at position rows[k].
struct LinearMap {
  std::vector<int> rows;
  std::vector<int> columns;
  std::vector<double> values;
  std::vector<double> base;  // (lambda_size,)
};

struct FactorMap {
  // Fills lam (lambda_size) and, if jacobian is not null, J (lambda_size x theta_size).
  using Callback = std::function<void(const double* theta, double* lam, double* jacobian)>;

  int theta_size = 0;
  int lambda_size = 0;
  LinearMap linear;   // used if `callback` is empty
  Callback callback;  // may throw; the engines let exceptions pass

  bool is_linear() const { return !callback; }

  void operator()(const double* theta, double* lam, double* jacobian) const {
    if (callback) {
      callback(theta, lam, jacobian);
      return;
    }
    for (int i = 0; i < lambda_size; ++i) lam[i] = linear.base.empty() ? 0.0 : linear.base[i];
    const std::size_t entries = linear.rows.size();
    for (std::size_t k = 0; k < entries; ++k)
      lam[linear.rows[k]] += linear.values[k] * theta[linear.columns[k]];
    if (!jacobian) return;
    const std::size_t size = static_cast<std::size_t>(lambda_size) * theta_size;
    for (std::size_t i = 0; i < size; ++i) jacobian[i] = 0.0;
    for (std::size_t k = 0; k < entries; ++k)
      jacobian[linear.rows[k] + static_cast<std::size_t>(linear.columns[k]) * lambda_size] +=
          linear.values[k];
  }
};

}  // namespace ilk
