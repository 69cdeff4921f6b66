// Cells: the log-likelihood is a sum over the connected components of the graph that joins levels
// occurring in the same row. Components are packed into cells of some 16 thousand rows, which stay
// in the cache while they are worked on and are the unit of work for threads. Data with a precision
// matrix over levels are one cell, with the levels in their order.
#pragma once

#include <cstddef>
#include <functional>
#include <vector>

#include "data.h"

namespace ilk {

constexpr std::size_t kCellRows = 16384;

// Where the rows and levels of a cell come from.
struct CellOrigin {
  std::vector<int> rows;                 // (n of the cell,) rows of the whole
  std::vector<std::vector<int>> levels;  // by term: levels of the whole
};

struct Partition {
  std::vector<Data> cells;  // rows sorted by the level of the term with most levels
  std::vector<CellOrigin> origins;
};

// The partition depends on the data alone. Data of fewer than `target_rows` rows, or of one
// component, are one cell.
Partition partition(Data data, std::size_t target_rows = kCellRows);

// The number of random effects per level if all terms have the same grouping factor, otherwise 0.
int common_width(const Data& data);

// Calls work(index, thread) for index = 0 .. count - 1 on up to `threads` threads, the calling one
// among them (thread 0). The first exception is passed on after all threads have stopped. The
// calling thread calls `wait` now and then while it waits for the others; it may throw.
void parallel_for(int count, int threads, const std::function<void(int, int)>& work,
                  const std::function<void()>& wait);

}  // namespace ilk
