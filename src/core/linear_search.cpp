// Search for the covariance parameters of the linear mixed model.
//
// Newton's method with the average information, to which the curvature of the map
// Lambda -> Lambda Lambda' is added: without it convergence is slow where variances are small,
// because there the average information about Lambda vanishes. BFGS takes over when Newton's method
// does not get on. Where the inverse is by far the most expensive part and the start is far off, the
// first step is taken with traces estimated from samples.
//
// Average information: A. R. Gilmour, R. Thompson and B. R. Cullis, "Average information REML",
// Biometrics 51 (1995) 1440-1450; here with sigma^2 profiled out.

#include "linear.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <utility>

#include "factor_curvature.h"
#include "search.h"
#include "small_matrix.h"

namespace ilk {
namespace {

constexpr double kSmallestStart = 0.05;  // relative standard deviations
constexpr double kLargestStart = 5.0;
constexpr double kPlainStart = 0.7;
constexpr int kMaxNewtonSteps = 30;
constexpr int kMaxRounds = 4;            // of BFGS with the exact curvature in between
constexpr int kMaxShortenings = 20;
constexpr double kShortening = 0.35;
constexpr double kSufficient = 1e-4;     // of the predicted gain, for a step to be accepted
constexpr double kRounding = 1e-11;      // of the value
constexpr double kWorthwhile = 10.0;     // of the error of a sampled step, for it to be taken
constexpr double kNearlyDone = 5e-5;     // predicted gain below which extrapolation is trusted
constexpr double kDifference = 1e-3;     // step of central differences, in units of the scale

double dot(const double* a, const double* b, std::size_t n) {
  double sums[4] = {0.0, 0.0, 0.0, 0.0};
  std::size_t i = 0;
  for (; i + 4 <= n; i += 4)
    for (int k = 0; k < 4; ++k) sums[k] += a[i + k] * b[i + k];
  for (; i < n; ++i) sums[0] += a[i] * b[i];
  return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

// J' g for J (rows, columns).
std::vector<double> transposed_product(const std::vector<double>& J, const std::vector<double>& g,
                                       int columns) {
  std::vector<double> out(static_cast<std::size_t>(columns));
  for (int j = 0; j < columns; ++j) out[j] = dot(&J[j * g.size()], g.data(), g.size());
  return out;
}

}  // namespace

// ---- Start --------------------------------------------------------------------------------------

// With least squares residuals e0 and every random column c = (t, j) taken as a component of its
// own with variance s_c,
//     E|z_c'We0|^2 = sigma^2 tr A_cc + sum_d s_d |A_cd|^2,    E[e0'We0] = sigma^2 (n - p) +
//     sum_d s_d tr A_dd,
// where the effect of the projection on the random part is neglected. Only Frobenius norms of the
// stored blocks are needed. (C. R. Henderson, Biometrics 9 (1953) 226-252; MINQUE(0).)
std::vector<double> LinearEngine::moment_deviations() {
  std::vector<int> first;  // component of column 0 of each term
  int components = 0;
  for (const LinearTerm& term : data_.terms) {
    first.push_back(components);
    components += term.width;
  }
  const std::vector<double> plain(static_cast<std::size_t>(components), kPlainStart);
  const int size = components + 1;  // the last is the residual
  small::Matrix M(static_cast<std::size_t>(size) * size, 0.0);
  std::vector<double> right(static_cast<std::size_t>(size), 0.0);
  const auto entry = [&](int c, int d) -> double& {
    return M[c + static_cast<std::size_t>(d) * size];
  };

  double* e = solution_.data();  // (0, beta0, -1), then -[Z X y]'We0
  if (!least_squares(e, &right[components])) return plain;
  multiply(pattern(), A_.data(), e, scores_.data());
  evaluated_ = have_scores_ = false;
  entry(components, components) = std::max(count_ - p_, 1.0);
  for (int t = 0; t < terms(); ++t) {
    const int q = data_.terms[t].width;
    const double* block = A_.data() + pattern().diagonal_offset(t);
    const double* score = scores_.data() + pattern().scalar_offset(t);
    for (int level = 0; level < data_.terms[t].levels; ++level, block += q * q, score += q)
      for (int b = 0; b < q; ++b) {
        entry(first[t] + b, components) += block[b * (q + 1)];
        right[first[t] + b] += score[b] * score[b];
        for (int a = 0; a < q; ++a)
          entry(first[t] + a, first[t] + b) += block[a + b * q] * block[a + b * q];
      }
  }
  for (const BlockPair& pair : pattern().pairs()) {
    if (pair.column_term == terms()) continue;
    const int rows = data_.terms[pair.row_term].width;
    const int columns = data_.terms[pair.column_term].width;
    const double* block = A_.data() + pair.offset;
    for (std::int64_t k = 0; k < pair.blocks(); ++k, block += rows * columns)
      for (int b = 0; b < columns; ++b)
        for (int a = 0; a < rows; ++a)
          entry(first[pair.row_term] + a, first[pair.column_term] + b) +=
              block[a + b * rows] * block[a + b * rows];
  }
  for (int c = 0; c < size; ++c)  // only one of (c, d) and (d, c) has been filled across terms
    for (int d = 0; d < c; ++d)
      entry(c, d) = entry(d, c) = std::max(entry(c, d), entry(d, c));

  const double mean_square = right[components] / entry(components, components);
  small::Matrix L;
  small::ridged_cholesky(M, size, L);
  small::solve(L, size, right.data());
  const double residual = std::max(right[components], 1e-3 * mean_square);
  std::vector<double> deviations(static_cast<std::size_t>(components));
  for (int c = 0; c < components; ++c)
    deviations[c] = std::clamp(std::sqrt(std::max(right[c], 0.0) / residual), kSmallestStart,
                               kLargestStart);
  return std::isfinite(residual) && residual > 0.0 ? deviations : plain;
}

// Fills x with (0, beta0, -1) and the residual sum of squares. False if X is rank deficient.
bool LinearEngine::least_squares(double* x, double* sum_of_squares) {
  const int width = p_ + 1;
  const double* cross = A_.data() + pattern().diagonal_offset(terms());
  std::vector<double> R(cross, cross + width * width);
  const dense::Index done = dense::cholesky(width, R.data(), width, work_);
  if (done < p_) return false;
  std::fill(x, x + effects(), 0.0);
  double* beta = x + effects();
  for (int k = p_ - 1; k >= 0; --k) {
    double sum = R[p_ + k * width];
    for (int i = k + 1; i < p_; ++i) sum -= R[i + k * width] * beta[i];
    beta[k] = sum / R[k * (width + 1)];
  }
  beta[p_] = -1.0;
  const double pivot = R[p_ * (width + 1)];
  *sum_of_squares = done == width ? pivot * pivot : 0.0;
  return true;
}

// theta whose factors come closest to diagonal ones with the moments' deviations.
std::vector<double> LinearEngine::moment_start(const FactorMap& factor) {
  if (!factor.is_linear())
    throw std::invalid_argument("a factor map that is not linear needs a start of theta");
  const int m = factor.theta_size;
  std::vector<double> theta(static_cast<std::size_t>(m), 0.0);
  std::vector<double> lam(static_cast<std::size_t>(lambda_size_));
  std::vector<double> J(static_cast<std::size_t>(lambda_size_) * m);
  factor(theta.data(), lam.data(), J.data());
  for (double& value : lam) value = -value;  // target - base
  const std::vector<double> deviations = moment_deviations();
  std::size_t component = 0;
  std::size_t offset = 0;
  for (const LinearTerm& term : data_.terms) {
    for (int j = 0; j < term.width; ++j)
      lam[offset + static_cast<std::size_t>(j) * (term.width + 1)] += deviations[component++];
    offset += static_cast<std::size_t>(term.width) * term.width;
  }
  theta = transposed_product(J, lam, m);
  small::Matrix gram(static_cast<std::size_t>(m) * m), L;
  for (int j = 0; j < m; ++j)
    for (int k = 0; k < m; ++k)
      gram[j + static_cast<std::size_t>(k) * m] =
          dot(&J[static_cast<std::size_t>(j) * lam.size()],
              &J[static_cast<std::size_t>(k) * lam.size()], lam.size());
  small::ridged_cholesky(gram, m, L);
  small::solve(L, m, theta.data());
  return theta;
}

// ---- Curvature ----------------------------------------------------------------------------------

// With m_j = Sigma_j Z'We (factor_curvature.h; prior.h where levels are joined),
// AI_jk = [ m_j'Z'P0 Z m_k / sigma^2 - (m_j'Z'We)(m_k'Z'We) / (nu sigma^4) ] / 2,
// m_j'Z'P0 Z m_k = m_j'A m_k - rho_j'rho_k,    rho_j = L^-1 [Lambda'A m_j ; X'WZ m_j].
std::vector<double> LinearEngine::average_information(const double* jacobian, int theta_size,
                                                      bool reml) {
  require_evaluation();
  const std::size_t N = static_cast<std::size_t>(pattern().scalars());
  const std::size_t U = static_cast<std::size_t>(effects());
  const std::size_t m = static_cast<std::size_t>(theta_size);
  P_.resize(std::max(A_.size(), 2 * m * N));
  double* directions = P_.data();
  double* products = directions + m * N;
  std::vector<double> slope(m), full(m * m), information(m * m);
  for (std::size_t j = 0; j < m; ++j) {
    poll_();
    covariance_direction(pattern(), terms(), lambda_, jacobian + j * lambda_size_,
                         residual_scores().data(), directions + j * N);
    prior_.set_directions(lambda_, jacobian + j * lambda_size_, residual_scores().data(),
                          solution_.data(), directions + j * N);
    slope[j] = dot(directions + j * N, residual_scores().data(), U);
    multiply(pattern(), A_.data(), directions + j * N, products + j * N);
    for (std::size_t k = 0; k <= j; ++k)
      full[j + k * m] = dot(directions + j * N, products + k * N, U);
  }
  double* halves = products;  // rho
  for (std::size_t j = 0; j < m; ++j)
    apply_factor_transposed(pattern(), lambda_, products + j * N, halves + j * N);
  cholesky_.forward(halves, theta_size, static_cast<int>(N) - 1);
  for (std::size_t j = 0; j < m; ++j)
    for (std::size_t k = 0; k <= j; ++k) {
      const double quadratic =
          full[j + k * m] - dot(halves + j * N, halves + k * N, N - 1);
      information[j + k * m] = information[k + j * m] =
          0.5 * (quadratic - slope[j] * slope[k] / (degrees(reml) * sigma2_)) / sigma2_;
    }
  return information;
}

std::vector<double> LinearEngine::newton_matrix(std::vector<double> average_information,
                                                const double* jacobian, int theta_size,
                                                const std::vector<double>& gradient) const {
  std::vector<double> H = std::move(average_information);
  subtract_factor_curvature(pattern(), terms(), lambda_, gradient.data(), jacobian, lambda_size_,
                            theta_size, H.data(), static_cast<std::size_t>(theta_size));
  return H;
}

// Parameters enter a precision matrix in any way, some of them (correlations as squares of sines)
// as even functions, for which the average information vanishes at zero.
void LinearEngine::subtract_prior_curvature(const FactorMap& factor,
                                            const std::vector<double>& theta,
                                            const std::vector<double>& jacobian,
                                            const std::vector<double>& gradient,
                                            std::vector<double>& H) {
  constexpr double step = 1e-5;
  if (factor.is_linear() || !prior_.varies()) return;
  const std::size_t m = theta.size(), size = static_cast<std::size_t>(lambda_size_);
  std::vector<double> slopes(gradient.begin() + factor_size_, gradient.end());
  prior_.absorb_log_det(slopes.data());
  std::vector<double> lam(size), moved(size * m), at = theta;
  for (std::size_t j = 0; j < m; ++j) {
    const double width = step * std::max(1.0, std::fabs(theta[j]));
    at[j] = theta[j] + width;
    factor(at.data(), lam.data(), moved.data());
    at[j] = theta[j];
    for (std::size_t k = 0; k < m; ++k) {
      const std::size_t first = k * size + factor_size_;
      const double change = (dot(&moved[first], slopes.data(), slopes.size()) -
                             dot(&jacobian[first], slopes.data(), slopes.size())) /
                            width;
      H[j + k * m] -= 0.5 * change;
      H[k + j * m] -= 0.5 * change;
    }
  }
}

LinearInformation LinearEngine::information(const FactorMap& factor, const double* theta,
                                            const double* scale, bool reml) {
  const std::size_t m = static_cast<std::size_t>(factor.theta_size);
  std::vector<double> lam(static_cast<std::size_t>(lambda_size_)), J(lam.size() * m);
  std::vector<double> at(theta, theta + m);
  const auto gradient_at = [&](const std::vector<double>& point) {
    factor(point.data(), lam.data(), J.data());
    const LinearEvaluation evaluation = evaluate(lam.data(), reml, Gradient::exact);
    if (evaluation.status == LinearStatus::ok)
      return transposed_product(J, evaluation.gradient, static_cast<int>(m));
    return std::vector<double>(m, std::numeric_limits<double>::quiet_NaN());
  };
  LinearInformation out;
  std::vector<double> differences(m * m);
  for (std::size_t j = 0; j < m; ++j) {
    const double step = kDifference * scale[j];
    at[j] = theta[j] + step;
    const std::vector<double> above = gradient_at(at);
    at[j] = theta[j] - step;
    const std::vector<double> below = gradient_at(at);
    at[j] = theta[j];
    for (std::size_t k = 0; k < m; ++k)
      differences[k + j * m] = (below[k] - above[k]) / (2.0 * step);
  }
  out.information.resize(m * m);
  for (std::size_t j = 0; j < m; ++j)
    for (std::size_t k = 0; k < m; ++k)
      out.information[k + j * m] = 0.5 * (differences[k + j * m] + differences[j + k * m]);

  // d log sigma^2 / dLambda = d log r^2 / dLambda = -2 / r^2 sum_l (Z'We)_l u_l', and in an element
  // of the prior the derivative of u'Q u / r^2.
  factor(theta, lam.data(), J.data());
  evaluate(lam.data(), reml, Gradient::none);
  std::vector<double> S(lam.size());
  score_products(S.data());
  for (double& value : S) value *= -2.0;
  prior_.add_square_gradient(solution_.data(), S.data() + factor_size_);
  for (double& value : S) value /= r2_;
  out.log_sigma2_slope = transposed_product(J, S, static_cast<int>(m));
  return out;
}

// ---- Newton's method ----------------------------------------------------------------------------

namespace {

class LinearSearch {
 public:
  LinearSearch(LinearEngine& engine, const FactorMap& factor, bool reml, int max_steps,
               double tolerance)
      : engine_(engine),
        factor_(factor),
        reml_(reml),
        max_steps_(max_steps),
        tolerance_(tolerance),
        m_(factor.theta_size),
        lam_(static_cast<std::size_t>(factor.lambda_size)),
        jacobian_(lam_.size() * static_cast<std::size_t>(m_)) {}

