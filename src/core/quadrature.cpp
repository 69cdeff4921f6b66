#include "quadrature.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "nested_quadrature.h"

namespace ilk {

// ---- Rules --------------------------------------------------------------------------------------

namespace {

// Hermite polynomials, orthonormal for the standard normal density:
//     p_0 = 1,   sqrt(k + 1) p_{k+1} = x p_k - sqrt(k) p_{k-1}.
// The nodes are the zeros of p_n, the eigenvalues of the tridiagonal matrix with off-diagonal
// elements sqrt(k); the weights are 1 / sum_{k<n} p_k(x)^2 [GolubWelsch1969].

// Number of eigenvalues below x, by the signs of the pivots of the shifted matrix.
int eigenvalues_below(int n, double x) {
  int count = 0;
  double pivot = -x;
  for (int k = 1;; ++k) {
    if (pivot < 0.0) ++count;
    if (k == n) return count;
    if (pivot == 0.0) pivot = 1e-300;
    pivot = -x - k / pivot;
  }
}

double eigenvalue(int n, int index) {
  double low = -2.0 * std::sqrt(n + 1.0), high = -low;
  for (int i = 0; i < 200 && low < high; ++i) {
    const double middle = 0.5 * (low + high);
    if (middle == low || middle == high) break;
    (eigenvalues_below(n, middle) > index ? high : low) = middle;
  }
  return 0.5 * (low + high);
}

double log_weight(int n, double x) {
  double before = 0.0, p = 1.0, sum = 0.0;
  for (int k = 0; k < n; ++k) {
    sum += p * p;
    const double next = (x * p - std::sqrt(static_cast<double>(k)) * before) / std::sqrt(k + 1.0);
    before = p;
    p = next;
  }
  return -std::log(sum);
}

}  // namespace

QuadratureRule gauss_hermite(int nodes, int width) {
  std::vector<double> x(nodes), log_w(nodes);
  for (int i = 0; i <= nodes / 2 && i < nodes; ++i) {  // symmetric by construction
    const int mirror = nodes - 1 - i;
    x[mirror] = i == mirror ? 0.0 : -eigenvalue(nodes, i);
    x[i] = -x[mirror];
    log_w[i] = log_w[mirror] = log_weight(nodes, x[i]) + 0.5 * x[i] * x[i];
  }

  QuadratureRule rule;
  rule.width = width;
  rule.nodes = 1;
  for (int d = 0; d < width; ++d) rule.nodes *= nodes;
  std::vector<std::vector<int>> index(rule.nodes, std::vector<int>(width));
  std::vector<double> distance(rule.nodes, 0.0);
  for (int j = 0; j < rule.nodes; ++j)
    for (int d = 0, rest = j; d < width; ++d, rest /= nodes) {
      index[j][d] = rest % nodes;
      distance[j] += x[index[j][d]] * x[index[j][d]];
    }
  std::vector<int> order(rule.nodes);
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](int a, int b) { return distance[a] < distance[b]; });
  for (int j : order) {
    double weight = 0.0;
    for (int d = 0; d < width; ++d) {
      rule.x.push_back(x[index[j][d]]);
      weight += log_w[index[j][d]];
    }
    rule.log_weight.push_back(weight);
  }
  return rule;
}

// ---- Integration --------------------------------------------------------------------------------

void integrate_cell(LaplaceCell& cell, const QuadraturePlan& plan, bool gradient,
                    Scratch& scratch, Contribution& out) {
  if (plan.rules.size() > 1)
    return NestedQuadrature(cell, plan).evaluate(gradient, scratch, out);
  const QuadratureRule& rule = plan.rules.front();
  static_assert(kMaxQuadratureWidth == 3, "one case for each width");
  switch (rule.width) {
    case 1: return CellQuadrature<1>(cell, rule).evaluate(gradient, scratch, out);
    case 2: return CellQuadrature<2>(cell, rule).evaluate(gradient, scratch, out);
    default: return CellQuadrature<3>(cell, rule).evaluate(gradient, scratch, out);
  }
}

