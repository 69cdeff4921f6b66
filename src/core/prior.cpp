#include "prior.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace ilk {
namespace {

double dot(const double* a, const double* b, int n) {
  double sum = 0.0;
  for (int i = 0; i < n; ++i) sum += a[i] * b[i];
  return sum;
}

// Joins the levels of term t of a pattern; returns the block of each off-diagonal element.
std::vector<int> join_levels(const PrecisionPattern& precision, MemberLinks& links, int t,
                             BlockPattern& pattern) {
  std::vector<int> rows, columns;
  for (std::size_t e = 0; e < precision.size; ++e) {
    if (precision.rows[e] == precision.columns[e]) continue;
    rows.push_back(precision.rows[e]);
    columns.push_back(precision.columns[e]);
  }
  const std::size_t elements = rows.size();
  for (std::size_t e = 0; e < links.larger.size(); ++e) {
    if (links.larger[e] == links.smaller[e]) continue;
    rows.push_back(links.larger[e]);
    columns.push_back(links.smaller[e]);
  }
  if (rows.empty()) return {};
  std::vector<int> blocks = pattern.add_neighbors(t, rows.data(), columns.data(), rows.size());
  if (links.any()) {
    links.pair = static_cast<int>(pattern.pairs().size()) - 1;
    links.blocks.assign(links.larger.size(), 0);
    std::size_t next = elements;
    for (std::size_t e = 0; e < links.larger.size(); ++e)
      if (links.larger[e] != links.smaller[e]) links.blocks[e] = blocks[next++];
  }
  blocks.resize(elements);
  return blocks;
}

}  // namespace

Prior::Prior(const std::vector<PrecisionPattern>& by_term, std::vector<MemberLinks>& links,
             BlockPattern& pattern) {
  for (int t = 0; t < static_cast<int>(by_term.size()); ++t) {
    const int q = pattern.term(t).width;
    const std::size_t pairs_before = pattern.pairs().size();
    const std::vector<int> blocks = join_levels(by_term[t], links[t], t, pattern);
    if (!by_term[t].size) {
      others_.push_back(pattern.scalar_offset(t));
      others_.push_back(pattern.scalar_offset(t + 1));
      factor_size_ += q * q;
      continue;
    }
    Part part;
    part.pattern = by_term[t];
    part.term = t;
    part.width = q;
    part.levels = pattern.term(t).levels;
    part.first = static_cast<std::size_t>(pattern.scalar_offset(t));
    part.factor = static_cast<std::size_t>(factor_size_);
    part.diagonal = pattern.diagonal_offset(t);
    if (pattern.pairs().size() > pairs_before) {
      part.pair_index = static_cast<int>(pairs_before);
      part.joined = pattern.pairs().back();
      part.pair = part.joined.offset;
    }
    std::size_t next = 0;
    for (std::size_t e = 0; e < part.pattern.size; ++e) {
      const int row = part.pattern.rows[e];
      part.place.push_back(row == part.pattern.columns[e] ? row : part.levels + blocks[next++]);
    }
    part.values.assign(static_cast<std::size_t>(part.levels + part.joined.blocks()), 0.0);
    part.row_sums.assign(static_cast<std::size_t>(part.levels), 0.0);
    size_ += static_cast<int>(part.pattern.size) + 1;
    factor_size_ += q * q;
    parts_.push_back(std::move(part));
  }
}

std::vector<const double*> Prior::lists(const BlockPattern& pattern) const {
  std::vector<const double*> out;
  if (!any()) return out;
  out.assign(pattern.terms() + pattern.pairs().size(), nullptr);
  for (const Part& part : parts_) {
    out[part.term] = part.values.data();
    if (part.pair_index >= 0)
      out[pattern.terms() + part.pair_index] = part.values.data() + part.levels;
  }
  return out;
}

void Prior::set(const double* elements) {
  log_det_ = 0.0;
  for (Part& part : parts_) {
    bool changed = false;
    for (std::size_t e = 0; e < part.pattern.size; ++e) {
      double& value = part.values[part.place[e]];
      changed = changed || value != elements[e];
      value = elements[e];
    }
    if (changed) {
      part.factored = false;
      std::fill(part.row_sums.begin(), part.row_sums.end(), 0.0);
      for (std::size_t e = 0; e < part.pattern.size; ++e) {
        const int k = part.pattern.rows[e], l = part.pattern.columns[e];
        part.row_sums[k] += elements[e];
        if (k != l) part.row_sums[l] += elements[e];
      }
    }
    elements += part.pattern.size;
    log_det_ += part.width * *elements++;
  }
}

