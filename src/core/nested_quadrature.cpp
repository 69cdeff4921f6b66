#include "nested_quadrature.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace ilk {

NestedQuadrature::NestedQuadrature(LaplaceCell& cell, const QuadraturePlan& plan) : cell_(cell) {
  const Data& data = cell.data_;
  for (std::size_t d = 0; d < plan.nesting.size(); ++d) {
    Depth depth{};
    depth.rule = &plan.rules[d];
    depth.terms = plan.nesting[d];
    const Term& first = data.terms[depth.terms.front()];
    depth.codes = first.codes.data();
    depth.levels = first.levels;
    depth.start = path_;
    for (int t : depth.terms)
      for (int column = 0; column < data.terms[t].width; ++column, ++path_)
        coordinates_.push_back({static_cast<int>(d), t, column,
                                static_cast<std::size_t>(cell.pattern_.scalar_offset(t) + column),
                                static_cast<std::size_t>(data.terms[t].width)});
    depth.width = path_ - depth.start;
    if (d > 0)
      depth.parents = parent_levels(first, data.terms[depths_.back().terms.front()]);
    else
      depth.parents.assign(depth.levels, 0);
    depth.eta.resize(cell.predictors_);
    for (int t : depth.terms) depth.eta[data.terms[t].predictor].resize(data.n);
    depth.predictors.resize(cell.predictors_);
    depths_.push_back(std::move(depth));
  }
  first_coordinate_.assign(data.terms.size(), 0);
  for (int c = path_ - 1; c >= 0; --c) first_coordinate_[coordinates_[c].term] = c;
  const int leaf = static_cast<int>(depths_.size()) - 1;
  for (int d = 0; d <= leaf; ++d) {
    above_leaf_.emplace_back(depths_[leaf].levels);
    for (int l = 0; l < depths_[leaf].levels; ++l) above_leaf_[d][l] = ancestor(leaf, l, d);
  }
  factor_.assign(static_cast<std::size_t>(path_) * path_, 0.0);
  for (int i = 0; i < path_; ++i)
    for (int j = 0; j < path_; ++j) {
      const Coordinate &a = coordinates_[i], &b = coordinates_[j];
      if (a.term == b.term && a.column >= b.column)
        factor_[i * path_ + j] =
            cell.lambda_[a.term][a.column + b.column * data.terms[a.term].width];
    }
  x_.assign(path_, 0.0);
  node_u_.assign(cell.effects(), 0.0);
  node_b_.assign(cell.effects(), 0.0);
  row_values_.resize(data.n);
  row_d1_.assign(cell.predictors_, std::vector<double>(data.n));
  find_blocks();
}

// ---- Places -------------------------------------------------------------------------------------

// Level at depth `outer` of the ancestor of level l at depth d.
int NestedQuadrature::ancestor(int d, int l, int outer) const {
  for (; d > outer; --d) l = depths_[d].parents[l];
  return l;
}

void NestedQuadrature::find_blocks() {
  const BlockPattern& pattern = cell_.pattern_;
  std::vector<int> depth_of(pattern.terms(), 0);
  for (const Coordinate& c : coordinates_) depth_of[c.term] = c.depth;
  blocks_.assign(pattern.terms(), std::vector<Blocks>(pattern.terms()));
  for (int t = 0; t < pattern.terms(); ++t) {
    const int q = pattern.term(t).width;
    Blocks& own = blocks_[t][t];
    own.rows = q;
    for (int l = 0; l < pattern.term(t).levels; ++l)
      own.place.push_back(pattern.diagonal_offset(t) + static_cast<std::int64_t>(l) * q * q);
  }
  for (const BlockPair& pair : pattern.pairs()) {
    const int rows = pattern.term(pair.row_term).width;
    const std::int64_t size = rows * pattern.term(pair.column_term).width;
    const bool by_row = depth_of[pair.row_term] >= depth_of[pair.column_term];
    Blocks found;
    found.rows = rows;
    found.transposed = !by_row;
    const int deeper = by_row ? pair.row_term : pair.column_term;
    const int outer = by_row ? pair.column_term : pair.row_term;
    found.place.assign(pattern.term(deeper).levels, -1);
    for (int r = 0; r < pattern.term(pair.row_term).levels; ++r)
      for (std::int64_t k = pair.row_start[r]; k < pair.row_start[r + 1]; ++k)
        found.place[by_row ? r : pair.columns[k]] = pair.offset + k * size;
    if (depth_of[deeper] == depth_of[outer]) {  // terms that group alike: either way round
      Blocks turned = found;
      turned.transposed = !found.transposed;
      blocks_[outer][deeper] = std::move(turned);
    }
    blocks_[deeper][outer] = std::move(found);
  }
}

