// Symbolic part of the multifrontal factorization.
//
// A front is a dense lower trapezoid: c columns (scalars eliminated together) over c + r rows,
// the last r of which are eliminated later and belong to its parent. The fronts form a tree whose
// root is the dense root. Two kinds are kept apart:
//
//   leaves    have no children. Leaves of the same parent with the same rows stand side by side as
//             one group, whose panels, columns and rows are contiguous, so that the whole group
//             updates its parent in one dense product and needs one list of rows.
//   interior  fronts, in postorder; the root is the last. Their r x r update matrices live on
//             a stack until the parent picks them up (the root takes them at once).
//
// Scalars are renumbered in the order of elimination ("positions"); terms without a prior keep
// their order at the very end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "block_pattern.h"

namespace ilk {

// A list of equal blocks in the compact layout: the diagonal of a term, or a pair.
struct BlockList {
  int row_term = 0;
  int column_term = 0;
  int rows = 0;
  int columns = 0;
  std::int64_t offset = 0;
};

// Blocks of A at regular distances that go to regular distances in the panels of a front. (There
// may be as many runs as blocks, so they are kept small.)
struct BlockRun {
  enum class Kind : std::uint32_t { diagonal, straight, transposed };  // (as L holds it)

  std::int32_t source = 0;  // number of the first block in its list
  std::int32_t row = 0;     // its first entry, in the matrix of all panels side by side
  std::int32_t column = 0;
  std::int32_t source_step = 0;  // in blocks
  std::int32_t target_step = 0;  // in the storage of the panels
  std::int32_t count = 1;
  std::uint32_t list : 30;  // in Fronts::lists
  Kind kind : 2;
};

struct Front {
  int columns = 0;               // c
  int rows = 0;                  // r
  int count = 1;                 // panels side by side (leaf groups)
  int first_column = 0;          // position of the first column
  std::int64_t panel = 0;        // offset in the storage of L: count panels of (c + r) x c
  std::int64_t row_list = 0;     // offset of the r rows in Fronts::rows, Fronts::rows_in_parent
  std::int64_t runs_begin = 0;   // its blocks of A in Fronts::runs
  std::int64_t runs_end = 0;

  std::ptrdiff_t height() const { return static_cast<std::ptrdiff_t>(columns) + rows; }
  std::ptrdiff_t panel_size() const { return height() * columns; }
};

struct InteriorFront : Front {
  int parent = -1;  // interior front; -1 if there are no rows
  std::int64_t leaves_begin = 0;
  std::int64_t leaves_end = 0;
  int children = 0;  // interior fronts that have this one as parent
};

struct Fronts {
  std::vector<Front> leaves;
  std::vector<InteriorFront> interior;  // postorder; the last one is the root
  std::vector<int> rows;                // positions of the rows of fronts, ascending
  std::vector<int> rows_in_parent;      // where these are in the parent front (columns, then rows)
  std::vector<BlockList> lists;         // diagonals, then pairs
  std::vector<BlockRun> runs;
  std::vector<int> position;  // (N,) of each scalar in the order of elimination
  int root_prior = 0;         // columns of the root with a prior
  std::int64_t factor_size = 0;         // doubles in L
  std::int64_t update_stack = 0;        // peak doubles of update matrices
  std::int64_t inverse_stack = 0;       // ... of interior fronts of the inverse but the root
  double flops = 0.0;

  const InteriorFront& root() const { return interior.back(); }
};

Fronts analyze_fronts(const BlockPattern& pattern);

}  // namespace ilk
