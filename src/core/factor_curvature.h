// Derivatives through the map Lambda -> Sigma = Lambda Lambda', term by term. Both engines use them
// for approximate curvatures in theta, with Sigma_j = dLambda_j Lambda' + Lambda dLambda_j'.
//
// `lambda[t]` and the slices of `dlam` and of the columns of `jacobian` (lambda_size, theta_size) are
// the q_t x q_t lower-triangular factors of terms 0 .. terms - 1, column-major.
#pragma once

#include <cstddef>
#include <vector>

#include "block_pattern.h"

namespace ilk {

// m = Sigma_j scores, level by level; m and scores (N,). Terms from `terms` on get zeros.
void covariance_direction(const BlockPattern& pattern, int terms,
                          const std::vector<const double*>& lambda, const double* dlam,
                          const double* scores, double* m);

// H_jk -= 2 sum_t tr(dLambda_j' D_t dLambda_k), D_t the derivative of a function of Sigma_t: what the
// curvature of the map contributes to minus the second derivatives of that function in theta.
// `gradient` (lambda_size,) is its derivative in the factors; H has the column stride `stride`.
void subtract_factor_curvature(const BlockPattern& pattern, int terms,
                               const std::vector<const double*>& lambda, const double* gradient,
                               const double* jacobian, int lambda_size, int theta_size, double* H,
                               std::size_t stride);

}  // namespace ilk
