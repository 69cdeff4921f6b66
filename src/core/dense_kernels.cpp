// Inner loops of the dense layer for one instruction set; see dense_kernels.h for the rules.
//
// Matrix products follow the classical three-level blocking: panels of A (block_rows x depth) and
// B (depth x block_columns) are packed so that the innermost loop, an outer-product update of a
// register tile of C, reads both contiguously.

#include "dense_kernels.h"

#include <cmath>

#ifndef ILK_DENSE_NAMESPACE
#error "compile with -DILK_DENSE_NAMESPACE=v2, v3, v4 or generic"
#endif

namespace ilk::dense::ILK_DENSE_NAMESPACE {
namespace {

// Vectors and columns of the register tile were measured (docs/decisions/0005-dense-kernels.md).
#if defined(__AVX512F__)
constexpr Index kWidth = 8;
constexpr Index kTileVectors = 2;
constexpr Index kTileColumns = 8;
#elif defined(__AVX2__)
constexpr Index kWidth = 4;
constexpr Index kTileVectors = 3;
constexpr Index kTileColumns = 4;
#else
constexpr Index kWidth = 2;
constexpr Index kTileVectors = 3;
constexpr Index kTileColumns = 4;
#endif

typedef double Vector
    __attribute__((vector_size(kWidth * sizeof(double)), aligned(8), may_alias));

constexpr Index kTileRows = kTileVectors * kWidth;
constexpr Index kDepth = 256;                        // packed panels: tile_rows * depth in L1,
constexpr Index kBlockRows = 4 * 24;                 // block_rows * depth in L2,
constexpr Index kBlockColumns = 1024;                // depth * block_columns in L3
constexpr Index kPackedA = kBlockRows * kDepth;

static_assert(kBlockRows % kTileRows == 0, "blocks consist of whole tiles");
static_assert(kBlockColumns % kTileColumns == 0, "blocks consist of whole tiles");

constexpr Index smaller(Index a, Index b) { return a < b ? a : b; }
constexpr Index larger(Index a, Index b) { return a > b ? a : b; }

inline const double* at(Operand A, Index i, Index j) {
  return A.data + i * A.row_stride + j * A.column_stride;
}

inline Vector load(const double* p) { return *reinterpret_cast<const Vector*>(p); }
inline void store(double* p, Vector v) { *reinterpret_cast<Vector*>(p) = v; }

// ---- Matrix products ----------------------------------------------------------------------------

// Packs rows (or, with strides exchanged, columns) of an operand into slivers of `width` entries
// per index of depth; the last sliver is padded with zeros.
template <Index width>
void pack(Index count, Index depth, Operand A, double* packed) {
  for (Index i0 = 0; i0 < count; i0 += width) {
    const Index filled = smaller(width, count - i0);
    const double* source = at(A, i0, 0);
    if (filled == width && A.row_stride == 1) {
      for (Index k = 0; k < depth; ++k, source += A.column_stride, packed += width)
        for (Index i = 0; i < width; ++i) packed[i] = source[i];
    } else {
      for (Index k = 0; k < depth; ++k, source += A.column_stride, packed += width) {
        for (Index i = 0; i < filled; ++i) packed[i] = source[i * A.row_stride];
        for (Index i = filled; i < width; ++i) packed[i] = 0.0;
      }
    }
  }
}

struct Tile {
  Vector column[kTileColumns][kTileVectors];
};

// tile = A_sliver (tile_rows x depth) * B_sliver (depth x tile_columns), kept in registers.
inline Tile multiply_tile(Index depth, const double* a, const double* b) {
  Vector sum[kTileColumns][kTileVectors] = {};
  for (Index k = 0; k < depth; ++k, a += kTileRows, b += kTileColumns) {
    Vector rows[kTileVectors];
#pragma GCC unroll 8
    for (Index v = 0; v < kTileVectors; ++v) rows[v] = load(a + v * kWidth);
#pragma GCC unroll 8
    for (Index j = 0; j < kTileColumns; ++j) {
      const double factor = b[j];
#pragma GCC unroll 8
      for (Index v = 0; v < kTileVectors; ++v) sum[j][v] += rows[v] * factor;
    }
  }
  Tile tile;
#pragma GCC unroll 8
  for (Index j = 0; j < kTileColumns; ++j)
#pragma GCC unroll 8
    for (Index v = 0; v < kTileVectors; ++v) tile.column[j][v] = sum[j][v];
  return tile;
}

inline void add_whole_tile(const Tile& tile, double sign, double* C, Index stride) {
#pragma GCC unroll 8
  for (Index j = 0; j < kTileColumns; ++j)
#pragma GCC unroll 8
    for (Index v = 0; v < kTileVectors; ++v) {
      double* c = C + j * stride + v * kWidth;
      store(c, load(c) + tile.column[j][v] * sign);
    }
}

// Adds the leading rows x columns of the tile; of column j only from row j - diagonal on, where
// `diagonal` is the distance of the tile below the diagonal (large: everything).
void add_partial_tile(const Tile& tile, double sign, Index rows, Index columns, Index diagonal,
                      double* C, Index stride) {
  double buffer[kTileRows];
  for (Index j = 0; j < columns; ++j) {
    for (Index v = 0; v < kTileVectors; ++v) store(buffer + v * kWidth, tile.column[j][v]);
    for (Index i = larger(0, j - diagonal); i < rows; ++i)
      C[i + j * stride] += sign * buffer[i];
  }
}

// All tiles of one packed block product. The block starts at (row0, column0) of C, which matters
// only when the upper triangle is to be left alone.
void multiply_blocks(bool lower_only, Index row0, Index column0, Index rows, Index columns,
                     Index depth, double sign, const double* packed_A, const double* packed_B,
                     double* C, Index stride) {
  for (Index j = 0; j < columns; j += kTileColumns) {
    const Index width = smaller(kTileColumns, columns - j);
    for (Index i = 0; i < rows; i += kTileRows) {
      const Index height = smaller(kTileRows, rows - i);
      const Index diagonal = lower_only ? (row0 + i) - (column0 + j) : kTileColumns;
      if (diagonal + height <= 0) continue;  // wholly above the diagonal
      const Tile tile = multiply_tile(depth, packed_A + i * depth, packed_B + j * depth);
      double* c = C + i + j * stride;
      if (height == kTileRows && width == kTileColumns && diagonal >= kTileColumns - 1)
        add_whole_tile(tile, sign, c, stride);
      else
        add_partial_tile(tile, sign, height, width, diagonal, c, stride);
    }
  }
}

void multiply_add(bool lower_only, Index m, Index n, Index k, double sign, Operand A, Operand B,
                  double* C, Index stride, double* scratch, Progress progress) {
  double* packed_A = scratch;
  double* packed_B = scratch + kPackedA;
  const Operand B_transposed{B.data, B.column_stride, B.row_stride};
  for (Index j0 = 0; j0 < n; j0 += kBlockColumns) {
    const Index columns = smaller(kBlockColumns, n - j0);
    for (Index k0 = 0; k0 < k; k0 += kDepth) {
      const Index depth = smaller(kDepth, k - k0);
      pack<kTileColumns>(columns, depth,
                         {at(B_transposed, j0, k0), B.column_stride, B.row_stride}, packed_B);
      const Index first_row = lower_only ? j0 / kTileRows * kTileRows : 0;
      for (Index i0 = first_row; i0 < m; i0 += kBlockRows) {
        const Index rows = smaller(kBlockRows, m - i0);
        pack<kTileRows>(rows, depth, {at(A, i0, k0), A.row_stride, A.column_stride}, packed_A);
        const Index last = lower_only ? smaller(columns, i0 + rows - j0) : columns;
        progress.spend(progress.owner, 2.0 * static_cast<double>(rows * last * depth));
        multiply_blocks(lower_only, i0, j0, rows, last, depth, sign, packed_A, packed_B,
                        C + i0 + j0 * stride, stride);
      }
    }
  }
}

void multiply_add_small(bool lower_only, Index m, Index n, Index k, double sign, Operand A,
                        Operand B, double* C, Index stride) {
  for (Index j = 0; j < n; ++j) {
    const Index first = lower_only ? j : 0;
    double* column = C + j * stride;
    for (Index l = 0; l < k; ++l) {
      const double factor = sign * *at(B, l, j);
      const double* a = at(A, 0, l);
      if (A.row_stride == 1)
        for (Index i = first; i < m; ++i) column[i] += factor * a[i];
      else
        for (Index i = first; i < m; ++i) column[i] += factor * a[i * A.row_stride];
    }
  }
}

// ---- Small triangular matrices ------------------------------------------------------------------

Index cholesky(Index n, double* A, Index stride) {
  for (Index k = 0; k < n; ++k) {
    double* column = A + k * stride;
    const double pivot = column[k];
    if (!(pivot > 0.0)) return k;
    const double root = std::sqrt(pivot);
    const double inverse = 1.0 / root;
    column[k] = root;
    for (Index i = k + 1; i < n; ++i) column[i] *= inverse;
    for (Index j = k + 1; j < n; ++j) {
      double* target = A + j * stride;
      const double factor = column[j];
      for (Index i = j; i < n; ++i) target[i] -= factor * column[i];
    }
  }
  return n;
}

constexpr Index kSolveColumns = 4;

// Rows are solved several at a time, the last few one by one. (The vector type is wrapped because
// template arguments lose their alignment attribute.)
struct PackOfVectors {
  typedef Vector Type;
  static constexpr Index width = kWidth;
};
struct PackOfOne {
  typedef double Type;
  static constexpr Index width = 1;
};

// Solves for `columns` <= kSolveColumns columns of X in X L' = B (`transposed`) or X L = B, for
// `vectors` vectors of rows. X overwrites B; `done` says which columns are solved already:
// [0, first) if transposed, [first + columns, n) if not.
template <typename Pack, Index vectors, Index columns, bool transposed>
inline void solve_columns(Index first, Index n, const double* L, Index stride, double* B,
                          Index stride_B) {
  using V = typename Pack::Type;
  const auto vector_at = [&](Index v, Index j) -> V* {
    return reinterpret_cast<V*>(B + v * Pack::width + j * stride_B);
  };
  const auto coefficient = [&](Index k, Index j) {
    return transposed ? L[j + k * stride] : L[k + j * stride];
  };
  V x[columns][vectors];
#pragma GCC unroll 8
  for (Index j = 0; j < columns; ++j)
#pragma GCC unroll 8
    for (Index v = 0; v < vectors; ++v) x[j][v] = *vector_at(v, first + j);

  const Index begin = transposed ? 0 : first + columns;
  const Index end = transposed ? first : n;
  for (Index k = begin; k < end; ++k) {
    V solved[vectors];
#pragma GCC unroll 8
    for (Index v = 0; v < vectors; ++v) solved[v] = *vector_at(v, k);
#pragma GCC unroll 8
    for (Index j = 0; j < columns; ++j) {
      const double factor = coefficient(k, first + j);
#pragma GCC unroll 8
      for (Index v = 0; v < vectors; ++v) x[j][v] -= solved[v] * factor;
    }
  }
#pragma GCC unroll 8
  for (Index step = 0; step < columns; ++step) {
    const Index k = transposed ? step : columns - 1 - step;
    const double inverse = 1.0 / L[(first + k) * (stride + 1)];
#pragma GCC unroll 8
    for (Index v = 0; v < vectors; ++v) x[k][v] *= inverse;
#pragma GCC unroll 8
    for (Index j = 0; j < columns; ++j) {
      if (transposed ? j <= k : j >= k) continue;
      const double factor = coefficient(first + k, first + j);
#pragma GCC unroll 8
      for (Index v = 0; v < vectors; ++v) x[j][v] -= x[k][v] * factor;
    }
  }
#pragma GCC unroll 8
  for (Index j = 0; j < columns; ++j)
#pragma GCC unroll 8
    for (Index v = 0; v < vectors; ++v) *vector_at(v, first + j) = x[j][v];
}

// All columns of a slab of rows, in the order of the substitution.
template <typename Pack, Index vectors, bool transposed>
void solve_slab(Index n, const double* L, Index stride, double* B, Index stride_B) {
  const Index whole = n / kSolveColumns * kSolveColumns;
  if (transposed) {
    for (Index j = 0; j < whole; j += kSolveColumns)
      solve_columns<Pack, vectors, kSolveColumns, true>(j, n, L, stride, B, stride_B);
    for (Index j = whole; j < n; ++j)
      solve_columns<Pack, vectors, 1, true>(j, n, L, stride, B, stride_B);
  } else {
    for (Index j = n - 1; j >= whole; --j)
      solve_columns<Pack, vectors, 1, false>(j, n, L, stride, B, stride_B);
    for (Index j = whole - kSolveColumns; j >= 0; j -= kSolveColumns)
      solve_columns<Pack, vectors, kSolveColumns, false>(j, n, L, stride, B, stride_B);
  }
}

template <bool transposed>
void solve_right_any(Index m, Index n, const double* L, Index stride, double* B, Index stride_B) {
  Index i = 0;
  for (; i + kTileRows <= m; i += kTileRows)
    solve_slab<PackOfVectors, kTileVectors, transposed>(n, L, stride, B + i, stride_B);
  for (; i + kWidth <= m; i += kWidth)
    solve_slab<PackOfVectors, 1, transposed>(n, L, stride, B + i, stride_B);
  for (; i < m; ++i) solve_slab<PackOfOne, 1, transposed>(n, L, stride, B + i, stride_B);
}

}  // namespace

extern const Kernels kernels;
const Kernels kernels = {
#if defined(__AVX512F__)
    "avx512",
#elif defined(__AVX2__)
    "avx2",
#elif defined(__SSE2__)
    "sse2",
#else
    "generic",
#endif
    kPackedA + kDepth * kBlockColumns,
    multiply_add,
    multiply_add_small,
    cholesky,
    solve_right_any<true>,
    solve_right_any<false>,
};

}  // namespace ilk::dense::ILK_DENSE_NAMESPACE
