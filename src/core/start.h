// Where the search over (beta, theta) starts, and with what curvature.
//
//   1. At Lambda = 0 the modes are zero and the same passes serve Newton's method for the
//      coefficients of all predictors (a generalized linear model).
//   2. Variances from moments of the scores by level there.
//   3. A few joint Newton steps in (beta, u) at that Lambda.
//   4. A rough inverse Hessian of minus the log-likelihood, for where that of the working model
//      (working_curvature.h) cannot be had: for beta the information with u integrated out,
//      S = X'WX - B'H^-1B with B = Lambda'Z'WX; for theta no more than units.
#pragma once

#include <vector>

#include "cell_set.h"
#include "factor_map.h"

namespace ilk {

struct LaplaceStart {
  std::vector<double> beta;             // (P,)
  std::vector<double> theta;            // (m_theta,)
  std::vector<double> deviations;       // (lambda_size,) start sd of the row of each element
  std::vector<double> theta_scale;      // (m_theta,) a natural unit of each parameter
  std::vector<double> inverse_hessian;  // (m, m)
};

// `theta` null: from moments, for linear factor maps only. The modes are left near their place.
LaplaceStart find_start(CellSet& cells, const FactorMap& factor, const double* beta,
                        const double* theta);

// The standard deviation of the row of Lambda that each of its elements is in, (lambda_size,).
std::vector<double> row_deviations(const std::vector<Term>& shapes, const std::vector<double>& lam);

// The least information that a search supposes about a parameter with this natural unit.
double least_information(double unit);

// Natural units of theta: the change that moves some row of Lambda by its standard deviation.
std::vector<double> scale_of_theta(const FactorMap& factor, const double* theta,
                                   const std::vector<double>& deviations);

}  // namespace ilk
