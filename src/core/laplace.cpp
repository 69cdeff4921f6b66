#include "laplace.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>

#include "laplace_search.h"

namespace ilk {

namespace {

// Calls move(position in the whole, position in the cell, width) for every level of a cell.
template <class Move>
void for_levels(const CellSet& cells, int c, Move move) {
  const LaplaceCell& cell = cells[c];
  std::size_t whole = 0;
  for (std::size_t t = 0; t < cells.shapes().size(); ++t) {
    const std::size_t q = cells.shapes()[t].width;
    const std::size_t part = cell.pattern().scalar_offset(static_cast<int>(t));
    const std::vector<int>& levels = cells.origin(c).levels[t];
    for (std::size_t l = 0; l < levels.size(); ++l)
      move(whole + levels[l] * q, part + l * q, q);
    whole += cells.shapes()[t].levels * q;
  }
}

// Distributes a vector over scalars (U,) to a cell, and collects it again.
void gather(const CellSet& cells, int c, const double* whole, double* part) {
  for_levels(cells, c, [&](std::size_t i, std::size_t j, std::size_t q) {
    std::copy(whole + i, whole + i + q, part + j);
  });
}

void scatter(const CellSet& cells, int c, const double* part, double* whole) {
  for_levels(cells, c, [&](std::size_t i, std::size_t j, std::size_t q) {
    std::copy(part + j, part + j + q, whole + i);
  });
}

}  // namespace

LaplaceEngine::LaplaceEngine(Data data, const Density& density, int threads)
    : nesting_(find_nesting(data)),
      cells_(std::move(data), density, threads),
      contributions_(cells_.size()) {}

void LaplaceEngine::set_interrupt(const std::function<bool()>& wants_stop) {
  cells_.set_interrupt(wants_stop);
}

void LaplaceEngine::set_response(const double* response) {
  std::vector<double> part;
  for (int c = 0; c < cells_.size(); ++c) {
    part.clear();
    for (int row : cells_.origin(c).rows) part.push_back(response[row]);
    cells_[c].set_response(part.data());
  }
  evaluated_ = complete_ = false;
}

std::unique_ptr<QuadraturePlan> LaplaceEngine::plan(const std::vector<int>& nodes) {
  const std::vector<Term>& terms = cells_.shapes();
  if (nodes.size() != terms.size())
    throw std::invalid_argument("nodes must be given for each term");
  if (std::all_of(nodes.begin(), nodes.end(), [](int k) { return k <= 1; })) return nullptr;
  if (cells_.front().prior().any())
    throw std::invalid_argument("quadrature needs levels that are independent; use nodes=1");
  const auto several = [](const Term& term) { return term.slots > 1; };
  if (std::any_of(terms.begin(), terms.end(), several))
    throw std::invalid_argument("quadrature needs rows of one level each; use nodes=1");
  if (nesting_.empty())
    throw std::invalid_argument(
        "quadrature needs grouping factors that are nested in each other; use nodes=1");
  auto plan = std::make_unique<QuadraturePlan>();
  plan->nesting = nesting_;
  for (const std::vector<int>& depth : nesting_) {
    int width = 0, most = 1;
    for (int t : depth) {
      width += terms[t].width;
      most = std::max(most, nodes[t]);
    }
    if (width > kMaxQuadratureWidth)
      throw std::invalid_argument("quadrature needs at most " +
                                  std::to_string(kMaxQuadratureWidth) +
                                  " random effects per level of a factor; use nodes=1");
    plan->rules.push_back(gauss_hermite(most, width));
  }
  return plan;
}

// ---- Evaluation ---------------------------------------------------------------------------------

void LaplaceEngine::sum(const double* beta, const double* lam, const Effort& effort,
                        LaplaceEvaluation& out) {
  const int P = coefficients(), size = lambda_size();
  out = LaplaceEvaluation{};
  bool finite = true;
  for (int j = 0; j < P; ++j) finite = finite && std::isfinite(beta[j]);
  for (int j = 0; j < size; ++j) finite = finite && std::isfinite(lam[j]);
  if (!finite) return;

  evaluated_ = complete_ = false;
  Effort share = effort;
  share.tolerance /= cells_.size();
  cells_.for_each([&](LaplaceCell& cell, Scratch& scratch, int c) {
    cell.evaluate(beta, lam, share, scratch, contributions_[c]);
  });
  out.value = 0.0;
  out.converged = true;
  if (effort.gradient) {
    out.grad_beta.assign(P, 0.0);
    out.grad_lam.assign(size, 0.0);
  }
  for (const Contribution& part : contributions_) {
    out.clipped = out.clipped || part.clipped;
    if (!part.converged) {
      out.converged = false;
      continue;
    }
    out.value += part.value;
    if (!effort.gradient) continue;
    for (int j = 0; j < P; ++j) out.grad_beta[j] += part.grad_beta[j];
    for (int j = 0; j < size; ++j) out.grad_lam[j] += part.grad_lam[j];
  }
  if (!out.converged) out.value = -std::numeric_limits<double>::infinity();
  evaluated_ = out.converged;
}

LaplaceEvaluation LaplaceEngine::evaluate(const double* beta, const double* lam,
                                          const std::vector<int>& nodes, bool gradient,
                                          double tolerance, bool cold) {
  const std::unique_ptr<QuadraturePlan> quadrature = plan(nodes);
  Effort effort;
  effort.tolerance = tolerance;
  effort.gradient = gradient;
  effort.rule = quadrature.get();
  if (cold) {
    effort.origin = Origin::zero;
    for (int c = 0; c < cells_.size(); ++c) cells_[c].reset();
  }
  LaplaceEvaluation out;
  sum(beta, lam, effort, out);
  return out;
}

SearchResult LaplaceEngine::fit(const FactorMap& factor, const double* beta, const double* theta,
                                const double* inverse_hessian, const std::vector<int>& nodes,
                                int max_steps, double tolerance) {
  const std::unique_ptr<QuadraturePlan> quadrature = plan(nodes);
  for (int c = 0; c < cells_.size(); ++c) cells_[c].reset();
  const auto evaluate_at = [this](const double* b, const double* lam, const Effort& effort,
                                  LaplaceEvaluation& out) { sum(b, lam, effort, out); };
  LaplaceSearch search(cells_, evaluate_at, factor, max_steps, tolerance);
  return search.run(beta, theta, inverse_hessian, quadrature.get());
}

std::vector<double> LaplaceEngine::information(const FactorMap& factor, const double* beta,
                                               const double* theta, const double* scale,
                                               const std::vector<int>& nodes) {
  const std::unique_ptr<QuadraturePlan> quadrature = plan(nodes);
  for (int c = 0; c < cells_.size(); ++c) cells_[c].reset();
  const auto evaluate_at = [this](const double* b, const double* lam, const Effort& effort,
                                  LaplaceEvaluation& out) { sum(b, lam, effort, out); };
  LaplaceSearch search(cells_, evaluate_at, factor, 0, 0.0);
  return search.information(beta, theta, scale, quadrature.get());
}

// ---- At the last evaluation ---------------------------------------------------------------------

void LaplaceEngine::require_evaluation() const {
  if (!evaluated_) throw std::logic_error("the engine has not been evaluated at a point yet");
}

std::vector<double> LaplaceEngine::modes() const {
  require_evaluation();
  std::vector<double> u(cells_.effects());
  for (int c = 0; c < cells_.size(); ++c) scatter(cells_, c, cells_[c].u().data(), u.data());
  return u;
}

std::vector<double> LaplaceEngine::conditional_covariance() {
  require_evaluation();
  std::vector<std::size_t> start;
  std::size_t size = 0;
  for (const Term& shape : cells_.shapes()) {
    start.push_back(size);
    size += static_cast<std::size_t>(shape.levels) * shape.width * shape.width;
  }
  std::vector<double> out(size);
  cells_.for_each([&](LaplaceCell& cell, Scratch&, int c) {
    const std::vector<double>& P = cell.covariances();
    for (std::size_t t = 0; t < cells_.shapes().size(); ++t) {
      const std::size_t block = static_cast<std::size_t>(cells_.shapes()[t].width) *
                                cells_.shapes()[t].width;
      const std::vector<int>& levels = cells_.origin(c).levels[t];
      std::vector<double> part(levels.size() * block);
      covariance_blocks(cell.pattern(), P.data(), cell.lambda(), static_cast<int>(t),
                        part.data());
      for (std::size_t l = 0; l < levels.size(); ++l)
        std::copy_n(&part[l * block], block, &out[start[t] + levels[l] * block]);
    }
  });
  return out;
}

void LaplaceEngine::solve(double* rhs, int columns) {
  require_evaluation();
  const std::size_t U = cells_.effects();
  cells_.for_each([&](LaplaceCell& cell, Scratch&, int c) {
    const std::size_t part_size = cell.effects();
    if (part_size == 0) return;
    std::vector<double> part(part_size * columns);
    for (int j = 0; j < columns; ++j) gather(cells_, c, rhs + j * U, &part[j * part_size]);
    cell.cholesky().solve(part.data(), columns);
    for (int j = 0; j < columns; ++j) scatter(cells_, c, &part[j * part_size], rhs + j * U);
  });
}

// Second derivatives in all predictors at the last point.
void LaplaceEngine::complete() {
  require_evaluation();
  if (complete_) return;
  std::vector<char> definite(cells_.size(), 0);
  cells_.for_each([&](LaplaceCell& cell, Scratch& scratch, int c) {
    definite[c] = cell.refresh(scratch);
  });
  for (char yes : definite)
    if (!yes) throw std::runtime_error("the information about the random effects is not definite");
  complete_ = true;
}

std::vector<double> LaplaceEngine::cross_information() {
  complete();
  const std::size_t U = cells_.effects(), P = coefficients();
  std::vector<double> out(U * P);
  cells_.for_each([&](LaplaceCell& cell, Scratch& scratch, int c) {
    const std::size_t part_size = cell.effects();
    if (part_size == 0) return;
    std::vector<double> part(part_size * P);
    cell.cross_information(scratch, part.data());
    for (std::size_t j = 0; j < P; ++j) {
      double* column = &part[j * part_size];
      apply_factor_transposed(cell.pattern(), cell.lambda(), column, column);
      scatter(cells_, c, column, &out[j * U]);
    }
  });
  return out;
}

std::vector<double> LaplaceEngine::fixed_information() {
  complete();
  const std::size_t P = coefficients();
  std::vector<std::vector<double>> parts(cells_.size(), std::vector<double>(P * P, 0.0));
  std::vector<double> unused(P * cells_.size(), 0.0);
  cells_.for_each([&](LaplaceCell& cell, Scratch& scratch, int c) {
    cell.add_fixed_information(scratch, parts[c].data(), &unused[c * P]);
  });
  std::vector<double> out(P * P, 0.0);
  for (const std::vector<double>& part : parts)
    for (std::size_t i = 0; i < out.size(); ++i) out[i] += part[i];
  return out;
}

}  // namespace ilk