// Element (i of the deeper term, j of the outer one) of the block of level l of the deeper term.
double NestedQuadrature::element(const Blocks& blocks, const double* compact, int l, int i,
                                 int j) const {
  const std::int64_t place = blocks.place[l];
  if (place < 0) return 0.0;
  return blocks.transposed ? compact[place + j + i * blocks.rows]
                           : compact[place + i + j * blocks.rows];
}

// ---- The factor L -------------------------------------------------------------------------------

// Rows of the raw information of a level: own effects by those of the path (q, m).
void NestedQuadrature::raw_front(const Depth& depth, int l, double* front) const {
  const int m = depth.start + depth.width;
  for (int i = 0; i < depth.width; ++i) {
    const Coordinate& a = coordinates_[depth.start + i];
    for (int j = 0; j < m; ++j) {
      const Coordinate& b = coordinates_[j];
      front[i * m + j] =
          element(blocks_[a.term][b.term], cell_.A_.data(), l, a.column, b.column);
    }
  }
}

// front <- Lambda_own' front Lambda_path.
void NestedQuadrature::to_factor(const Depth& depth, double* front) const {
  const int m = depth.start + depth.width, q = depth.width, a = depth.start;
  for (int i = 0; i < q; ++i)
    for (int j = 0; j < m; ++j) {  // in place: element j needs those from j on
      double sum = 0.0;
      for (int k = j; k < m; ++k) sum += front[i * m + k] * factor_[k * path_ + j];
      front[i * m + j] = sum;
    }
  for (int j = 0; j < m; ++j)
    for (int i = 0; i < q; ++i) {
      double sum = 0.0;
      for (int k = i; k < q; ++k) sum += factor_[(a + k) * path_ + a + i] * front[k * m + j];
      front[i * m + j] = sum;
    }
}