  SearchResult run(std::vector<double> theta) {
    out_.theta = std::move(theta);
    const bool rough = m_ > 0 && max_steps_ > 0 && engine_.sampling_pays();
    const Gradient first = m_ == 0 || rough ? Gradient::none : Gradient::exact;
    if (!evaluate(out_.theta, first)) return out_;
    accept(out_.theta);
    if (rough) rough_step();
    if (m_ == 0) {
      out_.status = SearchStatus::converged;
    } else if (!newton()) {
      bfgs();
    }
    out_.passes = out_.evaluations;
    return out_;
  }

 private:
  // Evaluates at theta; false where the criterion does not exist.
  bool evaluate(const std::vector<double>& theta, Gradient gradient) {
    factor_(theta.data(), lam_.data(), jacobian_.data());
    average_information_.clear();
    evaluation_ = engine_.evaluate(lam_.data(), reml_, gradient);
    ++out_.evaluations;
    return evaluation_.status == LinearStatus::ok && std::isfinite(evaluation_.value);
  }

  // Makes the point just evaluated the current one.
  void accept(const std::vector<double>& theta) {
    out_.theta = theta;
    out_.value = evaluation_.value;
    out_.beta = evaluation_.beta;
    out_.sigma2 = evaluation_.sigma2;
    if (!evaluation_.gradient.empty())
      out_.gradient = transposed_product(jacobian_, evaluation_.gradient, m_);
  }

