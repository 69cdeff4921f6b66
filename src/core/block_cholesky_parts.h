// What a BlockCholesky consists of. The parts are in
//     block_cholesky.cpp     factorization, public functions
//     block_solve.cpp        solves
//     selected_inverse.cpp   entries of the inverse
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include "block_cholesky.h"
#include "dense.h"
#include "fronts.h"

namespace ilk {

using dense::Index;

namespace multifrontal {

constexpr Index kStrip = 64;  // columns of an r x r matrix formed or gathered at a time

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

}  // namespace multifrontal

struct BlockCholesky::Implementation {
  using Buffer = multifrontal::Buffer;
  using UpdateTarget = multifrontal::UpdateTarget;

  explicit Implementation(BlockPattern p)
      : pattern(std::move(p)), fronts(analyze_fronts(pattern)) {
    L.reserve(static_cast<std::size_t>(fronts.factor_size + fronts.root().columns));
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

  // Solves, on `batch` vectors side by side in the order of elimination (block_solve.cpp)
  template <int batch>
  void forward(double* x, int active) const;
  template <int batch>
  void backward(double* x, int active) const;
  template <int batch>
  void forward_front(const Front& front, double* x, int active) const;
  template <int batch>
  void backward_front(const Front& front, double* x, int active) const;
  template <int batch>
  void forward_leaves(const Front& group, double* x, int active) const;
  template <int batch>
  void backward_leaves(const Front& group, double* x, int active) const;
  template <typename One, typename Several>
  void for_each_column(double* x, int columns, int active, One&& one, Several&& several) const;
  void factor_row(int i, double* x) const;

  // Selected inverse
  void invert(double* P, int active);
  void invert_root(int active);
  void invert_interior(const InteriorFront& front, const double* parent, Index parent_height,
                       double* Z);
  void invert_leaves(const Front& group, const double* parent, Index parent_height, double* P);
  void multiply_parent(const Front& group, const double* parent, Index parent_height,
                       const double* Y, double* Z_rows);
  const double* scaled_rows(const Front& group);
  void finish_head(const Front& front, const double* panel, const double* Y, dense::Operand Z_cr,
                   double* Z_cc);

  int active_or_prior(int active) const { return active < 0 ? pattern.prior_scalars() : active; }
  const int* rows(const Front& front) const { return fronts.rows.data() + front.row_list; }
  const int* rows_in_parent(const Front& front) const {
    return fronts.rows_in_parent.data() + front.row_list;
  }
  // The root is the last panel, and one more column makes room for its inverse above the factor.
  double* root_inverse() const { return L.data() + fronts.root().panel + fronts.root().columns; }
  // Rows of a front that belong to the active scalars (the others are its last rows).
  int active_rows(const Front& front, int active) const {
    int count = front.rows;
    while (count > 0 && rows(front)[count - 1] >= active) --count;
    return count;
  }

  BlockPattern pattern;
  Fronts fronts;
  std::vector<const double*> precision;  // by list; empty: identities
  Buffer L;
  multifrontal::LogProduct pivots;
  int failed_at = -1;  // position of a pivot that was not positive

  // Memory that one operation at a time uses: update matrices of the factorization, interior fronts
  // of the inverse, vectors of a solve. Allocated once for all of them.
  double* scratch() const {
    const Index N = pattern.scalars();
    const Index largest = std::max({Index{fronts.update_stack}, Index{fronts.inverse_stack},
                                    dense::upper_inverse_scratch(fronts.root().columns),
                                    N * BlockCholesky::kBatch});
    return scratch_memory.reserve(static_cast<std::size_t>(largest));
  }

  mutable Buffer scratch_memory;
  Buffer strip;             // columns of an update matrix, or of a parent's inverse
  Buffer right_hand_sides;  // Y of the inverse
  Buffer leaf_inverse;
  mutable std::vector<double> gathered;
  dense::Workspace work;
};

}  // namespace ilk