// L_d^-1 and Y_d from the leaves to the root: what is left of a front goes to the parent.
void NestedQuadrature::factorize() {
  half_log_det_ = 0.0;
  std::vector<double> received(static_cast<std::size_t>(depths_.back().levels) * path_ * path_);
  for (int d = static_cast<int>(depths_.size()) - 1; d >= 0; --d) {
    Depth& depth = depths_[d];
    const int q = depth.width, a = depth.start, m = a + q;
    const std::size_t above = d > 0 ? depths_[d - 1].levels : 1;
    std::vector<double> sent(above * a * a, 0.0), front(q * m), root(q * q);
    depth.half.assign(static_cast<std::size_t>(depth.levels) * q * q, 0.0);
    depth.shaft.assign(static_cast<std::size_t>(depth.levels) * q * a, 0.0);
    for (int l = 0; l < depth.levels; ++l) {
      const double* before = &received[static_cast<std::size_t>(l) * m * m];
      raw_front(depth, l, front.data());
      to_factor(depth, front.data());
      for (int i = 0; i < q; ++i)
        for (int j = 0; j < m; ++j) front[i * m + j] += before[(a + i) * m + j];
      double* half = &depth.half[static_cast<std::size_t>(l) * q * q];
      for (int j = 0; j < q; ++j)
        for (int i = j; i < q; ++i) {
          double sum = front[i * m + a + j] + (i == j ? 1.0 : 0.0);
          for (int k = 0; k < j; ++k) sum -= root[i * q + k] * root[j * q + k];
          root[i * q + j] = i == j ? std::sqrt(sum) : sum / root[j * q + j];
        }
      for (int j = 0; j < q; ++j) {
        half_log_det_ += std::log(root[j * q + j]);
        half[j * q + j] = 1.0 / root[j * q + j];
        for (int i = j + 1; i < q; ++i) {
          double sum = 0.0;
          for (int k = j; k < i; ++k) sum += root[i * q + k] * half[k * q + j];
          half[i * q + j] = -sum / root[i * q + i];
        }
      }
      double* shaft = depth.shaft.data() + static_cast<std::size_t>(l) * q * a;
      for (int i = 0; i < q; ++i)
        for (int j = 0; j < a; ++j)
          for (int k = 0; k <= i; ++k) shaft[i * a + j] += half[i * q + k] * front[k * m + j];
      double* rest = sent.data() + static_cast<std::size_t>(depth.parents[l]) * a * a;
      for (int i = 0; i < a; ++i)
        for (int j = 0; j < a; ++j) {
          double sum = before[i * m + j];
          for (int k = 0; k < q; ++k) sum -= shaft[k * a + i] * shaft[k * a + j];
          rest[i * a + j] += sum;
        }
    }
    received = std::move(sent);
  }
  for (int d = 0; d < static_cast<int>(depths_.size()); ++d) spread_nodes(d);
}

// Rows of L^-T: [-L_d^-T Y_d (rows of the ancestors), L_d^-T].
void NestedQuadrature::spread_nodes(int d) {
  Depth& depth = depths_[d];
  const int q = depth.width, a = depth.start, m = a + q;
  depth.spread.assign(static_cast<std::size_t>(depth.levels) * q * m, 0.0);
  std::vector<double> inner(q * m);
  for (int l = 0; l < depth.levels; ++l) {
    const double* half = &depth.half[static_cast<std::size_t>(l) * q * q];
    const double* shaft = depth.shaft.data() + static_cast<std::size_t>(l) * q * a;
    std::fill(inner.begin(), inner.end(), 0.0);
    for (int c = 0; c < a; ++c) {  // inner = -Y_d times the ancestors' rows
      const int outer = coordinates_[c].depth;
      const Depth& up = depths_[outer];
      const int width = up.start + up.width;
      const double* row = &up.spread[(static_cast<std::size_t>(ancestor(d, l, outer)) * up.width +
                                      (c - up.start)) * width];
      for (int i = 0; i < q; ++i)
        for (int j = 0; j < width; ++j) inner[i * m + j] -= shaft[i * a + c] * row[j];
    }
    for (int i = 0; i < q; ++i) inner[i * m + a + i] = 1.0;
    double* spread = &depth.spread[static_cast<std::size_t>(l) * q * m];
    for (int i = 0; i < q; ++i)
      for (int k = i; k < q; ++k)
        for (int j = 0; j < m; ++j) spread[i * m + j] += half[k * q + i] * inner[k * m + j];
  }
}

// ---- Nodes --------------------------------------------------------------------------------------

