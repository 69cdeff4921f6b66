#include "block_cholesky.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "block_assembly.h"
#include "dense.h"
#include "fronts.h"

namespace ilk {
namespace {

using dense::Index;
using dense::columns_of;
using dense::transpose;

constexpr Index kStrip = 64;  // columns of an update matrix formed at a time

// log of a product of many positive numbers with few calls of log.
class LogProduct {
 public:
  void multiply(double factor) {
    if (!(factor > 1e-150 && factor < 1e150)) {
      log_ += std::log(factor);
      return;
    }
    product_ *= factor;
    if (product_ > 1e-100 && product_ < 1e100) return;
    log_ += std::log(product_);
    product_ = 1.0;
  }

  double log() const { return log_ + std::log(product_); }

 private:
  double log_ = 0.0;
  double product_ = 1.0;
};

// Memory that is not initialized and only grows.
class Buffer {
 public:
  double* reserve(std::size_t size) {
    if (size > size_) {
      memory_.reset();  // before the new one is there
      memory_.reset(new double[size]);
      size_ = size;
    }
    return memory_.get();
  }
  double* data() const { return memory_.get(); }

 private:
  std::unique_ptr<double[]> memory_;
  std::size_t size_ = 0;
};

// The lower triangle of a front while updates are added to it: its columns are in the storage of
// L, what its rows still have to give to the parent is in a separate r x r matrix.
struct UpdateTarget {
  double* panel;
  double* update;
  Index columns;
  Index rows;

  // Adds a strip: columns first .. first + width of an update matrix whose row i is row
  // positions[i] of the front; `strip` starts at row `first` and has column stride `stride`.
  void add(const int* positions, Index size, Index first, Index width, const double* strip,
           Index stride) const {
    for (Index b = first; b < first + width; ++b, strip += stride) {
      const Index j = positions[b];
      const bool own = j < columns;
      double* column = own ? panel + j * (columns + rows) : update + (j - columns) * rows;
      const Index shift = own ? 0 : columns;  // of the rows of that column
      for (Index a = b; a < size; ++a) column[positions[a] - shift] += strip[a - first];
    }
  }
};

}  // namespace

struct BlockCholesky::Implementation {
  explicit Implementation(BlockPattern p)
      : pattern(std::move(p)), fronts(analyze_fronts(pattern)) {
    L.reserve(static_cast<std::size_t>(fronts.factor_size));
  }

  // Sets memory that may be large and touched for the first time to zero.
  void clear(double* begin, Index size);

  // Factorization
  bool factor(const double* A, const std::vector<const double*>& lambda);
  void assemble(const Front& front, const double* A, const std::vector<const double*>& lambda);
  UpdateTarget target_of(const Front& front, double* update) const;
  bool assemble_with_leaves(const InteriorFront& front, const double* A,
                            const std::vector<const double*>& lambda, const UpdateTarget& target);
  bool factor_leaves(const Front& group);
  void update_from_leaves(const Front& group, const UpdateTarget& target);
  bool factor_columns(const Front& front, Index columns);
  bool factor_root();
  void note_pivots(const double* panel, Index height, Index columns);

  // Solves, on vectors in the order of elimination
  void forward(double* x, int active) const;
  void backward(double* x, int active) const;
  void forward_leaves(const Front& group, double* x, int active) const;
  void backward_leaves(const Front& group, double* x, int active) const;
  void factor_row(int i, double* x) const;
  void forward_front(const Front& front, double* x, int active) const;
  void backward_front(const Front& front, double* x, int active) const;
  template <typename Function>
  void for_each_column(double* x, int columns, int active, Function&& solve) const;

  // Selected inverse
  void invert(double* P, int active);
  void invert_root(double* Z, int active);
  void invert_interior(const InteriorFront& front, const double* parent, Index parent_height,
                       double* Z);
  void invert_leaves(const Front& group, const double* parent, Index parent_height, double* P);
  void multiply_parent(const Front& group, const double* parent, Index parent_height,
                       const double* Y, double* Z_rows);
  const double* scaled_rows(const Front& group);
  void finish_heads(const Front& group, const double* Y, double* Z);