  // Step from the Newton matrix at the current point. Where that is indefinite, its eigenvalues
  // are replaced by their absolute values.
  void find_step() {
    if (average_information_.empty())
      average_information_ = engine_.average_information(jacobian_.data(), m_, reml_);
    std::vector<double> H = engine_.newton_matrix(average_information_, jacobian_.data(), m_,
                                                  evaluation_.gradient);
    engine_.subtract_prior_curvature(factor_, out_.theta, jacobian_, evaluation_.gradient, H);
    small::Matrix L = H;
    definite_ = small::cholesky(L, m_);
    out_.inverse_hessian = definite_ ? small::inverse(H, m_) : definite_inverse(H, m_);
    step_ = transposed_product(out_.inverse_hessian, out_.gradient, m_);
    out_.decrement = 0.5 * dot(step_.data(), out_.gradient.data(), step_.size());
  }

  double longest_step() const {
    double largest = 1.0;
    double length = 0.0;
    for (int j = 0; j < m_; ++j) {
      largest = std::max(largest, std::fabs(out_.theta[j]));
      length = std::max(length, std::fabs(step_[j]));
    }
    return length > largest ? largest / length : 1.0;
  }

  // Step from the start, with traces estimated from samples. The error of k samples, at most 1 / k
  // of the information in variance, adds m / (2 k) or so to the predicted gain. The step is taken
  // if the gain promises to be much more, which few samples suffice to tell; otherwise the gradient
  // is made exact, and so it is after the step.
  void rough_step() {
    if (!promising(Gradient::glimpsed) || !promising(Gradient::sampled)) {
      refine_gradient(Gradient::exact);
    } else if (move(longest_step(), Gradient::exact)) {
      ++out_.steps;
    } else if (evaluate(out_.theta, Gradient::exact)) {
      accept(out_.theta);
    }
  }

