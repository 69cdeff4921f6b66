#include "sampled_inverse.h"

#include <algorithm>
#include <cstdint>
#include <vector>

namespace ilk {
namespace {

constexpr int kBatch = BlockCholesky::kBatch;

// Random signs from the generator "splitmix64" (G. L. Steele, D. Lea and C. H. Flood, OOPSLA 2014),
// 64 to a number.
class Signs {
 public:
  double next() {
    if (left_ == 0) {
      std::uint64_t z = (state_ += 0x9e3779b97f4a7c15u);
      z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
      z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
      bits_ = z ^ (z >> 31);
      left_ = 64;
    }
    --left_;
    const double sign = bits_ & 1 ? 1.0 : -1.0;
    bits_ >>= 1;
    return sign;
  }

 private:
  std::uint64_t state_ = 20240229;
  std::uint64_t bits_ = 0;
  int left_ = 0;
};

// P_ab += sum over the batch of z_a z_b' / samples for a block of (rows, columns) scalars; the
// samples of a scalar are side by side.
inline void add_products(int rows, int columns, const double* z_rows, const double* z_columns,
                         double scale, double* block) {
  for (int j = 0; j < columns; ++j)
    for (int i = 0; i < rows; ++i) {
      double sum = 0.0;
      for (int k = 0; k < kBatch; ++k) sum += z_rows[i * kBatch + k] * z_columns[j * kBatch + k];
      block[i + j * rows] += scale * sum;
    }
}

// Calls apply(level, other level, block) for the blocks of a pair, levels of the row term first.
template <typename Function>
void for_each_block(const BlockPattern& pattern, const BlockPair& pair, double* P,
                    Function&& apply) {
  const int size = pattern.term(pair.row_term).width * pattern.term(pair.column_term).width;
  double* block = P + pair.offset;
  for (int level = 0; level < pattern.term(pair.row_term).levels; ++level)
    for (std::int64_t k = pair.row_start[level]; k < pair.row_start[level + 1]; ++k, block += size)
      apply(level, pair.columns[k], block);
}

// The samples `z` are in the order of elimination, where the scalars of a level are consecutive.
void add_batch(const BlockCholesky& cholesky, const double* z, double scale, double* P) {
  const BlockPattern& pattern = cholesky.pattern();
  const auto of_level = [&](int t, int level) {
    const int scalar = pattern.scalar_offset(t) + level * pattern.term(t).width;
    return z + static_cast<std::size_t>(cholesky.positions()[scalar]) * kBatch;
  };
  for (int t = 0; t < pattern.terms(); ++t) {
    const int q = pattern.term(t).width;
    double* block = P + pattern.diagonal_offset(t);
    for (int level = 0; level < pattern.term(t).levels; ++level, block += q * q)
      add_products(q, q, of_level(t, level), of_level(t, level), scale, block);
  }
  for (const BlockPair& pair : pattern.pairs()) {
    const int rows = pattern.term(pair.row_term).width;
    const int columns = pattern.term(pair.column_term).width;
    for_each_block(pattern, pair, P, [&](int r, int c, double* block) {
      add_products(rows, columns, of_level(pair.row_term, r), of_level(pair.column_term, c), scale,
                   block);
    });
  }
}

// Exact blocks of H^-1 between term t and all others, from its columns of H^-1.
void set_exact_term(const BlockCholesky& cholesky, int t, int active, double* P) {
  const BlockPattern& pattern = cholesky.pattern();
  const std::size_t N = static_cast<std::size_t>(pattern.scalars());
  const int first = pattern.scalar_offset(t);
  const int count = pattern.scalar_offset(t + 1) - first;
  const int q = pattern.term(t).width;
  std::vector<double> inverse(N * count, 0.0);
  for (int j = 0; j < count && first + j < active; ++j) inverse[j * N + first + j] = 1.0;
  cholesky.solve(inverse.data(), std::min(count, active - first), active);
  // Entry (scalar of any term, scalar a of level l of term t).
  const auto entry = [&](int scalar, int l, int a) {
    return inverse[static_cast<std::size_t>(l * q + a) * N + scalar];
  };
  double* block = P + pattern.diagonal_offset(t);
  for (int l = 0; l < pattern.term(t).levels; ++l, block += q * q)
    for (int j = 0; j < q; ++j)
      for (int i = 0; i < q; ++i) block[i + j * q] = entry(first + l * q + i, l, j);
  for (const BlockPair& pair : pattern.pairs()) {
    if (pair.row_term != t && pair.column_term != t) continue;
    const bool in_rows = pair.row_term == t;
    const int other = in_rows ? pair.column_term : pair.row_term;
    const int width = pattern.term(other).width;
    const int row_stride = in_rows ? 1 : width;  // of the scalars of term t within a block
    const int other_stride = in_rows ? q : 1;
    for_each_block(pattern, pair, P, [&](int row_level, int column_level, double* p) {
      const int own_level = in_rows ? row_level : column_level;
      const int other_level = in_rows ? column_level : row_level;
      const int scalar = pattern.scalar_offset(other) + other_level * width;
      for (int a = 0; a < q; ++a)
        for (int b = 0; b < width; ++b)
          p[a * row_stride + b * other_stride] = entry(scalar + b, own_level, a);
    });
  }
}

}  // namespace

void sampled_inverse(const BlockCholesky& cholesky, int samples, int active, double* P) {
  const BlockPattern& pattern = cholesky.pattern();
  const int batches = (samples + kBatch - 1) / kBatch;
  const double scale = 1.0 / (batches * kBatch);
  std::vector<double> z(static_cast<std::size_t>(pattern.scalars()) * kBatch, 0.0);
  std::fill(P, P + pattern.compact_size(), 0.0);
  Signs signs;
  for (int batch = 0; batch < batches; ++batch) {
    for (int i = 0; i < active * kBatch; ++i) z[i] = signs.next();  // (others come last: zero)
    cholesky.backward_batch(z.data(), active);
    add_batch(cholesky, z.data(), scale, P);
  }
  for (int t = 0; t < pattern.terms(); ++t) {
    const int first = pattern.scalar_offset(t);
    if (first < active && pattern.scalar_offset(t + 1) - first <= samples)
      set_exact_term(cholesky, t, active, P);
  }
}

}  // namespace ilk
