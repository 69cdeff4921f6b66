// An estimate of the selected inverse from random vectors, at the cost of a few solves.
//
// If the entries of x are random signs, z = L^-T x has E[z z'] = L^-T L^-1 = H^-1. So the mean of
// z z' over k samples, on the stored pattern, estimates traces tr(H^-1 M) without bias. Only what
// L^-1 M L^-T has off its diagonal makes for error, and the variance is at most
// 2 |L^-1 M L^-T|_F^2 / k. For M = dH/dLambda that is 4 / k times the information about Lambda:
// derivatives of log|H| / 2 are off by at most 1 / sqrt(k) of the standard deviation of the score.
// Terms of no more than k scalars, for which that would be rough, get their exact columns of H^-1.
//
// (M. F. Hutchinson, "A stochastic estimator of the trace of the influence matrix for Laplacian
// smoothing splines", Commun. Stat. Simul. Comput. 19 (1990) 433-450.)
#pragma once

#include "block_cholesky.h"

namespace ilk {

// P in the compact layout, for the leading `active` scalars; blocks of excluded scalars are zero.
// The same signs are drawn each time.
void sampled_inverse(const BlockCholesky& cholesky, int samples, int active, double* P);

}  // namespace ilk
