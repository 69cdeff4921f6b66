#include "cells.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <numeric>
#include <thread>

namespace ilk {

namespace {

constexpr std::size_t kSortedRows = 2048;  // from which levels are ordered by size

// Disjoint sets of nodes with path halving.
class Components {
 public:
  explicit Components(int nodes) : parent_(nodes) {
    std::iota(parent_.begin(), parent_.end(), 0);
  }
  int find(int i) {
    while (parent_[i] != i) i = parent_[i] = parent_[parent_[i]];
    return i;
  }
  void join(int i, int j) {
    i = find(i);
    j = find(j);
    if (i != j) parent_[std::max(i, j)] = std::min(i, j);
  }

 private:
  std::vector<int> parent_;
};

bool joined_levels(const Data& data) {
  return std::any_of(data.terms.begin(), data.terms.end(),
                     [](const Term& term) { return !term.precision_rows.empty(); });
}

// The term whose levels order the rows: the one with most levels.
int main_term(const Data& data) {
  int best = 0;
  for (std::size_t t = 1; t < data.terms.size(); ++t)
    if (data.terms[t].levels > data.terms[best].levels) best = static_cast<int>(t);
  return best;
}

// The cell of every level of every term; returns the number of cells.
int assign_levels(const Data& data, int main, std::size_t target_rows,
                  std::vector<std::vector<int>>& cell_of) {
  std::vector<int> first_node{0};
  for (const Term& term : data.terms) first_node.push_back(first_node.back() + term.levels);
  cell_of.clear();
  for (const Term& term : data.terms) cell_of.emplace_back(term.levels, 0);
  if (data.n < 2 * target_rows || joined_levels(data)) return 1;

  Components components(first_node.back());
  for (std::size_t t = 0; t < data.terms.size(); ++t)
    for (int k = static_cast<int>(t) == main ? 1 : 0; k < data.terms[t].slots; ++k)
      for (std::size_t i = 0; i < data.n; ++i)
        components.join(first_node[main] + data.terms[main].codes[i],
                        first_node[t] + data.terms[t].codes[k * data.n + i]);
  std::vector<std::size_t> rows(first_node.back(), 0);
  for (std::size_t i = 0; i < data.n; ++i)
    ++rows[components.find(first_node[main] + data.terms[main].codes[i])];

  // Components in the order of their first level, packed until a cell is full.
  std::vector<int> cell_of_component(first_node.back(), -1);
  int cell = 0;
  std::size_t filled = 0;
  for (int l = 0; l < data.terms[main].levels; ++l) {
    const int component = components.find(first_node[main] + l);
    if (cell_of_component[component] < 0) {
      if (filled >= target_rows) {
        ++cell;
        filled = 0;
      }
      cell_of_component[component] = cell;
      filled += rows[component];
    }
  }
  for (std::size_t t = 0; t < data.terms.size(); ++t)
    for (int l = 0; l < data.terms[t].levels; ++l)  // levels without rows go to the first cell
      cell_of[t][l] = std::max(0, cell_of_component[components.find(first_node[t] + l)]);
  return cell + 1;
}

// Rows of every cell in the order of its levels of the main term.
std::vector<std::vector<int>> sort_rows(const Term& main, std::size_t n, int main_index,
                                        const std::vector<CellOrigin>& origins) {
  std::vector<std::size_t> start(main.levels + 1, 0);
  for (std::size_t i = 0; i < n; ++i) ++start[main.codes[i] + 1];
  for (int l = 0; l < main.levels; ++l) start[l + 1] += start[l];
  std::vector<int> order(n);
  std::vector<std::size_t> next(start.begin(), start.end() - 1);
  for (std::size_t i = 0; i < order.size(); ++i)
    order[next[main.codes[i]]++] = static_cast<int>(i);
  std::vector<std::vector<int>> rows;
  for (const CellOrigin& origin : origins) {
    rows.emplace_back();
    for (int l : origin.levels[main_index])
      rows.back().insert(rows.back().end(), order.begin() + start[l], order.begin() + start[l + 1]);
  }
  return rows;
}

// The levels of every cell. With a single grouping factor and many rows, levels are ordered by
// their numbers of rows: sums over runs of equal length are much faster than over runs of lengths
// that the processor cannot predict.
std::vector<CellOrigin> list_levels(const Data& data, const std::vector<std::vector<int>>& cell_of,
                                    int cells) {
  std::vector<CellOrigin> origins(cells);
  const bool by_size = data.n >= kSortedRows && common_width(data) > 0 && !joined_levels(data);
  std::vector<int> sizes(by_size ? data.terms[0].levels : 0, 0);
  if (by_size)
    for (int code : data.terms[0].codes) ++sizes[code];
  for (CellOrigin& origin : origins) origin.levels.resize(data.terms.size());
  for (std::size_t t = 0; t < data.terms.size(); ++t) {
    for (int l = 0; l < data.terms[t].levels; ++l)
      origins[cell_of[t][l]].levels[t].push_back(l);
    if (!by_size) continue;
    for (CellOrigin& origin : origins)
      std::stable_sort(origin.levels[t].begin(), origin.levels[t].end(),
                       [&](int a, int b) { return sizes[a] < sizes[b]; });
  }
  return origins;
}

// Rows of a model without random effects: blocks of consecutive rows.
std::vector<std::vector<int>> consecutive_rows(std::size_t n, std::size_t target_rows) {
  const std::size_t cells = std::max<std::size_t>(1, n / target_rows);
  std::vector<std::vector<int>> rows(cells);
  for (std::size_t c = 0; c < cells; ++c)
    for (std::size_t i = c * n / cells; i < (c + 1) * n / cells; ++i)
      rows[c].push_back(static_cast<int>(i));
  return rows;
}

// Rows `rows` of `slots` matrices (n, columns), row-major.
std::vector<double> pick(const std::vector<double>& values, const std::vector<int>& rows,
                         std::size_t n, std::size_t columns = 1, std::size_t slots = 1) {
  if (values.empty()) return {};
  std::vector<double> out(slots * rows.size() * columns);
  double* next = out.data();
  for (std::size_t k = 0; k < slots; ++k)
    for (int row : rows) {
      const double* source = &values[(k * n + row) * columns];
      next = std::copy(source, source + columns, next);
    }
  return out;
}

Data pick_rows(const Data& whole, const CellOrigin& origin,
               const std::vector<std::vector<int>>& new_level) {
  Data cell;
  cell.n = origin.rows.size();
  cell.response = pick(whole.response, origin.rows, whole.n);
  cell.trials = pick(whole.trials, origin.rows, whole.n);
  cell.weights = pick(whole.weights, origin.rows, whole.n);
  for (const Predictor& source : whole.predictors) {
    Predictor predictor;
    predictor.p = source.p;
    predictor.offset = pick(source.offset, origin.rows, whole.n);
    predictor.X.resize(cell.n * source.p);
    for (int j = 0; j < source.p; ++j) {
      const double* x = &source.X[j * whole.n];
      double* out = &predictor.X[j * cell.n];
      for (std::size_t i = 0; i < cell.n; ++i) out[i] = x[origin.rows[i]];
    }
    cell.predictors.push_back(std::move(predictor));
  }
  for (std::size_t t = 0; t < whole.terms.size(); ++t) {
    const Term& source = whole.terms[t];
    Term term;
    term.predictor = source.predictor;
    term.width = source.width;
    term.levels = static_cast<int>(origin.levels[t].size());
    term.slots = source.slots;
    for (int k = 0; k < source.slots; ++k)
      for (int row : origin.rows)
        term.codes.push_back(new_level[t][source.codes[k * whole.n + row]]);
    term.columns = pick(source.columns, origin.rows, whole.n, source.width, source.slots);
    term.precision_rows = source.precision_rows;
    term.precision_columns = source.precision_columns;
    term.precision_varies = source.precision_varies;
    cell.terms.push_back(std::move(term));
  }
  return cell;
}

}  // namespace

int common_width(const Data& data) {
  int width = 0;
  for (const Term& term : data.terms) {
    const Term& first = data.terms.front();
    if (term.slots > 1 || term.levels != first.levels || term.codes != first.codes) return 0;
    width += term.width;
  }
  return width;
}

Partition partition(Data data, std::size_t target_rows) {
  Partition out;
  std::vector<std::vector<int>> cell_of, rows;
  if (data.terms.empty()) {
    rows = consecutive_rows(data.n, target_rows);
    out.origins.resize(rows.size());
  } else {
    const int main = main_term(data);
    const int cells = assign_levels(data, main, target_rows, cell_of);
    out.origins = list_levels(data, cell_of, cells);
    rows = sort_rows(data.terms[main], data.n, main, out.origins);
  }
  const int cells = static_cast<int>(rows.size());

  std::vector<std::vector<int>> new_level;
  for (std::size_t t = 0; t < data.terms.size(); ++t) {
    new_level.emplace_back(data.terms[t].levels);
    for (const CellOrigin& origin : out.origins)
      for (std::size_t l = 0; l < origin.levels[t].size(); ++l)
        new_level[t][origin.levels[t][l]] = static_cast<int>(l);
  }
  for (int c = 0; c < cells; ++c) {
    out.origins[c].rows = std::move(rows[c]);
    const std::vector<int>& order = out.origins[c].rows;
    bool as_it_is = cells == 1 && std::is_sorted(order.begin(), order.end());
    for (const std::vector<int>& levels : out.origins[c].levels)
      as_it_is = as_it_is && std::is_sorted(levels.begin(), levels.end());
    if (as_it_is)
      out.cells.push_back(std::move(data));
    else
      out.cells.push_back(pick_rows(data, out.origins[c], new_level));
  }
  return out;
}

void parallel_for(int count, int threads, const std::function<void(int, int)>& work,
                  const std::function<void()>& wait) {
  threads = std::max(1, std::min(threads, count));
  if (threads == 1) {
    for (int i = 0; i < count; ++i) work(i, 0);
    return;
  }
  std::atomic<int> next{0};
  std::mutex lock;  // guards what follows
  std::condition_variable finished;
  int running = threads - 1;
  std::exception_ptr failure;
  const auto fail = [&](std::exception_ptr reason) {
    next = count;
    const std::lock_guard<std::mutex> guard(lock);
    if (!failure) failure = reason;
  };
  const auto run = [&](int thread) {
    try {
      for (int i = next++; i < count; i = next++) work(i, thread);
    } catch (...) {
      fail(std::current_exception());
    }
  };
  std::vector<std::thread> others;
  for (int thread = 1; thread < threads; ++thread)
    others.emplace_back([&, thread] {
      run(thread);
      const std::lock_guard<std::mutex> guard(lock);
      --running;
      finished.notify_one();
    });
  run(0);
  for (bool done = false; !done;) {
    {
      std::unique_lock<std::mutex> guard(lock);
      done = finished.wait_for(guard, std::chrono::milliseconds(20), [&] { return running == 0; });
    }
    try {
      if (!done) wait();
    } catch (...) {
      fail(std::current_exception());
    }
  }
  for (std::thread& other : others) other.join();
  if (failure) std::rethrow_exception(failure);
}

}  // namespace ilk
