// Triangular solves, on vectors in the order of elimination.

#include "block_cholesky_parts.h"

#include <algorithm>

namespace ilk {

// x_c <- L11^-1 x_c,   x_r <- x_r - L21 x_c.
void BlockCholesky::Implementation::forward_front(const Front& front, double* x, int active) const {
  const Index height = front.height();
  const int columns = std::min(front.columns, active - front.first_column);
  const int active_below = active_rows(front, active);
  const int* row = rows(front);
  double* own = x + front.first_column;
  const double* column = L.data() + front.panel;
  for (int j = 0; j < columns; ++j, column += height) {
    const double value = own[j] / column[j];
    own[j] = value;
    for (int i = j + 1; i < columns; ++i) own[i] -= value * column[i];
    const double* below = column + front.columns;
    for (int a = 0; a < active_below; ++a) x[row[a]] -= value * below[a];
  }
}

// x_c <- L11^-T (x_c - L21' x_r).
void BlockCholesky::Implementation::backward_front(const Front& front, double* x,
                                                   int active) const {
  const Index height = front.height();
  const int columns = std::min(front.columns, active - front.first_column);
  const int active_below = active_rows(front, active);
  const int* row = rows(front);
  double* own = x + front.first_column;
  for (int j = columns - 1; j >= 0; --j) {
    const double* column = L.data() + front.panel + j * height;
    double sum = own[j];
    for (int i = j + 1; i < columns; ++i) sum -= column[i] * own[i];
    const double* below = column + front.columns;
    for (int a = 0; a < active_below; ++a) sum -= below[a] * x[row[a]];
    own[j] = sum / column[j];
  }
}

// Leaves with one column share their rows, so these are gathered and scattered once per group.
void BlockCholesky::Implementation::forward_leaves(const Front& group, double* x,
                                                   int active) const {
  double* own = x + group.first_column;
  const double* panel = L.data() + group.panel;
  const int active_below = active_rows(group, active);
  gathered.assign(static_cast<std::size_t>(active_below), 0.0);
  double* sums = gathered.data();
  for (int k = 0; k < group.count; ++k, panel += group.panel_size()) {
    const double value = own[k] / panel[0];
    own[k] = value;
    for (int a = 0; a < active_below; ++a) sums[a] += value * panel[1 + a];
  }
  for (int a = 0; a < active_below; ++a) x[rows(group)[a]] -= sums[a];
}

void BlockCholesky::Implementation::backward_leaves(const Front& group, double* x,
                                                    int active) const {
  double* own = x + group.first_column;
  const double* panel = L.data() + group.panel;
  const int active_below = active_rows(group, active);
  gathered.resize(static_cast<std::size_t>(active_below));
  double* values = gathered.data();
  for (int a = 0; a < active_below; ++a) values[a] = x[rows(group)[a]];
  for (int k = 0; k < group.count; ++k, panel += group.panel_size()) {
    double sum = own[k];
    for (int a = 0; a < active_below; ++a) sum -= panel[1 + a] * values[a];
    own[k] = sum / panel[0];
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

void BlockCholesky::Implementation::forward(double* x, int active) const {
  for (const InteriorFront& front : fronts.interior) {
    for (std::int64_t g = front.leaves_begin; g < front.leaves_end; ++g) {
      const Front& group = fronts.leaves[g];
      if (group.columns == 1) forward_leaves(group, x, active);
      else for_each_leaf(group, [&](const Front& leaf) { forward_front(leaf, x, active); });
    }
    forward_front(front, x, active);
  }
}

void BlockCholesky::Implementation::backward(double* x, int active) const {
  for (std::size_t i = fronts.interior.size(); i-- > 0;) {
    const InteriorFront& front = fronts.interior[i];
    backward_front(front, x, active);
    for (std::int64_t g = front.leaves_begin; g < front.leaves_end; ++g) {
      const Front& group = fronts.leaves[g];
      if (group.columns == 1) backward_leaves(group, x, active);
      else for_each_leaf(group, [&](const Front& leaf) { backward_front(leaf, x, active); });
    }
  }
}

// Columns of x in the order of elimination, the leading `active` scalars only.
template <typename Function>
void BlockCholesky::Implementation::for_each_column(double* x, int columns, int active,
                                                    Function&& solve) const {
  permuted.resize(static_cast<std::size_t>(pattern.scalars()));
  double* y = permuted.data();
  const int* position = fronts.position.data();
  for (int j = 0; j < columns; ++j, x += pattern.scalars()) {
    for (int i = 0; i < active; ++i) y[position[i]] = x[i];
    solve(y);
    for (int i = 0; i < active; ++i) x[i] = y[position[i]];
  }
}

// Entries of row i of L, the position of a scalar without a prior being the scalar itself.
void BlockCholesky::Implementation::factor_row(int i, double* x) const {
  permuted.assign(static_cast<std::size_t>(pattern.scalars()), 0.0);
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
  impl_->for_each_column(x, columns, active, [&](double* y) { impl_->forward(y, active); });
}

void BlockCholesky::backward(double* x, int columns, int active) const {
  active = impl_->active_or_prior(active);
  impl_->for_each_column(x, columns, active, [&](double* y) { impl_->backward(y, active); });
}

void BlockCholesky::solve(double* x, int columns, int active) const {
  active = impl_->active_or_prior(active);
  impl_->for_each_column(x, columns, active, [&](double* y) {
    impl_->forward(y, active);
    impl_->backward(y, active);
  });
}

void BlockCholesky::factor_row(int i, double* x) const { impl_->factor_row(i, x); }

}  // namespace ilk
