// Value and exact gradient of the Laplace approximation on a cell.
//
// With P = H^-1, P_b = Lambda P Lambda' and R the predictors with random effects:
//     T_i,ab = z_ia' P_b z_ib                                   leverages
//     c_ik   = sum_{a,b in R} l_i,abk T_i,ab / 2                change of -log|H| / 2
//     s      = P (Lambda'Z'c)                                   one solve
//     dL/dbeta_k   = X_k' (l_k + c_k + sum_{a in R} l_ka Z_a Lambda s)
//     dL/dLambda_t = sum over levels of (g + Z'c - A Lambda s) u' + g s'  -  M_t',
//                    M_t = sum over levels of (P Lambda'A)
// and, for elements of a precision matrix, as in prior.h.
// (docs/derivations/likelihood.md, section 3).
#include <algorithm>
#include <cmath>

#include "factor_curvature.h"
#include "laplace_cell.h"
#include "quadrature.h"

namespace ilk {

namespace {

constexpr double kExactMode = 1e-18;        // Newton decrement of a mode without a rest
constexpr double kLargestCorrection = 1e-2;  // of the value, that first order is trusted with

}  // namespace

// With the rest delta of the Newton step: L(u + delta) = L(u) + r'H^-1r / 2 + (Lambda'Z'c)'delta;
// the last term comes with the gradient.
double LaplaceCell::laplace_value() const {
  const double log_det = effects() > 0 ? cholesky_.log_det() : 0.0;
  return criterion_ + 0.5 * decrement_ - 0.5 * (log_det - prior_.log_det());
}

void LaplaceCell::evaluate(const double* beta, const double* lam, const Effort& effort,
                           Scratch& scratch, Contribution& out) {
  out.converged = false;
  out.value = -std::numeric_limits<double>::infinity();
  clipped_ = false;
  move(beta, lam, effort.origin, scratch);

  // The correction of the value by the rest of the Newton step needs the gradient; without it,
  // and for quadrature, the rest has to vanish.
  const bool corrected = effort.gradient && !effort.rule;
  const double tolerance = corrected ? effort.tolerance : std::min(effort.tolerance, kExactMode);
  bool found = find_mode(tolerance, effort.near, false, scratch);
  if (!found) {
    std::fill(u_.begin(), u_.end(), 0.0);
    found = find_mode(tolerance, false, true, scratch);
  }
  if (found) {
    value_at_mode(effort, scratch, out);
    // Where H is close to singular the first-order correction may be far off: then go all the way.
    if (corrected && !(std::fabs(correction_) < kLargestCorrection)) {
      for (std::size_t i = 0; i < u_.size(); ++i) u_[i] += delta_[i];
      found = find_mode(kExactMode, true, true, scratch);
      if (found) value_at_mode(effort, scratch, out);
    }
  }
  out.clipped = clipped_;
  if (!found) {
    std::fill(u_.begin(), u_.end(), 0.0);
    return;
  }
  for (std::size_t i = 0; i < u_.size(); ++i) u_[i] += delta_[i];
  out.converged = std::isfinite(out.value);
  linearized_ = true;
}

// Value and gradient with the mode found.
void LaplaceCell::value_at_mode(const Effort& effort, Scratch& scratch, Contribution& out) {
  correction_ = 0.0;
  if (effort.gradient) {
    out.grad_beta.assign(coefficients_, 0.0);
    out.grad_lam.assign(lambda_size_, 0.0);
  }
  if (effort.rule && effects() > 0) {
    integrate_cell(*this, *effort.rule, effort.gradient, scratch, out);
    return;
  }
  out.value = laplace_value();
  if (!effort.gradient) return;
  if (effects() > 0) cholesky_.selected_inverse(P_.data());
  Direct direct;
  for (int k = 0; k < predictors_; ++k) direct.scores.push_back(d1_[k].data());
  add_gradient(direct, scratch, out);
  out.value += correction_;
}

// P_ holds the (adjusted) inverse on the pattern when this is called, and Lambda P Lambda' after.
void LaplaceCell::add_gradient(const Direct& direct, Scratch& scratch, Contribution& out) {
  double* effects_of_s = work1_.data();
  if (effects() > 0) {
    half_log_det_gradient(pattern_, A_.data(), P_.data(), lambda_, pattern_.terms(),
                          out.grad_lam.data());
    for (double& value : out.grad_lam) value = -value;
    prior_.add_trace_gradient(P_.data(), out.grad_lam.data() + factor_size_);
    to_effects(P_);
    curvature_changes(scratch);
    apply_factor_transposed(pattern_, lambda_, z_c_.data(), s_.data());
    if (direct.shift)
      for (std::size_t i = 0; i < s_.size(); ++i) s_[i] += direct.shift[i];
    else
      for (std::size_t i = 0; i < s_.size(); ++i) correction_ += s_[i] * delta_[i];
    cholesky_.solve(s_.data());
    prior_.add_product_gradient(u_.data(), s_.data(), 1.0, out.grad_lam.data() + factor_size_);
    apply_factor(pattern_, lambda_, s_.data(), effects_of_s);
    multiply(pattern_, A_.data(), effects_of_s, work2_.data());
  }
  add_fixed_gradient(direct, effects_of_s, scratch, out.grad_beta.data());
  add_level_gradient(direct, out.grad_lam.data());
}

// The sums over levels; work2_ holds A Lambda s.
void LaplaceCell::add_level_gradient(const Direct& direct, double* grad_lam) const {
  for (int t = 0, offset = 0; t < pattern_.terms(); ++t) {
    const int q = pattern_.term(t).width;
    double* gradient = grad_lam + offset;
    std::size_t x = pattern_.scalar_offset(t);
    for (int l = 0; l < pattern_.term(t).levels; ++l, x += q) {
      for (int i = 0; i < q; ++i) {
        const double own = direct.products ? 0.0 : g_[x + i];
        const double outer = own + z_c_[x + i] - work2_[x + i];
        for (int j = 0; j <= i; ++j)
          gradient[i + j * q] += outer * u_[x + j] + g_[x + i] * s_[x + j];
      }
    }
    for (int j = 0; j < q; ++j) {
      for (int i = 0; i < j; ++i) gradient[i + j * q] = 0.0;
      if (direct.products)
        for (int i = j; i < q; ++i) gradient[i + j * q] += direct.products[offset + i + j * q];
    }
    offset += q * q;
  }
}

namespace {

// block <- L block R' for lower-triangular L (rows, rows) and R (columns, columns), in place.
void transform_block(const double* L, int rows, const double* R, int columns, double* block) {
  for (int c = 0; c < columns; ++c)
    for (int i = rows - 1; i >= 0; --i) {
      double sum = 0.0;
      for (int m = 0; m <= i; ++m) sum += L[i + m * rows] * block[m + c * rows];
      block[i + c * rows] = sum;
    }
  for (int i = 0; i < rows; ++i)
    for (int c = columns - 1; c >= 0; --c) {
      double sum = 0.0;
      for (int m = 0; m <= c; ++m) sum += block[i + m * rows] * R[c + m * columns];
      block[i + c * rows] = sum;
    }
}

}  // namespace

// P <- Lambda P Lambda' on the pattern.
void LaplaceCell::to_effects(std::vector<double>& P) const {
  const auto transform = [&](int row_term, int column_term, double* block, std::size_t count) {
    const int rows = pattern_.term(row_term).width, columns = pattern_.term(column_term).width;
    const double *L = lambda_[row_term], *R = lambda_[column_term];
    if (rows == 1 && columns == 1) {
      for (std::size_t k = 0; k < count; ++k) block[k] *= *L * *R;
      return;
    }
    for (std::size_t k = 0; k < count; ++k, block += rows * columns)
      transform_block(L, rows, R, columns, block);
  };
  for (int t = 0; t < pattern_.terms(); ++t)
    transform(t, t, P.data() + pattern_.diagonal_offset(t), pattern_.term(t).levels);
  for (const BlockPair& pair : pattern_.pairs())
    transform(pair.row_term, pair.column_term, P.data() + pair.offset, pair.columns.size());
}

void LaplaceCell::covariance_direction(const double* change, double* m) {
  ilk::covariance_direction(pattern_, pattern_.terms(), lambda_, change, g_.data(), m);
  prior_.set_directions(lambda_, change, g_.data(), u_.data(), m);
}

const std::vector<double>& LaplaceCell::covariances() {
  if (effects() > 0) cholesky_.selected_inverse(P_.data());
  return P_;
}

}  // namespace ilk
