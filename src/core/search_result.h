// What a search over the outer parameters hands back, the same for both engines.
#pragma once

#include <limits>
#include <vector>

namespace ilk {

enum class SearchStatus {
  converged,    // predicted gain below the tolerance
  line_search,  // no further increase along the search direction
  max_steps,
  no_mode,  // the criterion could not be evaluated at the start
};

struct SearchResult {
  SearchStatus status = SearchStatus::no_mode;
  std::vector<double> beta;
  std::vector<double> theta;
  double value = -std::numeric_limits<double>::infinity();  // log-likelihood at the result
  std::vector<double> gradient;         // of the value in (beta, theta); linear engine: theta
  std::vector<double> inverse_hessian;  // of -value, column-major
  double decrement = 0.0;               // predicted gain g'H^-1 g / 2 in log-likelihood units
  int steps = 0;
  int evaluations = 0;
  int passes = 0;        // passes over the data (Laplace engine)
  bool clipped = false;  // clipped weights were needed near the end (Laplace engine)
  double sigma2 = std::numeric_limits<double>::quiet_NaN();  // linear engine only
};

}  // namespace ilk
