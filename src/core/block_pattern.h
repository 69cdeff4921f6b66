// Which blocks of the raw information A = Z' W Z are stored, where, and what is done with them.
//
// The unknowns are nodes: node (t, l) is level l of term t and has q_t scalars. A is stored by
// its blocks between nodes that meet (occur together in at least one row of the data).
//
// Compact layout (A, and the selected inverse P): one flat array of dense column-major blocks,
//     for each term t:  L_t diagonal blocks, q_t x q_t (both triangles filled),
//     for each pair:    its blocks, q_row x q_column, in the order of the pair's block list.
// Scalars (vectors u, right-hand sides): term-major, then level, then column.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "interrupt.h"

namespace ilk {

struct BlockTerm {
  int width = 1;      // q
  int levels = 0;     // L
  bool prior = true;  // add the identity to its diagonal blocks
};

// The stored blocks between the levels of two terms, as a compressed sparse row list: block k is
// (row level r, column level columns[k]) for row_start[r] <= k < row_start[r + 1], columns
// ascending within a row. A term paired with itself has row level > column level.
struct BlockPair {
  int row_term = 0;
  int column_term = 0;
  std::vector<std::int64_t> row_start;  // (levels of row_term + 1,)
  std::vector<int> columns;
  std::int64_t offset = 0;  // of the first block in the compact layout

  std::int64_t blocks() const { return static_cast<std::int64_t>(columns.size()); }
};

// Which nodes meet. Terms are given at construction, pairs are added one by one.
class BlockPattern {
 public:
  BlockPattern() = default;
  // Terms without a prior must come last.
  explicit BlockPattern(std::vector<BlockTerm> terms);

  // Adds the blocks between levels that occur together in one of n rows, row_term < column_term.
  // Returns for every row the index k of its block in the pair's list (n,). The block itself
  // starts at pair.offset + k * q_row * q_column in the compact layout.
  std::vector<int> add_pair(int row_term, int column_term, const int* row_codes,
                            const int* column_codes, std::size_t n);

  // Adds blocks between levels of one and the same term (neighbors of a chain, a grid, a
  // pedigree): edge i joins first[i] and second[i], which must differ. Returns block indices.
  std::vector<int> add_neighbors(int term, const int* first, const int* second, std::size_t n);

  // Adds a block between every level of `term` and the only level of `column_term`.
  void add_complete_pair(int term, int column_term);

  // Polled while pairs are added and while the pattern is analyzed for a factorization.
  void set_interrupt(InterruptPoll poll) { poll_ = std::move(poll); }
  void poll() const { poll_(); }

  int terms() const { return static_cast<int>(terms_.size()); }
  const BlockTerm& term(int t) const { return terms_[t]; }
  const std::vector<BlockPair>& pairs() const { return pairs_; }

  int nodes() const { return node_offset_.back(); }
  int node_offset(int t) const { return node_offset_[t]; }      // first node of term t
  int scalars() const { return scalar_offset_.back(); }         // N
  int prior_scalars() const { return prior_scalars_; }          // U: scalars with a prior
  int scalar_offset(int t) const { return scalar_offset_[t]; }  // first scalar of term t
  std::int64_t diagonal_offset(int t) const { return diagonal_offset_[t]; }
  std::int64_t compact_size() const { return compact_size_; }

 private:
  std::vector<int> append_pair(int row_term, int column_term, const int* row_codes,
                               const int* column_codes, std::size_t n);

  std::vector<BlockTerm> terms_;
  std::vector<BlockPair> pairs_;
  std::vector<int> node_offset_{0};
  std::vector<int> scalar_offset_{0};
  std::vector<std::int64_t> diagonal_offset_;
  std::int64_t compact_size_ = 0;
  int prior_scalars_ = 0;
  mutable InterruptPoll poll_;
};

// ---- Operations on the compact layout -----------------------------------------------------------
// `lambda[t]` points to the q_t x q_t lower-triangular factor of term t, column-major; a null
// pointer stands for the identity.

// out = A v, over all scalars.
void multiply(const BlockPattern& pattern, const double* A, const double* v, double* out);

// y = Lambda x and y = Lambda' x (y may be x).
void apply_factor(const BlockPattern& pattern, const std::vector<const double*>& lambda,
                  const double* x, double* y);
void apply_factor_transposed(const BlockPattern& pattern,
                             const std::vector<const double*>& lambda, const double* x, double* y);

// Gradient of log|H| / 2 with respect to the factors: for every term t with a prior
//     G_t = sum_l (A Lambda P)_(t,l),(t,l)  =  M_t'      (q_t x q_t, column-major)
// concatenated over the terms with a prior. Exact also where Lambda is singular. `P` is the
// selected inverse; pairs with terms at or beyond `active_terms` are left out.
void half_log_det_gradient(const BlockPattern& pattern, const double* A, const double* P,
                           const std::vector<const double*>& lambda, int active_terms,
                           double* gradient);

// The covariance blocks Lambda_t P_(t,l),(t,l) Lambda_t' of term t (L_t, q_t, q_t).
void covariance_blocks(const BlockPattern& pattern, const double* P,
                       const std::vector<const double*>& lambda, int term, double* out);

}  // namespace ilk
