// Triangular solves, on vectors in the order of elimination.

#include "block_cholesky_parts.h"

#include <algorithm>

namespace ilk {

namespace {

// One scalar of each of `batch` vectors that are solved for together: x[i * batch + k] is entry i
// of vector k, so that L is read once for all of them.
template <int batch>
struct Few {
  double value[batch];

  static Few at(const double* x, Index i) {
    Few few;
    for (int k = 0; k < batch; ++k) few.value[k] = x[i * batch + k];
    return few;
  }
  void store(double* x, Index i) const {
    for (int k = 0; k < batch; ++k) x[i * batch + k] = value[k];
  }
  Few times(double factor) const {
    Few few;
    for (int k = 0; k < batch; ++k) few.value[k] = value[k] * factor;
    return few;
  }
  void subtract(const double* x, Index i, double factor) {
    for (int k = 0; k < batch; ++k) value[k] -= factor * x[i * batch + k];
  }
  void subtract_from(double* x, Index i, double factor) const {
    for (int k = 0; k < batch; ++k) x[i * batch + k] -= factor * value[k];
  }
};

}  // namespace

// x_c <- L11^-1 x_c,   x_r <- x_r - L21 x_c.
template <int batch>
void BlockCholesky::Implementation::forward_front(const Front& front, double* x, int active) const {
  const Index height = front.height();
  const int columns = std::min(front.columns, active - front.first_column);
  const int active_below = active_rows(front, active);
  const int* row = rows(front);
  double* own = x + static_cast<Index>(front.first_column) * batch;
  const double* column = L.data() + front.panel;
  for (int j = 0; j < columns; ++j, column += height) {
    const Few<batch> value = Few<batch>::at(own, j).times(1.0 / column[j]);
    value.store(own, j);
    for (int i = j + 1; i < columns; ++i) value.subtract_from(own, i, column[i]);
    const double* below = column + front.columns;
    for (int a = 0; a < active_below; ++a) value.subtract_from(x, row[a], below[a]);
  }
}

// x_c <- L11^-T (x_c - L21' x_r).
template <int batch>
void BlockCholesky::Implementation::backward_front(const Front& front, double* x,
                                                   int active) const {
  const Index height = front.height();
  const int columns = std::min(front.columns, active - front.first_column);
  const int active_below = active_rows(front, active);
  const int* row = rows(front);
  double* own = x + static_cast<Index>(front.first_column) * batch;
  for (int j = columns - 1; j >= 0; --j) {
    const double* column = L.data() + front.panel + j * height;
    Few<batch> sum = Few<batch>::at(own, j);
    for (int i = j + 1; i < columns; ++i) sum.subtract(own, i, column[i]);
    const double* below = column + front.columns;
    for (int a = 0; a < active_below; ++a) sum.subtract(x, row[a], below[a]);
    sum.times(1.0 / column[j]).store(own, j);
  }
}

// Leaves with one column share their rows, so these are gathered and scattered once per group.
template <int batch>
void BlockCholesky::Implementation::forward_leaves(const Front& group, double* x,
                                                   int active) const {
  double* own = x + static_cast<Index>(group.first_column) * batch;
  const double* panel = L.data() + group.panel;
  const int active_below = active_rows(group, active);
  gathered.assign(static_cast<std::size_t>(active_below) * batch, 0.0);
  double* sums = gathered.data();
  for (int k = 0; k < group.count; ++k, panel += group.panel_size()) {
    const Few<batch> value = Few<batch>::at(own, k).times(1.0 / panel[0]);
    value.store(own, k);
    for (int a = 0; a < active_below; ++a) value.subtract_from(sums, a, panel[1 + a]);
  }
  const int* row = rows(group);
  for (int a = 0; a < active_below; ++a) Few<batch>::at(sums, a).subtract_from(x, row[a], -1.0);
}

template <int batch>
void BlockCholesky::Implementation::backward_leaves(const Front& group, double* x,
                                                    int active) const {
  double* own = x + static_cast<Index>(group.first_column) * batch;
  const double* panel = L.data() + group.panel;
  const int active_below = active_rows(group, active);
  gathered.resize(static_cast<std::size_t>(active_below) * batch);
  double* values = gathered.data();
  const int* row = rows(group);
  for (int a = 0; a < active_below; ++a) Few<batch>::at(x, row[a]).store(values, a);
  for (int k = 0; k < group.count; ++k, panel += group.panel_size()) {
    Few<batch> sum = Few<batch>::at(own, k);
    for (int a = 0; a < active_below; ++a) sum.subtract(values, a, panel[1 + a]);
    sum.times(1.0 / panel[0]).store(own, k);
  }
}

namespace {

// The panels of a group one after the other.
template <typename Function>
void for_each_leaf(const Front& group, Function&& work) {
  Front leaf = group;
  for (int k = 0; k < group.count; ++k) {
    work(leaf);
    leaf.panel += group.panel_size();
    leaf.first_column += group.columns;
  }
}

}  // namespace

template <int batch>
void BlockCholesky::Implementation::forward(double* x, int active) const {
  for (const InteriorFront& front : fronts.interior) {
    for (std::int64_t g = front.leaves_begin; g < front.leaves_end; ++g) {
      const Front& group = fronts.leaves[g];
      if (group.columns == 1) forward_leaves<batch>(group, x, active);
      else for_each_leaf(group, [&](const Front& leaf) { forward_front<batch>(leaf, x, active); });
    }
    forward_front<batch>(front, x, active);
  }
}

template <int batch>
void BlockCholesky::Implementation::backward(double* x, int active) const {
  for (std::size_t i = fronts.interior.size(); i-- > 0;) {
    const InteriorFront& front = fronts.interior[i];
    backward_front<batch>(front, x, active);
    for (std::int64_t g = front.leaves_begin; g < front.leaves_end; ++g) {
      const Front& group = fronts.leaves[g];
      if (group.columns == 1) backward_leaves<batch>(group, x, active);
      else for_each_leaf(group, [&](const Front& leaf) { backward_front<batch>(leaf, x, active); });
    }
  }
}

namespace {

constexpr int kBatch = BlockCholesky::kBatch;

// Solves for `columns` <= batch columns of x (N, columns), side by side in the order of elimination
// and filled up with zeros.
template <int batch, typename Solve>
void permute_and_solve(double* x, Index N, int columns, int active, const int* position, double* y,
                       Solve&& solve) {
  const auto entry = [&](int i, int k) -> double& {
    return y[static_cast<Index>(position[i]) * batch + k];
  };
  for (int k = 0; k < batch; ++k)
    for (int i = 0; i < active; ++i) entry(i, k) = k < columns ? x[i + k * N] : 0.0;
  solve(y);
  for (int k = 0; k < columns; ++k)
    for (int i = 0; i < active; ++i) x[i + k * N] = entry(i, k);
}

}  // namespace

// Applies `one` or `several`, which solve for 1 and for kBatch vectors, to the columns of x; only
// the leading `active` scalars take part.
template <typename One, typename Several>
void BlockCholesky::Implementation::for_each_column(double* x, int columns, int active, One&& one,
                                                    Several&& several) const {
  const Index N = pattern.scalars();
  double* y = scratch();
  const int* position = fronts.position.data();
  for (int j = 0; j < columns; j += kBatch, x += kBatch * N) {
    const int left = std::min(columns - j, kBatch);
    if (left == 1) permute_and_solve<1>(x, N, left, active, position, y, one);
    else permute_and_solve<kBatch>(x, N, left, active, position, y, several);
  }
}

// Entries of row i of L, the position of a scalar without a prior being the scalar itself.
void BlockCholesky::Implementation::factor_row(int i, double* x) const {
  double* permuted = scratch();
  std::fill(permuted, permuted + pattern.scalars(), 0.0);
  const auto collect = [&](const Front& front) {
    const int* begin = rows(front);
    const int* found = std::lower_bound(begin, begin + front.rows, i);
    if (found == begin + front.rows || *found != i) return;
    const double* entry = L.data() + front.panel + front.columns + (found - begin);
    const int columns = front.count * front.columns;
    for (int j = 0; j < columns; ++j)
      permuted[front.first_column + j] = entry[j * front.height()];
  };
  for (const Front& group : fronts.leaves) collect(group);
  for (const InteriorFront& front : fronts.interior) collect(front);
  const Front& root = fronts.root();
  for (int j = root.first_column; j < i; ++j)
    permuted[j] = L.data()[root.panel + (i - root.first_column) +
                           (j - root.first_column) * root.height()];
  for (int j = 0; j < pattern.scalars(); ++j) x[j] = permuted[fronts.position[j]];
}

void BlockCholesky::forward(double* x, int columns, int active) const {
  active = impl_->active_or_prior(active);
  impl_->for_each_column(
      x, columns, active, [&](double* y) { impl_->forward<1>(y, active); },
      [&](double* y) { impl_->forward<kBatch>(y, active); });
}

void BlockCholesky::backward(double* x, int columns, int active) const {
  active = impl_->active_or_prior(active);
  impl_->for_each_column(
      x, columns, active, [&](double* y) { impl_->backward<1>(y, active); },
      [&](double* y) { impl_->backward<kBatch>(y, active); });
}

void BlockCholesky::backward_batch(double* x, int active) const {
  impl_->backward<kBatch>(x, active);
}

const std::vector<int>& BlockCholesky::positions() const { return impl_->fronts.position; }

void BlockCholesky::solve(double* x, int columns, int active) const {
  forward(x, columns, active);
  backward(x, columns, active);
}

void BlockCholesky::factor_row(int i, double* x) const { impl_->factor_row(i, x); }

}  // namespace ilk
