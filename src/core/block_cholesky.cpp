#include "block_cholesky.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "block_assembly.h"
#include "block_cholesky_parts.h"

namespace ilk {

using dense::columns_of;
using dense::transpose;
using multifrontal::kStrip;
using multifrontal::UpdateTarget;

// ---- Factorization ------------------------------------------------------------------------------

void BlockCholesky::Implementation::clear(double* begin, Index size) {
  constexpr Index piece = Index{1} << 20;
  for (Index i = 0; i < size; i += piece) {
    if (size > piece) work.poll();
    std::fill(begin + i, begin + std::min(i + piece, size), 0.0);
  }
}

void BlockCholesky::Implementation::assemble(const Front& front, const double* A,
                                             const std::vector<const double*>& lambda) {
  double* panel = L.data() + front.panel;
  if (&front == &fronts.root()) {  // (what is above the diagonal is not used)
    for (Index j = 0; j < front.columns; ++j) {
      work.poll();
      clear(panel + j * (front.height() + 1), front.height() - j);
    }
  } else {
    clear(panel, front.count * front.panel_size());
  }
  assemble_blocks(pattern, fronts, front, A, lambda, precision, panel);
}

void BlockCholesky::Implementation::note_pivots(const double* panel, Index height, Index columns) {
  for (Index k = 0; k < columns; ++k) {
    const double root = panel[k * (height + 1)];
    pivots.multiply(root * root);
  }
}

// L11 = chol(A11) and L21 = A21 L11^-T for the leading columns of a front.
bool BlockCholesky::Implementation::factor_columns(const Front& front, Index columns) {
  const Index height = front.height();
  double* panel = L.data() + front.panel;
  const Index done = dense::cholesky(columns, panel, height, work);
  if (done < columns) {
    failed_at = front.first_column + static_cast<int>(done);
    return false;
  }
  dense::solve_right_transposed(height - columns, columns, panel, height, panel + columns, height,
                                work);
  note_pivots(panel, height, columns);
  return true;
}

bool BlockCholesky::Implementation::factor_leaves(const Front& group) {
  double* panel = L.data() + group.panel;
  Front leaf = group;
  for (int k = 0; k < group.count; ++k) {
    if (group.columns == 1) {
      const double pivot = panel[0];
      if (!(pivot > 0.0)) {
        failed_at = group.first_column + k;
        return false;
      }
      pivots.multiply(pivot);
      panel[0] = std::sqrt(pivot);
      const double inverse = 1.0 / panel[0];
      for (int a = 1; a <= group.rows; ++a) panel[a] *= inverse;
    } else if (!factor_columns(leaf, leaf.columns)) {
      return false;
    }
    panel += group.panel_size();
    leaf.panel += group.panel_size();
    leaf.first_column += group.columns;
  }
  return true;
}

// Adds -L21 L21' of all leaves of a group to their parent. The columns of all L21 together are
// one matrix (r, count * c) with the stride of the panels.
void BlockCholesky::Implementation::update_from_leaves(const Front& group,
                                                       const UpdateTarget& target) {
  const Index rows = group.rows;
  const Index columns = static_cast<Index>(group.count) * group.columns;
  const double* L21 = L.data() + group.panel + group.columns;
  for (Index first = 0; first < rows; first += kStrip) {
    const Index width = std::min(kStrip, rows - first);
    const Index height = rows - first;
    double* update = strip.reserve(static_cast<std::size_t>(height * width));
    std::fill(update, update + height * width, 0.0);
    const dense::Operand below = columns_of(L21 + first, group.height());
    dense::lower_multiply_add(height, width, columns, -1.0, below, transpose(below), update, height,
                              work);
    target.add(rows_in_parent(group), rows, first, width, update, height);
  }
}

// The root: first the columns with a prior, then the triangle of the terms without one.
bool BlockCholesky::Implementation::factor_root() {
  const Front& root = fronts.root();
  const Index prior = fronts.root_prior;
  const Index tail = root.columns - prior;
  if (!factor_columns(root, prior)) return false;
  double* panel = L.data() + root.panel;
  double* corner = panel + prior * (root.height() + 1);
  dense::symmetric_update(tail, prior, -1.0, columns_of(panel + prior, root.height()), corner,
                          root.height(), work);
  const Index done = dense::cholesky(tail, corner, root.height(), work);
  if (done == tail) return true;
  failed_at = root.first_column + static_cast<int>(prior + done);
  return false;
}

UpdateTarget BlockCholesky::Implementation::target_of(const Front& front, double* update) const {
  return {L.data() + front.panel, update, front.columns, front.rows};
}

// Panels of a front from A and from its leaves.
bool BlockCholesky::Implementation::assemble_with_leaves(const InteriorFront& front,
                                                         const double* A,
                                                         const std::vector<const double*>& lambda,
                                                         const UpdateTarget& target) {
  assemble(front, A, lambda);
  for (std::int64_t g = front.leaves_begin; g < front.leaves_end; ++g) {
    const Front& group = fronts.leaves[g];
    work.poll();
    assemble(group, A, lambda);
    if (!factor_leaves(group)) return false;
    update_from_leaves(group, target);
  }
  return true;
}

// Fronts in postorder. Update matrices wait on the stack for the parent, except those for the
// root, which is there from the beginning.
bool BlockCholesky::Implementation::factor(const double* A,
                                           const std::vector<const double*>& lambda) {
  pivots = multifrontal::LogProduct();
  failed_at = -1;
  double* top = scratch();  // of the stack
  std::vector<const InteriorFront*> waiting;
  const int root_index = static_cast<int>(fronts.interior.size()) - 1;
  const InteriorFront& root = fronts.root();
  const UpdateTarget root_target = target_of(root, nullptr);
  if (!assemble_with_leaves(root, A, lambda, root_target)) return false;
  for (const InteriorFront& front : fronts.interior) {
    if (&front == &root) break;
    work.poll();
    const std::ptrdiff_t size = static_cast<std::ptrdiff_t>(front.rows) * front.rows;
    const UpdateTarget target = target_of(front, top);
    clear(top, size);
    if (!assemble_with_leaves(front, A, lambda, target)) return false;
    double* bottom = top;  // start of the update matrices of the children
    for (int k = 0; k < front.children; ++k) {
      const InteriorFront& child = *waiting.back();
      waiting.pop_back();
      bottom -= static_cast<std::ptrdiff_t>(child.rows) * child.rows;
      target.add(rows_in_parent(child), child.rows, 0, child.rows, bottom, child.rows);
    }
    if (!factor_columns(front, front.columns)) return false;
    dense::symmetric_update(front.rows, front.columns, -1.0,
                            columns_of(target.panel + front.columns, front.height()), top,
                            front.rows, work);
    if (front.parent == root_index) {
      root_target.add(rows_in_parent(front), front.rows, 0, front.rows, top, front.rows);
      top = bottom;
      continue;
    }
    if (bottom != top) std::copy(top, top + size, bottom);
    top = bottom + size;
    if (front.parent >= 0) waiting.push_back(&front);
  }
  return factor_root();
}

// ---- The public face ----------------------------------------------------------------------------

BlockCholesky::BlockCholesky() : BlockCholesky(BlockPattern()) {}
BlockCholesky::BlockCholesky(BlockPattern pattern)
    : impl_(std::make_unique<Implementation>(std::move(pattern))) {}
BlockCholesky::BlockCholesky(BlockCholesky&&) noexcept = default;
BlockCholesky& BlockCholesky::operator=(BlockCholesky&&) noexcept = default;
BlockCholesky::~BlockCholesky() = default;

const BlockPattern& BlockCholesky::pattern() const { return impl_->pattern; }

FactorStatistics BlockCholesky::statistics() const {
  const Fronts& fronts = impl_->fronts;
  FactorStatistics statistics;
  statistics.leaf_groups = static_cast<std::int64_t>(fronts.leaves.size());
  statistics.interior_fronts = static_cast<std::int64_t>(fronts.interior.size());
  statistics.root_size = fronts.root().columns;
  statistics.factor_size = fronts.factor_size;
  statistics.stack_size = std::max(fronts.update_stack, fronts.inverse_stack);
  statistics.flops = fronts.flops;
  return statistics;
}

void BlockCholesky::set_interrupt(InterruptPoll poll) { impl_->work.poll = std::move(poll); }

void BlockCholesky::set_precision(std::vector<const double*> by_list) {
  impl_->precision = std::move(by_list);
}

bool BlockCholesky::factor(const double* A, const std::vector<const double*>& lambda) {
  return impl_->factor(A, lambda);
}

int BlockCholesky::failed_tail_column() const {
  return std::max(-1, impl_->failed_at - impl_->pattern.prior_scalars());
}

double BlockCholesky::log_det() const { return impl_->pivots.log(); }

int BlockCholesky::tail_size() const {
  return impl_->pattern.scalars() - impl_->pattern.prior_scalars();
}

const double* BlockCholesky::tail(int* leading_dimension) const {
  const Front& root = impl_->fronts.root();
  *leading_dimension = root.columns;
  return impl_->L.data() + root.panel + impl_->fronts.root_prior * (root.height() + 1);
}

void BlockCholesky::selected_inverse(double* P, int active) {
  impl_->invert(P, impl_->active_or_prior(active));
}

}  // namespace ilk