  int active_or_prior(int active) const { return active < 0 ? pattern.prior_scalars() : active; }
  const int* rows(const Front& front) const { return fronts.rows.data() + front.row_list; }
  const int* rows_in_parent(const Front& front) const {
    return fronts.rows_in_parent.data() + front.row_list;
  }
  // Rows of a front that belong to the active scalars (the others are its last rows).
  int active_rows(const Front& front, int active) const {
    int count = front.rows;
    while (count > 0 && rows(front)[count - 1] >= active) --count;
    return count;
  }

  BlockPattern pattern;
  Fronts fronts;
  Buffer L;
  LogProduct pivots;
  int failed_at = -1;  // position of a pivot that was not positive

  Buffer stack;  // of update matrices, or of interior fronts of the inverse
  Buffer strip;
  Buffer right_hand_sides;
  Buffer leaf_inverse;
  mutable std::vector<double> permuted;
  mutable std::vector<double> gathered;
  dense::Workspace work;
};

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
  clear(L.data() + front.panel, front.count * front.panel_size());
  assemble_blocks(pattern, fronts.runs.data() + front.runs_begin,
                  fronts.runs.data() + front.runs_end, A, lambda, front.height(), L.data());
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
  pivots = LogProduct();
  failed_at = -1;
  double* top = stack.reserve(static_cast<std::size_t>(fronts.update_stack));
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

// ---- Solves -------------------------------------------------------------------------------------

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

// ---- Selected inverse ---------------------------------------------------------------------------
//
// With Z = H^-1 on the rows of a front known from its parent,
//     Y = L21 L11^-1,   Z_rc = -Z_rr Y,   Z_cc = (L11 L11')^-1 - Y' Z_rc.

// The root in full; excluded scalars get zeros, which is all it takes to exclude them everywhere.
void BlockCholesky::Implementation::invert_root(double* Z, int active) {
  const Front& root = fronts.root();
  const Index size = root.columns;
  const Index kept = std::min<Index>(size, active - root.first_column);
  const double* panel = L.data() + root.panel;
  clear(Z, size * size);
  for (Index j = 0; j < kept; ++j)
    std::copy(panel + j * (size + 1), panel + j * size + kept, Z + j * (size + 1));
  dense::invert_from_cholesky(kept, Z, size, work);
}

// Z_cc of all panels of a group, which hold Z_rc already.
void BlockCholesky::Implementation::finish_heads(const Front& group, const double* Y, double* Z) {
  const Index height = group.height();
  const Index c = group.columns;
  const Index r = group.rows;
  const double* panel = L.data() + group.panel;
  for (int k = 0; k < group.count; ++k) {
    if (c == 1) {
      const double inverse = 1.0 / panel[0];
      double sum = inverse * inverse;
      for (Index a = 0; a < r; ++a) sum -= Y[a] * Z[1 + a];
      Z[0] = sum;
    } else {
      for (Index j = 0; j < c; ++j)
        std::copy(panel + j * (height + 1), panel + j * height + c, Z + j * (height + 1));
      dense::invert_from_cholesky(c, Z, height, work);
      dense::multiply_add(c, c, r, -1.0, transpose(columns_of(Y, r)), columns_of(Z + c, height), Z,
                          height, work);
    }
    panel += group.panel_size();
    Y += r * c;
    Z += group.panel_size();
  }
}

// Z_rc = -Z_rr Y for all panels of a group, Z_rr being read from the parent strip by strip. The
// rows of the panels of Z start at Z_rows.
void BlockCholesky::Implementation::multiply_parent(const Front& group, const double* parent,
                                                    Index parent_height, const double* Y,
                                                    double* Z_rows) {
  const Index r = group.rows;
  const Index height = group.height();
  const Index columns = static_cast<Index>(group.count) * group.columns;
  const int* row = rows_in_parent(group);
  for (Index j = 0; j < columns; ++j) std::fill(Z_rows + j * height, Z_rows + j * height + r, 0.0);
  if (columns == 1) {
    for (Index b = 0; b < r; ++b) {
      const double* column = parent + row[b] * parent_height;
      for (Index a = 0; a < r; ++a) Z_rows[a] -= column[row[a]] * Y[b];
    }
    return;
  }
  for (Index first = 0; first < r; first += kStrip) {
    const Index width = std::min(kStrip, r - first);
    double* Z_rr = strip.reserve(static_cast<std::size_t>(r * width));
    for (Index b = 0; b < width; ++b) {
      const double* column = parent + row[first + b] * parent_height;
      for (Index a = 0; a < r; ++a) Z_rr[a + b * r] = column[row[a]];
    }
    dense::multiply_add(r, columns, width, -1.0, columns_of(Z_rr, r), columns_of(Y + first, r),
                        Z_rows, height, work);
  }
}

// Y = L21 L11^-1 for all panels of a group, (r, count * c).
const double* BlockCholesky::Implementation::scaled_rows(const Front& group) {
  const Index r = group.rows;
  const Index c = group.columns;
  const double* panel = L.data() + group.panel;
  double* Y = right_hand_sides.reserve(static_cast<std::size_t>(r * c * group.count));
  double* y = Y;
  for (int k = 0; k < group.count; ++k, panel += group.panel_size(), y += r * c) {
    for (Index j = 0; j < c; ++j) {
      const double* below = panel + j * group.height() + c;
      std::copy(below, below + r, y + j * r);
    }
    dense::solve_right(r, c, panel, group.height(), y, r, work);
  }
  return Y;
}

void BlockCholesky::Implementation::invert_leaves(const Front& group, const double* parent,
                                                  Index parent_height, double* P) {
  double* Z = leaf_inverse.reserve(static_cast<std::size_t>(group.count * group.panel_size()));
  const double* Y = scaled_rows(group);
  multiply_parent(group, parent, parent_height, Y, Z + group.columns);
  finish_heads(group, Y, Z);
  extract_blocks(pattern, fronts.runs.data() + group.runs_begin,
                 fronts.runs.data() + group.runs_end, Z, group.panel, group.height(), P);
}

// Z, (height x height), in full, because the children read any part of it.
void BlockCholesky::Implementation::invert_interior(const InteriorFront& front,
                                                    const double* parent, Index parent_height,
                                                    double* Z) {
  const Index c = front.columns;
  const Index height = front.height();
  const int* row = rows_in_parent(front);
  for (Index b = c; b < height; ++b) {
    const double* column = parent + row[b - c] * parent_height;
    for (Index a = c; a < height; ++a) Z[a + b * height] = column[row[a - c]];
  }
  const double* Y = scaled_rows(front);
  for (Index j = 0; j < c; ++j) std::fill(Z + j * height + c, Z + (j + 1) * height, 0.0);
  dense::multiply_add(front.rows, c, front.rows, -1.0, columns_of(Z + c * (height + 1), height),
                      columns_of(Y, front.rows), Z + c, height, work);
  finish_heads(front, Y, Z);
  for (Index j = 0; j < c; ++j)
    for (Index a = c; a < height; ++a) Z[j + a * height] = Z[a + j * height];
}

// From the root down. A front stays on the stack until the last of its children has read it.
void BlockCholesky::Implementation::invert(double* P, int active) {
  double* top = stack.reserve(static_cast<std::size_t>(fronts.inverse_stack));
  struct Held {
    const InteriorFront* front;
    double* Z;
    int unread;
  };
  std::vector<Held> held;
  for (std::size_t i = fronts.interior.size(); i-- > 0;) {
    const InteriorFront& front = fronts.interior[i];
    const Index height = front.height();
    work.poll();
    double* Z = top;
    if (&front == &fronts.root()) {
      invert_root(Z, active);
    } else if (front.parent < 0) {
      invert_interior(front, nullptr, 0, Z);
    } else {
      const Held& parent = held.back();
      invert_interior(front, parent.Z, parent.front->height(), Z);
    }
    extract_blocks(pattern, fronts.runs.data() + front.runs_begin,
                   fronts.runs.data() + front.runs_end, Z, front.panel, height, P);
    for (std::int64_t g = front.leaves_begin; g < front.leaves_end; ++g) {
      work.poll();
      invert_leaves(fronts.leaves[g], Z, height, P);
    }
    const Index size = height * height;
    if (front.parent >= 0 && --held.back().unread == 0) {
      double* freed = held.back().Z;
      held.pop_back();
      if (front.children > 0) std::copy(Z, Z + size, freed);
      Z = freed;
    }
    top = Z;
    if (front.children > 0) {
      held.push_back({&front, Z, front.children});
      top += size;
    }
  }
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

void BlockCholesky::selected_inverse(double* P, int active) {
  impl_->invert(P, impl_->active_or_prior(active));
}

}  // namespace ilk
