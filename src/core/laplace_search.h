// Maximization of the Laplace or quadrature approximation over (beta, theta).
#pragma once

#include <cstddef>
#include <functional>
#include <vector>

#include "cell_set.h"
#include "factor_map.h"
#include "quadrature.h"
#include "search.h"
#include "search_result.h"
#include "start.h"

namespace ilk {

struct LaplaceEvaluation;

// Sums the cells at (beta, lam).
using EvaluateAt = std::function<void(const double* beta, const double* lam, const Effort& effort,
                                      LaplaceEvaluation& out)>;

class LaplaceSearch {
 public:
  LaplaceSearch(CellSet& cells, EvaluateAt evaluate, const FactorMap& factor, int max_steps,
                double tolerance);

  // The cells must have been reset.
  SearchResult run(const double* beta, const double* theta, const double* inverse_hessian,
                   const QuadraturePlan* rule);

  std::vector<double> information(const double* beta, const double* theta, const double* scale,
                                  const QuadraturePlan* rule);

 private:
  void start(const double* beta, const double* theta, const double* inverse_hessian);
  void set_step_limits();
  void climb(const QuadraturePlan* rule, bool modeled = false);
  void settle_zeros(const QuadraturePlan* rule);
  bool nearly_singular();
  bool leave_saddle(const std::vector<double>& hessian, const QuadraturePlan* rule);
  void certify(const QuadraturePlan* rule);
  bool leave_zeros(const std::vector<int>& zeros, const QuadraturePlan* rule);
  double value_and_gradient(const double* psi, const Effort& effort, double* gradient);
  std::vector<double> differences(const double* psi, const double* gradient, const double* scale,
                                  const QuadraturePlan* rule);
  SearchResult result() const;
  std::size_t at(int i, int j) const { return i + static_cast<std::size_t>(j) * m_; }

  CellSet& cells_;
  EvaluateAt evaluate_;
  const FactorMap& factor_;
  int P_, m_;
  SearchOptions options_;

  std::vector<double> psi_, inverse_hessian_, theta_scale_, deviations_;
  SearchOutcome outcome_;
  int steps_ = 0, evaluations_ = 0;
  long first_pass_ = 0;
  bool clipped_ = false;  // at the last evaluation
  std::vector<double> last_psi_;
  std::vector<double> lam_, jacobian_, grad_lam_;
};

}  // namespace ilk