  // Finds the step from a sampled gradient; whether it is much longer than the error.
  bool promising(Gradient kind) {
    const auto error = [this](Gradient of) { return 0.5 * m_ / LinearEngine::samples(of); };
    refine_gradient(kind);
    find_step();
    return out_.decrement - error(kind) > kWorthwhile * error(Gradient::sampled);
  }

  // Replaces the gradient at the current point.
  void refine_gradient(Gradient kind) {
    evaluation_.gradient = engine_.gradient(reml_, kind);
    accept(out_.theta);
  }

  // True if converged. Near the end decrements fall quadratically; when the next one will be below
  // the tolerance, the step is taken with an evaluation of the value alone.
  bool newton() {
    double previous = std::numeric_limits<double>::infinity();
    const int most = std::min(kMaxNewtonSteps, max_steps_ - out_.steps);
    for (int k = 0; k < most; ++k) {
      find_step();
      if (!std::isfinite(out_.decrement)) return false;
      if (out_.decrement < tolerance_) {
        out_.status = SearchStatus::converged;
        return definite_;
      }
      const double fraction = longest_step();
      const double next = out_.decrement * std::min(1.0, out_.decrement / previous);
      const bool last = fraction == 1.0 && k > 0 && definite_ &&
                        out_.decrement < kNearlyDone && next < tolerance_;
      if (!move(fraction, last ? Gradient::none : Gradient::exact)) return false;
      ++out_.steps;
      previous = out_.decrement;
      if (last) {
        const double contraction = std::sqrt(next / out_.decrement);
        for (double& value : out_.gradient) value *= contraction;
        out_.decrement = next;
        out_.status = SearchStatus::converged;
        return true;
      }
    }
    return false;
  }