// Moves the effects of a depth to the nodes x_ of the current path, and the predictors with them.
void NestedQuadrature::place(int d) {
  Depth& depth = depths_[d];
  const int q = depth.width, a = depth.start, m = a + q;
  for (int l = 0; l < depth.levels; ++l) {
    const double* spread = &depth.spread[static_cast<std::size_t>(l) * q * m];
    for (int i = 0; i < q; ++i) {
      const std::size_t at = effect(a + i, l);
      double u = cell_.u_[at];
      for (int j = 0; j < m; ++j) u += spread[i * m + j] * x_[j];
      node_u_[at] = u;
    }
    for (int i = 0; i < q; ++i) {
      double b = 0.0;
      for (int j = 0; j <= i; ++j)
        b += factor_[(a + i) * path_ + a + j] * node_u_[effect(a + j, l)];
      node_b_[effect(a + i, l)] = b;
    }
  }
  for (int k = 0; k < cell_.predictors_; ++k)
    depth.predictors[k] = d > 0 ? depths_[d - 1].predictors[k] : cell_.xb_[k].data();
  for (int t : depth.terms) {
    const int k = cell_.data_.terms[t].predictor;
    cell_.loops_->add_effects(cell_.term_rows_[t],
                              node_b_.data() + cell_.pattern_.scalar_offset(t), 0, cell_.data_.n,
                              depth.predictors[k], depth.eta[k].data());
    depth.predictors[k] = depth.eta[k].data();
  }
}

// Log densities and scores of all rows at the current path.
void NestedQuadrature::evaluate_rows() {
  const Data& data = cell_.data_;
  std::vector<double*> d1(cell_.predictors_);
  for (int k = 0; k < cell_.predictors_; ++k) d1[k] = row_d1_[k].data();
  cell_.poll_();
  cell_.density_->node(cell_.predictors_, data.n, data.response.data(),
                       data.trials.empty() ? nullptr : data.trials.data(),
                       data.weights.empty() ? nullptr : data.weights.data(),
                       depths_.back().predictors.data(), row_values_.data(), d1.data());
}

// log I_d of every level given the nodes of the ancestors, which are path number `path`.
void NestedQuadrature::log_integral(int d, std::size_t path, double* total) {
  Depth& depth = depths_[d];
  const int L = depth.levels, nodes = depth.rule->nodes;
  const bool leaf = d + 1 == static_cast<int>(depths_.size());
  double* terms = &depth.posterior[path * nodes * L];
  std::vector<double> inner(leaf ? 0 : depths_[d + 1].levels);
  for (int j = 0; j < nodes; ++j, terms += L) {
    std::copy_n(depth.rule->x.data() + j * depth.width, depth.width, x_.data() + depth.start);
    place(d);
    std::fill_n(terms, L, depth.rule->log_weight[j]);
    if (leaf) {
      evaluate_rows();
      const TermRows sums = {depth.codes, nullptr, 1, cell_.term_rows_[depth.terms[0]].starts};
      cell_.loops_->add_scores(sums, row_values_.data(), 0, cell_.data_.n, terms);
    } else {
      log_integral(d + 1, path * nodes + j, inner.data());
      for (std::size_t c = 0; c < inner.size(); ++c)
        terms[depths_[d + 1].parents[c]] += inner[c];
    }
    for (int i = 0; i < depth.width; ++i)
      for (int l = 0; l < L; ++l) {
        const double u = node_u_[effect(depth.start + i, l)];
        terms[l] -= 0.5 * u * u;
      }
  }
  terms = &depth.posterior[path * nodes * L];
  for (int l = 0; l < L; ++l) {
    double largest = -std::numeric_limits<double>::infinity(), sum = 0.0;
    for (int j = 0; j < nodes; ++j)
      if (terms[j * L + l] > largest) largest = terms[j * L + l];
    for (int j = 0; j < nodes; ++j) {
      double& term = terms[j * L + l];  // nodes with an impossible mean have no density
      term = std::isfinite(term) ? std::exp(term - largest) : 0.0;
      sum += term;
    }
    for (int j = 0; j < nodes; ++j)
      if (sum > 0.0) terms[j * L + l] /= sum;
    total[l] = largest + std::log(sum);
  }
}

