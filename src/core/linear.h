// The Gaussian linear mixed model with beta and sigma profiled out.
//
//     y = offset + X beta + Z Lambda(theta) u + e,    u ~ N(0, sigma^2 I),   e ~ N(0, sigma^2 / w)
//
// All cross-products are formed once. One factorization of
//
//     [ Lambda'Z'WZ Lambda + I   Lambda'Z'WX   Lambda'Z'Wy ]
//     [           .                 X'WX          X'Wy     ]
//     [           .                   .           y'Wy     ]
//
// gives log|H|, log|R_X|^2, r^2 = (last pivot)^2 and, by one back-substitution, beta and u:
//
//     -2 l = log|H| [+ log|R_X|^2 if REML] + nu (1 + log(2 pi r^2 / nu)),  nu = n or n - p.
//
// Columns of X and of the terms should be centered and scaled by the caller.
#pragma once

#include <cstddef>
#include <functional>
#include <vector>

#include "block_cholesky.h"
#include "data.h"
#include "factor_map.h"
#include "interrupt.h"
#include "search_result.h"

namespace ilk {

enum class LinearStatus {
  ok,
  not_positive_definite,  // X is rank deficient (or lam not finite)
  no_residual,            // r^2 is lost to rounding: the model reproduces the response
};

struct LinearEvaluation {
  LinearStatus status = LinearStatus::ok;
  double value = 0.0;  // log-likelihood or restricted log-likelihood, complete; -inf if not ok
  double sigma2 = 0.0;
  std::vector<double> beta;      // (p,)
  std::vector<double> gradient;  // of value with respect to lam (lambda_size,), if asked for
};

struct LinearInformation {
  std::vector<double> information;       // (m, m): minus the Hessian of the value in theta
  std::vector<double> log_sigma2_slope;  // (m,): d log sigma^2 / d theta
};

class LinearEngine {
 public:
  // `count` is the number of observations entering nu (<= 0: the rows). Weights multiply the
  // squared residuals; the constant sum(log w) / 2 of precision weights is left to the caller,
  // who alone knows which part of a weight is a precision and which a frequency.
  explicit LinearEngine(const Data& data, double count = 0.0);

  int coefficients() const { return p_; }
  int lambda_size() const { return lambda_size_; }
  double count() const { return count_; }
  const BlockPattern& pattern() const { return cholesky_.pattern(); }
  const BlockCholesky& cholesky() const { return cholesky_; }

  void set_interrupt(std::function<bool()> wants_stop);

  // A new response on the same pattern: only cross-products with y are recomputed.
  void set_response(const double* response);

  LinearEvaluation evaluate(const double* lam, bool reml, bool gradient);

  // Maximizes over theta. `theta` null: start from Henderson moments (linear maps only; for
  // other maps the start is required).
  SearchResult fit(const FactorMap& factor, const double* theta, bool reml, int max_steps = 100,
                   double tolerance = 1e-8);

  // Henderson/MINQUE(0) moments mapped through a linear factor map.
  std::vector<double> moment_start(const FactorMap& factor) const;

  // Observed information in theta by central differences of the exact gradient, steps
  // 1e-3 * scale. Leaves the engine evaluated at theta.
  LinearInformation information(const FactorMap& factor, const double* theta, const double* scale,
                                bool reml);

  // ---- At the last evaluation -------------------------------------------------------------------
  const std::vector<double>& modes() const { return u_; }  // (U,)
  // sigma^2 Lambda_t P_ll Lambda_t' for all levels, term after term: (L_t, q_t, q_t) each.
  std::vector<double> conditional_covariance();
  void solve(double* rhs, int columns) const;           // rhs (U, columns) <- H^-1 rhs
  std::vector<double> cross_information() const;        // Lambda' Z'WX (U, p), column-major
  std::vector<double> coefficient_covariance() const;   // (R_X' R_X)^-1 (p, p), without sigma^2
};

}  // namespace ilk
