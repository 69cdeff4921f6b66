#include "working_curvature.h"

#include <cmath>
#include <cstddef>

#include "factor_curvature.h"
#include "row_loops_choice.h"

namespace ilk {

namespace {

constexpr std::size_t kLargestColumns = std::size_t(1) << 27;  // doubles, of all cells' columns

// Adds a cell's part of [X'V^-1X, X'V^-1Zm; m'Z'V^-1X, m'Z'V^-1Zm], lower triangle, to Q (m, m).
void add_products(LaplaceCell& cell, Scratch& scratch, const double* jacobian, int theta_size,
                  small::Matrix& Q) {
  const std::size_t U = cell.effects(), P = cell.coefficients(), m = P + theta_size;
  const BlockPattern& pattern = cell.pattern();
  const auto add_transposed = [&](const double* columns, std::size_t count, const double* x,
                                  double* out) {
    row_loops().add_products(U, static_cast<int>(count), columns, U, x, out);
  };

  std::vector<double> fixed(P * P, 0.0), unused(P, 0.0);
  cell.add_fixed_information(scratch, fixed.data(), unused.data());
  for (std::size_t j = 0; j < P; ++j)
    for (std::size_t i = j; i < P; ++i) Q[i + j * m] += fixed[i + j * P];
  if (U == 0) return;

  // Columns Z'WX and Z'WZ m, with the products that need no solve.
  std::vector<double> columns(U * m), directions(U * theta_size);
  cell.cross_information(scratch, columns.data());
  for (int j = 0; j < theta_size; ++j) {
    double* direction = &directions[j * U];
    cell.covariance_direction(jacobian + static_cast<std::size_t>(j) * cell.lambda_size(),
                              direction);
    multiply(pattern, cell.A().data(), direction, &columns[(P + j) * U]);
  }
  std::vector<double> products(m);
  for (std::size_t j = P; j < m; ++j) {  // row j of the lower triangle
    products.assign(m, 0.0);
    add_transposed(columns.data(), j + 1, &directions[(j - P) * U], products.data());
    for (std::size_t i = 0; i <= j; ++i) Q[j + i * m] += products[i];
  }

  for (std::size_t j = 0; j < m; ++j)
    apply_factor_transposed(pattern, cell.lambda(), &columns[j * U], &columns[j * U]);
  cell.cholesky().forward(columns.data(), static_cast<int>(m));
  for (std::size_t j = 0; j < m; ++j) {
    products.assign(m, 0.0);
    add_transposed(columns.data(), j + 1, &columns[j * U], products.data());
    for (std::size_t i = 0; i <= j; ++i) Q[j + i * m] -= products[i];
  }
}

}  // namespace

small::Matrix working_curvature(CellSet& cells, const FactorMap& factor, const double* theta,
                                const std::vector<double>& gradient) {
  const int P = cells.front().coefficients(), k = factor.theta_size, m = P + k;
  if (static_cast<std::size_t>(cells.effects()) * (m + k) > kLargestColumns) return {};
  std::vector<double> lam(factor.lambda_size);
  std::vector<double> jacobian(static_cast<std::size_t>(factor.lambda_size) * k);
  factor(theta, lam.data(), jacobian.data());

  std::vector<small::Matrix> parts(cells.size(), small::Matrix(static_cast<std::size_t>(m) * m));
  std::vector<char> definite(cells.size(), 1);
  cells.for_each([&](LaplaceCell& cell, Scratch& scratch, int c) {
    // One predictor: all second derivatives are there from the evaluation.
    if (cell.data().predictors.size() > 1) definite[c] = cell.refresh(scratch);
    if (definite[c]) add_products(cell, scratch, jacobian.data(), k, parts[c]);
  });
  small::Matrix H(static_cast<std::size_t>(m) * m);
  const auto at = [m](int i, int j) { return i + static_cast<std::size_t>(j) * m; };
  for (int c = 0; c < cells.size(); ++c) {
    if (!definite[c]) return {};
    for (std::size_t i = 0; i < H.size(); ++i) H[i] += parts[c][i];
  }
  for (int j = 0; j < m; ++j)
    for (int i = 0; i < j; ++i) H[at(i, j)] = H[at(j, i)];

  small::Matrix S(static_cast<std::size_t>(P) * P), L;
  for (int j = 0; j < P; ++j)
    for (int i = 0; i < P; ++i) S[i + static_cast<std::size_t>(j) * P] = H[at(i, j)];
  if (P > 0) small::ridged_cholesky(S, P, L);
  std::vector<double> solved(P);
  for (int j = P; j < m; ++j) {
    for (int i = 0; i < P; ++i) solved[i] = H[at(i, j)];
    if (P > 0) small::solve(L, P, solved.data());
    for (int l = P; l <= j; ++l) {
      double fixed = 0.0;
      for (int i = 0; i < P; ++i) fixed += H[at(i, l)] * solved[i];
      H[at(j, l)] = H[at(l, j)] = 0.5 * (H[at(j, l)] + fixed);
    }
  }
  std::vector<const double*> lambda;
  const double* next = lam.data();
  for (const Term& shape : cells.shapes()) {
    lambda.push_back(next);
    next += shape.width * shape.width;
  }
  subtract_factor_curvature(cells.front().pattern(), static_cast<int>(lambda.size()), lambda,
                            gradient.data(), jacobian.data(), factor.lambda_size, k,
                            &H[at(P, P)], static_cast<std::size_t>(m));
  for (double value : H)
    if (!std::isfinite(value)) return {};
  return H;
}

}  // namespace ilk
