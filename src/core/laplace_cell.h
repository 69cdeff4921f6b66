// The Laplace approximation on one independent part of the data (a cell).
//
//     L = sum l_i(eta_i) - u'u / 2 - log|H| / 2   at the mode u of the first two terms,
//     eta_k = o_k + X_k beta_k + sum of Z_t Lambda_t u_t over the terms t of predictor k,
//     H = Lambda' A Lambda + I,   A = -Z' l'' Z.
//
// With a precision matrix Q over the levels of a term (prior.h), u'u is u'Q u, Q x I stands for
// that part of the identity, and log|Q| / 2 is added.
//
// A cell owns its rows, the modes of its levels and all that belongs to the last point evaluated.
// The log-likelihood and its gradient are sums over cells (laplace.h). Notation and derivations:
// docs/derivations/likelihood.md. Parts of the class live in
//     passes.cpp      sums over rows: scores, information, leverages
//     modes.cpp       Newton's method for u, prediction of u at a new point
//     gradient.cpp    value and exact gradient
//     quadrature.cpp, nested_quadrature.cpp
//                     adaptive Gauss-Hermite quadrature in place of the Laplace approximation
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <utility>
#include <vector>

#include "block_cholesky.h"
#include "data.h"
#include "density.h"
#include "interrupt.h"
#include "memberships.h"
#include "prior.h"
#include "row_loops.h"

namespace ilk {

struct QuadraturePlan;

constexpr std::size_t kChunkRows = 1024;

// Where Newton's method for the modes starts.
enum class Origin {
  predicted,  // the last modes, moved to first order with the parameters
  kept,       // the last modes
  zero,       // u = 0
};

// How much work an evaluation may spend.
struct Effort {
  double tolerance = 1e-10;  // Newton decrement, log-likelihood units, at which a mode is accepted
  bool gradient = true;
  bool near = false;  // the parameters moved little: the first pass already serves the gradient
  Origin origin = Origin::predicted;
  const QuadraturePlan* rule = nullptr;  // null: Laplace approximation
};

// What one cell adds to the log-likelihood.
struct Contribution {
  bool converged = false;
  bool clipped = false;  // negative weights were met on the way to the mode
  double value = -std::numeric_limits<double>::infinity();
  std::vector<double> grad_beta;  // (P,)
  std::vector<double> grad_lam;   // (lambda_size,)
};

// Buffers of one thread for a chunk of rows.
class Scratch {
 public:
  explicit Scratch(int predictors);
  Scratch(const Scratch&) = delete;
  Scratch(Scratch&&) = default;

  double* eta(int k) { return &buffer_[k * kChunkRows]; }
  double* row() { return &buffer_[predictors_ * kChunkRows]; }
  double* const* d1() const { return d1_.data(); }
  double* const* d2() const { return d2_.data(); }

 private:
  int predictors_;
  std::vector<double> buffer_;
  std::vector<double*> d1_, d2_;
};

template <int width>
class CellQuadrature;
class NestedQuadrature;

class LaplaceCell {
 public:
  LaplaceCell(Data data, const Density& density);
  LaplaceCell(const LaplaceCell&) = delete;
  LaplaceCell& operator=(const LaplaceCell&) = delete;

  void set_interrupt(const std::function<bool()>& wants_stop);
  void set_response(const double* response);  // (n,) in the order of the cell's rows
  void reset();                               // forgets all evaluations: u = 0

  // Value and gradient at (beta, lam). The modes are kept for the next evaluation.
  void evaluate(const double* beta, const double* lam, const Effort& effort, Scratch& scratch,
                Contribution& out);

  // The modes of the best point of a search: kept aside, and taken back.
  void keep_modes() { kept_u_ = u_; }
  void restore_modes();

  // ---- Joint information of beta and u (after a pass of depth `all`) ----------------------------
  // Adds X'WX (P, P) to `information` and X'l' (P,) to `score`, W = -l''.
  void add_fixed_information(Scratch& scratch, double* information, double* score) const;
  // C = Z'WX (U, P), before Lambda.
  void cross_information(Scratch& scratch, double* C) const;

  // Moves to (beta, lam, the current u) and evaluates all second derivatives there. Returns
  // sum l_i.
  double linearize(const double* beta, const double* lam, Scratch& scratch);
  // Sums of the third and second derivatives in predictor k at the point last linearized.
  std::pair<double, double> skewness(int k, Scratch& scratch);
  // Evaluates all second derivatives at the last point and factors H there. False: H is not
  // positive definite.
  bool refresh(Scratch& scratch);
  bool factor();

  // ---- The last point ---------------------------------------------------------------------------
  const Data& data() const { return data_; }
  const BlockPattern& pattern() const { return pattern_; }
  const BlockCholesky& cholesky() const { return cholesky_; }
  const Prior& prior() const { return prior_; }
  const std::vector<const double*>& lambda() const { return lambda_; }
  const std::vector<double>& u() const { return u_; }
  const std::vector<double>& g() const { return g_; }
  const std::vector<double>& A() const { return A_; }
  const std::vector<double>& fixed_predictor(int k) const { return xb_[k]; }
  int effects() const { return pattern_.scalars(); }  // U
  int coefficients() const { return coefficients_; }  // P
  int lambda_size() const { return lambda_size_; }
  bool linearized() const { return linearized_; }
  long passes() const { return passes_; }
  void move_modes(double step, const std::vector<double>& direction);
  // m = dSigma g for a column of the Jacobian of the factor map (factor_curvature.h); m (U,).
  void covariance_direction(const double* change, double* m);
  const std::vector<double>& covariances();  // selected inverse P = H^-1, compact layout

