#include "start.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <map>

#include "row_loops_choice.h"
#include "small_matrix.h"

namespace ilk {

namespace {

constexpr int kMaxScoring = 30;
constexpr double kScoringDecrement = 0.1;      // at which scoring stops if random effects follow
constexpr double kFinalDecrement = 1e-10;      // and if none do
constexpr double kSmallestReliability = 0.2;   // start variance times information of a level
constexpr int kMaxCuts = 12;
constexpr double kCoefficientStep = 4.0;       // in a log or logit predictor
constexpr double kThetaInformation = 0.3;      // least information about theta / its unit
constexpr std::size_t kLargestCross = std::size_t(1) << 27;  // doubles of B = Lambda'Z'WX

// ---- Newton's method in (beta, u) ---------------------------------------------------------------

// One cell's part of the joint system.
struct CellSystem {
  std::vector<double> information;  // (P, P): X'WX, after elimination of u: S
  std::vector<double> score;        // (P,): X'l', after elimination of u: X'l' - B'H^-1 r
  double value = 0.0;               // sum l - u'u / 2
  double decrement = 0.0;           // r'H^-1 r
  bool definite = true;
  std::vector<double> solved;  // H^-1 B (U, P)
  std::vector<double> newton;  // H^-1 r (U,)
  std::vector<double> step;    // of u
};

class JointNewton {
 public:
  JointNewton(CellSet& cells, const double* beta)
      : cells_(cells),
        P_(cells.front().coefficients()),
        beta_(beta, beta + P_),
        lam_(cells.front().lambda_size(), 0.0),
        systems_(cells.size()),
        sizes_(coefficient_sizes(cells)) {}

  const std::vector<double>& beta() const { return beta_; }
  const std::vector<double>& information() const { return information_; }
  void set_lam(const std::vector<double>& lam) { lam_ = lam; }

