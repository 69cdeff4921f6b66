#include "moments.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <map>
#include <utility>

namespace ilk {

namespace {

constexpr double kSmallestReliability = 0.2;  // start variance times information of a level

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
    constexpr int kUpdates = 2;
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
      for (std::int64_t k = pair.row_start[l]; k < pair.row_start[l + 1]; ++k) {
        const double* column_weight = column_weights + pair.columns[k] * std::ptrdiff_t(columns);
        for (int j = 0; j < columns; ++j)
          for (int i = 0; i < rows; ++i) {
            const double square = A[i + j * rows] * A[i + j * rows];
            squares(x + i, y + j) += row_weight[i] * square;
            squares(y + j, x + i) += column_weight[j] * square;
          }
        A += rows * columns;
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

}  // namespace

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

}  // namespace ilk
