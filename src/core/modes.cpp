// Newton's method for the modes of a cell, and their prediction at a new point.
#include <algorithm>
#include <cmath>

#include "laplace_cell.h"

namespace ilk {

namespace {

constexpr int kMaxPasses = 100;
constexpr double kStepLimit = 5.0;         // largest change of an element of u, prior sd
constexpr double kNearMode = 1e-4;         // decrement below which a pass serves the gradient
constexpr double kShortening = 0.4;        // of a step that lowers the criterion
constexpr double kSmallestStep = 1e-8;
constexpr double kRelativeRounding = 1e-9;  // of the criterion

double dot(const std::vector<double>& x, const std::vector<double>& y) {
  double sum = 0.0;
  for (std::size_t i = 0; i < x.size(); ++i) sum += x[i] * y[i];
  return sum;
}

double largest(const std::vector<double>& x) {
  double out = 0.0;
  for (double value : x) out = std::max(out, std::fabs(value));
  return out;
}

bool all_finite(const std::vector<double>& x) {
  double sum = 0.0;
  for (double value : x) sum += value * 0.0;  // not a number if any value is not finite
  return sum == 0.0;
}

}  // namespace

void LaplaceCell::set_lambda(const double* lam) {
  std::copy(lam, lam + lambda_size_, lam_.begin());
  lambda_.clear();
  const double* next = lam_.data();
  for (const Term& term : data_.terms) {
    lambda_.push_back(next);
    next += term.width * term.width;
  }
  prior_.set(next);
}

void LaplaceCell::restore_modes() {
  u_ = kept_u_;
  linearized_ = false;
}

void LaplaceCell::move_modes(double step, const std::vector<double>& direction) {
  for (std::size_t i = 0; i < u_.size(); ++i) u_[i] += step * direction[i];
  linearized_ = false;
}

// Takes the cell to (beta, lam) with a guess of the modes.
void LaplaceCell::move(const double* beta, const double* lam, Origin origin, Scratch& scratch) {
  if (origin == Origin::predicted && linearized_ && effects() > 0)
    predict(beta, lam, scratch);
  else
    shift_coefficients(beta);
  linearized_ = false;
  set_lambda(lam);
  if (origin == Origin::zero || !all_finite(u_)) std::fill(u_.begin(), u_.end(), 0.0);
}

// Moves the modes to first order with the parameters,
//     u <- u + P (Lambda' Z'l'' X dbeta + dLambda' g - Lambda' A dLambda u - dQ u),
// where Lambda, A, g, l'' and the factor of H are those of the last point.
void LaplaceCell::predict(const double* beta, const double* lam, Scratch& scratch) {
  for (int i = 0; i < lambda_size_; ++i) delta_lam_[i] = lam[i] - lam_[i];
  std::vector<const double*> delta;
  for (const double* block : lambda_) delta.push_back(delta_lam_.data() + (block - lam_.data()));

  std::vector<double>&raw = work1_, &change = work2_;
  apply_factor(pattern_, delta, u_.data(), raw.data());
  multiply(pattern_, A_.data(), raw.data(), change.data());
  for (std::size_t i = 0; i < raw.size(); ++i) raw[i] = -change[i];
  project_shift(beta, scratch, raw.data());
  apply_factor_transposed(pattern_, lambda_, raw.data(), raw.data());
  apply_factor_transposed(pattern_, delta, g_.data(), change.data());
  for (std::size_t i = 0; i < change.size(); ++i) change[i] += raw[i];
  prior_.subtract_change(delta_lam_.data() + factor_size_, u_.data(), change.data());
  cholesky_.solve(change.data());
  const double size = largest(change);
  const double scale = size > 2.0 * kStepLimit ? 2.0 * kStepLimit / size : 1.0;
  if (all_finite(change))
    for (std::size_t i = 0; i < u_.size(); ++i) u_[i] += scale * change[i];
}

bool LaplaceCell::factor() { return effects() == 0 || cholesky_.factor(A_.data(), lambda_); }

bool LaplaceCell::score_is_finite() const { return all_finite(g_); }

// r = Lambda'g - Q u, delta = H^-1 r, decrement = r'delta.
void LaplaceCell::newton_direction() {
  apply_factor_transposed(pattern_, lambda_, g_.data(), r_.data());
  prior_.subtract(u_, r_);
  delta_ = r_;
  if (effects() > 0) cholesky_.solve(delta_.data());
  decrement_ = dot(r_, delta_);
}

// Newton's method from the current u. Afterwards derivatives, information and factor belong to u,
// and delta_ is the step that is left to the mode.
//
// Passes compute no more than weights while far from the mode. A step that leaves the domain, a
// decrement that grows, or an H that is not positive definite turns the value guard on: from
// then on the criterion sum l - u'Q u / 2 is watched and steps are shortened until it rises. Where H
// is not positive definite a step is made with clipped weights instead; a mode is accepted with
// the true H only.
bool LaplaceCell::find_mode(double tolerance, bool near, bool guarded, Scratch& scratch) {
  Depth depth = near || guarded || effects() == 0 ? Depth::full : Depth::weights;
  constexpr double unknown = -std::numeric_limits<double>::infinity();
  double criterion_before = unknown;
  double decrement_before = std::numeric_limits<double>::infinity();
  double fraction = 0.0;  // of step_ that led to u; 0: nothing to shorten
  bool nudged = false;

  const auto start_guard = [&] {  // looks at the same u again, now with its value
    guarded = true;
    depth = Depth::full;
    criterion_before = unknown;
    fraction = 0.0;
  };

  for (int i = 0; i < kMaxPasses; ++i) {
    criterion_ = pass(depth, scratch) - 0.5 * prior_.square(u_);
    const bool finite = score_is_finite() && std::isfinite(criterion_);
    const bool fell =
        guarded && criterion_ < criterion_before - kRelativeRounding * std::fabs(criterion_before);
    if (fraction > 0.0 && (!finite || fell)) {
      fraction *= kShortening;
      if (fraction < kSmallestStep) return false;
      for (std::size_t j = 0; j < u_.size(); ++j) u_[j] = before_[j] + fraction * step_[j];
      guarded = true;
      depth = Depth::full;
      continue;
    }
    if (!score_is_finite()) return false;

    const bool definite = factor();
    if (!definite) {
      if (depth == Depth::weights) {
        start_guard();
        continue;
      }
      guarded = true;
      clipped_ = true;
      clip_information(scratch);
      if (!factor()) return false;
    }
    newton_direction();
    if (!std::isfinite(decrement_)) return false;

    const bool stagnant = decrement_ < 1e-12 && decrement_ > 0.1 * decrement_before;
    if (definite && depth == Depth::full && (decrement_ < tolerance || stagnant))
      return std::isfinite(criterion_);
    if (!definite && decrement_ < 1e-12) {  // a saddle of the criterion: leave it once
      if (nudged) return false;
      nudged = true;
      start_guard();
      for (std::size_t j = 0; j < u_.size(); ++j) u_[j] += j % 2 == 0 ? 0.1 : -0.1;
      continue;
    }
    if (!guarded && decrement_ > 4.0 * decrement_before) {
      guarded = true;
      if (depth == Depth::weights) {
        start_guard();
        continue;
      }
    }

    const double size = largest(delta_);
    const double scale = size > kStepLimit ? kStepLimit / size : 1.0;
    before_ = u_;
    step_ = delta_;
    for (double& value : step_) value *= scale;
    for (std::size_t j = 0; j < u_.size(); ++j) u_[j] += step_[j];
    fraction = 1.0;
    criterion_before = depth == Depth::full ? criterion_ : unknown;
    decrement_before = decrement_;
    if (decrement_ < kNearMode || guarded) depth = Depth::full;
  }
  return false;
}

double LaplaceCell::linearize(const double* beta, const double* lam, Scratch& scratch) {
  shift_coefficients(beta);
  set_lambda(lam);
  linearized_ = false;
  return pass(Depth::all, scratch);
}

bool LaplaceCell::refresh(Scratch& scratch) {
  pass(Depth::all, scratch);
  linearized_ = factor();
  return linearized_;
}

}  // namespace ilk