  // Newton steps until the decrement is small; with `eliminate` in (beta, u), else in beta alone.
  void run(bool eliminate, int max_steps, double decrement) {
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
      if (!assemble(eliminate)) return;
      small::Matrix L;
      const double ridge = small::ridged_cholesky(information_, P_, L);
      step = score_;
      small::solve(L, P_, step.data());
      double gain = mode_decrement_;
      for (int j = 0; j < P_; ++j) gain += score_[j] * step[j];
      if (i == max_steps || (gain < decrement && ridge == 0.0)) return;
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

 private:
  double linearize() {
    cells_.for_each([&](LaplaceCell& cell, Scratch& scratch, int c) {
      double value = cell.linearize(beta_.data(), lam_.data(), scratch);
      for (double u : cell.u()) value -= 0.5 * u * u;
      systems_[c].value = value;
    });
    double value = 0.0;
    for (const CellSystem& system : systems_) value += system.value;
    return value;
  }

  // X'WX and X'l' of all cells, with u eliminated if asked for. False: a cell has no definite H;
  // the information is then that of fixed u.
  bool assemble(bool eliminate) {
    cells_.for_each([&](LaplaceCell& cell, Scratch& scratch, int c) {
      CellSystem& system = systems_[c];
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
    for (const CellSystem& system : systems_) {
      for (std::size_t i = 0; i < information_.size(); ++i)
        information_[i] += system.information[i];
      for (int i = 0; i < P_; ++i) score_[i] += system.score[i];
      mode_decrement_ += system.decrement;
      definite = definite && system.definite;
    }
    return definite;
  }

  // S = X'WX - B'H^-1 B and the score of beta at the best u; false if H is not definite.
  bool eliminate(LaplaceCell& cell, Scratch& scratch, CellSystem& system) const {
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
    for (std::size_t i = 0; i < U; ++i) r[i] -= cell.u()[i];
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

  // The fraction of a step that keeps within the limits: on the linear predictors and on u.
  double shorten(const std::vector<double>& step, bool eliminate) const {
    double largest = 0.0;
    const LaplaceCell& cell = cells_[0];
    for (int k = 0, j = 0; k < static_cast<int>(cell.data().predictors.size()); ++k)
      for (int i = 0; i < cell.data().predictors[k].p; ++i, ++j)
        if (k > 0 || eliminate) largest = std::max(largest, std::fabs(step[j]) * sizes_[j]);
    if (eliminate)
      for (const CellSystem& system : systems_)
        for (double change : system.newton) largest = std::max(largest, std::fabs(change));
    return largest > kCoefficientStep ? kCoefficientStep / largest : 1.0;
  }

  // du = scale H^-1 (r - B dbeta), with dbeta already scaled.
  void move_modes_of_step(double scale, const std::vector<double>& dbeta) {
    cells_.for_each([&](LaplaceCell& cell, Scratch&, int c) {
      CellSystem& system = systems_[c];
      const std::size_t U = cell.effects();
      system.step = system.newton;
      for (double& value : system.step) value *= scale;
      for (int j = 0; j < P_; ++j)
        for (std::size_t i = 0; i < U; ++i) system.step[i] -= system.solved[j * U + i] * dbeta[j];
      cell.move_modes(1.0, system.step);
    });
  }

  void move_modes(double fraction) {
    cells_.for_each([&](LaplaceCell& cell, Scratch&, int c) {
      if (!systems_[c].step.empty()) cell.move_modes(fraction, systems_[c].step);
    });
  }

  CellSet& cells_;
  int P_;
  std::vector<double> beta_, lam_;
  std::vector<CellSystem> systems_;
  std::vector<double> sizes_;
  std::vector<double> information_, score_;
  double mode_decrement_ = 0.0;
};

// ---- Moments ------------------------------------------------------------------------------------

// Ratio of third to second derivatives in a predictor: 1 for a Poisson log-linear model, 0 for
// symmetric densities.
double skewness(CellSet& cells, int k) {
  std::vector<std::pair<double, double>> sums(cells.size());
  cells.for_each([&](LaplaceCell& cell, Scratch& scratch, int c) {
    sums[c] = cell.skewness(k, scratch);
  });
  double third = 0.0, second = 0.0;
  for (const auto& sum : sums) {
    third += sum.first;
    second += sum.second;
  }
  return second < 0.0 && std::isfinite(third) ? std::fabs(third / second) : 0.0;
}

// Second moments of the scores at Lambda = 0 over all columns x = (term, column) of the model. With
// raw scores g and information A, E(g g' - A) = A Var(b) A to first order, so that for any weights
//     sum_l w_xl (g_xl^2 - A_xl,xl)  =  sum_y v_y sum_{l,m} w_xl A_xl,ym^2
// in expectation: one equation for each column. Weights 1 / (1 + A v)^2, with a guess v of the
// variance, keep levels with much information from outvoting all others.
class Moments {
 public:
  explicit Moments(const CellSet& cells) : cells_(cells) {
    for (const Term& shape : cells.shapes()) {
      first_.push_back(Q_);
      Q_ += shape.width;
    }
    guess_.assign(Q_, 0.0);
    accumulate();
  }

  // Each variance as if it were the only one, from unweighted sums; 0 at least.
  std::vector<double> alone() const {
    std::vector<double> variance(Q_, 0.0);
    for (int x = 0; x < Q_; ++x)
      if (squares(x, x) > 0.0) variance[x] = std::max(0.0, excess_[x] / squares(x, x));
    return variance;
  }

  // Variances that share what the scores have in common, with weights from a guess. The
  // multiplicative updates leave them positive and, stopped early, near the separate ones.
  std::vector<double> together(const std::vector<double>& guess) {
    constexpr int kUpdates = 10;
    guess_ = guess;
    accumulate();
    std::vector<double> variance = alone(), predicted(Q_);
    for (int i = 0; i < kUpdates; ++i) {
      for (int x = 0; x < Q_; ++x) {
        predicted[x] = 0.0;
        for (int y = 0; y < Q_; ++y) predicted[x] += squares(x, y) * variance[y];
      }
      for (int x = 0; x < Q_; ++x)
        if (variance[x] > 0.0) variance[x] *= excess_[x] / predicted[x];
    }
    return variance;
  }

  // The variance at which the median level of column (t, j) has the given product of variance and
  // information; 0 where there is no information.
  double variance_of_reliability(int t, int j, double reliability) const {
    std::vector<double> information;
    for (int c = 0; c < cells_.size(); ++c) {
      const BlockPattern& pattern = cells_[c].pattern();
      const int q = pattern.term(t).width;
      const double* A = cells_[c].A().data() + pattern.diagonal_offset(t) + j + j * q;
      for (int l = 0; l < pattern.term(t).levels; ++l)
        if (A[l * q * q] > 0.0) information.push_back(A[l * q * q]);
    }
    if (information.empty()) return 0.0;
    const auto middle = information.begin() + information.size() / 2;
    std::nth_element(information.begin(), middle, information.end());
    return reliability / *middle;
  }

  int column(std::size_t t, int j) const { return first_[t] + j; }

 private:
  double squares(int x, int y) const { return squares_[x + static_cast<std::size_t>(y) * Q_]; }
  double& squares(int x, int y) { return squares_[x + static_cast<std::size_t>(y) * Q_]; }

  void accumulate() {
    excess_.assign(Q_, 0.0);
    squares_.assign(static_cast<std::size_t>(Q_) * Q_, 0.0);
    for (int c = 0; c < cells_.size(); ++c) {
      weigh_levels(cells_[c]);
      for (int t = 0; t < cells_[c].pattern().terms(); ++t) add_term(cells_[c], t);
      for (const BlockPair& pair : cells_[c].pattern().pairs()) add_pair(cells_[c], pair);
    }
  }

  void weigh_levels(const LaplaceCell& cell) {
    const BlockPattern& pattern = cell.pattern();
    weights_.resize(pattern.scalars());
    for (int t = 0; t < pattern.terms(); ++t) {
      const int q = pattern.term(t).width;
      const double* A = cell.A().data() + pattern.diagonal_offset(t);
      double* w = weights_.data() + pattern.scalar_offset(t);
      for (int l = 0; l < pattern.term(t).levels; ++l, A += q * q, w += q)
        for (int j = 0; j < q; ++j) {
          const double shrunk = 1.0 / (1.0 + std::max(0.0, A[j + j * q]) * guess_[first_[t] + j]);
          w[j] = shrunk * shrunk;
        }
    }
  }

  void add_term(const LaplaceCell& cell, int t) {
    const BlockPattern& pattern = cell.pattern();
    const int q = pattern.term(t).width, x = first_[t];
    const double* g = cell.g().data() + pattern.scalar_offset(t);
    const double* w = weights_.data() + pattern.scalar_offset(t);
    const double* A = cell.A().data() + pattern.diagonal_offset(t);
    for (int l = 0; l < pattern.term(t).levels; ++l, g += q, w += q, A += q * q)
      for (int j = 0; j < q; ++j) {
        excess_[x + j] += w[j] * (g[j] * g[j] - A[j + j * q]);
        for (int k = 0; k < q; ++k) squares(x + j, x + k) += w[j] * A[j + k * q] * A[j + k * q];
      }
  }

  void add_pair(const LaplaceCell& cell, const BlockPair& pair) {
    const BlockPattern& pattern = cell.pattern();
    const int rows = pattern.term(pair.row_term).width, x = first_[pair.row_term];
    const int columns = pattern.term(pair.column_term).width, y = first_[pair.column_term];
    const double* A = cell.A().data() + pair.offset;
    const double* row_weight = weights_.data() + pattern.scalar_offset(pair.row_term);
    const double* column_weights = weights_.data() + pattern.scalar_offset(pair.column_term);
    for (int l = 0; l < pattern.term(pair.row_term).levels; ++l, row_weight += rows)
      for (std::int64_t k = pair.row_start[l]; k < pair.row_start[l + 1]; ++k, A += rows * columns) {
        const double* column_weight = column_weights + pair.columns[k] * std::ptrdiff_t(columns);
        for (int j = 0; j < columns; ++j)
          for (int i = 0; i < rows; ++i) {
            const double square = A[i + j * rows] * A[i + j * rows];
            squares(x + i, y + j) += row_weight[i] * square;
            squares(y + j, x + i) += column_weight[j] * square;
          }
      }
  }

  const CellSet& cells_;
  int Q_ = 0;
  std::vector<int> first_;  // by term: its first column
  std::vector<double> guess_, weights_;
  std::vector<double> excess_;                // (Q,)
  std::vector<double> squares_;               // (Q, Q)
};

// The moments give the variance v of exp(kappa b) / kappa, kappa the skewness above, rather than
// that of b, where the weights depend on the predictor.
double variance_on_link_scale(double v, double kappa) {
  return kappa > 1e-8 ? std::log1p(kappa * kappa * v) / (kappa * kappa) : v;
}

// Standard deviations of every term's columns, from the state at Lambda = 0.
std::vector<std::vector<double>> moment_deviations(CellSet& cells) {
  std::map<int, double> kappas;
  for (const Term& shape : cells.shapes())
    if (!kappas.count(shape.predictor))
      kappas[shape.predictor] = skewness(cells, shape.predictor);
  Moments moments(cells);
  const auto correct = [&](std::vector<double> variances) {
    for (std::size_t t = 0; t < cells.shapes().size(); ++t)
      for (int j = 0; j < cells.shapes()[t].width; ++j) {
        double& v = variances[moments.column(t, j)];
        v = variance_on_link_scale(v, kappas[cells.shapes()[t].predictor]);
      }
    return variances;
  };
  const std::vector<double> variances = correct(moments.together(correct(moments.alone())));
  std::vector<std::vector<double>> out;
  for (std::size_t t = 0; t < cells.shapes().size(); ++t) {
    out.emplace_back(cells.shapes()[t].width, 1.0);
    for (int j = 0; j < cells.shapes()[t].width; ++j) {
      const double smallest =
          moments.variance_of_reliability(static_cast<int>(t), j, kSmallestReliability);
      const double variance = std::max(variances[moments.column(t, j)], smallest);
      if (variance > 0.0 && std::isfinite(variance)) out[t][j] = std::sqrt(variance);
    }
  }
  return out;
}

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
    for (int j = 0; j < q; ++j) gap[offset + j + static_cast<std::size_t>(j) * q] += deviations[t][j];
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

// ---- Information about theta --------------------------------------------------------------------

// The expected information about the elements of a term's Lambda, level by level. With raw
// information A of a level and C = A - A Lambda (I + Lambda'A Lambda)^-1 Lambda'A,
//     I_(ab),(cd) = tr(C dSigma_ab C dSigma_cd) / 2
//                 = C_ac (Lambda'C Lambda)_bd + (C Lambda)_ad (C Lambda)_cb.
class LambdaInformation {
 public:
  LambdaInformation(int q, const double* lambda)
      : q_(q), lambda_(lambda, lambda + q * q), total_(static_cast<std::size_t>(q) * q * q * q) {}

  const std::vector<double>& total() const { return total_; }

  void add(const double* A) {
    if (q_ == 1) {
      const double C = *A / (1.0 + lambda_[0] * lambda_[0] * *A);
      total_[0] += 2.0 * C * C * lambda_[0] * lambda_[0];
      return;
    }
    const std::size_t size = lambda_.size();
    C_.assign(A, A + size);
    multiply(C_, lambda_, false, AL_);
    multiply(lambda_, AL_, true, inner_);
    for (int i = 0; i < q_; ++i) inner_[i + i * q_] += 1.0;
    if (!small::cholesky(inner_, q_)) return;
    column_.resize(q_);
    for (int j = 0; j < q_; ++j) {  // column j of (I + Lambda'A Lambda)^-1 Lambda'A
      for (int i = 0; i < q_; ++i) column_[i] = AL_[j + i * q_];
      small::solve(inner_, q_, column_.data());
      for (int k = 0; k < q_; ++k)
        for (int i = 0; i < q_; ++i) C_[i + j * q_] -= AL_[i + k * q_] * column_[k];
    }
    multiply(C_, lambda_, false, CL_);
    multiply(lambda_, CL_, true, LCL_);
    for (int b = 0; b < q_; ++b)
      for (int a = b; a < q_; ++a)
        for (int d = 0; d < q_; ++d)
          for (int c = d; c < q_; ++c)
            total_[(a + b * q_) + (c + d * q_) * size] +=
                C_[a + c * q_] * LCL_[b + d * q_] + CL_[a + d * q_] * CL_[c + b * q_];
  }

 private:
  // result = left (or its transpose) times right.
  void multiply(const std::vector<double>& left, const std::vector<double>& right,
                bool transposed, std::vector<double>& result) const {
    result.assign(lambda_.size(), 0.0);
    for (int j = 0; j < q_; ++j)
      for (int k = 0; k < q_; ++k)
        for (int i = 0; i < q_; ++i)
          result[i + j * q_] +=
              (transposed ? left[k + i * q_] : left[i + k * q_]) * right[k + j * q_];
  }

  int q_;
  std::vector<double> lambda_, total_;
  std::vector<double> C_, AL_, inner_, CL_, LCL_, column_;
};

// J' I_Lambda J over all terms and levels, each term on its own.
small::Matrix theta_information(const CellSet& cells, const FactorMap& factor,
                                const double* theta) {
  const int m = factor.theta_size, size = factor.lambda_size;
  std::vector<double> lam(size), jacobian(static_cast<std::size_t>(size) * m);
  factor(theta, lam.data(), jacobian.data());
  small::Matrix out(static_cast<std::size_t>(m) * m, 0.0);
  for (std::size_t t = 0, offset = 0; t < cells.shapes().size(); ++t) {
    const int q = cells.shapes()[t].width, block = q * q;
    LambdaInformation sum(q, &lam[offset]);
    for (int c = 0; c < cells.size(); ++c) {
      const LaplaceCell& cell = cells[c];
      const double* A = cell.A().data() + cell.pattern().diagonal_offset(static_cast<int>(t));
      for (int l = 0; l < cell.pattern().term(static_cast<int>(t)).levels; ++l, A += block)
        sum.add(A);
    }
    const std::vector<double>& information = sum.total();
    for (int i = 0; i < m; ++i)
      for (int j = 0; j < m; ++j)
        for (int x = 0; x < block; ++x)
          for (int y = 0; y < block; ++y)
            out[i + static_cast<std::size_t>(j) * m] +=
                jacobian[offset + x + static_cast<std::size_t>(i) * size] *
                information[x + static_cast<std::size_t>(y) * block] *
                jacobian[offset + y + static_cast<std::size_t>(j) * size];
    offset += block;
  }
  return out;
}

}  // namespace

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

LaplaceStart find_start(CellSet& cells, const FactorMap& factor, const double* beta,
                        const double* theta) {
  const int P = cells.front().coefficients(), m = P + factor.theta_size;
  const bool mixed = cells.effects() > 0;
  LaplaceStart start;
  JointNewton newton(cells, beta);
  std::vector<std::vector<double>> deviations;
  if (!mixed || !theta) {
    newton.run(false, kMaxScoring, mixed ? kScoringDecrement : kFinalDecrement);
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
    newton.run(true, theta ? 8 : 2, 1e-2);
  }
  start.beta = newton.beta();

  small::Matrix hessian(static_cast<std::size_t>(m) * m, 0.0);
  for (int j = 0; j < P; ++j)
    for (int i = 0; i < P; ++i)
      hessian[i + static_cast<std::size_t>(j) * m] =
          newton.information()[i + static_cast<std::size_t>(j) * P];
  if (mixed) {
    const small::Matrix about = theta_information(cells, factor, start.theta.data());
    for (int j = 0; j < factor.theta_size; ++j) {
      for (int i = 0; i < factor.theta_size; ++i)
        hessian[P + i + static_cast<std::size_t>(P + j) * m] =
            about[i + static_cast<std::size_t>(j) * factor.theta_size];
      double& diagonal = hessian[P + j + static_cast<std::size_t>(P + j) * m];
      const double unit = start.theta_scale[j];
      diagonal = std::max(diagonal, kThetaInformation / (unit * unit));
    }
  }
  start.inverse_hessian = small::inverse(hessian, m);
  return start;
}

}  // namespace ilk
