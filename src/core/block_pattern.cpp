#include "block_pattern.h"

#include <algorithm>
#include <numeric>
#include <stdexcept>
#include <utility>

namespace ilk {
namespace {

// Stable counting sort: the order of 0 .. n - 1 by key, `order` being the order so far (empty:
// the natural one). Fills `start` (keys + 1,) with the first position of each key.
std::vector<int> sort_by_key(const int* key, int keys, std::size_t n, const std::vector<int>& order,
                             std::vector<std::int64_t>& start) {
  start.assign(static_cast<std::size_t>(keys) + 1, 0);
  for (std::size_t i = 0; i < n; ++i) ++start[key[i] + 1];
  std::partial_sum(start.begin(), start.end(), start.begin());
  std::vector<std::int64_t> next(start.begin(), start.end() - 1);
  std::vector<int> sorted(n);
  for (std::size_t i = 0; i < n; ++i) {
    const int row = order.empty() ? static_cast<int>(i) : order[i];
    sorted[next[key[row]]++] = row;
  }
  return sorted;
}

}  // namespace

BlockPattern::BlockPattern(std::vector<BlockTerm> terms) : terms_(std::move(terms)) {
  bool prior_seen_last = true;
  for (const BlockTerm& term : terms_) {
    if (term.prior && !prior_seen_last)
      throw std::logic_error("terms without a prior must come last");
    prior_seen_last = term.prior;
    diagonal_offset_.push_back(compact_size_);
    compact_size_ += static_cast<std::int64_t>(term.levels) * term.width * term.width;
    node_offset_.push_back(node_offset_.back() + term.levels);
    scalar_offset_.push_back(scalar_offset_.back() + term.levels * term.width);
    if (term.prior) prior_scalars_ = scalar_offset_.back();
  }
}

// Rows are sorted by (row code, column code); each distinct pair of codes becomes one block.
std::vector<int> BlockPattern::append_pair(int row_term, int column_term, const int* row_codes,
                                           const int* column_codes, std::size_t n) {
  BlockPair pair;
  pair.row_term = row_term;
  pair.column_term = column_term;
  pair.offset = compact_size_;
  const int levels = terms_[row_term].levels;
  std::vector<std::int64_t> start;
  poll();
  std::vector<int> order =
      sort_by_key(column_codes, terms_[column_term].levels, n, std::vector<int>(), start);
  poll();
  order = sort_by_key(row_codes, levels, n, order, start);

  std::vector<int> block_of_row(n);
  pair.row_start.reserve(static_cast<std::size_t>(levels) + 1);
  pair.row_start.push_back(0);
  for (int level = 0; level < levels; ++level) {
    poll();
    int previous = -1;
    for (std::int64_t k = start[level]; k < start[level + 1]; ++k) {
      const int row = order[k];
      if (column_codes[row] != previous) {
        previous = column_codes[row];
        pair.columns.push_back(previous);
      }
      block_of_row[row] = static_cast<int>(pair.columns.size()) - 1;
    }
    pair.row_start.push_back(pair.blocks());
  }
  pair.columns.shrink_to_fit();
  compact_size_ += pair.blocks() * terms_[row_term].width * terms_[column_term].width;
  pairs_.push_back(std::move(pair));
  return block_of_row;
}

std::vector<int> BlockPattern::add_pair(int row_term, int column_term, const int* row_codes,
                                        const int* column_codes, std::size_t n) {
  if (row_term >= column_term) throw std::logic_error("add_pair needs row_term < column_term");
  return append_pair(row_term, column_term, row_codes, column_codes, n);
}

std::vector<int> BlockPattern::add_neighbors(int term, const int* first, const int* second,
                                             std::size_t n) {
  std::vector<int> larger(n), smaller(n);
  for (std::size_t i = 0; i < n; ++i) {
    if (first[i] == second[i]) throw std::logic_error("a level is not its own neighbor");
    larger[i] = std::max(first[i], second[i]);
    smaller[i] = std::min(first[i], second[i]);
  }
  return append_pair(term, term, larger.data(), smaller.data(), n);
}

void BlockPattern::add_complete_pair(int term, int column_term) {
  if (term >= column_term || terms_[column_term].levels != 1)
    throw std::logic_error("add_complete_pair needs a later term of one level");
  BlockPair pair;
  pair.row_term = term;
  pair.column_term = column_term;
  pair.offset = compact_size_;
  const std::size_t levels = static_cast<std::size_t>(terms_[term].levels);
  pair.columns.assign(levels, 0);
  pair.row_start.resize(levels + 1);
  std::iota(pair.row_start.begin(), pair.row_start.end(), std::int64_t{0});
  compact_size_ += pair.blocks() * terms_[term].width * terms_[column_term].width;
  pairs_.push_back(std::move(pair));
}

// ---- Operations on the compact layout -----------------------------------------------------------

namespace {

// Calls apply(row level, column level, offset of the block) for all blocks of a pair.
template <typename Function>
void for_each_block(const BlockPattern& pattern, const BlockPair& pair, Function&& apply) {
  const std::int64_t size = static_cast<std::int64_t>(pattern.term(pair.row_term).width) *
                            pattern.term(pair.column_term).width;
  const int levels = pattern.term(pair.row_term).levels;
  std::int64_t offset = pair.offset;
  for (int level = 0; level < levels; ++level)
    for (std::int64_t k = pair.row_start[level]; k < pair.row_start[level + 1]; ++k) {
      apply(level, pair.columns[k], offset);
      offset += size;
    }
}

void multiply_diagonal(const BlockPattern& pattern, int t, const double* A, const double* v,
                       double* out) {
  const BlockTerm& term = pattern.term(t);
  const int q = term.width;
  const double* block = A + pattern.diagonal_offset(t);
  v += pattern.scalar_offset(t);
  out += pattern.scalar_offset(t);
  if (q == 1) {
    for (int l = 0; l < term.levels; ++l) out[l] = block[l] * v[l];
    return;
  }
  for (int l = 0; l < term.levels; ++l, block += q * q, v += q, out += q) {
    for (int i = 0; i < q; ++i) out[i] = 0.0;
    for (int j = 0; j < q; ++j)
      for (int i = 0; i < q; ++i) out[i] += block[i + j * q] * v[j];
  }
}

// Adds B v and B' v for all blocks B of a pair.
void multiply_pair(const BlockPattern& pattern, const BlockPair& pair, const double* A,
                   const double* v, double* out) {
  const int rows = pattern.term(pair.row_term).width;
  const int columns = pattern.term(pair.column_term).width;
  const int row_offset = pattern.scalar_offset(pair.row_term);
  const int column_offset = pattern.scalar_offset(pair.column_term);
  for_each_block(pattern, pair, [&](int r, int c, std::int64_t offset) {
    const double* block = A + offset;
    const int row = row_offset + r * rows;
    const int column = column_offset + c * columns;
    for (int j = 0; j < columns; ++j) {
      const double factor = v[column + j];
      double sum = 0.0;
      for (int i = 0; i < rows; ++i) {
        const double entry = block[i + j * rows];
        out[row + i] += entry * factor;
        sum += entry * v[row + i];
      }
      out[column + j] += sum;
    }
  });
}

}  // namespace

void multiply(const BlockPattern& pattern, const double* A, const double* v, double* out) {
  for (int t = 0; t < pattern.terms(); ++t) multiply_diagonal(pattern, t, A, v, out);
  for (const BlockPair& pair : pattern.pairs()) multiply_pair(pattern, pair, A, v, out);
}

void apply_factor(const BlockPattern& pattern, const std::vector<const double*>& lambda,
                  const double* x, double* y) {
  for (int t = 0; t < pattern.terms(); ++t) {
    const int q = pattern.term(t).width;
    const double* factor = lambda[t];
    for (int s = pattern.scalar_offset(t); s < pattern.scalar_offset(t + 1); s += q)
      for (int i = q - 1; i >= 0; --i) {  // from the last row up, so that y may be x
        double sum = factor ? 0.0 : x[s + i];
        if (factor)
          for (int j = 0; j <= i; ++j) sum += factor[i + j * q] * x[s + j];
        y[s + i] = sum;
      }
  }
}

void apply_factor_transposed(const BlockPattern& pattern,
                             const std::vector<const double*>& lambda, const double* x,
                             double* y) {
  for (int t = 0; t < pattern.terms(); ++t) {
    const int q = pattern.term(t).width;
    const double* factor = lambda[t];
    for (int s = pattern.scalar_offset(t); s < pattern.scalar_offset(t + 1); s += q)
      for (int i = 0; i < q; ++i) {
        double sum = factor ? 0.0 : x[s + i];
        if (factor)
          for (int j = i; j < q; ++j) sum += factor[j + i * q] * x[s + j];
        y[s + i] = sum;
      }
  }
}

namespace {

constexpr int kSmallBlock = 9;  // entries up to which sums of outer products are formed

// S = sum over the blocks of vec(A) vec(P)', (size x size), for blocks of `size` entries.
std::vector<double> sum_of_outer_products(std::int64_t blocks, int size, const double* A,
                                          const double* P) {
  std::vector<double> S(static_cast<std::size_t>(size) * size, 0.0);
  if (size == 1) {
    double sums[4] = {0.0, 0.0, 0.0, 0.0};
    std::int64_t b = 0;
    for (; b + 4 <= blocks; b += 4)
      for (int k = 0; k < 4; ++k) sums[k] += A[b + k] * P[b + k];
    for (; b < blocks; ++b) sums[0] += A[b] * P[b];
    S[0] = (sums[0] + sums[1]) + (sums[2] + sums[3]);
    return S;
  }
  for (std::int64_t b = 0; b < blocks; ++b, A += size, P += size)
    for (int j = 0; j < size; ++j) {
      const double factor = P[j];
      for (int i = 0; i < size; ++i) S[i + j * size] += A[i] * factor;
    }
  return S;
}

inline double factor_entry(const double* lambda, int q, int i, int j) {
  if (!lambda) return i == j ? 1.0 : 0.0;
  return i >= j ? lambda[i + j * q] : 0.0;
}

// G += sum over blocks of A Lambda P' from S, the sum of vec(A) vec(P)':
//     G_ij += sum_kl Lambda_kl S_(ik),(jl),    blocks (rows x columns), Lambda (columns x columns).
void contract_columns(const std::vector<double>& S, int rows, int columns, const double* lambda,
                      double* G) {
  const int size = rows * columns;
  for (int l = 0; l < columns; ++l)
    for (int k = l; k < columns; ++k) {
      const double factor = factor_entry(lambda, columns, k, l);
      for (int j = 0; j < rows; ++j)
        for (int i = 0; i < rows; ++i)
          G[i + j * rows] += factor * S[(i + k * rows) + (j + l * rows) * size];
    }
}

// G += sum over blocks of A' Lambda P:
//     G_ij += sum_kl Lambda_kl S_(ki),(lj),    Lambda (rows x rows).
void contract_rows(const std::vector<double>& S, int rows, int columns, const double* lambda,
                   double* G) {
  const int size = rows * columns;
  for (int l = 0; l < rows; ++l)
    for (int k = l; k < rows; ++k) {
      const double factor = factor_entry(lambda, rows, k, l);
      for (int j = 0; j < columns; ++j)
        for (int i = 0; i < columns; ++i)
          G[i + j * columns] += factor * S[(k + i * rows) + (l + j * rows) * size];
    }
}

// G += A Lambda P' for one block, with `product` (rows x columns) as scratch.
void add_block_columns(const double* A, const double* P, int rows, int columns,
                       const double* lambda, double* product, double* G) {
  for (int l = 0; l < columns; ++l)
    for (int i = 0; i < rows; ++i) {
      double sum = 0.0;
      if (!lambda) sum = A[i + l * rows];
      else
        for (int k = l; k < columns; ++k) sum += A[i + k * rows] * lambda[k + l * columns];
      product[i + l * rows] = sum;
    }
  for (int l = 0; l < columns; ++l)
    for (int j = 0; j < rows; ++j) {
      const double factor = P[j + l * rows];
      for (int i = 0; i < rows; ++i) G[i + j * rows] += product[i + l * rows] * factor;
    }
}

// G += A' Lambda P for one block, with `product` (columns x rows) as scratch.
void add_block_rows(const double* A, const double* P, int rows, int columns, const double* lambda,
                    double* product, double* G) {
  for (int l = 0; l < rows; ++l)
    for (int i = 0; i < columns; ++i) {
      double sum = 0.0;
      if (!lambda) sum = A[l + i * rows];
      else
        for (int k = l; k < rows; ++k) sum += A[k + i * rows] * lambda[k + l * rows];
      product[i + l * columns] = sum;
    }
  for (int j = 0; j < columns; ++j)
    for (int l = 0; l < rows; ++l) {
      const double factor = P[l + j * rows];
      for (int i = 0; i < columns; ++i) G[i + j * columns] += product[i + l * columns] * factor;
    }
}

// Adds the contributions of a list of blocks to the gradients of its row term (G_rows) and its
// column term (G_columns); either may be null.
void add_blocks(std::int64_t blocks, int rows, int columns, const double* A, const double* P,
                const double* row_lambda, const double* column_lambda, double* G_rows,
                double* G_columns) {
  const int size = rows * columns;
  if (size <= kSmallBlock) {
    const std::vector<double> S = sum_of_outer_products(blocks, size, A, P);
    if (G_rows) contract_columns(S, rows, columns, column_lambda, G_rows);
    if (G_columns) contract_rows(S, rows, columns, row_lambda, G_columns);
    return;
  }
  std::vector<double> product(static_cast<std::size_t>(size));
  for (std::int64_t b = 0; b < blocks; ++b, A += size, P += size) {
    if (G_rows) add_block_columns(A, P, rows, columns, column_lambda, product.data(), G_rows);
    if (G_columns) add_block_rows(A, P, rows, columns, row_lambda, product.data(), G_columns);
  }
}

}  // namespace

// With P symmetric, block (a, b) of a pair enters twice:
//     G_row += A_ab Lambda_b P_ab',    G_column += A_ab' Lambda_a P_ab.
void half_log_det_gradient(const BlockPattern& pattern, const double* A, const double* P,
                           const std::vector<const double*>& lambda, int active_terms,
                           double* gradient) {
  std::vector<double*> G(static_cast<std::size_t>(pattern.terms()), nullptr);
  for (int t = 0; t < pattern.terms(); ++t) {
    const BlockTerm& term = pattern.term(t);
    if (!term.prior) continue;
    const int size = term.width * term.width;
    G[t] = gradient;
    std::fill(gradient, gradient + size, 0.0);
    gradient += size;
    const std::int64_t offset = pattern.diagonal_offset(t);
    add_blocks(term.levels, term.width, term.width, A + offset, P + offset, nullptr, lambda[t],
               G[t], nullptr);
  }
  for (const BlockPair& pair : pattern.pairs()) {
    if (pair.row_term >= active_terms || pair.column_term >= active_terms) continue;
    add_blocks(pair.blocks(), pattern.term(pair.row_term).width,
               pattern.term(pair.column_term).width, A + pair.offset, P + pair.offset,
               lambda[pair.row_term], lambda[pair.column_term], G[pair.row_term],
               G[pair.column_term]);
  }
}

void covariance_blocks(const BlockPattern& pattern, const double* P,
                       const std::vector<const double*>& lambda, int term, double* out) {
  const int q = pattern.term(term).width;
  const int size = q * q;
  const double* block = P + pattern.diagonal_offset(term);
  std::vector<double> product(static_cast<std::size_t>(size));
  for (int level = 0; level < pattern.term(term).levels; ++level, block += size, out += size) {
    // out = Lambda (P Lambda')
    for (int j = 0; j < q; ++j)
      for (int i = 0; i < q; ++i) {
        double sum = 0.0;
        for (int k = 0; k <= j; ++k)
          sum += block[i + k * q] * factor_entry(lambda[term], q, j, k);
        product[i + j * q] = sum;
      }
    for (int j = 0; j < q; ++j)
      for (int i = 0; i < q; ++i) {
        double sum = 0.0;
        for (int k = 0; k <= i; ++k)
          sum += factor_entry(lambda[term], q, i, k) * product[k + j * q];
        out[i + j * q] = sum;
      }
  }
}

}  // namespace ilk
