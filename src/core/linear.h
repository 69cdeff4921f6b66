// The Gaussian linear mixed model with beta and sigma profiled out.
//
//     y = offset + X beta + Z Lambda(theta) u + e,    u ~ N(0, sigma^2 I),   e ~ N(0, sigma^2 / w)
//
// All cross-products are formed once. [X y] is treated as one more term with a single level and no
// prior, so that one factorization of
//
//     [ Lambda'Z'WZ Lambda + I   Lambda'Z'WX   Lambda'Z'Wy ]
//     [           .                 X'WX          X'Wy     ]
//     [           .                   .           y'Wy     ]
//
// gives log|H|, log|R_X|^2, r^2 = (last pivot)^2 and, by one back-substitution, beta and u:
//
//     -2 L = log|H| [+ log|R_X|^2 if REML] + nu (1 + log(2 pi r^2 / nu)),  nu = n or n - p.
//
// Gradient (envelope theorem), with e the residuals and M_t as in half_log_det_gradient, from the
// selected inverse of H (ML) or of the joint matrix of u and beta (REML):
//
//     dL/dLambda_t = -M_t' + (nu / r^2) sum_l (Z'We)_l u_l'.
//
// With a precision matrix over the levels of a term (prior.h), its Q x I stands for that part of
// the identity, r^2 has u'Q u, and log|Q| / 2 is added.
//
// D. Bates, M. Maechler, B. Bolker and S. Walker, "Fitting linear mixed-effects models using lme4",
// J. Stat. Softw. 67 (2015) no. 1, sections 3 and 5. Columns of X and of the terms, and y, should
// be centered and scaled by the caller.
#pragma once

#include <cstddef>
#include <functional>
#include <vector>

#include "block_cholesky.h"
#include "dense.h"
#include "factor_map.h"
#include "interrupt.h"
#include "prior.h"
#include "search_result.h"

namespace ilk {

enum class LinearStatus {
  ok,
  not_positive_definite,  // X is rank deficient, or lam is not finite
  no_residual,            // the model reproduces the response, or n <= p
};

enum class Gradient {
  none,
  glimpsed,  // its traces estimated from few random vectors
  sampled,   // ... from more of them
  exact,
};

// One random-effect term: row i belongs to level codes[i] and carries `width` columns z_i. With
// several slots (memberships.h) it does so in each of them.
struct LinearTerm {
  int width = 1;                    // q, columns per level
  int levels = 0;                   // L
  int slots = 1;
  const int* codes = nullptr;       // (slots, n) in 0 .. levels - 1
  const double* columns = nullptr;  // (slots, n, q) row-major; null: one column of ones
  PrecisionPattern precision;
};

// The arrays belong to the caller, who keeps them unchanged while the engine is there.
struct LinearData {
  std::size_t n = 0;
  const double* response = nullptr;  // (n,)
  const double* weights = nullptr;   // (n,); null: all one
  const double* offset = nullptr;    // (n,); null: zero
  const double* X = nullptr;         // (n, p) column-major
  int p = 0;
  std::vector<LinearTerm> terms;
};

struct LinearEvaluation {
  LinearStatus status = LinearStatus::ok;
  double value = 0.0;  // log-likelihood or restricted log-likelihood, complete; -inf if not ok
  double sigma2 = 0.0;
  std::vector<double> beta;      // (p,)
  std::vector<double> gradient;  // of value with respect to lam (lambda_size,), if asked for
};

struct LinearInformation {
  std::vector<double> information;       // (m, m): minus the Hessian of the value in theta
  std::vector<double> log_sigma2_slope;  // (m,): d log sigma^2 / d theta
};

class LinearEngine {
 public:
  // Random vectors of a sampled gradient.
  static constexpr int samples(Gradient kind) { return kind == Gradient::glimpsed ? 4 : 16; }

  // `count` is the number of observations entering nu (<= 0: the rows). Weights multiply the
  // squared residuals; the constant sum(log w) / 2 of precision weights is left to the caller,
  // who alone knows which part of a weight is a precision and which a frequency. `wants_stop` is
  // asked now and then whether to give up, from the construction on.
  explicit LinearEngine(LinearData data, double count = 0.0, std::function<bool()> wants_stop = {});

  int coefficients() const { return p_; }
  int lambda_size() const { return lambda_size_; }  // factors, then elements of the prior
  int effects() const { return pattern().prior_scalars(); }  // U
  const LinearData& data() const { return data_; }
  double count() const { return count_; }
  const BlockPattern& pattern() const { return cholesky_.pattern(); }
  const BlockCholesky& cholesky() const { return cholesky_; }

  // A new response (n,) on the same pattern: only cross-products with y are recomputed. It belongs
  // to the caller like the other arrays.
  void set_response(const double* response);

  LinearEvaluation evaluate(const double* lam, bool reml, Gradient gradient);

  // Whether a sampled gradient is much cheaper than an exact one (large dense roots). Its error is
  // known for independent levels only.
  bool sampling_pays() const;

