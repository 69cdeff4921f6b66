// Block Cholesky factorization of the penalized random-effect system.
//
// With the raw information A stored by blocks between nodes (block_pattern.h),
//
//     H = Lambda' A Lambda + I          (no I for terms without a prior)
//
// or with a precision matrix over the levels of a term, Q x I, in place of the identity, is factored as H = L L' in a fill-reducing order (ordering.h) by the multifrontal method
// (fronts.h). Terms without a prior (fixed effects, the response in linear models) are always
// last, in the order given, so that their part of L is an ordinary dense triangle.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "block_pattern.h"
#include "interrupt.h"

namespace ilk {

struct FactorStatistics {
  std::int64_t leaf_groups = 0;
  std::int64_t interior_fronts = 0;
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

  // Values of Q by list of blocks, the diagonals of all terms, then the pairs: one number a block,
  // for q x q blocks a multiple of the identity. Null: the identity, nothing for pairs. The values
  // stay with the caller, who may change them between factorizations.
  void set_precision(std::vector<const double*> by_list);

  // Factors H. False if H is not positive definite (the factor is then undefined).
  bool factor(const double* A, const std::vector<const double*>& lambda);

  // After `factor` has failed: the scalar without a prior, counted from the first such, whose pivot
  // was not positive; -1 if it was one with a prior.
  int failed_tail_column() const;

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

  // x <- L^-T x for kBatch vectors side by side: x[k + kBatch * position] for vector k, scalars in
  // the order of elimination.
  static constexpr int kBatch = 4;
  void backward_batch(double* x, int active) const;
  const std::vector<int>& positions() const;  // (N,) of each scalar in that order

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