// Scores by leaf on its path (L, m) at the current nodes, and what they add to the means; `weight`
// (L,) is that of the current path.
void NestedQuadrature::leaf_scores(const double* weight, double* residual) {
  const Depth& leaf = depths_.back();
  const int L = leaf.levels;
  for (int k = 0; k < cell_.predictors_; ++k)
    cell_.loops_->add_weighted(leaf.codes, weight, row_d1_[k].data(), 0, cell_.data_.n,
                               mean_scores_[k].data());
  int lambda_offset = 0;
  for (std::size_t t = 0; t < cell_.data_.terms.size(); ++t) {
    const int q = cell_.data_.terms[t].width;
    std::vector<double>& raw = leaf_raw_[t];
    std::fill(raw.begin(), raw.end(), 0.0);
    const TermRows rows = {leaf.codes, cell_.term_rows_[t].columns, q,
                           cell_.term_rows_[leaf.terms[0]].starts};
    cell_.loops_->add_scores(rows, row_d1_[cell_.data_.terms[t].predictor].data(), 0,
                             cell_.data_.n, raw.data());
    const int first = first_coordinate_[t];
    const std::vector<int>& level = above_leaf_[coordinates_[first].depth];
    double* products = &mean_products_[lambda_offset];
    for (int l = 0; l < L; ++l) {
      if (weight[l] == 0.0) continue;
      const std::size_t at = effect(first, level[l]);
      for (int i = 0; i < q; ++i) {
        const double score = weight[l] * raw[l * q + i];
        mean_raw_[at + i] += score;
        for (int j = 0; j <= i; ++j) products[i + j * q] += score * node_u_[at + j];
      }
    }
    lambda_offset += q * q;
  }
  for (int j = 0; j < path_; ++j) {  // Lambda' raw
    const Coordinate& c = coordinates_[j];
    const int q = static_cast<int>(c.stride), first = j - c.column;
    const double* raw = leaf_raw_[c.term].data();
    for (int l = 0; l < L; ++l) {
      double sum = 0.0;
      for (int i = c.column; i < q; ++i) sum += factor_[(first + i) * path_ + j] * raw[l * q + i];
      residual[static_cast<std::size_t>(l) * path_ + j] = sum;
    }
  }
}

// Adds what the nodes of a depth give to the means; `weight` (L,) is that of the ancestors' nodes.
// `message` (L, a) receives the mean of what is left of the residual for the ancestors,
// r_a - Y_d'alpha_d.
void NestedQuadrature::moments(int d, std::size_t path, const double* weight, double* message) {
  Depth& depth = depths_[d];
  const int L = depth.levels, nodes = depth.rule->nodes;
  const int q = depth.width, a = depth.start, m = a + q;
  const bool leaf = d + 1 == static_cast<int>(depths_.size());
  std::fill_n(message, static_cast<std::size_t>(L) * a, 0.0);
  std::vector<double> residual(static_cast<std::size_t>(L) * m), joint(L), alpha(q);
  std::vector<double> inner, inner_weight;
  if (!leaf) {
    inner.resize(static_cast<std::size_t>(depths_[d + 1].levels) * m);
    inner_weight.resize(depths_[d + 1].levels);
  }
  for (int j = 0; j < nodes; ++j) {
    const double* conditional = &depth.posterior[(path * nodes + j) * L];
    std::copy_n(depth.rule->x.data() + j * q, q, x_.data() + a);
    place(d);
    for (int l = 0; l < L; ++l) joint[l] = weight[l] * conditional[l];
    if (leaf) {
      evaluate_rows();
      leaf_scores(joint.data(), residual.data());
    } else {
      const std::vector<int>& parents = depths_[d + 1].parents;
      for (std::size_t c = 0; c < parents.size(); ++c) inner_weight[c] = joint[parents[c]];
      moments(d + 1, path * nodes + j, inner_weight.data(), inner.data());
      std::fill(residual.begin(), residual.end(), 0.0);
      for (std::size_t c = 0; c < parents.size(); ++c)
        for (int i = 0; i < m; ++i) residual[parents[c] * m + i] += inner[c * m + i];
    }
    for (int l = 0; l < L; ++l) {
      if (conditional[l] == 0.0) continue;
      double* r = &residual[static_cast<std::size_t>(l) * m];
      for (int i = 0; i < q; ++i) {
        const std::size_t at = effect(a + i, l);
        r[a + i] -= node_u_[at];
        mean_u_[at] += joint[l] * node_u_[at];
      }
      const double* half = &depth.half[static_cast<std::size_t>(l) * q * q];
      for (int i = 0; i < q; ++i) {
        alpha[i] = 0.0;
        for (int k = 0; k <= i; ++k) alpha[i] += half[i * q + k] * r[a + k];
      }
      const double* shaft = depth.shaft.data() + static_cast<std::size_t>(l) * q * a;
      double* left = message + static_cast<std::size_t>(l) * a;
      for (int c = 0; c < a; ++c) {
        double sum = r[c];
        for (int i = 0; i < q; ++i) sum -= shaft[i * a + c] * alpha[i];
        left[c] += conditional[l] * sum;
      }
      double* product = &depth.product[static_cast<std::size_t>(l) * m * q];
      for (int c = 0; c < m; ++c)
        for (int i = 0; i < q; ++i) product[c * q + i] += joint[l] * x_[c] * alpha[i];
    }
  }
}