template <int width>
CellQuadrature<width>::CellQuadrature(LaplaceCell& cell, const QuadratureRule& rule)
    : cell_(cell), rule_(rule) {
  const BlockPattern& pattern = cell.pattern_;
  for (int t = 0, j = 0; t < pattern.terms(); ++t) {
    const int q = pattern.term(t).width;
    offset_[t] = j;
    for (int a = 0; a < q; ++a)
      for (int b = 0; b <= a; ++b)
        factor_[offset_[t] + a + (offset_[t] + b) * width] = cell.lambda_[t][a + b * q];
    for (int a = 0; a < q; ++a, ++j) {
      first_effect_[j] = pattern.scalar_offset(t) + a;
      stride_[j] = q;
    }
  }
  const int U = cell.effects(), levels = pattern.term(0).levels;
  node_u_.assign(U, 0.0);
  node_b_.assign(U, 0.0);
  node_scores_.assign(U, 0.0);
  shift_.assign(U, 0.0);
  level_values_.assign(levels, 0.0);
  level_weights_.assign(levels, 0.0);
  mean_products_.assign(cell.lambda_size_, 0.0);
}

template <int width>
void CellQuadrature<width>::evaluate(bool gradient, Scratch& scratch, Contribution& out) {
  const int levels = cell_.pattern_.term(0).levels, K = cell_.predictors_;
  std::size_t longest = kChunkRows;
  for (int l = 0; l < levels; ++l) longest = std::max(longest, row_begin(l + 1) - row_begin(l));
  row_values_.resize(longest);
  row_eta_.assign(K, std::vector<double>(longest));
  row_d1_.assign(K, std::vector<double>(longest));
  if (gradient) {
    mean_scores_.assign(K, std::vector<double>(cell_.data_.n, 0.0));
    std::fill(cell_.P_.begin(), cell_.P_.end(), 0.0);
  }

  for (int first = 0; first < levels;) {
    int last = first + 1;
    while (last < levels && last - first < static_cast<int>(kChunkRows) &&
           row_begin(last + 1) - row_begin(first) <= longest)
      ++last;
    cell_.poll_();
    integrate(first, last, gradient);
    first = last;
  }
  out.value = value_;
  if (!gradient) return;
  LaplaceCell::Direct direct;
  for (const auto& scores : mean_scores_) direct.scores.push_back(scores.data());
  direct.products = mean_products_.data();
  direct.shift = shift_.data();
  cell_.add_gradient(direct, scratch, out);
}

// All nodes of the levels first .. last - 1, whose rows form one chunk.
template <int width>
void CellQuadrature<width>::integrate(int first, int last, bool gradient) {
  std::vector<Level> levels(last - first);
  for (int l = first; l < last; ++l) prepare(l, levels[l - first]);
  for (int node = 0; node < rule_.nodes; ++node) {
    place_node(node, first, levels);
    evaluate_node(first, last);
    weigh_node(node, first, gradient, levels);
  }
  for (int l = first; l < last; ++l) finish(l, gradient, levels[l - first]);
}

// The raw information A of a level over all terms (width, width).
template <int width>
void CellQuadrature<width>::raw_information(int l, double* A) const {
  const BlockPattern& pattern = cell_.pattern_;
  for (int t = 0; t < pattern.terms(); ++t) {
    const int q = pattern.term(t).width, o = offset_[t];
    const double* block = cell_.A_.data() + pattern.diagonal_offset(t) + l * q * q;
    for (int j = 0; j < q; ++j)
      for (int i = 0; i < q; ++i) A[o + i + (o + j) * width] = block[i + j * q];
  }
  for (const BlockPair& pair : pattern.pairs()) {
    if (pair.row_start[l] == pair.row_start[l + 1]) continue;  // a level without rows
    const int rows = pattern.term(pair.row_term).width, r = offset_[pair.row_term];
    const int columns = pattern.term(pair.column_term).width, c = offset_[pair.column_term];
    const double* block = cell_.A_.data() + pair.offset + pair.row_start[l] * rows * columns;
    for (int j = 0; j < columns; ++j)
      for (int i = 0; i < rows; ++i)
        A[r + i + (c + j) * width] = A[c + j + (r + i) * width] = block[i + j * rows];
  }
}

// H = Lambda'A Lambda + I of a level, its Cholesky factor L and L^-T; subtracts log|L|.
template <int width>
void CellQuadrature<width>::prepare(int l, Level& level) {
  constexpr int q = width;
  level = Level{};
  Matrix A = {}, AL = {}, L = {};
  raw_information(l, A);
  for (int j = 0; j < q; ++j)
    for (int i = 0; i < q; ++i)
      for (int m = j; m < q; ++m) AL[i + j * q] += A[i + m * q] * factor_[m + j * q];
  for (int j = 0; j < q; ++j)
    for (int i = j; i < q; ++i) {
      double sum = i == j ? 1.0 : 0.0;
      for (int m = i; m < q; ++m) sum += factor_[m + i * q] * AL[m + j * q];
      for (int k = 0; k < j; ++k) sum -= L[i + k * q] * L[j + k * q];
      L[i + j * q] = i == j ? std::sqrt(sum) : sum / L[j + j * q];
    }
  for (int j = 0; j < q; ++j) {
    value_ -= std::log(L[j + j * q]);
    level.inverse_root[j + j * q] = 1.0 / L[j + j * q];
    for (int i = j + 1; i < q; ++i) {  // element (i, j) of L^-1 is element (j, i) of L^-T
      double sum = 0.0;
      for (int k = j; k < i; ++k) sum += L[i + k * q] * level.inverse_root[j + k * q];
      level.inverse_root[j + i * q] = -sum / L[i + i * q];
    }
  }
}

