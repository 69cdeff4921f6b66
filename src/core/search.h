// Maximization by BFGS with an initial inverse Hessian, for any smooth function with a gradient.
#pragma once

#include <functional>
#include <limits>
#include <vector>

#include "search_result.h"

namespace ilk {

// What the search knows about a point that it asks for.
struct Trial {
  double predicted_gain = std::numeric_limits<double>::infinity();  // g'H^-1 g / 2 of the step
  bool retreat = false;  // the point before this one was rejected: forget it
};

// Value at psi (-infinity where it does not exist); fills the gradient.
using Objective = std::function<double(const double* psi, const Trial& trial, double* gradient)>;

// Exact Hessian of minus the value at psi (m, m); empty if it cannot be had.
using Curvature = std::function<std::vector<double>(const double* psi)>;

struct SearchOptions {
  int max_steps = 200;
  double tolerance = 1e-8;         // predicted gain at which the search ends
  std::vector<double> step_limit;  // (m,) largest change in one step
  Curvature curvature;             // optional: asked when BFGS does not get on
  // Optional: an approximate Hessian that costs little, at the last point that the objective was
  // asked for (m, m); empty if it cannot be had. It replaces the inverse Hessian at the start and
  // after the first step.
  std::function<std::vector<double>()> model;
};

struct SearchOutcome {
  SearchStatus status = SearchStatus::no_mode;
  double value = -std::numeric_limits<double>::infinity();
  std::vector<double> gradient;
  double decrement = std::numeric_limits<double>::infinity();  // predicted gain at the end
  int steps = 0;
  int evaluations = 0;
};

// Maximizes from psi with the given inverse Hessian of minus the value (m, m); both are updated.
SearchOutcome maximize(const Objective& objective, std::vector<double>& psi,
                       std::vector<double>& inverse_hessian, const SearchOptions& options);

// Inverse of a symmetric matrix with eigenvalues replaced by their absolute values, small ones
// raised to `smallest`: a positive definite stand-in for the inverse Hessian away from a maximum.
// Eigenvalues are those of the matrix scaled to unit diagonal.
std::vector<double> definite_inverse(const std::vector<double>& hessian, int m,
                                     double smallest = 1e-8);

}  // namespace ilk