// ---- The adjusted inverse -----------------------------------------------------------------------

// P~ = L^-T (I + 2S) L^-1 on the paths, from the root down: with C the part of 2S between a level
// and its ancestors times their rows of L^-T,
//     P~_da = L_d^-T (C - Y P~_aa),   P~_dd = L_d^-T (I + 2S_dd - C Y' - Y C' + Y P~_aa Y') L_d^-1.
void NestedQuadrature::adjusted_inverse() {
  std::vector<double> above(1), here;
  for (int d = 0; d < static_cast<int>(depths_.size()); ++d) {
    const Depth& depth = depths_[d];
    const int q = depth.width, a = depth.start, m = a + q;
    here.assign(static_cast<std::size_t>(depth.levels) * m * m, 0.0);
    std::vector<double> across(q * a), carried(q * a), middle(q * q), turned(q * q);
    for (int l = 0; l < depth.levels; ++l) {
      const double* product = &depth.product[static_cast<std::size_t>(l) * m * q];
      const double* half = &depth.half[static_cast<std::size_t>(l) * q * q];
      const double* shaft = depth.shaft.data() + static_cast<std::size_t>(l) * q * a;
      const double* p = above.data() + static_cast<std::size_t>(depth.parents[l]) * a * a;
      for (int c = 0; c < a; ++c) {
        const int outer = coordinates_[c].depth;
        const Depth& up = depths_[outer];
        const int width = up.start + up.width;
        const double* row =
            &up.spread[(static_cast<std::size_t>(ancestor(d, l, outer)) * up.width +
                        (c - up.start)) * width];
        for (int i = 0; i < q; ++i) {
          double sum = 0.0;
          for (int k = 0; k < width; ++k) sum += product[k * q + i] * row[k];
          across[i * a + c] = sum;
        }
      }
      for (int i = 0; i < q; ++i)
        for (int c = 0; c < a; ++c) {  // carried = Y P~_aa
          double sum = 0.0;
          for (int k = 0; k < a; ++k) sum += shaft[i * a + k] * p[k * a + c];
          carried[i * a + c] = sum;
        }
      for (int i = 0; i < q; ++i)
        for (int j = 0; j < q; ++j) {
          double sum = product[(a + std::max(i, j)) * q + std::min(i, j)] + (i == j ? 1.0 : 0.0);
          for (int c = 0; c < a; ++c)
            sum += carried[i * a + c] * shaft[j * a + c] - across[i * a + c] * shaft[j * a + c] -
                   shaft[i * a + c] * across[j * a + c];
          middle[i * q + j] = sum;
        }
      double* out = &here[static_cast<std::size_t>(l) * m * m];
      for (int i = 0; i < a; ++i)
        for (int j = 0; j < a; ++j) out[i * m + j] = p[i * a + j];
      for (int i = 0; i < q; ++i)
        for (int c = 0; c < a; ++c) {
          double sum = 0.0;
          for (int k = i; k < q; ++k)
            sum += half[k * q + i] * (across[k * a + c] - carried[k * a + c]);
          out[(a + i) * m + c] = out[c * m + a + i] = sum;
        }
      for (int i = 0; i < q; ++i)
        for (int j = 0; j < q; ++j) {
          double sum = 0.0;
          for (int k = i; k < q; ++k) sum += half[k * q + i] * middle[k * q + j];
          turned[i * q + j] = sum;
        }
      for (int i = 0; i < q; ++i)
        for (int j = 0; j < q; ++j) {
          double sum = 0.0;
          for (int k = j; k < q; ++k) sum += turned[i * q + k] * half[k * q + j];
          out[(a + i) * m + a + j] = sum;
        }
    }
    store_inverse(d, here);
    above = std::move(here);
  }
}