  // Maximizes over theta (linear_search.cpp). `theta` null: start from moments (linear maps only;
  // for other maps the start is required).
  SearchResult fit(const FactorMap& factor, const double* theta, bool reml, int max_steps = 100,
                   double tolerance = 1e-8);

  // Starting values: Henderson/MINQUE(0) moments mapped through a linear factor map.
  std::vector<double> moment_start(const FactorMap& factor);

  // Observed information in theta by central differences of the exact gradient, steps
  // 1e-3 * scale. Leaves the engine evaluated at theta.
  LinearInformation information(const FactorMap& factor, const double* theta, const double* scale,
                                bool reml);

  // Average information about theta (m, m) at the last evaluation; `jacobian` is that of the factor
  // map.
  std::vector<double> average_information(const double* jacobian, int theta_size, bool reml);

  // Average information plus the curvature of Lambda -> Lambda Lambda', `gradient` being that of
  // the value in lam. May be indefinite.
  std::vector<double> newton_matrix(std::vector<double> average_information,
                                    const double* jacobian, int theta_size,
                                    const std::vector<double>& gradient) const;

  // H -= g' d2 lam, the curvature of a map from theta to the elements of precision matrices, where
  // these vary. Its Jacobian at theta is `jacobian`; g = `gradient` is that of the value in lam.
  void subtract_prior_curvature(const FactorMap& factor, const std::vector<double>& theta,
                                const std::vector<double>& jacobian,
                                const std::vector<double>& gradient, std::vector<double>& H);

  // ---- At the last evaluation -------------------------------------------------------------------
  // (std::logic_error if there has been none since the response was set.)

  std::vector<double> gradient(bool reml, Gradient kind);  // in lam (lambda_size,)
  std::vector<double> modes() const;  // u (U,)
  // sigma^2 Lambda_t P_ll Lambda_t' for all levels, term after term: (L_t, q_t, q_t) each.
  std::vector<double> conditional_covariance();
  void solve(double* rhs, int columns) const;          // rhs (U, columns) <- H^-1 rhs
  std::vector<double> cross_information() const;       // Lambda'Z'WX (U, p), column-major
  std::vector<double> coefficient_covariance() const;  // (R_X'R_X)^-1 (p, p), without sigma^2

 private:
  // Cross-products
  std::vector<int> add_pair(BlockPattern& pattern, int s, int t) const;
  void accumulate_pairs(const std::vector<std::vector<int>>& block_of_row);
  void accumulate_links(const std::vector<MemberLinks>& links);
  void accumulate_pair(const double* rows, int row_width, const double* columns, int column_width,
                       const int* block_of_row, double* blocks);
  void accumulate_design();
  void accumulate_term(const LinearTerm& term, int slot, std::size_t begin, std::size_t end,
                       const double* rows);
  void accumulate_response();
  double weight(std::size_t i) const { return data_.weights ? data_.weights[i] : 1.0; }
  double response(std::size_t i) const {
    return data_.response[i] - (data_.offset ? data_.offset[i] : 0.0);
  }
  std::int64_t fixed_offset(int term) const;  // of Z'W[X y]: blocks (q, p + 1), level by level

  // Evaluation
  void solve_profile(bool factored);
  template <typename Apply>
  void for_memberships(std::size_t i, Apply&& apply) const;
  void recompute_residuals();
  const std::vector<double>& residual_scores();
  void score_products(double* S);  // (factor_size,)
  double fixed_log_det() const;
  void require_evaluation() const;

  // Search
  bool least_squares(double* x, double* sum_of_squares);
  std::vector<double> moment_deviations();

  int terms() const { return static_cast<int>(data_.terms.size()); }
  const double* columns_of(const LinearTerm& term, int slot) const {
    return term.columns ? term.columns + slot * data_.n * term.width : nullptr;
  }
  double degrees(bool reml) const { return count_ - (reml ? p_ : 0); }

  LinearData data_;
  int p_ = 0;
  int lambda_size_ = 0;
  int factor_size_ = 0;  // the leading part of lam, all Lambda_t
  Prior prior_;
  bool shared_rows_ = false;  // levels of one term share rows
  double count_ = 0.0;
  BlockCholesky cholesky_;
  std::vector<double> A_;  // Z'WZ, Z'W[X y], [X y]'W[X y] in the compact layout
  std::vector<double> P_;  // selected inverse; after use, room for vectors of `average_information`
  double total_ = 0.0;     // y'Wy

  // The last evaluation.
  bool evaluated_ = false;
  std::vector<double> lam_;
  std::vector<const double*> lambda_;  // factors by term, null for [X y]
  std::vector<double> solution_;       // (N,): u, beta, -1
  std::vector<double> effects_;        // (N,): Lambda u, beta, -1
  std::vector<double> scores_;         // (N,): Z'We; what stands for [X y] is not used
  bool have_scores_ = false;
  double r2_ = 0.0;
  double sigma2_ = 0.0;

  dense::Workspace work_;
  InterruptPoll poll_;
};

}  // namespace ilk
