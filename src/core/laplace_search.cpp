#include "laplace_search.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <utility>

#include "joint_newton.h"
#include "laplace.h"
#include "small_matrix.h"
#include "working_curvature.h"

namespace ilk {

namespace {

constexpr double kCoefficientStep = 3.0;     // largest step, in units of coefficient_sizes
constexpr double kThetaStep = 2.0;           // largest step, in units of theta
constexpr double kForcing = 2e-4;            // inner tolerance relative to the outer gain
constexpr double kTightest = 1e-10;
constexpr double kLoosest = 1e-5;
constexpr double kNear = 1.0;                // gain below which a step counts as small
constexpr double kExact = 1e-18;             // inner tolerance for differences
constexpr double kDifference = 1e-3;         // step of differences, of the scale
constexpr double kNearZero = 0.02;           // of theta_scale: theta that may belong at zero
constexpr double kWorthwhile = 1e-6;         // gain for which a stationary zero is left

}  // namespace

LaplaceSearch::LaplaceSearch(CellSet& cells, EvaluateAt evaluate, const FactorMap& factor,
                             int max_steps, double tolerance)
    : cells_(cells),
      evaluate_(std::move(evaluate)),
      factor_(factor),
      P_(cells.front().coefficients()),
      m_(P_ + factor.theta_size),
      first_pass_(cells.passes()),
      lam_(factor.lambda_size),
      jacobian_(static_cast<std::size_t>(factor.lambda_size) * factor.theta_size) {
  options_.max_steps = max_steps;
  options_.tolerance = tolerance;
}

SearchResult LaplaceSearch::run(const double* beta, const double* theta,
                                const double* inverse_hessian, const QuadraturePlan* rule) {
  start(beta, theta, inverse_hessian);
  // Quadrature starts from the Laplace optimum and its curvature, or from the caller's.
  const bool direct = rule && inverse_hessian;
  if (!direct) {
    climb(nullptr, !inverse_hessian);
    settle_zeros(nullptr);
    certify(nullptr);
  }
  if (rule && (direct || outcome_.status != SearchStatus::no_mode)) {
    climb(rule);
    settle_zeros(rule);
    certify(rule);
  }
  if (outcome_.status != SearchStatus::no_mode && last_psi_ != psi_) {
    Effort effort;  // leaves the engine at the point that is returned
    effort.rule = rule;
    effort.gradient = false;
    std::vector<double> unused(m_);
    value_and_gradient(psi_.data(), effort, unused.data());
  }
  return result();
}

SearchResult LaplaceSearch::result() const {
  SearchResult out;
  out.status = outcome_.status;
  out.beta.assign(psi_.begin(), psi_.begin() + P_);
  out.theta.assign(psi_.begin() + P_, psi_.end());
  out.value = outcome_.value;
  out.gradient = outcome_.gradient;
  out.inverse_hessian = inverse_hessian_;
  out.decrement = outcome_.decrement;
  out.steps = steps_;
  out.evaluations = evaluations_;
  out.passes = static_cast<int>(cells_.passes() - first_pass_);
  out.clipped = clipped_;
  return out;
}

void LaplaceSearch::start(const double* beta, const double* theta, const double* inverse_hessian) {
  psi_.assign(beta, beta + P_);
  if (inverse_hessian && theta) {
    psi_.insert(psi_.end(), theta, theta + factor_.theta_size);
    inverse_hessian_.assign(inverse_hessian, inverse_hessian + static_cast<std::size_t>(m_) * m_);
    factor_(theta, lam_.data(), nullptr);
    deviations_ = row_deviations(cells_.shapes(), lam_);
    theta_scale_.resize(factor_.theta_size);
    for (int j = 0; j < factor_.theta_size; ++j) {
      const double variance = inverse_hessian_[at(P_ + j, P_ + j)];
      theta_scale_[j] = std::max(std::fabs(theta[j]), 2.0 * std::sqrt(std::fabs(variance)));
    }
  } else {
    LaplaceStart found = find_start(cells_, factor_, beta, theta);
    psi_ = std::move(found.beta);
    psi_.insert(psi_.end(), found.theta.begin(), found.theta.end());
    inverse_hessian_ = std::move(found.inverse_hessian);
    theta_scale_ = std::move(found.theta_scale);
    deviations_ = std::move(found.deviations);
  }
  set_step_limits();
}

void LaplaceSearch::set_step_limits() {
  options_.step_limit.clear();
  for (double size : coefficient_sizes(cells_))
    options_.step_limit.push_back(size > 0.0 ? kCoefficientStep / size
                                             : std::numeric_limits<double>::infinity());
  for (int j = 0; j < factor_.theta_size; ++j)
    options_.step_limit.push_back(kThetaStep * std::max(theta_scale_[j], std::fabs(psi_[P_ + j])));
}

// Value at psi = (beta, theta) and its gradient, dL/dtheta = J' dL/dlam.
double LaplaceSearch::value_and_gradient(const double* psi, const Effort& effort,
                                         double* gradient) {
  last_psi_.assign(psi, psi + m_);
  factor_(psi + P_, lam_.data(), jacobian_.data());
  LaplaceEvaluation at;
  evaluate_(psi, lam_.data(), effort, at);
  clipped_ = at.clipped;
  if (!at.converged || !effort.gradient) return at.value;
  grad_lam_ = at.grad_lam;
  std::copy(at.grad_beta.begin(), at.grad_beta.end(), gradient);
  const int size = factor_.lambda_size;
  for (int j = 0; j < factor_.theta_size; ++j) {
    const double* column = &jacobian_[static_cast<std::size_t>(j) * size];
    double sum = 0.0;
    for (int i = 0; i < size; ++i) sum += column[i] * at.grad_lam[i];
    gradient[P_ + j] = sum;
  }
  for (int j = 0; j < m_; ++j)
    if (!std::isfinite(gradient[j])) return -std::numeric_limits<double>::infinity();
  return at.value;
}

// BFGS from psi_. The modes of the best point so far are kept, for shorter steps start from there.
// The inner tolerance follows the gain that the step is to bring. `modeled`: the first steps use the
// curvature of the working model.
void LaplaceSearch::climb(const QuadraturePlan* rule, bool modeled) {
  const Objective objective = [&](const double* psi, const Trial& trial, double* gradient) {
    Effort effort;
    effort.rule = rule;
    effort.tolerance = std::clamp(2.0 * kForcing * trial.predicted_gain, kTightest, kLoosest);
    const bool first = std::isinf(trial.predicted_gain);
    effort.near = first || (trial.predicted_gain < kNear && !trial.retreat);
    if (trial.retreat) {
      for (int c = 0; c < cells_.size(); ++c) cells_[c].restore_modes();
      effort.origin = Origin::kept;
    } else {
      for (int c = 0; c < cells_.size(); ++c) cells_[c].keep_modes();
    }
    return value_and_gradient(psi, effort, gradient);
  };
  options_.curvature = [this, rule](const double* psi) {
    std::vector<double> scale(m_);
    for (int j = 0; j < m_; ++j)
      scale[j] =
          std::min(options_.step_limit[j], std::sqrt(std::fabs(inverse_hessian_[at(j, j)])));
    Effort effort;
    effort.near = true;
    effort.rule = rule;
    effort.tolerance = kExact;
    std::vector<double> gradient(m_);
    value_and_gradient(psi, effort, gradient.data());
    std::vector<double> hessian = differences(psi, gradient.data(), scale.data(), rule);
    for (double value : hessian)
      if (!std::isfinite(value)) return std::vector<double>();
    return hessian;
  };
  SearchOptions left = options_;
  if (modeled && cells_.effects() > 0)
    left.model = [this] {
      std::vector<double> hessian =
          working_curvature(cells_, factor_, &last_psi_[P_], grad_lam_);
      if (hessian.empty()) return hessian;
      for (int j = 0; j < factor_.theta_size; ++j) {
        double& diagonal = hessian[at(P_ + j, P_ + j)];
        diagonal = std::max(std::fabs(diagonal), least_information(theta_scale_[j]));
      }
      return hessian;
    };
  left.max_steps = std::max(0, options_.max_steps - steps_);
  outcome_ = maximize(objective, psi_, inverse_hessian_, left);
  steps_ += outcome_.steps;
  evaluations_ += outcome_.evaluations;
}

// ---- Zeros --------------------------------------------------------------------------------------

// The value is an even function of every column of Lambda, so that theta = 0 is always
// stationary: a regular maximum if the variance belongs at zero, but perhaps a minimum that the
// search has run into. Parameters that ended near zero are set to zero if that costs nothing, and
// the curvature there decides.
void LaplaceSearch::settle_zeros(const QuadraturePlan* rule) {
  constexpr int kMaxRounds = 2;
  for (int round = 0; round < kMaxRounds; ++round) {
    if (outcome_.status == SearchStatus::no_mode) return;
    std::vector<int> zeros;
    for (int j = P_; j < m_; ++j)
      if (std::fabs(psi_[j]) < kNearZero * theta_scale_[j - P_]) zeros.push_back(j);
    if (zeros.empty() || !leave_zeros(zeros, rule)) return;
    climb(rule);
  }
}

// True if psi_ was moved to a better point away from the zeros.
bool LaplaceSearch::leave_zeros(const std::vector<int>& zeros, const QuadraturePlan* rule) {
  Effort effort;
  effort.near = true;
  effort.rule = rule;
  effort.tolerance = kExact;
  const auto evaluate = [&](const std::vector<double>& psi, std::vector<double>& gradient) {
    ++evaluations_;
    return value_and_gradient(psi.data(), effort, gradient.data());
  };
  std::vector<double> at_zero = psi_, gradient(m_), moved(m_);
  for (int j : zeros) at_zero[j] = 0.0;
  const double value = evaluate(at_zero, gradient);
  if (!(value >= outcome_.value - 1e-9 * std::max(1.0, std::fabs(outcome_.value)))) return false;
  psi_ = at_zero;
  outcome_.value = value;
  outcome_.gradient = gradient;

  // Curvature in the zeros, in units of theta_scale.
  const int count = static_cast<int>(zeros.size());
  small::Matrix curvature(static_cast<std::size_t>(count) * count), directions;
  std::vector<double> eigenvalues;
  for (int c = 0; c < count; ++c) {
    const double unit = theta_scale_[zeros[c] - P_];
    std::vector<double> point = at_zero;
    point[zeros[c]] = kDifference * unit;
    if (!std::isfinite(evaluate(point, moved))) return false;
    for (int r = 0; r < count; ++r)
      curvature[r + static_cast<std::size_t>(c) * count] =
          (moved[zeros[r]] - gradient[zeros[r]]) / kDifference * theta_scale_[zeros[r] - P_];
  }
  for (int c = 0; c < count; ++c)
    for (int r = 0; r < c; ++r) {
      double& upper = curvature[r + static_cast<std::size_t>(c) * count];
      double& lower = curvature[c + static_cast<std::size_t>(r) * count];
      upper = lower = 0.5 * (upper + lower);
    }
  small::symmetric_eigen(curvature, count, eigenvalues, directions);
  if (!(eigenvalues.back() > kWorthwhile)) return false;
  const double* direction = &directions[static_cast<std::size_t>(count - 1) * count];
  for (double step = 0.5; step > 1e-3; step *= 0.4) {
    std::vector<double> point = at_zero;
    for (int c = 0; c < count; ++c)
      point[zeros[c]] = step * direction[c] * theta_scale_[zeros[c] - P_];
    const double higher = evaluate(point, moved);
    if (!(higher > value + 1e-9 * std::max(1.0, std::fabs(value)))) continue;
    psi_ = point;
    for (int j : zeros) {  // the curvature found for a maximum at zero is of no use any more
      for (int i = 0; i < m_; ++i)
        inverse_hessian_[at(i, j)] = inverse_hessian_[at(j, i)] = 0.0;
      const double unit = theta_scale_[j - P_];
      inverse_hessian_[at(j, j)] = unit * unit;
    }
    return true;
  }
  return false;
}

// BFGS may misjudge flat directions, which come with covariance matrices that are nearly singular,
// and it may stop at a saddle. In such cases the exact curvature has the last word: if it
// predicts a gain, the search goes on with it.
void LaplaceSearch::certify(const QuadraturePlan* rule) {
  constexpr int kMaxRounds = 3;
  constexpr int kManySteps = 25;
  for (int round = 0; round < kMaxRounds; ++round) {
    if (outcome_.status != SearchStatus::converged || steps_ >= options_.max_steps) return;
    if (outcome_.steps <= kManySteps && !clipped_ && !nearly_singular()) return;
    const std::vector<double> hessian = options_.curvature(psi_.data());
    evaluations_ += m_ + 1;
    if (hessian.empty()) return;
    inverse_hessian_ = definite_inverse(hessian, m_);
    double gain = 0.0;
    for (int j = 0; j < m_; ++j)
      for (int i = 0; i < m_; ++i)
        gain += 0.5 * outcome_.gradient[i] * inverse_hessian_[at(i, j)] * outcome_.gradient[j];
    outcome_.decrement = gain;
    if (gain < options_.tolerance && !leave_saddle(hessian, rule)) return;
    climb(rule);
  }
}

// Whether some effect of a level is almost determined by the others or almost constant.
bool LaplaceSearch::nearly_singular() {
  constexpr double kDetermined = 0.1;  // part of its standard deviation that is its own
  constexpr double kConstant = 0.05;   // of the standard deviation at the start
  factor_(psi_.data() + P_, lam_.data(), nullptr);
  const std::vector<double> now = row_deviations(cells_.shapes(), lam_);
  std::size_t offset = 0;
  for (const Term& shape : cells_.shapes()) {
    const int q = shape.width;
    for (int a = 0; a < q; ++a) {
      const std::size_t i = offset + a + static_cast<std::size_t>(a) * q;
      if (std::fabs(lam_[i]) <= kDetermined * now[i] + kConstant * deviations_[i]) return true;
    }
    offset += static_cast<std::size_t>(q) * q;
  }
  return false;
}

// Moves psi_ along a direction of negative curvature of minus the value, if that gains anything.
bool LaplaceSearch::leave_saddle(const std::vector<double>& hessian, const QuadraturePlan* rule) {
  std::vector<double> scaled = hessian, scale(m_), eigenvalues;
  for (int j = 0; j < m_; ++j) {
    const double diagonal = std::fabs(hessian[at(j, j)]);
    scale[j] = diagonal > 0.0 ? 1.0 / std::sqrt(diagonal) : 0.0;
  }
  for (int j = 0; j < m_; ++j)
    for (int i = 0; i < m_; ++i) scaled[at(i, j)] *= scale[i] * scale[j];
  small::Matrix directions;
  small::symmetric_eigen(scaled, m_, eigenvalues, directions);
  constexpr double kNegative = -1e-4;  // of the matrix scaled to unit diagonal
  if (!(eigenvalues.front() < kNegative)) return false;
  Effort effort;
  effort.rule = rule;
  effort.tolerance = kExact;
  std::vector<double> point(m_), gradient(m_);
  for (double step : {1.0, -1.0, 0.3, -0.3, 0.1, -0.1}) {
    for (int j = 0; j < m_; ++j) point[j] = psi_[j] + step * scale[j] * directions[j];
    ++evaluations_;
    const double value = value_and_gradient(point.data(), effort, gradient.data());
    if (!(value > outcome_.value + 1e-9 * std::max(1.0, std::fabs(outcome_.value)))) continue;
    psi_ = point;
    return true;
  }
  return false;
}

// ---- Curvature ----------------------------------------------------------------------------------

// Minus the Hessian at psi by differences of the gradient with steps kDifference * scale: forward
// ones from the gradient at psi (nullptr: central ones).
std::vector<double> LaplaceSearch::differences(const double* psi, const double* gradient,
                                               const double* scale, const QuadraturePlan* rule) {
  Effort effort;
  effort.near = true;
  effort.rule = rule;
  effort.tolerance = kExact;
  const std::size_t m = m_;
  std::vector<double> hessian(m * m), point(psi, psi + m), above(m), below(m);
  if (gradient) below.assign(gradient, gradient + m);
  for (std::size_t j = 0; j < m; ++j) {
    double value = 0.0, width = kDifference * scale[j];
    if (!gradient) {
      point[j] = psi[j] - width;
      value = value_and_gradient(point.data(), effort, below.data());
      width *= 2.0;
    }
    point[j] = psi[j] + kDifference * scale[j];
    value += value_and_gradient(point.data(), effort, above.data());
    for (std::size_t i = 0; i < m; ++i)
      hessian[i + j * m] = std::isfinite(value) ? (below[i] - above[i]) / width
                                                : std::numeric_limits<double>::quiet_NaN();
    point[j] = psi[j];
  }
  for (std::size_t j = 0; j < m; ++j)
    for (std::size_t i = 0; i < j; ++i)
      hessian[i + j * m] = hessian[j + i * m] = 0.5 * (hessian[i + j * m] + hessian[j + i * m]);
  return hessian;
}

std::vector<double> LaplaceSearch::information(const double* beta, const double* theta,
                                               const double* scale, const QuadraturePlan* rule) {
  std::vector<double> psi(beta, beta + P_), unused(m_);
  psi.insert(psi.end(), theta, theta + factor_.theta_size);
  Effort effort;
  effort.rule = rule;
  effort.origin = Origin::zero;
  effort.tolerance = kExact;
  value_and_gradient(psi.data(), effort, unused.data());
  return differences(psi.data(), nullptr, scale, rule);
}

}  // namespace ilk