// Calls apply(part, element, scalar of its row, scalar of its column, position behind the factors).
template <typename Apply>
void Prior::for_each_element(Apply&& apply) const {
  std::size_t position = 0;
  for (const Part& part : parts_) {
    for (std::size_t e = 0; e < part.pattern.size; ++e, ++position)
      apply(part, e, part.first + static_cast<std::size_t>(part.pattern.rows[e]) * part.width,
            part.first + static_cast<std::size_t>(part.pattern.columns[e]) * part.width, position);
    ++position;  // log|Q|
  }
}

double Prior::square(const std::vector<double>& u) const {
  double sum = 0.0;
  if (!any()) {
    for (double value : u) sum += value * value;
    return sum;
  }
  for (std::size_t k = 0; k < others_.size(); k += 2)
    sum += dot(&u[others_[k]], &u[others_[k]], others_[k + 1] - others_[k]);
  for_each_element([&](const Part& part, std::size_t e, std::size_t k, std::size_t l,
                       std::size_t) {
    if (k == l) {
      sum += part.row_sums[part.pattern.rows[e]] * dot(&u[k], &u[k], part.width);
      return;
    }
    double squares = 0.0;
    for (int i = 0; i < part.width; ++i) squares += (u[k + i] - u[l + i]) * (u[k + i] - u[l + i]);
    sum -= part.values[part.place[e]] * squares;
  });
  return sum;
}

void Prior::subtract(const std::vector<double>& u, std::vector<double>& r) const {
  if (!any()) {
    for (std::size_t i = 0; i < r.size(); ++i) r[i] -= u[i];
    return;
  }
  for (std::size_t k = 0; k < others_.size(); k += 2)
    for (int i = others_[k]; i < others_[k + 1]; ++i) r[i] -= u[i];
  for_each_element([&](const Part& part, std::size_t e, std::size_t k, std::size_t l,
                       std::size_t) {
    const double value = k == l ? part.row_sums[part.pattern.rows[e]] : part.values[part.place[e]];
    for (int i = 0; i < part.width; ++i) {
      const double step = k == l ? u[k + i] : u[l + i] - u[k + i];
      r[k + i] -= value * step;
      if (k != l) r[l + i] += value * step;
    }
  });
}

void Prior::subtract_change(const double* change, const double* u, double* r) const {
  for_each_element([&](const Part& part, std::size_t, std::size_t k, std::size_t l,
                       std::size_t position) {
    const double value = change[position];
    if (value == 0.0) return;
    for (int i = 0; i < part.width; ++i) r[k + i] -= value * u[l + i];
    if (k == l) return;
    for (int i = 0; i < part.width; ++i) r[l + i] -= value * u[k + i];
  });
}

void Prior::add_trace_gradient(const double* P, double* gradient) const {
  for_each_element([&](const Part& part, std::size_t e, std::size_t k, std::size_t l,
                       std::size_t position) {
    if (!part.pattern.varies) return;
    const int q = part.width;
    const std::int64_t place = part.place[e];
    const std::int64_t block = k == l ? part.diagonal + place * q * q
                                      : part.pair + (place - part.levels) * q * q;
    double trace = 0.0;
    for (int i = 0; i < q; ++i) trace += P[block + i * (q + 1)];
    gradient[position] -= k == l ? 0.5 * trace : trace;
  });
  for (const Part& part : parts_) {
    gradient += part.pattern.size;
    *gradient++ += part.pattern.varies ? 0.5 * part.width : 0.0;
  }
}

void Prior::add_product_gradient(const double* u, const double* s, double c,
                                 double* gradient) const {
  for_each_element([&](const Part& part, std::size_t, std::size_t k, std::size_t l,
                       std::size_t position) {
    if (!part.pattern.varies) return;
    double products = c * dot(u + k, u + l, part.width);
    if (s) products += dot(s + k, u + l, part.width) + dot(u + k, s + l, part.width);
    gradient[position] -= k == l ? 0.5 * products : products;
  });
}

void Prior::add_square_gradient(const double* u, double* gradient) const {
  add_product_gradient(u, nullptr, -2.0, gradient);
}

// ---- Directions ---------------------------------------------------------------------------------