  // Backtracks from `fraction` of the step until the value rises.
  bool move(double fraction, Gradient gradient) {
    std::vector<double> theta(out_.theta.size());
    for (int trial = 0; trial < kMaxShortenings; ++trial, fraction *= kShortening) {
      for (int j = 0; j < m_; ++j) theta[j] = out_.theta[j] + fraction * step_[j];
      const double needed = 2.0 * kSufficient * fraction * out_.decrement -
                            kRounding * std::fabs(out_.value);
      if (!evaluate(theta, gradient) || evaluation_.value < out_.value + needed) continue;
      accept(theta);
      return true;
    }
    return false;
  }

  // BFGS from the current point, starting and ending with the exact curvature. The criterion is
  // even in each column of a factor, so a point with zero columns can be stationary without being a
  // maximum; it is then left in the direction of the most negative curvature.
  void bfgs() {
    for (int round = 0; round < kMaxRounds; ++round) {
      small::Matrix H = exact_curvature(out_.theta.data());
      if (!H.empty()) out_.inverse_hessian = definite_inverse(H, m_);
      if (round > 0) {
        step_ = transposed_product(out_.inverse_hessian, out_.gradient, m_);
        out_.decrement = 0.5 * dot(step_.data(), out_.gradient.data(), step_.size());
        const bool settled = out_.decrement < tolerance_ && !leave_saddle(H);
        if (settled || out_.status == SearchStatus::max_steps) break;
      }
      climb();
    }
    if (evaluate(out_.theta, Gradient::none)) accept(out_.theta);  // others were tried since
  }

