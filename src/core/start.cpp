#include "start.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>

#include "joint_newton.h"
#include "moments.h"
#include "small_matrix.h"

namespace ilk {

namespace {

constexpr int kMaxScoring = 30;
constexpr double kScoringDecrement = 3e-3;   // by row, where scoring stops if random effects follow
constexpr double kFinalDecrement = 1e-10;    // and if none do
constexpr int kJointSteps = 2;
constexpr int kJointStepsFromTheta = 8;      // if theta was given, with no scoring before
constexpr double kJointDecrement = 1e-2;
constexpr double kThetaInformation = 0.3;    // least information about theta / its unit

// theta whose factor is nearest, in the sense of least squares, to the diagonal of deviations.
std::vector<double> theta_for(const FactorMap& factor, const std::vector<Term>& shapes,
                              const std::vector<std::vector<double>>& deviations) {
  const int m = factor.theta_size, size = factor.lambda_size;
  std::vector<double> zero(m, 0.0), base(size), jacobian(static_cast<std::size_t>(size) * m);
  factor(zero.data(), base.data(), jacobian.data());
  std::vector<double> gap(size);
  for (int i = 0; i < size; ++i) gap[i] = -base[i];
  for (std::size_t t = 0, offset = 0; t < shapes.size(); ++t) {
    const int q = shapes[t].width;
    for (int j = 0; j < q; ++j)
      gap[offset + j + static_cast<std::size_t>(j) * q] += deviations[t][j];
    offset += static_cast<std::size_t>(q) * q;
  }
  small::Matrix normal(static_cast<std::size_t>(m) * m, 0.0), L;
  std::vector<double> theta(m, 0.0);
  for (int j = 0; j < m; ++j) {
    const double* column = &jacobian[static_cast<std::size_t>(j) * size];
    for (int i = 0; i < size; ++i) theta[j] += column[i] * gap[i];
    for (int k = 0; k < m; ++k)
      for (int i = 0; i < size; ++i)
        normal[j + static_cast<std::size_t>(k) * m] +=
            column[i] * jacobian[i + static_cast<std::size_t>(k) * size];
  }
  small::ridged_cholesky(normal, m, L);
  small::solve(L, m, theta.data());
  return theta;
}

}  // namespace

double least_information(double unit) { return kThetaInformation / (unit * unit); }

std::vector<double> row_deviations(const std::vector<Term>& shapes,
                                   const std::vector<double>& lam) {
  std::vector<double> out(lam.size());
  std::size_t offset = 0;
  for (const Term& shape : shapes) {
    const int q = shape.width;
    for (int a = 0; a < q; ++a) {
      double variance = 0.0;
      for (int b = 0; b <= a; ++b) variance += lam[offset + a + b * q] * lam[offset + a + b * q];
      for (int b = 0; b < q; ++b) out[offset + a + b * q] = std::sqrt(variance);
    }
    offset += static_cast<std::size_t>(q) * q;
  }
  return out;
}

std::vector<double> scale_of_theta(const FactorMap& factor, const double* theta,
                                   const std::vector<double>& deviations) {
  const int m = factor.theta_size, size = factor.lambda_size;
  std::vector<double> lam(size), jacobian(static_cast<std::size_t>(size) * m), scale(m, 1.0);
  factor(theta, lam.data(), jacobian.data());
  for (int j = 0; j < m; ++j) {
    double smallest = std::numeric_limits<double>::infinity();
    for (int i = 0; i < size; ++i) {
      const double slope = std::fabs(jacobian[i + static_cast<std::size_t>(j) * size]);
      if (slope > 0.0 && deviations[i] > 0.0) smallest = std::min(smallest, deviations[i] / slope);
    }
    if (std::isfinite(smallest)) scale[j] = smallest;
  }
  return scale;
}

LaplaceStart find_start(CellSet& cells, const FactorMap& factor, const double* beta,
                        const double* theta) {
  const int P = cells.front().coefficients(), m = P + factor.theta_size;
  const bool mixed = cells.effects() > 0;
  LaplaceStart start;
  JointNewton newton(cells, beta);
  std::vector<std::vector<double>> deviations;
  if (!mixed || !theta) {
    newton.run(false, kMaxScoring, mixed ? kScoringDecrement * cells.rows() : kFinalDecrement);
    deviations = moment_deviations(cells);
  }
  if (theta)
    start.theta.assign(theta, theta + factor.theta_size);
  else if (mixed)
    start.theta = theta_for(factor, cells.shapes(), deviations);

  std::vector<double> lam(factor.lambda_size);
  factor(start.theta.data(), lam.data(), nullptr);
  start.deviations = row_deviations(cells.shapes(), lam);
  if (!deviations.empty())
    for (std::size_t t = 0, offset = 0; t < cells.shapes().size(); ++t)
      for (int b = 0, q = cells.shapes()[t].width; b < q; ++b)
        for (int a = 0; a < q; ++a) start.deviations[offset++] = deviations[t][a];
  start.theta_scale = scale_of_theta(factor, start.theta.data(), start.deviations);
  if (mixed) {
    newton.set_lam(lam);
    newton.run(true, theta ? kJointStepsFromTheta : kJointSteps, kJointDecrement);
  }
  start.beta = newton.beta();

  small::Matrix hessian(static_cast<std::size_t>(m) * m, 0.0);
  for (int j = 0; j < P; ++j)
    for (int i = 0; i < P; ++i)
      hessian[i + static_cast<std::size_t>(j) * m] =
          newton.information()[i + static_cast<std::size_t>(j) * P];
  for (int j = 0; j < factor.theta_size; ++j)
    hessian[P + j + static_cast<std::size_t>(P + j) * m] =
        least_information(start.theta_scale[j]);
  start.inverse_hessian = small::inverse(hessian, m);
  return start;
}

}  // namespace ilk
