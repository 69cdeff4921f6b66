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

// Calls work(block in the compact layout, block in the panels) for the blocks of a run of blocks of
// `size` numbers, given where the first of them is.
template <typename Function>
inline void for_each_block(const BlockRun& run, int size, const double* block, double* target,
                           Function&& work) {
  const std::ptrdiff_t step = static_cast<std::ptrdiff_t>(run.source_step) * size;
  for (int k = 0; k + 1 < run.count; ++k) {
    work(block, target);
    block += step;
    target += run.target_step;
  }
  work(block, target);
}

// The same with blocks of the panels wherever an operand has them.
template <typename Function>
inline void for_each_place(const BlockRun& run, int size, double* block, dense::Operand panels,
                           std::ptrdiff_t height, Function&& work) {
  std::ptrdiff_t row = run.row;
  std::ptrdiff_t column = run.column;
  const auto place = [&] {
    return panels.data + row * panels.row_stride + column * panels.column_stride;
  };
  if (run.count > 1) {
    const std::ptrdiff_t step = static_cast<std::ptrdiff_t>(run.source_step) * size;
    const std::ptrdiff_t column_step = run.target_step / height;
    const std::ptrdiff_t row_step = run.target_step % height;
    for (int k = 0; k + 1 < run.count; ++k) {
      work(block, place());
      block += step;
      row += row_step;
      column += column_step;
      if (row < height) continue;
      row -= height;
      ++column;
    }
  }
  work(block, place());
}

void assemble_scalars(const BlockRun& run, const double* block, const double* row_lambda,
                      const double* column_lambda, double prior, double* first) {
  const double factor =
      (row_lambda ? row_lambda[0] : 1.0) * (column_lambda ? column_lambda[0] : 1.0);
  for_each_block(run, 1, block, first,
                 [&](const double* a, double* target) { *target = factor * *a + prior; });
}

// Adds multiples of the identity to the (q x q) blocks of a run.
void add_precision(const BlockRun& run, int q, const double* values, double* first,
                   std::ptrdiff_t height) {
  for (int k = 0; k < run.count; ++k) {
    const double value = values[run.source + static_cast<std::ptrdiff_t>(k) * run.source_step];
    double* target = first + static_cast<std::ptrdiff_t>(k) * run.target_step;
    for (int i = 0; i < q; ++i) target[i * (height + 1)] += value;
  }
}

// Panel blocks of a run without the precision, but for the prior on the diagonal.
void assemble_run(const BlockRun& run, const BlockList& list, const double* block,
                  const std::vector<const double*>& lambda, double prior,
                  std::vector<double>& scratch, double* first, std::ptrdiff_t height) {
  const int rows = list.rows;
  const int columns = list.columns;
  const int size = rows * columns;
  const double* row_lambda = lambda[list.row_term];
  const double* column_lambda = lambda[list.column_term];
  if (size == 1) {
    assemble_scalars(run, block, row_lambda, column_lambda, prior, first);
    return;
  }
  if (scratch.size() < static_cast<std::size_t>(size)) scratch.resize(size);
  double* product = scratch.data();
  if (run.kind == BlockRun::Kind::diagonal) {
    const auto work = [&](int q) {
      for_each_block(run, size, block, first, [&](const double* a, double* target) {
        assemble_diagonal(q, a, row_lambda, prior, product, target, height);
      });
    };
    if (rows == 2) work(2);  // (the common sizes with loops of fixed length)
    else if (rows == 3) work(3);
    else work(rows);
    return;
  }
  const bool transposed = run.kind == BlockRun::Kind::transposed;
  const std::ptrdiff_t row_stride = transposed ? height : 1;
  const std::ptrdiff_t column_stride = transposed ? 1 : height;
  const auto work = [&](int r, int c) {
    for_each_block(run, size, block, first, [&](const double* a, double* target) {
      assemble_pair(r, c, a, row_lambda, column_lambda, product, target, row_stride,
                    column_stride);
    });
  };
  if (rows == 2 && columns == 2) work(2, 2);
  else work(rows, columns);
}

}  // namespace

void assemble_blocks(const BlockPattern& pattern, const Fronts& fronts, const Front& front,
                     const double* A, const std::vector<const double*>& lambda,
                     const std::vector<const double*>& precision, double* panels) {
  std::vector<double> scratch;
  const std::ptrdiff_t height = front.height();
  const BlockRun* end = fronts.runs.data() + front.runs_end;
  for (const BlockRun* run = fronts.runs.data() + front.runs_begin; run != end; ++run) {
    const BlockList& list = fronts.lists[run->list];
    const double* values = precision.empty() ? nullptr : precision[run->list];
    const bool diagonal = run->kind == BlockRun::Kind::diagonal;
    const double prior = diagonal && !values && pattern.term(list.row_term).prior ? 1.0 : 0.0;
    const double* block =
        A + list.offset + static_cast<std::int64_t>(run->source) * list.rows * list.columns;
    double* first = panels + run->row + run->column * height;
    assemble_run(*run, list, block, lambda, prior, scratch, first, height);
    if (values) add_precision(*run, list.rows, values, first, height);
  }
}

void extract_blocks(const Fronts& fronts, const Front& front, dense::Operand panels,
                    double* compact) {
  const std::ptrdiff_t height = front.height();
  const std::ptrdiff_t down = panels.row_stride;
  const std::ptrdiff_t right = panels.column_stride;
  const BlockRun* end = fronts.runs.data() + front.runs_end;
  for (const BlockRun* run = fronts.runs.data() + front.runs_begin; run != end; ++run) {
    const BlockList& list = fronts.lists[run->list];
    const int rows = list.rows;
    const int columns = list.columns;
    const int size = rows * columns;
    double* block = compact + list.offset + static_cast<std::int64_t>(run->source) * size;
    if (size == 1) {
      for_each_place(*run, 1, block, panels, height,
                     [](double* p, const double* z) { *p = *z; });
    } else if (run->kind == BlockRun::Kind::diagonal) {
      for_each_place(*run, size, block, panels, height, [&](double* p, const double* z) {
        for (int j = 0; j < columns; ++j)
          for (int i = j; i < rows; ++i)
            p[i + j * rows] = p[j + i * rows] = z[i * down + j * right];
      });
    } else {
      const bool transposed = run->kind == BlockRun::Kind::transposed;
      const std::ptrdiff_t row_stride = transposed ? right : down;
      const std::ptrdiff_t column_stride = transposed ? down : right;
      for_each_place(*run, size, block, panels, height, [&](double* p, const double* z) {
        for (int j = 0; j < columns; ++j)
          for (int i = 0; i < rows; ++i) p[i + j * rows] = z[i * row_stride + j * column_stride];
      });
    }
  }
}

}  // namespace ilk