 private:
  enum class Depth {
    weights,  // scores and information of u only, no value
    full,     // value and all that the gradient needs
    all,      // value and all first and second derivatives, in all predictors
  };
  struct Direct;  // the parts in which Laplace and quadrature differ

  // passes.cpp
  void list_slots();
  void list_slot_pairs();
  int slot_predictor(std::size_t slot) const { return data_.terms[slot_terms_[slot]].predictor; }
  int slot_scalars(std::size_t slot) const { return pattern_.scalar_offset(slot_terms_[slot]); }
  std::int64_t slot_blocks(std::size_t slot) const {
    return pattern_.diagonal_offset(slot_terms_[slot]);
  }
  double pass(Depth depth, Scratch& scratch);
  Kernel kernel(Depth depth) const;
  void linear_predictors(std::size_t begin, std::size_t end, Scratch& scratch,
                         const double** eta) const;
  void accumulate(std::size_t begin, std::size_t end, const double* const* d1,
                  const double* const* d2, double* g);
  void mirror_information();
  void clip_information(Scratch& scratch);
  void shift_coefficients(const double* beta);
  void project_shift(const double* beta, Scratch& scratch, double* raw);
  void leverages(int a, int b, std::size_t begin, std::size_t end, double* T) const;
  void curvature_changes(Scratch& scratch);
  // c_ik, the change of -log|H| / 2 with eta_ik. It takes the place of the third derivatives that
  // only its own sum reads.
  std::vector<double>& change(int k) { return d3_[anywhere_ ? triple(k, k, k) : triple(k, 0, 0)]; }

  // modes.cpp
  void set_lambda(const double* lam);
  void move(const double* beta, const double* lam, Origin origin, Scratch& scratch);
  void predict(const double* beta, const double* lam, Scratch& scratch);
  bool find_mode(double tolerance, bool near, bool guarded, Scratch& scratch);
  void newton_direction();
  bool score_is_finite() const;

  // gradient.cpp
  double laplace_value() const;
  void value_at_mode(const Effort& effort, Scratch& scratch, Contribution& out);
  void add_gradient(const Direct& direct, Scratch& scratch, Contribution& out);
  void add_fixed_gradient(const Direct& direct, const double* effects, Scratch& scratch,
                          double* grad_beta);
  void add_level_gradient(const Direct& direct, double* grad_lam) const;
  void to_effects(std::vector<double>& P) const;

  // quadrature.cpp
  template <int width>
  friend class CellQuadrature;
  friend class NestedQuadrature;  // nested_quadrature.cpp

  Data data_;
  const Density* density_;
  int predictors_;                     // K
  int coefficients_ = 0;               // P
  int factor_size_ = 0;                // sum of q^2
  int lambda_size_ = 0;                // with what follows for the prior
  std::vector<int> random_;            // R, the predictors with random effects
  bool anywhere_ = false;              // R is not just predictor 0
  const RowLoops* loops_;
  InterruptPoll poll_;

  BlockPattern pattern_;
  Prior prior_;
  BlockCholesky cholesky_;
  // One slot for each term, or each membership of its rows (memberships.h).
  std::vector<int> slot_terms_;                // by slot: its term
  std::vector<std::vector<int>> starts_;       // by slot: first rows of sorted levels, or empty
  std::vector<TermRows> term_rows_;            // by slot
  std::vector<std::vector<int>> pair_blocks_;  // by pair of terms: block of each row and slots
  std::vector<MemberLinks> links_;             // by term
  std::vector<PairRows> pair_rows_;            // by pair of slots
  std::vector<int> slot_pairs_;                // by pair of slots: pair of the pattern

  std::vector<double> beta_, lam_;     // the last point
  std::vector<const double*> lambda_;  // into lam_, by term
  bool linearized_ = false;            // derivatives, A, g and the factor belong to it

  std::vector<std::vector<double>> xb_;          // by predictor: o + X beta
  std::vector<std::vector<double>> d1_, d2_, d3_;  // derivatives of the last full pass
  std::vector<double> u_, b_;                    // modes; b = Lambda u
  std::vector<double> g_, A_, P_;                // raw scores, raw information, selected inverse
  std::vector<double> r_, delta_;                // Lambda'g - Q u and the Newton step H^-1 r
  double decrement_ = 0.0;                       // r' H^-1 r
  double correction_ = 0.0;            // (Lambda'Z'c)'delta, of the value
  double criterion_ = 0.0;                       // sum l - u'Q u / 2 at the mode
  bool clipped_ = false;
  long passes_ = 0;
  std::vector<double> z_c_, s_, work1_, work2_;  // (U,)
  std::vector<double> before_, step_, kept_u_;   // Newton's method
  std::vector<double> delta_lam_;                // change of lam
};

// What replaces the score in the direct part of the gradient, and the moments of the summands of a
// quadrature; all null but `scores` for Laplace.
struct LaplaceCell::Direct {
  std::vector<const double*> scores;  // by predictor (n,): l_k, or its mean over the nodes
  const double* products = nullptr;   // (lambda_size,): mean of sum of (Z'l')_l u_l'
  const double* shift = nullptr;      // (U,): E1, mean gradient of the summands in u
};

}  // namespace ilk
