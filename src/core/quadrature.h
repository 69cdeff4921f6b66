// Adaptive Gauss-Hermite quadrature for models with one grouping factor; nested ones are in
// nested_quadrature.h.
//
// For a level with H = L L' at the mode u, the nodes x_j of a product rule for the standard normal
// density are taken to u_j = u + L^-T x_j:
//
//     log I = -log|L| + log sum_j w_j exp( sum l_i(u_j) - |u_j|^2 / 2 + |x_j|^2 / 2 ).
//
// One node is the Laplace approximation (docs/derivations/likelihood.md, section 5).
#pragma once

#include <cstddef>
#include <vector>

#include "laplace_cell.h"
#include "nesting.h"

namespace ilk {

// Nodes and weights for the standard normal density in `width` dimensions.
struct QuadratureRule {
  int width = 1;
  int nodes = 1;                   // of the product rule
  std::vector<double> x;           // (nodes, width) row-major, the node nearest to 0 first
  std::vector<double> log_weight;  // (nodes,): log w_j + |x_j|^2 / 2
};

// The product of `width` Gauss-Hermite rules of `nodes` nodes each.
QuadratureRule gauss_hermite(int nodes, int width);

constexpr int kMaxQuadratureWidth = 3;

// One rule for each grouping factor, the outermost first.
struct QuadraturePlan {
  Nesting nesting;
  std::vector<QuadratureRule> rules;
};

// Replaces the Laplace approximation on a cell whose modes have just been found. The effects of one
// level of a factor are integrated jointly.
void integrate_cell(LaplaceCell& cell, const QuadraturePlan& plan, bool gradient,
                    Scratch& scratch, Contribution& out);

// The same for one grouping factor with a known number of effects per level: all terms must have
// the same, ascending codes.
template <int width>
class CellQuadrature {
 public:
  CellQuadrature(LaplaceCell& cell, const QuadratureRule& rule);

  void evaluate(bool gradient, Scratch& scratch, Contribution& out);

 private:
  using Vector = double[width];
  using Matrix = double[width * width];  // column-major

  // Sums over the nodes of a level. Weights are relative to exp(reference).
  struct Level {
    Matrix inverse_root;  // L^-T, upper triangular
    double reference;
    double total;     // sum of weights
    Vector gradient;  // E1 = sum of w a,  a = Lambda'Z'l'(u_j) - u_j
    Matrix product;   // E2 = sum of w x a'
    Matrix score;     // sum of w (Z'l') u_j'
  };

  void integrate(int first, int last, bool gradient);
  void prepare(int l, Level& level);
  void raw_information(int l, double* A) const;
  void place_node(int node, int first, const std::vector<Level>& levels);
  void evaluate_node(int first, int last);
  void weigh_node(int node, int first, bool gradient, std::vector<Level>& levels);
  void add_node(int node, int l, Level& level);
  void finish(int l, bool gradient, Level& level);
  void rescale(int l, double factor, Level& level);
  void store_inverse(int l, const double* inverse);

  std::size_t row_begin(int l) const { return static_cast<std::size_t>(cell_.starts_[0][l]); }

  // Where effect j of level l is among all effects of the cell.
  std::size_t effect(int j, int l) const {
    return first_effect_[j] + static_cast<std::size_t>(l) * stride_[j];
  }

  LaplaceCell& cell_;
  const QuadratureRule& rule_;
  int offset_[width];  // by term: first of its effects within the level
  std::size_t first_effect_[width], stride_[width];
  Matrix factor_ = {};  // Lambda, block diagonal over the terms

  double value_ = 0.0;
  std::vector<double> node_u_, node_b_, node_scores_;  // (U,)
  std::vector<double> row_values_;                     // rows of a chunk of levels
  std::vector<std::vector<double>> row_eta_, row_d1_;
  std::vector<double> level_values_;                   // (levels,): sum l at the current node
  std::vector<double> level_weights_;                  // (levels,): weight of the current node
  std::vector<std::vector<double>> mean_scores_;       // by predictor (n,): mean of l_k
  std::vector<double> mean_products_;                  // (lambda_size,)
  std::vector<double> shift_;                          // (U,): E1
};

}  // namespace ilk
