#include "search.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>

#include "small_matrix.h"

namespace ilk {

namespace {

constexpr double kSufficient = 1e-4;   // of the predicted increase, for a step to be accepted
constexpr double kShortening = 0.3;
constexpr int kMaxShortenings = 25;
constexpr double kRounding = 1e-11;    // of the value
constexpr int kRefreshPeriod = 40;     // steps after which the curvature is computed anew
constexpr int kMaxRefreshes = 8;
constexpr int kModeledSteps = 2;       // steps that begin with the curvature of the model
constexpr double kSmallestModeled = 0.1;  // eigenvalue of the model's curvature, see definite_inverse

// State of a search; one method per step of the algorithm.
class Bfgs {
 public:
  Bfgs(const Objective& objective, std::vector<double>& psi, std::vector<double>& inverse_hessian,
       const SearchOptions& options)
      : objective_(objective),
        psi_(psi),
        inverse_(inverse_hessian),
        options_(options),
        m_(static_cast<int>(psi.size())),
        direction_(psi.size()),
        new_psi_(psi.size()),
        new_gradient_(psi.size()),
        change_(psi.size()),
        curved_(psi.size()) {}

  SearchOutcome run() {
    out_.gradient.assign(m_, 0.0);
    out_.value = ask(psi_, Trial{}, out_.gradient);
    if (!std::isfinite(out_.value)) return out_;
    out_.status = SearchStatus::max_steps;
    for (; out_.steps < options_.max_steps; ++out_.steps) {
      if (out_.steps < kModeledSteps) consult_model();
      find_direction();
      if (out_.decrement < options_.tolerance) {
        out_.status = SearchStatus::converged;
        return out_;
      }
      if (out_.steps - last_refresh_ >= kRefreshPeriod && refresh()) find_direction();
      if (step()) continue;
      if (refresh()) {  // once more with the exact curvature
        find_direction();
        if (out_.decrement < options_.tolerance) {
          out_.status = SearchStatus::converged;
          return out_;
        }
        if (step()) continue;
      }
      out_.status = SearchStatus::line_search;
      return out_;
    }
    find_direction();
    if (out_.decrement < options_.tolerance) out_.status = SearchStatus::converged;
    return out_;
  }

 private:
  double ask(const std::vector<double>& psi, const Trial& trial, std::vector<double>& gradient) {
    ++out_.evaluations;
    return objective_(psi.data(), trial, gradient.data());
  }

  double* column(std::vector<double>& matrix, int j) {
    return &matrix[static_cast<std::size_t>(j) * m_];
  }

  // direction = H^-1 g; the predicted gain is half the product with g.
  void find_direction() {
    std::fill(direction_.begin(), direction_.end(), 0.0);
    for (int j = 0; j < m_; ++j)
      for (int i = 0; i < m_; ++i) direction_[i] += column(inverse_, j)[i] * out_.gradient[j];
    slope_ = 0.0;
    for (int i = 0; i < m_; ++i) slope_ += direction_[i] * out_.gradient[i];
    out_.decrement = 0.5 * slope_;
  }

  double longest_step() const {
    double fraction = 1.0;
    for (int i = 0; i < m_; ++i)
      if (!options_.step_limit.empty() && direction_[i] != 0.0)
        fraction = std::min(fraction, reach_ * options_.step_limit[i] / std::fabs(direction_[i]));
    return fraction;
  }

  // Backtracks along the direction from the longest step allowed. False if nothing rises.
  bool step() {
    if (!(slope_ > 0.0) || !std::isfinite(slope_)) return false;
    double fraction = longest_step();
    for (int trial = 0; trial < kMaxShortenings; ++trial) {
      for (int i = 0; i < m_; ++i) new_psi_[i] = psi_[i] + fraction * direction_[i];
      if (new_psi_ == psi_) return false;
      const double value = ask(new_psi_, Trial{out_.decrement, trial > 0}, new_gradient_);
      const double needed = kSufficient * fraction * slope_ - kRounding * std::fabs(out_.value);
      if (std::isfinite(value) && value >= out_.value + needed) {
        if (trial == 0 && fraction < 1.0) reach_ *= 2.0;  // the limit was too cautious
        update(fraction);
        std::swap(psi_, new_psi_);
        std::swap(out_.gradient, new_gradient_);
        out_.value = value;
        return true;
      }
      fraction *= std::isfinite(value) ? interpolated(fraction, value) : kShortening;
    }
    return false;
  }

