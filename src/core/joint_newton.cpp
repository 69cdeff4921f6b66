#include "joint_newton.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>

#include "row_loops_choice.h"
#include "small_matrix.h"

namespace ilk {

namespace {

constexpr int kMaxCuts = 12;                // of a step, before it is given up
constexpr double kLongestStep = 4.0;        // in a log or logit predictor, or in u
constexpr std::size_t kLargestCross = std::size_t(1) << 27;  // doubles of B

}  // namespace

JointNewton::JointNewton(CellSet& cells, const double* beta)
    : cells_(cells),
      P_(cells.front().coefficients()),
      beta_(beta, beta + P_),
      lam_(cells.front().lambda_size(), 0.0),
      systems_(cells.size()),
      sizes_(coefficient_sizes(cells)) {}

void JointNewton::run(bool eliminate, int max_steps, double decrement) {
  double best = -std::numeric_limits<double>::infinity();
  std::vector<double> accepted = beta_, step(P_, 0.0);
  double fraction = 0.0;  // of the step that led here
  for (int i = 0; i <= max_steps; ++i) {
    double value = linearize();
    for (int cut = 0; fraction > 0.0 && !(value > best - 1e-8 * std::fabs(best)); ++cut) {
      const double shorter = cut < kMaxCuts ? 0.3 * fraction : 0.0;
      move_modes(shorter - fraction);
      fraction = shorter;
      for (int j = 0; j < P_; ++j) beta_[j] = accepted[j] + fraction * step[j];
      value = linearize();
    }
    best = value;
    if (i == max_steps || !assemble(eliminate)) return;
    small::Matrix L;
    const double ridge = small::ridged_cholesky(information_, P_, L);
    step = score_;
    small::solve(L, P_, step.data());
    double gain = mode_decrement_;
    for (int j = 0; j < P_; ++j) gain += score_[j] * step[j];
    if (gain < decrement && ridge == 0.0) return;
    const double scale = shorten(step, eliminate);
    accepted = beta_;
    for (int j = 0; j < P_; ++j) {
      step[j] *= scale;
      beta_[j] += step[j];
    }
    fraction = 1.0;
    if (eliminate) move_modes_of_step(scale, step);
  }
}

double JointNewton::linearize() {
  cells_.for_each([&](LaplaceCell& cell, Scratch& scratch, int c) {
    const double value = cell.linearize(beta_.data(), lam_.data(), scratch);
    systems_[c].value = value - 0.5 * cell.prior().square(cell.u());
  });
  double value = 0.0;
  for (const System& system : systems_) value += system.value;
  return value;
}

// X'WX and X'l' of all cells, with u eliminated if asked for. False: a cell has no definite H;
// the information is then that of fixed u.
bool JointNewton::assemble(bool eliminate) {
  cells_.for_each([&](LaplaceCell& cell, Scratch& scratch, int c) {
    System& system = systems_[c];
    system.information.assign(static_cast<std::size_t>(P_) * P_, 0.0);
    system.score.assign(P_, 0.0);
    system.decrement = 0.0;
    cell.add_fixed_information(scratch, system.information.data(), system.score.data());
    system.definite = !eliminate || cell.effects() == 0 || this->eliminate(cell, scratch, system);
  });
  information_.assign(static_cast<std::size_t>(P_) * P_, 0.0);
  score_.assign(P_, 0.0);
  mode_decrement_ = 0.0;
  bool definite = true;
  for (const System& system : systems_) {
    for (std::size_t i = 0; i < information_.size(); ++i)
      information_[i] += system.information[i];
    for (int i = 0; i < P_; ++i) score_[i] += system.score[i];
    mode_decrement_ += system.decrement;
    definite = definite && system.definite;
  }
  return definite;
}

// S = X'WX - B'H^-1 B and the score of beta at the best u; false if H is not definite.
bool JointNewton::eliminate(LaplaceCell& cell, Scratch& scratch, System& system) const {
  const std::size_t U = cell.effects();
  if (!cell.factor() || U * P_ > kLargestCross) return false;
  std::vector<double> cross(U * P_);
  cell.cross_information(scratch, cross.data());
  for (int j = 0; j < P_; ++j)
    apply_factor_transposed(cell.pattern(), cell.lambda(), &cross[j * U], &cross[j * U]);
  system.solved = cross;
  cell.cholesky().solve(system.solved.data(), P_);

  std::vector<double> r(U);
  apply_factor_transposed(cell.pattern(), cell.lambda(), cell.g().data(), r.data());
  cell.prior().subtract(cell.u(), r);
  system.newton = r;
  cell.cholesky().solve(system.newton.data());
  for (std::size_t i = 0; i < U; ++i) system.decrement += r[i] * system.newton[i];
  for (int j = 0; j < P_; ++j)
    for (std::size_t i = 0; i < U; ++i) system.score[j] -= cross[j * U + i] * system.newton[i];
  std::vector<double> products(P_);
  for (int j = 0; j < P_; ++j) {
    std::fill(products.begin(), products.end(), 0.0);
    row_loops().add_products(U, P_, cross.data(), U, &system.solved[j * U], products.data());
    for (int i = 0; i < P_; ++i)
      system.information[i + static_cast<std::size_t>(j) * P_] -= products[i];
  }
  return true;
}

// The fraction of a step that keeps within the limits: on the predictors on a log or logit scale
// and on u. The scale of the mean depends on the link; there the criterion alone decides.
double JointNewton::shorten(const std::vector<double>& step, bool eliminate) const {
  double largest = 0.0;
  const LaplaceCell& cell = cells_[0];
  for (int k = 0, j = 0; k < static_cast<int>(cell.data().predictors.size()); ++k)
    for (int i = 0; i < cell.data().predictors[k].p; ++i, ++j)
      if (k > 0) largest = std::max(largest, std::fabs(step[j]) * sizes_[j]);
  if (eliminate)
    for (const System& system : systems_)
      for (double change : system.newton) largest = std::max(largest, std::fabs(change));
  return largest > kLongestStep ? kLongestStep / largest : 1.0;
}

// du = scale H^-1 (r - B dbeta), with dbeta already scaled.
void JointNewton::move_modes_of_step(double scale, const std::vector<double>& dbeta) {
  cells_.for_each([&](LaplaceCell& cell, Scratch&, int c) {
    System& system = systems_[c];
    const std::size_t U = cell.effects();
    system.step = system.newton;
    for (double& value : system.step) value *= scale;
    for (int j = 0; j < P_; ++j)
      for (std::size_t i = 0; i < U; ++i) system.step[i] -= system.solved[j * U + i] * dbeta[j];
    cell.move_modes(1.0, system.step);
  });
}

void JointNewton::move_modes(double fraction) {
  cells_.for_each([&](LaplaceCell& cell, Scratch&, int c) {
    if (!systems_[c].step.empty()) cell.move_modes(fraction, systems_[c].step);
  });
}

std::vector<double> coefficient_sizes(const CellSet& cells) {
  const std::vector<Predictor>& first = cells[0].data().predictors;
  std::vector<double> sizes = cells.column_sizes();
  double spread = 0.0, mean = 0.0;
  for (int c = 0; c < cells.size(); ++c)
    for (double eta : cells[c].fixed_predictor(0)) mean += eta / cells.rows();
  for (int c = 0; c < cells.size(); ++c)
    for (double eta : cells[c].fixed_predictor(0))
      spread += (eta - mean) * (eta - mean) / cells.rows();
  spread = std::max(1.0, std::sqrt(spread));
  for (int j = 0; j < first[0].p; ++j) sizes[j] /= spread;
  return sizes;
}

}  // namespace ilk