// u_j = u + L^-T x_j and b_j = Lambda u_j of a chunk of levels.
template <int width>
void CellQuadrature<width>::place_node(int node, int first, const std::vector<Level>& levels) {
  const double* x = rule_.x.data() + node * width;
  for (std::size_t k = 0; k < levels.size(); ++k) {
    const int l = first + static_cast<int>(k);
    Vector u;
    for (int i = 0; i < width; ++i) {
      u[i] = cell_.u_[effect(i, l)];
      for (int j = i; j < width; ++j) u[i] += levels[k].inverse_root[i + j * width] * x[j];
    }
    for (int i = 0; i < width; ++i) {
      double b = 0.0;
      for (int j = 0; j <= i; ++j) b += factor_[i + j * width] * u[j];
      node_u_[effect(i, l)] = u[i];
      node_b_[effect(i, l)] = b;
      node_scores_[effect(i, l)] = 0.0;
    }
    level_values_[l] = 0.0;
  }
}

// Log densities and scores of the chunk at the current node, summed by level.
template <int width>
void CellQuadrature<width>::evaluate_node(int first, int last) {
  const std::size_t begin = row_begin(first), end = row_begin(last);
  if (begin == end) return;
  const Data& data = cell_.data_;
  std::vector<const double*> eta(cell_.predictors_);
  std::vector<double*> d1(cell_.predictors_);
  for (int k = 0; k < cell_.predictors_; ++k) {
    eta[k] = cell_.xb_[k].data() + begin;
    d1[k] = row_d1_[k].data();
  }
  for (std::size_t t = 0; t < data.terms.size(); ++t) {
    const int k = data.terms[t].predictor;
    const double* b = node_b_.data() + cell_.pattern_.scalar_offset(static_cast<int>(t));
    cell_.loops_->add_effects(cell_.term_rows_[t], b, begin, end, eta[k], row_eta_[k].data());
    eta[k] = row_eta_[k].data();
  }
  cell_.density_->node(cell_.predictors_, end - begin, data.response.data() + begin,
                       data.trials.empty() ? nullptr : data.trials.data() + begin,
                       data.weights.empty() ? nullptr : data.weights.data() + begin, eta.data(),
                       row_values_.data(), d1.data());
  const TermRows sums = {data.terms[0].codes.data(), nullptr, 1, cell_.starts_[0].data()};
  cell_.loops_->add_scores(sums, row_values_.data(), begin, end, level_values_.data());
  for (std::size_t t = 0; t < data.terms.size(); ++t)
    cell_.loops_->add_scores(cell_.term_rows_[t], d1[data.terms[t].predictor], begin, end,
                             node_scores_.data() +
                                 cell_.pattern_.scalar_offset(static_cast<int>(t)));
}

// The summand of every level at the current node, and what it adds to the moments.
template <int width>
void CellQuadrature<width>::weigh_node(int node, int first, bool gradient,
                                       std::vector<Level>& levels) {
  constexpr double kHeadroom = 100.0;  // exponents above the reference before it is raised
  for (std::size_t k = 0; k < levels.size(); ++k) {
    Level& level = levels[k];
    const int l = first + static_cast<int>(k);
    double exponent = level_values_[l] + rule_.log_weight[node];
    for (int i = 0; i < width; ++i)
      exponent -= 0.5 * node_u_[effect(i, l)] * node_u_[effect(i, l)];
    level_weights_[l] = 0.0;
    if (!std::isfinite(exponent)) continue;
    if (level.total == 0.0) {
      level.reference = exponent;
    } else if (exponent - level.reference > kHeadroom) {
      rescale(l, std::exp(level.reference - exponent), level);
      level.reference = exponent;
    }
    level_weights_[l] = std::exp(exponent - level.reference);
    level.total += level_weights_[l];
    if (gradient && level_weights_[l] > 0.0) add_node(node, l, level);
  }
  if (!gradient) return;
  const std::size_t begin = row_begin(first);
  const std::size_t end = row_begin(first + static_cast<int>(levels.size()));
  for (int k = 0; k < cell_.predictors_; ++k)
    cell_.loops_->add_weighted(cell_.data_.terms[0].codes.data(), level_weights_.data(),
                               row_d1_[k].data(), begin, end, mean_scores_[k].data() + begin);
}

