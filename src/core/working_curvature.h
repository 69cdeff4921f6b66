// The curvature of the working linear model, an approximation to the Hessian of minus the
// log-likelihood in (beta, theta).
//
// With each row's log density replaced by its quadratic approximation at the modes, the model is a
// linear mixed model for a working response z with variance V = W^-1 + Z Sigma Z', W = -l'', and
// Z'V^-1 (z - X beta) is the raw score g at the modes. With m_j = Sigma_j g, Sigma_j = dSigma / dtheta_j:
//
//     beta, beta     S = X'V^-1X
//     beta, theta    C_j = X'V^-1Z m_j
//     theta, theta   (m_j'Z'V^-1Z m_k + C_j'S^-1C_k) / 2  -  2 tr(dLambda_j' D dLambda_k)
//
// where V^-1 = W - W Z Lambda H^-1 Lambda'Z'W. The middle line is observed information; the last one
// is such that elimination of beta leaves the average information about theta of Gilmour, Thompson
// and Cullis (Biometrics 51, 1995, 1440-1450), so that the matrix is positive definite but for the
// curvature of Lambda -> Lambda Lambda' (factor_curvature.h), in which D is exact. It costs a solve
// for each parameter and no evaluation of the density.
#pragma once

#include <vector>

#include "cell_set.h"
#include "factor_map.h"
#include "small_matrix.h"

namespace ilk {

// At the last evaluation, which must have been one with a gradient: `theta` is its point and
// `gradient` (lambda_size,) its derivative in the factors. (m, m); empty if it cannot be had.
small::Matrix working_curvature(CellSet& cells, const FactorMap& factor, const double* theta,
                                const std::vector<double>& gradient);

}  // namespace ilk
