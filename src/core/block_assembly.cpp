#include "block_assembly.h"

namespace ilk {
namespace {

// product = block * Lambda, block (rows x columns) and Lambda (columns x columns) or null.
inline void multiply_factor(int rows, int columns, const double* block, const double* lambda,
                            double* product) {
  for (int j = 0; j < columns; ++j)
    for (int i = 0; i < rows; ++i) {
      double sum = 0.0;
      if (!lambda) sum = block[i + j * rows];
      else
        for (int k = j; k < columns; ++k) sum += block[i + k * rows] * lambda[k + j * columns];
      product[i + j * rows] = sum;
    }
}

// Entry (i, j) of Lambda' product, product (rows x columns).
inline double transposed_factor_entry(int rows, const double* lambda, const double* product, int i,
                                      int j) {
  if (!lambda) return product[i + j * rows];
  double sum = 0.0;
  for (int k = i; k < rows; ++k) sum += lambda[k + i * rows] * product[k + j * rows];
  return sum;
}

inline void assemble_diagonal(int q, const double* A, const double* lambda, double prior,
                              double* product, double* target, std::ptrdiff_t height) {
  multiply_factor(q, q, A, lambda, product);
  for (int j = 0; j < q; ++j)
    for (int i = j; i < q; ++i)
      target[i + j * height] =
          transposed_factor_entry(q, lambda, product, i, j) + (i == j ? prior : 0.0);
}

inline void assemble_pair(int rows, int columns, const double* A, const double* row_lambda,
                          const double* column_lambda, double* product, double* target,
                          std::ptrdiff_t row_stride, std::ptrdiff_t column_stride) {
  multiply_factor(rows, columns, A, column_lambda, product);
  for (int j = 0; j < columns; ++j)
    for (int i = 0; i < rows; ++i)
      target[i * row_stride + j * column_stride] =
          transposed_factor_entry(rows, row_lambda, product, i, j);
}

// Calls work(block in the compact layout, block in the panels) for the blocks of a run, given
// where the first of them is.
template <typename Compact, typename Panel, typename Function>
inline void for_each_block(const BlockRun& run, Compact* block, Panel* target, Function&& work) {
  for (int k = 0; k + 1 < run.count; ++k) {
    work(block, target);
    block += run.source_step;
    target += run.target_step;
  }
  work(block, target);
}

void assemble_scalars(const BlockRun& run, const double* A, const double* row_lambda,
                      const double* column_lambda, double prior, double* L) {
  const double factor =
      (row_lambda ? row_lambda[0] : 1.0) * (column_lambda ? column_lambda[0] : 1.0);
  for_each_block(run, A + run.source, L + run.target,
                 [&](const double* a, double* target) { *target = factor * *a + prior; });
}

}  // namespace

void assemble_blocks(const BlockPattern& pattern, const BlockRun* begin, const BlockRun* end,
                     const double* A, const std::vector<const double*>& lambda,
                     std::ptrdiff_t height, double* L) {
  std::vector<double> scratch;
  for (const BlockRun* run = begin; run != end; ++run) {
    const int rows = pattern.term(run->row_term).width;
    const int columns = pattern.term(run->column_term).width;
    const double* row_lambda = lambda[run->row_term];
    const double* column_lambda = lambda[run->column_term];
    const bool diagonal = run->kind == BlockRun::Kind::diagonal;
    const double prior = diagonal && pattern.term(run->row_term).prior ? 1.0 : 0.0;
    if (rows == 1 && columns == 1) {
      assemble_scalars(*run, A, row_lambda, column_lambda, prior, L);
      continue;
    }
    const std::size_t size = static_cast<std::size_t>(rows) * columns;
    if (scratch.size() < size) scratch.resize(size);
    double* product = scratch.data();
    const double* block = A + run->source;
    double* first = L + run->target;
    if (diagonal) {
      const auto work = [&](int q) {
        for_each_block(*run, block, first, [&](const double* a, double* target) {
          assemble_diagonal(q, a, row_lambda, prior, product, target, height);
        });
      };
      if (rows == 2) work(2);  // (the common sizes with loops of fixed length)
      else if (rows == 3) work(3);
      else work(rows);
    } else {
      const bool transposed = run->kind == BlockRun::Kind::transposed;
      const std::ptrdiff_t row_stride = transposed ? height : 1;
      const std::ptrdiff_t column_stride = transposed ? 1 : height;
      const auto work = [&](int r, int c) {
        for_each_block(*run, block, first, [&](const double* a, double* target) {
          assemble_pair(r, c, a, row_lambda, column_lambda, product, target, row_stride,
                        column_stride);
        });
      };
      if (rows == 2 && columns == 2) work(2, 2);
      else work(rows, columns);
    }
  }
}

void extract_blocks(const BlockPattern& pattern, const BlockRun* begin, const BlockRun* end,
                    const double* panels, std::int64_t first, std::ptrdiff_t height,
                    double* compact) {
  for (const BlockRun* run = begin; run != end; ++run) {
    const int rows = pattern.term(run->row_term).width;
    const int columns = pattern.term(run->column_term).width;
    double* block = compact + run->source;
    const double* source = panels + (run->target - first);
    if (rows == 1 && columns == 1) {
      for_each_block(*run, block, source, [](double* p, const double* z) { *p = *z; });
      continue;
    }
    const bool transposed = run->kind == BlockRun::Kind::transposed;
    const std::ptrdiff_t row_stride = transposed ? height : 1;
    const std::ptrdiff_t column_stride = transposed ? 1 : height;
    for_each_block(*run, block, source, [&](double* p, const double* z) {
      for (int j = 0; j < columns; ++j)
        for (int i = 0; i < rows; ++i) p[i + j * rows] = z[i * row_stride + j * column_stride];
    });
  }
}

}  // namespace ilk