template <int width>
void CellQuadrature<width>::add_node(int node, int l, Level& level) {
  const double* x = rule_.x.data() + node * width;
  const double weight = level_weights_[l];
  Vector u, score;
  for (int j = 0; j < width; ++j) {
    u[j] = node_u_[effect(j, l)];
    score[j] = node_scores_[effect(j, l)];
  }
  for (int j = 0; j < width; ++j) {
    double a = -u[j];
    for (int i = j; i < width; ++i) a += factor_[i + j * width] * score[i];
    level.gradient[j] += weight * a;
    for (int i = 0; i < width; ++i) {
      level.product[i + j * width] += weight * x[i] * a;
      level.score[i + j * width] += weight * score[i] * u[j];
    }
  }
}

template <int width>
void CellQuadrature<width>::rescale(int l, double factor, Level& level) {
  level.total *= factor;
  for (double& value : level.gradient) value *= factor;
  for (double& value : level.product) value *= factor;
  for (double& value : level.score) value *= factor;
  for (auto& scores : mean_scores_)
    for (std::size_t i = row_begin(l); i < row_begin(l + 1); ++i) scores[i] *= factor;
}

// Adds log I and turns sums into means; with the means, P~ = L^-T (I + 2S) L^-1, where S has the
// lower triangle of F / 2, F = E2 L^-T.
template <int width>
void CellQuadrature<width>::finish(int l, bool gradient, Level& level) {
  value_ += level.reference + std::log(level.total);
  if (!gradient || !(level.total > 0.0)) return;
  rescale(l, 1.0 / level.total, level);

  constexpr int q = width;
  const double* root = level.inverse_root;
  Matrix adjusted = {}, half = {}, inverse = {};
  for (int j = 0; j < q; ++j)
    for (int i = j; i < q; ++i) {
      double sum = i == j ? 1.0 : 0.0;
      for (int k = 0; k <= j; ++k) sum += level.product[i + k * q] * root[k + j * q];
      adjusted[i + j * q] = adjusted[j + i * q] = sum;
    }
  for (int j = 0; j < q; ++j)
    for (int i = 0; i < q; ++i)
      for (int k = i; k < q; ++k) half[i + j * q] += root[i + k * q] * adjusted[k + j * q];
  for (int j = 0; j < q; ++j)
    for (int i = 0; i < q; ++i)
      for (int k = j; k < q; ++k) inverse[i + j * q] += half[i + k * q] * root[j + k * q];
  store_inverse(l, inverse);

  for (int j = 0; j < q; ++j) shift_[effect(j, l)] = level.gradient[j];
  for (int t = 0, position = 0; t < cell_.pattern_.terms(); ++t) {
    const int w = cell_.pattern_.term(t).width, o = offset_[t];
    for (int j = 0; j < w; ++j, position += w)
      for (int i = 0; i < w; ++i) mean_products_[position + i] += level.score[o + i + (o + j) * q];
  }
}

// Puts the blocks of a level's inverse (width, width) into the compact layout.
template <int width>
void CellQuadrature<width>::store_inverse(int l, const double* inverse) {
  const BlockPattern& pattern = cell_.pattern_;
  const auto store = [&](int row_term, int column_term, double* block) {
    const int rows = pattern.term(row_term).width, columns = pattern.term(column_term).width;
    for (int j = 0; j < columns; ++j)
      for (int i = 0; i < rows; ++i)
        block[i + j * rows] = inverse[offset_[row_term] + i + (offset_[column_term] + j) * width];
  };
  for (int t = 0; t < pattern.terms(); ++t) {
    const int q = pattern.term(t).width;
    store(t, t, cell_.P_.data() + pattern.diagonal_offset(t) + l * q * q);
  }
  for (const BlockPair& pair : pattern.pairs()) {
    if (pair.row_start[l] == pair.row_start[l + 1]) continue;
    const int size = pattern.term(pair.row_term).width * pattern.term(pair.column_term).width;
    store(pair.row_term, pair.column_term,
          cell_.P_.data() + pair.offset + pair.row_start[l] * size);
  }
}

}  // namespace ilk
