// Block Cholesky factorization of the penalized random-effect system.
//
// The unknowns are nodes: node (t, l) is level l of term t and has q_t scalars. With the raw
// information A = Z' W Z, of which only the blocks between co-occurring nodes are stored,
//
//     H = Lambda' A Lambda + I          (no I for terms without a prior)
//
// is factored as H = L L' in a fill-reducing order. Terms without a prior (fixed effects, the
// response in linear models) are always last, in the order given, so that their part of L is an
// ordinary dense triangle.
//
// Compact layout (A, and the selected inverse P): one flat array of dense column-major blocks,
//     for each term t:  L_t diagonal blocks, q_t x q_t (both triangles filled),
//     for each pair:    its blocks, q_row x q_column, in the order of the pair's block list.
// Scalars (vectors x, u, right-hand sides): term-major, then level, then column.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
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
  std::vector<int> append_pair(BlockPair pair, const std::vector<int>& row_codes,
                               const int* column_codes);

  std::vector<BlockTerm> terms_;
  std::vector<BlockPair> pairs_;
  std::vector<int> node_offset_{0};
  std::vector<int> scalar_offset_{0};
  std::vector<std::int64_t> diagonal_offset_;
  std::int64_t compact_size_ = 0;
  int prior_scalars_ = 0;
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

// ---- The factorization --------------------------------------------------------------------------

struct FactorStatistics {
  std::int64_t fronts = 0;
  std::int64_t root_size = 0;       // scalars in the dense root
  std::int64_t factor_size = 0;     // doubles in L
  std::int64_t stack_size = 0;      // doubles of temporary update matrices
  double flops = 0.0;               // of one factorization
};

// Analyzes a pattern once and factors matrices of that pattern any number of times. Not safe for
// concurrent use: solves share work space.
class BlockCholesky {
 public:
  BlockCholesky();
  explicit BlockCholesky(BlockPattern pattern);
  BlockCholesky(BlockCholesky&&) noexcept;
  BlockCholesky& operator=(BlockCholesky&&) noexcept;
  ~BlockCholesky();

  const BlockPattern& pattern() const;
  FactorStatistics statistics() const;
  void set_interrupt(InterruptPoll poll);  // polled between fronts and in large dense roots

  // Factors H. False if H is not positive definite (the factor is then undefined).
  bool factor(const double* A, const std::vector<const double*>& lambda);

  // log|H| over the scalars with a prior.
  double log_det() const;

  // The triangle of the terms without a prior: the trailing m x m block of L, column-major,
  // lower. `leading_dimension` receives the column stride.
  const double* tail(int* leading_dimension) const;
  int tail_size() const;

  // Solves with the leading `active` scalars of H (active = scalars(): all of it; default: those
  // with a prior). x is (N, columns) column-major with stride N = pattern().scalars(); entries
  // from `active` on are neither read nor written.
  void solve(double* x, int columns = 1, int active = -1) const;
  // The two halves: x <- L^-1 x and x <- L^-T x. The half-solved vector is kept in the caller's
  // order of scalars; inner products of half-solved vectors are those of the factor's order.
  void forward(double* x, int columns = 1, int active = -1) const;
  void backward(double* x, int columns = 1, int active = -1) const;

  // Row i of L without its diagonal, i >= prior_scalars(), as a vector in the caller's order:
  // the forward half of the solve with that column of H. x (N,).
  void factor_row(int i, double* x) const;

  // P = H^-1 on the stored pattern, for the leading `active` scalars (default: those with a
  // prior); blocks of excluded scalars are set to zero.
  void selected_inverse(double* P, int active = -1);

 private:
  struct Implementation;
  std::unique_ptr<Implementation> impl_;
};

}  // namespace ilk