  // Where, as a part of a rejected step, the cubic with the values and slopes of both ends has its
  // maximum.
  double interpolated(double fraction, double value) const {
    double end_slope = 0.0;
    for (int i = 0; i < m_; ++i) end_slope += new_gradient_[i] * direction_[i];
    const double start = slope_ * fraction, end = end_slope * fraction;
    const double rise = value - out_.value;
    const double a = start + end - 2.0 * rise, b = 3.0 * rise - 2.0 * start - end;
    const double discriminant = b * b - 3.0 * a * start;  // of 3 a x^2 + 2 b x + start
    double x = kShortening;
    if (discriminant >= 0.0 && b < std::sqrt(discriminant))
      x = start / (std::sqrt(discriminant) - b);
    return std::isfinite(x) ? std::clamp(x, 0.1, 0.6) : kShortening;
  }

  void update(double fraction) {
    for (int i = 0; i < m_; ++i) {
      change_[i] = out_.gradient[i] - new_gradient_[i];
      direction_[i] *= fraction;
    }
    apply_secant();
  }

  // BFGS: with step s (direction_) and y = -(change of the gradient) (change_),
  //     H^-1 <- H^-1 + (1 + y'H^-1y / s'y) s s' / s'y - (H^-1y s' + s y'H^-1) / s'y.
  void apply_secant() {
    double sy = 0.0, ss = 0.0, yy = 0.0;
    for (int i = 0; i < m_; ++i) {
      sy += direction_[i] * change_[i];
      ss += direction_[i] * direction_[i];
      yy += change_[i] * change_[i];
    }
    if (!(sy > 1e-10 * std::sqrt(ss * yy))) return;
    std::fill(curved_.begin(), curved_.end(), 0.0);
    for (int j = 0; j < m_; ++j)
      for (int i = 0; i < m_; ++i) curved_[i] += column(inverse_, j)[i] * change_[j];
    double yHy = 0.0;
    for (int i = 0; i < m_; ++i) yHy += curved_[i] * change_[i];
    const double outer = (sy + yHy) / (sy * sy);
    for (int j = 0; j < m_; ++j)
      for (int i = 0; i < m_; ++i)
        column(inverse_, j)[i] += outer * direction_[i] * direction_[j] -
                                  (curved_[i] * direction_[j] + direction_[i] * curved_[j]) / sy;
  }

  // Replaces the inverse Hessian by that of the model, corrected by what the last step has shown.
  void consult_model() {
    if (!options_.model) return;
    const std::vector<double> hessian = options_.model();
    if (hessian.empty()) return;
    inverse_ = definite_inverse(hessian, m_, kSmallestModeled);
    if (out_.steps > 0) apply_secant();
  }

  // Replaces the inverse Hessian by that of the exact curvature.
  bool refresh() {
    if (!options_.curvature || refreshes_ >= kMaxRefreshes) return false;
    ++refreshes_;
    last_refresh_ = out_.steps;
    const std::vector<double> hessian = options_.curvature(psi_.data());
    out_.evaluations += m_ + 1;
    if (hessian.empty()) return false;
    inverse_ = definite_inverse(hessian, m_);
    return true;
  }

  const Objective& objective_;
  std::vector<double>& psi_;
  std::vector<double>& inverse_;
  const SearchOptions& options_;
  int m_;
  SearchOutcome out_;
  std::vector<double> direction_, new_psi_, new_gradient_, change_, curved_;
  double slope_ = 0.0;  // g'H^-1 g
  double reach_ = 1.0;  // multiplies the step limits
  int last_refresh_ = 0;
  int refreshes_ = 0;
};

}  // namespace

SearchOutcome maximize(const Objective& objective, std::vector<double>& psi,
                       std::vector<double>& inverse_hessian, const SearchOptions& options) {
  return Bfgs(objective, psi, inverse_hessian, options).run();
}

std::vector<double> definite_inverse(const std::vector<double>& hessian, int m, double smallest) {
  std::vector<double> scale(m), scaled(hessian);
  const auto position = [m](int i, int j) { return i + static_cast<std::size_t>(j) * m; };
  for (int j = 0; j < m; ++j) {
    const double diagonal = std::fabs(hessian[position(j, j)]);
    scale[j] = diagonal > 0.0 ? std::sqrt(diagonal) : 1.0;
  }
  for (int j = 0; j < m; ++j)
    for (int i = 0; i < m; ++i) scaled[position(i, j)] /= scale[i] * scale[j];
  std::vector<double> values;
  small::Matrix vectors;
  small::symmetric_eigen(scaled, m, values, vectors);
  std::vector<double> out(hessian.size(), 0.0);
  for (int k = 0; k < m; ++k) {
    const double inverse = 1.0 / std::max(std::fabs(values[k]), smallest);
    for (int j = 0; j < m; ++j)
      for (int i = 0; i < m; ++i)
        out[position(i, j)] += inverse * vectors[position(i, k)] * vectors[position(j, k)] /
                               (scale[i] * scale[j]);
  }
  return out;
}

}  // namespace ilk