  void climb() {
    const Objective objective = [this](const double* theta, const Trial&, double* gradient) {
      const std::vector<double> point(theta, theta + m_);
      if (!evaluate(point, Gradient::exact)) return -std::numeric_limits<double>::infinity();
      const std::vector<double> g = transposed_product(jacobian_, evaluation_.gradient, m_);
      std::copy(g.begin(), g.end(), gradient);
      return evaluation_.value;
    };
    double largest = 1.0;
    for (const double value : out_.theta) largest = std::max(largest, std::fabs(value));
    SearchOptions options;
    options.max_steps = max_steps_ - out_.steps;
    options.tolerance = tolerance_;
    options.step_limit.assign(static_cast<std::size_t>(m_), largest);
    options.curvature = [this](const double* theta) { return exact_curvature(theta); };
    const SearchOutcome end = maximize(objective, out_.theta, out_.inverse_hessian, options);
    out_.value = end.value;
    out_.status = end.status;
    out_.gradient = end.gradient;
    out_.decrement = end.decrement;
    out_.steps += end.steps;
  }

  // Minus the Hessian by differences of the gradient; empty where it does not exist.
  small::Matrix exact_curvature(const double* theta) {
    std::vector<double> scale(static_cast<std::size_t>(m_), 1.0);
    for (int j = 0; j < m_; ++j)
      scale[j] = std::clamp(std::sqrt(std::fabs(diagonal(out_.inverse_hessian, j))), 1e-2, 1.0);
    out_.evaluations += 2 * m_ + 1;
    small::Matrix H = engine_.information(factor_, theta, scale.data(), reml_).information;
    const bool finite = std::all_of(H.begin(), H.end(), [](double v) { return std::isfinite(v); });
    return finite ? H : small::Matrix();
  }

  // Moves along the direction of the most negative curvature, if there is one that leads up.
  bool leave_saddle(const small::Matrix& H) {
    if (H.empty()) return false;
    std::vector<double> eigenvalues;
    small::Matrix directions;
    small::symmetric_eigen(H, m_, eigenvalues, directions);
    if (eigenvalues[0] >= 0.0) return false;
    step_.assign(directions.begin(), directions.begin() + m_);
    std::vector<double> theta(out_.theta.size());
    for (double length = 0.3; length > 0.005; length *= kShortening) {
      for (int j = 0; j < m_; ++j) theta[j] = out_.theta[j] + length * step_[j];
      if (!evaluate(theta, Gradient::exact)) continue;
      if (evaluation_.value <= out_.value + tolerance_) continue;
      accept(theta);
      return true;
    }
    return false;
  }

  double diagonal(const std::vector<double>& matrix, int j) const {
    return matrix.empty() ? 1.0 : matrix[static_cast<std::size_t>(j) * (m_ + 1)];
  }

  LinearEngine& engine_;
  const FactorMap& factor_;
  bool reml_;
  int max_steps_;
  double tolerance_;
  int m_;
  std::vector<double> lam_;
  std::vector<double> jacobian_;
  std::vector<double> average_information_;  // at the last evaluation, once it is asked for
  std::vector<double> step_;
  bool definite_ = true;
  LinearEvaluation evaluation_;
  SearchResult out_;
};

}  // namespace

SearchResult LinearEngine::fit(const FactorMap& factor, const double* theta, bool reml,
                               int max_steps, double tolerance) {
  if (factor.lambda_size != lambda_size_)
    throw std::invalid_argument("the factor map does not fit the terms");
  std::vector<double> start = theta ? std::vector<double>(theta, theta + factor.theta_size)
                                    : moment_start(factor);
  return LinearSearch(*this, factor, reml, max_steps, tolerance).run(std::move(start));
}

}  // namespace ilk
