// The marginal log-likelihood of a generalized linear mixed model by the Laplace approximation or
// adaptive Gauss-Hermite quadrature, its exact gradient, and its maximization.
//
// The engine is a sum over cells (cells.h), each with modes of its own. Values leave out additive
// terms that depend on the response, trials and weights alone (density.h).
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "cell_set.h"
#include "data.h"
#include "density.h"
#include "factor_map.h"
#include "quadrature.h"
#include "search.h"
#include "search_result.h"
#include "start.h"

namespace ilk {

struct LaplaceEvaluation {
  double value = -std::numeric_limits<double>::infinity();
  bool converged = false;
  bool clipped = false;
  std::vector<double> grad_beta;  // (P,)
  std::vector<double> grad_lam;   // (lambda_size,)
};

class LaplaceEngine {
 public:
  LaplaceEngine(Data data, const Density& density, int threads = 1);

  int coefficients() { return cells_.front().coefficients(); }
  int lambda_size() { return cells_.front().lambda_size(); }
  int effects() const { return cells_.effects(); }
  std::size_t rows() const { return cells_.rows(); }
  const std::vector<Term>& shapes() const { return cells_.shapes(); }

  void set_interrupt(const std::function<bool()>& wants_stop);
  void set_response(const double* response);  // (n,)

  // `nodes` per dimension, one number for each term. Throws std::invalid_argument if one is above 1
  // and the grouping factors are not nested in each other or have more than kMaxQuadratureWidth
  // effects per level.
  LaplaceEvaluation evaluate(const double* beta, const double* lam, const std::vector<int>& nodes,
                             bool gradient, double tolerance, bool cold);

  // Maximizes over (beta, theta) from `beta`. `theta` null: start from moments. With
  // `inverse_hessian` (m, m) the search starts right there, otherwise after a joint start.
  SearchResult fit(const FactorMap& factor, const double* beta, const double* theta,
                   const double* inverse_hessian, const std::vector<int>& nodes, int max_steps,
                   double tolerance);

  // Minus the Hessian in (beta, theta) by central differences of the exact gradient with steps
  // 1e-3 * scale (m, m); not a number where the value does not exist.
  std::vector<double> information(const FactorMap& factor, const double* beta,
                                  const double* theta, const double* scale,
                                  const std::vector<int>& nodes);

  // ---- At the last evaluation -------------------------------------------------------------------
  std::vector<double> modes() const;              // u (U,)
  std::vector<double> conditional_covariance();   // Lambda P Lambda' by term: (L_t, q_t, q_t)
  void solve(double* rhs, int columns);           // rhs (U, columns) <- H^-1 rhs
  std::vector<double> cross_information();        // Lambda' Z'WX (U, P), column-major
  std::vector<double> fixed_information();        // X'WX (P, P)

 private:
  void sum(const double* beta, const double* lam, const Effort& effort, LaplaceEvaluation& out);
  std::unique_ptr<QuadraturePlan> plan(const std::vector<int>& nodes);
  void require_evaluation() const;
  void complete();

  Nesting nesting_;  // of all terms; empty if they are not nested
  CellSet cells_;
  std::vector<Contribution> contributions_;
  bool evaluated_ = false;
  bool complete_ = false;  // all second derivatives belong to the last evaluation
};

}  // namespace ilk
