// The prior precision of the random effects u: the identity, but Q_t x I_q for the terms whose
// levels are joined by a sparse matrix Q_t (data.h).
//
// In lam the elements of the lower triangle of Q_t, then log|Q_t|, follow the factors of all terms,
// structured term after structured term. Derivatives of the log-likelihood in an element (k, l),
// with P = H^-1 and s the adjoint of the motion of the modes:
//
//     -(tr P_kl + c u_k'u_l + s_k'u_l + u_k's_l) / 2,   twice that for k != l,
//
// c = 1 but for profiled variances; in log|Q_t| it is q / 2.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "block_cholesky.h"
#include "block_pattern.h"
#include "data.h"
#include "memberships.h"

namespace ilk {

class Prior {
 public:
  Prior() = default;
  // Adds the blocks between joined levels to the pattern, and those between levels that share rows
  // of their term, whose blocks it enters in `links`. `by_term`: views that stay valid.
  Prior(const std::vector<PrecisionPattern>& by_term, std::vector<MemberLinks>& links,
        BlockPattern& pattern);

  bool any() const { return !parts_.empty(); }
  int size() const { return size_; }  // of what follows the factors in lam

  // Values by list of blocks, as BlockCholesky takes them; they follow `set`.
  std::vector<const double*> lists(const BlockPattern& pattern) const;

  void set(const double* elements);  // (size,)
  double log_det() const { return log_det_; }  // of the whole

  // With row sums d of Q, u'Q u = sum_k d_k u_k^2 - sum_k>l Q_kl (u_k - u_l)^2, without the
  // cancellation that large elements bring where neighbors are nearly equal.
  double square(const std::vector<double>& u) const;                       // u'Q u
  void subtract(const std::vector<double>& u, std::vector<double>& r) const;  // r -= Q u
  // r -= dQ u for a change of the elements (size,).
  void subtract_change(const double* change, const double* u, double* r) const;

  // Adds the derivatives above to `gradient` (size,): the part with P (in the compact layout), and
  // that with u, where s may be null. Only where elements vary.
  void add_trace_gradient(const double* P, double* gradient) const;
  void add_product_gradient(const double* u, const double* s, double c, double* gradient) const;
  // Adds the derivatives of u'Q u.
  void add_square_gradient(const double* u, double* gradient) const;

  // Turns derivatives in elements and log|Q| (size,) into those in the elements alone, of which the
  // determinant is a function.
  void absorb_log_det(double* gradient);
  bool varies() const;

  // The structured terms in m = dSigma g, g the raw scores at the modes u (factor_curvature.h):
  //     m = dLambda u + Lambda Q^-1 (dLambda'g - dQ u),
  // for a column `change` of the Jacobian of the factor map (lambda_size,).
  void set_directions(const std::vector<const double*>& lambda, const double* change,
                      const double* g, const double* u, double* m);

 private:
  struct Part {
    PrecisionPattern pattern;
    int term = 0, width = 1, levels = 0;
    std::size_t first = 0;          // its first scalar
    std::size_t factor = 0;         // offset of its factor in lam
    std::int64_t diagonal = 0;      // offsets in the compact layout
    std::int64_t pair = -1;
    int pair_index = -1;            // among the pairs of the pattern
    BlockPair joined;               // that pair
    std::vector<int> place;         // of each element in `values`
    std::vector<double> values;     // diagonal by level, then the blocks of the pair; zero where
                                    // levels only share rows
    std::vector<double> row_sums;   // by level
    std::unique_ptr<BlockCholesky> cholesky;  // of Q alone, once it is asked for
    bool factored = false, definite = false;
  };

  template <typename Apply>
  void for_each_element(Apply&& apply) const;
  bool factor(Part& part);            // Q alone
  void solve(Part& part, double* x);  // x (levels, width) <- Q^-1 x

  std::vector<Part> parts_;
  std::vector<int> others_;  // scalars [begin, end) of other terms, pairwise
  int size_ = 0;
  int factor_size_ = 0;
  double log_det_ = 0.0;
};

}  // namespace ilk