// Puts the blocks between the effects of a depth and those of its path into the compact layout.
void NestedQuadrature::store_inverse(int d, const std::vector<double>& inverse) {
  const Depth& depth = depths_[d];
  const int m = depth.start + depth.width;
  for (int l = 0; l < depth.levels; ++l)
    for (int i = depth.start; i < m; ++i)
      for (int j = 0; j < m; ++j) {
        const Coordinate &a = coordinates_[i], &b = coordinates_[j];
        const Blocks& blocks = blocks_[a.term][b.term];
        const std::int64_t place = blocks.place[l];
        if (place < 0) continue;
        const double value = inverse[(static_cast<std::size_t>(l) * m + i) * m + j];
        cell_.P_[blocks.transposed ? place + b.column + a.column * blocks.rows
                                   : place + a.column + b.column * blocks.rows] = value;
      }
}

// ---- Value and gradient -------------------------------------------------------------------------

void NestedQuadrature::evaluate(bool gradient, Scratch& scratch, Contribution& out) {
  factorize();
  std::size_t paths = 1;
  for (Depth& depth : depths_) {
    paths *= depth.rule->nodes;
    depth.posterior.assign(paths * depth.levels, 0.0);
  }
  std::vector<double> total(depths_[0].levels);
  log_integral(0, 0, total.data());
  out.value = -half_log_det_;
  for (double value : total) out.value += value;
  if (!gradient) return;

  const int U = cell_.effects();
  mean_scores_.assign(cell_.predictors_, std::vector<double>(cell_.data_.n, 0.0));
  mean_raw_.assign(U, 0.0);
  mean_u_.assign(U, 0.0);
  mean_products_.assign(cell_.lambda_size_, 0.0);
  leaf_raw_.clear();
  for (const Term& term : cell_.data_.terms)
    leaf_raw_.emplace_back(static_cast<std::size_t>(depths_.back().levels) * term.width);
  for (Depth& depth : depths_)
    depth.product.assign(
        static_cast<std::size_t>(depth.levels) * (depth.start + depth.width) * depth.width, 0.0);
  const std::vector<double> one(depths_[0].levels, 1.0);
  moments(0, 0, one.data(), nullptr);

  std::fill(cell_.P_.begin(), cell_.P_.end(), 0.0);
  adjusted_inverse();
  std::vector<double> shift(U);
  apply_factor_transposed(cell_.pattern_, cell_.lambda_, mean_raw_.data(), shift.data());
  for (int i = 0; i < U; ++i) shift[i] -= mean_u_[i];
  LaplaceCell::Direct direct;
  for (const auto& scores : mean_scores_) direct.scores.push_back(scores.data());
  direct.products = mean_products_.data();
  direct.shift = shift.data();
  cell_.add_gradient(direct, scratch, out);
}

}  // namespace ilk
