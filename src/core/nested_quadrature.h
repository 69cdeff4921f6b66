// Adaptive Gauss-Hermite quadrature for grouping factors that are nested in each other.
//
// With the effects of an outermost cluster ordered from the leaves to the root, H = LL' has no
// fill, and the sum over the nodes u = u^ + L^-T x factorizes from the leaves to the root:
//
//     u_d = u^_d + L_d^-T (x_d - Y_d (u_a - u^_a)),       Y_d = L_d^-1 H_da,
//     log I_d(x_a) = log sum over x_d of w exp( own + sum over children of log I_c(x_a, x_d) ).
//
// Every row is evaluated once for each path of nodes from the root to its leaf. Derivation:
// docs/derivations/quadrature.md; the readable twin is kernels/reference/nested.py.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "laplace_cell.h"
#include "nesting.h"
#include "quadrature.h"

namespace ilk {

class NestedQuadrature {
 public:
  NestedQuadrature(LaplaceCell& cell, const QuadraturePlan& plan);

  void evaluate(bool gradient, Scratch& scratch, Contribution& out);

 private:
  // The effects of one grouping factor; m = start + width path coordinates end with its own.
  struct Depth {
    const QuadratureRule* rule;
    std::vector<int> terms;
    const int* codes;          // (n,) level of each row
    int levels, width, start;  // L, q and the number a of the ancestors' coordinates
    std::vector<int> parents;  // (L,)
    std::vector<double> half;    // (L, q, q): L_d^-1, row-major
    std::vector<double> shaft;   // (L, q, a): Y_d
    std::vector<double> spread;  // (L, q, m): rows of L^-T
    std::vector<double> posterior;  // (paths of the ancestors, nodes, L)
    std::vector<double> product;    // (L, m, q): mean of x alpha'
    std::vector<std::vector<double>> eta;    // by predictor (n,), where the depth has effects
    std::vector<const double*> predictors;   // by predictor: the linear predictor so far
  };
  // One path coordinate: the effect of level l is at base + l * stride among all effects.
  struct Coordinate {
    int depth, term, column;
    std::size_t base, stride;
  };
  // Where the blocks between two terms are, by level of the deeper one; -1 where they do not meet.
  struct Blocks {
    std::vector<std::int64_t> place;
    int rows = 0;             // of a block, which is stored by columns
    bool transposed = false;  // the deeper term runs across the block
  };

  void find_blocks();
  void factorize();
  void raw_front(const Depth& depth, int l, double* front) const;
  void to_factor(const Depth& depth, double* front) const;
  void spread_nodes(int d);
  int ancestor(int d, int l, int outer) const;
  std::size_t effect(int coordinate, int l) const {
    return coordinates_[coordinate].base + l * coordinates_[coordinate].stride;
  }
  double element(const Blocks& blocks, const double* compact, int l, int i, int j) const;

  void place(int d);
  void evaluate_rows();
  void log_integral(int d, std::size_t path, double* total);
  void moments(int d, std::size_t path, const double* weight, double* message);
  void leaf_scores(const double* weight, double* residual);
  void adjusted_inverse();
  void store_inverse(int d, const std::vector<double>& inverse);

  LaplaceCell& cell_;
  std::vector<Depth> depths_;
  std::vector<Coordinate> coordinates_;
  std::vector<int> first_coordinate_;        // by term
  std::vector<std::vector<int>> above_leaf_;  // by depth: ancestor of each leaf
  std::vector<std::vector<Blocks>> blocks_;  // by deeper and outer term
  std::vector<double> factor_;               // Lambda on a path (m, m), row-major
  int path_ = 0;                             // m of the leaves

  std::vector<double> x_;                // the nodes of the current path (m,)
  std::vector<double> node_u_, node_b_;  // (U,)
  std::vector<double> row_values_;       // (n,)
  std::vector<std::vector<double>> row_d1_;
  std::vector<std::vector<double>> mean_scores_;  // by predictor (n,): mean of l_k
  std::vector<double> mean_raw_, mean_u_;         // (U,): means of Z'l' and of u
  std::vector<double> mean_products_;             // (lambda_size,)
  std::vector<std::vector<double>> leaf_raw_;     // by coordinate's term (L, q) of the leaves
  double half_log_det_ = 0.0;
};

}  // namespace ilk