bool Prior::factor(Part& part) {
  if (!part.cholesky) {
    BlockPattern pattern({BlockTerm{1, part.levels, true}});
    std::vector<int> rows;
    for (int l = 0; part.pair_index >= 0 && l < part.levels; ++l)
      rows.resize(static_cast<std::size_t>(part.joined.row_start[l + 1]), l);
    if (!rows.empty())
      pattern.add_neighbors(0, rows.data(), part.joined.columns.data(), rows.size());
    part.cholesky = std::make_unique<BlockCholesky>(std::move(pattern));
    std::vector<const double*> lists{part.values.data()};
    if (part.pair_index >= 0) lists.push_back(part.values.data() + part.levels);
    part.cholesky->set_precision(std::move(lists));
  }
  if (!part.factored) {
    const std::vector<double> nothing(
        static_cast<std::size_t>(part.cholesky->pattern().compact_size()), 0.0);
    part.definite = part.cholesky->factor(nothing.data(), {nullptr});
    part.factored = true;
  }
  return part.definite;
}

void Prior::solve(Part& part, double* x) {
  const bool definite = factor(part);
  const int q = part.width;
  std::vector<double> column(static_cast<std::size_t>(part.levels));
  for (int j = 0; j < q; ++j) {
    for (int l = 0; l < part.levels; ++l) column[l] = x[static_cast<std::size_t>(l) * q + j];
    if (definite)
      part.cholesky->solve(column.data());
    else  // (this is for approximations only)
      for (int l = 0; l < part.levels; ++l) column[l] /= part.values[l];
    for (int l = 0; l < part.levels; ++l) x[static_cast<std::size_t>(l) * q + j] = column[l];
  }
}

bool Prior::varies() const {
  return std::any_of(parts_.begin(), parts_.end(),
                     [](const Part& part) { return part.pattern.varies; });
}

// d log|Q| / dQ_kl is (Q^-1)_kl, twice that off the diagonal. The pattern of Q alone has its blocks
// in the same order: diagonal, then the pair.
void Prior::absorb_log_det(double* gradient) {
  for (Part& part : parts_) {
    double& of_log_det = gradient[part.pattern.size];
    if (part.pattern.varies && factor(part)) {
      std::vector<double> inverse(part.values.size());
      part.cholesky->selected_inverse(inverse.data());
      for (std::size_t e = 0; e < part.pattern.size; ++e) {
        const bool diagonal = part.pattern.rows[e] == part.pattern.columns[e];
        gradient[e] += (diagonal ? 1.0 : 2.0) * of_log_det * inverse[part.place[e]];
      }
    }
    of_log_det = 0.0;
    gradient += part.pattern.size + 1;
  }
}

void Prior::set_directions(const std::vector<const double*>& lambda, const double* change,
                           const double* g, const double* u, double* m) {
  const double* elements = change + factor_size_;
  std::vector<double> w;
  for (Part& part : parts_) {
    const int q = part.width;
    const double* dlam = change + part.factor;
    const double* factor = lambda[part.term];
    const auto nonzero = [](double value) { return value != 0.0; };
    const bool of_factor = std::any_of(dlam, dlam + q * q, nonzero);
    const bool of_elements = std::any_of(elements, elements + part.pattern.size, nonzero);
    const std::size_t size = static_cast<std::size_t>(part.levels) * q;
    double* out = m + part.first;
    std::fill(out, out + size, 0.0);
    if (of_factor || of_elements) {
      w.assign(size, 0.0);
      const double* scores = g + part.first;
      const double* modes = u + part.first;
      for (std::size_t l = 0; l < size; l += q)
        for (int j = 0; j < q; ++j)
          for (int i = j; i < q; ++i) w[l + j] += dlam[i + j * q] * scores[l + i];
      for (std::size_t e = 0; e < part.pattern.size; ++e) {
        if (elements[e] == 0.0) continue;
        const std::size_t k = static_cast<std::size_t>(part.pattern.rows[e]) * q;
        const std::size_t l = static_cast<std::size_t>(part.pattern.columns[e]) * q;
        for (int i = 0; i < q; ++i) w[k + i] -= elements[e] * modes[l + i];
        if (k != l)
          for (int i = 0; i < q; ++i) w[l + i] -= elements[e] * modes[k + i];
      }
      solve(part, w.data());
      for (std::size_t l = 0; l < size; l += q)
        for (int j = 0; j < q; ++j)
          for (int i = j; i < q; ++i)
            out[l + i] += dlam[i + j * q] * modes[l + j] + factor[i + j * q] * w[l + j];
    }
    elements += part.pattern.size + 1;
  }
}

}  // namespace ilk
