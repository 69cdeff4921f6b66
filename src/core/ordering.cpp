#include "ordering.h"

#include <algorithm>
#include <cstddef>
#include <numeric>

#include "block_pattern.h"

namespace ilk {
namespace {

constexpr double kDenseFill = 0.1;    // a Schur complement filled beyond this is taken as dense
constexpr double kRootDegree = 0.4;   // stop when the least degree is this part of what remains
constexpr std::int64_t kSmallRoot = 48;  // scalars that are not worth ordering

// True if every level of `inner` meets at most one level of `outer`.
bool is_nested(const BlockPattern& pattern, int inner, int outer) {
  for (const BlockPair& pair : pattern.pairs()) {
    if (pair.row_term == inner && pair.column_term == outer) {
      for (std::size_t r = 0; r + 1 < pair.row_start.size(); ++r)
        if (pair.row_start[r + 1] - pair.row_start[r] > 1) return false;
    } else if (pair.row_term == outer && pair.column_term == inner) {
      std::vector<char> met(static_cast<std::size_t>(pattern.term(inner).levels), 0);
      for (const int column : pair.columns)
        if (met[column]++) return false;
    }
  }
  return true;
}

bool has_neighbors_within(const BlockPattern& pattern, int term) {
  for (const BlockPair& pair : pattern.pairs())
    if (pair.row_term == term && pair.column_term == term && pair.blocks() > 0) return true;
  return false;
}

// Rule 1. Nothing is chosen if the levels of the largest term meet each other (a grid, a pedigree):
// eliminating a smaller term, whose levels meet many of them, would fill its sparse pattern.
std::vector<int> terms_to_eliminate_first(const BlockPattern& pattern) {
  std::vector<int> candidates;
  for (int t = 0; t < pattern.terms(); ++t)
    if (pattern.term(t).prior) candidates.push_back(t);
  std::stable_sort(candidates.begin(), candidates.end(), [&](int a, int b) {
    return pattern.term(a).levels > pattern.term(b).levels;
  });
  std::vector<int> chosen;
  for (const int t : candidates) {
    if (has_neighbors_within(pattern, t)) {
      if (chosen.empty()) break;
      continue;
    }
    const bool nested = std::all_of(chosen.begin(), chosen.end(),
                                    [&](int inner) { return is_nested(pattern, inner, t); });
    if (nested) chosen.push_back(t);
  }
  return chosen;
}

// A set of nodes that is emptied in constant time.
class MarkedSet {
 public:
  explicit MarkedSet(std::size_t size) : stamp_(size, 0) {}
  void clear() { ++current_; }
  bool contains(int node) const { return stamp_[node] == current_; }
  void insert(int node) { stamp_[node] = current_; }

 private:
  std::vector<std::int64_t> stamp_;
  std::int64_t current_ = 1;
};

// Nodes by degree; constant time insertion, removal and (amortized) minimum.
class DegreeBuckets {
 public:
  DegreeBuckets(std::size_t nodes, std::size_t degrees)
      : first_(degrees, -1), next_(nodes, -1), previous_(nodes, -1) {}

  void insert(int node, std::int64_t degree) {
    next_[node] = first_[degree];
    previous_[node] = -1;
    if (first_[degree] >= 0) previous_[first_[degree]] = node;
    first_[degree] = node;
    least_ = std::min(least_, degree);
    ++size_;
  }

  void remove(int node, std::int64_t degree) {
    if (previous_[node] >= 0) next_[previous_[node]] = next_[node];
    else first_[degree] = next_[node];
    if (next_[node] >= 0) previous_[next_[node]] = previous_[node];
    --size_;
  }

  bool empty() const { return size_ == 0; }

  int least() {
    while (first_[least_] < 0) ++least_;
    return first_[least_];
  }

 private:
  std::vector<int> first_;  // by degree
  std::vector<int> next_;   // by node
  std::vector<int> previous_;
  std::int64_t least_ = 0;
  std::int64_t size_ = 0;
};

// The quotient graph. A node is a variable until it is eliminated; then it is an element, which
// stands for the clique of its rows, until that clique is covered by a later element.
class Eliminator {
 public:
  explicit Eliminator(const BlockPattern& pattern);

  Elimination run();

 private:
  enum class State : char { variable, element, absorbed, root_only };

  void build_adjacency();
  void eliminate_term(int term);
  void form_element(int pivot);
  void compress_neighbors();
  bool remaining_is_dense() const;
  void minimum_degree();
  void measure_elements_outside();
  std::int64_t update_neighbors(int node, int pivot);
  void update_rows(int pivot, DegreeBuckets& buckets);
  void close_step();
  void add_root_only_rows();
  void collect_root();

  bool is_variable(int node) const { return state_[node] == State::variable; }
  std::size_t open_step_begin() const { return static_cast<std::size_t>(result_.row_start.back()); }
  int first_root_only_node() const;
  int live_element(int node);
  template <typename Function>
  void for_each_row(int element, Function&& apply) const;
  template <typename Function>
  void for_each_block(Function&& apply) const;

  const BlockPattern& pattern_;
  Elimination result_;
  std::vector<State> state_;
  std::vector<int> weight_;        // scalars per node
  std::int64_t remaining_ = 0;     // scalars of variables
  MarkedSet marked_;

  // Neighbors of node i: neighbors_[start_[i] .. start_[i] + elements_[i]) are elements, the next
  // variables_[i] are variables. Eliminations never lengthen the list.
  std::vector<std::int64_t> start_;
  std::vector<int> elements_;
  std::vector<int> variables_;
  std::vector<int> neighbors_;

  std::vector<int> step_of_;         // element -> its step in the result
  std::vector<int> absorbed_by_;     // absorbed element -> the element that covers it
  std::vector<std::int64_t> degree_;
  std::vector<std::int64_t> outside_;       // |rows of element \ rows of pivot| + outside_base_
  std::vector<std::int64_t> row_weight_;    // |rows| of an element when it was formed
  std::int64_t outside_base_ = 1;
  std::int64_t largest_row_weight_ = 0;
  std::vector<std::int64_t> outside_of_row_;  // of the open step
};

Eliminator::Eliminator(const BlockPattern& pattern)
    : pattern_(pattern), marked_(static_cast<std::size_t>(pattern.nodes())) {
  const std::size_t nodes = static_cast<std::size_t>(pattern.nodes());
  state_.assign(nodes, State::variable);
  weight_.resize(nodes);
  step_of_.assign(nodes, -1);
  absorbed_by_.assign(nodes, -1);
  for (int t = 0; t < pattern.terms(); ++t) {
    const BlockTerm& term = pattern.term(t);
    for (int v = pattern.node_offset(t); v < pattern.node_offset(t + 1); ++v) {
      weight_[v] = term.width;
      if (!term.prior) state_[v] = State::root_only;
    }
    if (term.prior) remaining_ += static_cast<std::int64_t>(term.levels) * term.width;
  }
}

int Eliminator::first_root_only_node() const {
  int t = pattern_.terms();
  while (t > 0 && !pattern_.term(t - 1).prior) --t;
  return t == pattern_.terms() ? pattern_.nodes() : pattern_.node_offset(t);
}

Elimination Eliminator::run() {
  build_adjacency();
  for (const int term : terms_to_eliminate_first(pattern_)) eliminate_term(term);
  compress_neighbors();
  if (remaining_ > kSmallRoot && !remaining_is_dense()) minimum_degree();
  add_root_only_rows();
  collect_root();
  return std::move(result_);
}

template <typename Function>
void Eliminator::for_each_block(Function&& apply) const {
  for (const BlockPair& pair : pattern_.pairs()) {
    const int row_offset = pattern_.node_offset(pair.row_term);
    const int column_offset = pattern_.node_offset(pair.column_term);
    for (int r = 0; r < pattern_.term(pair.row_term).levels; ++r)
      for (std::int64_t k = pair.row_start[r]; k < pair.row_start[r + 1]; ++k)
        apply(row_offset + r, column_offset + pair.columns[k]);
  }
}

// Only nodes with a prior enter the graph; the others belong to the root whatever happens.
void Eliminator::build_adjacency() {
  const std::size_t nodes = state_.size();
  elements_.assign(nodes, 0);
  variables_.assign(nodes, 0);
  const auto in_graph = [&](int a, int b) { return is_variable(a) && is_variable(b); };
  for_each_block([&](int a, int b) {
    if (!in_graph(a, b)) return;
    ++variables_[a];
    ++variables_[b];
  });
  start_.assign(nodes + 1, 0);
  for (std::size_t v = 0; v < nodes; ++v) start_[v + 1] = start_[v] + variables_[v];
  neighbors_.resize(static_cast<std::size_t>(start_[nodes]));
  std::vector<std::int64_t> next(start_.begin(), start_.end() - 1);
  for_each_block([&](int a, int b) {
    if (!in_graph(a, b)) return;
    neighbors_[next[a]++] = b;
    neighbors_[next[b]++] = a;
  });
}

// The element that covers an eliminated node now.
int Eliminator::live_element(int node) {
  int element = node;
  while (state_[element] == State::absorbed) element = absorbed_by_[element];
  while (state_[node] == State::absorbed) {  // shorten the path for the next time
    const int next = absorbed_by_[node];
    absorbed_by_[node] = element;
    node = next;
  }
  return element;
}

template <typename Function>
void Eliminator::for_each_row(int element, Function&& apply) const {
  const int step = step_of_[element];
  for (std::int64_t k = result_.row_start[step]; k < result_.row_start[step + 1]; ++k) {
    const int row = result_.rows[k];  // (by value: `apply` may append rows)
    if (is_variable(row)) apply(row);
  }
}

// Turns a variable into an element: its rows are all variables it meets, directly or through an
// element, which it then covers. Leaves the step open (rows may still be removed).
void Eliminator::form_element(int pivot) {
  marked_.clear();
  marked_.insert(pivot);
  state_[pivot] = State::element;
  remaining_ -= weight_[pivot];
  step_of_[pivot] = static_cast<int>(result_.steps());
  result_.columns.push_back(pivot);

  const auto add_row = [&](int node) {
    if (marked_.contains(node)) return;
    marked_.insert(node);
    result_.rows.push_back(node);
  };
  const std::int64_t end = start_[pivot] + elements_[pivot] + variables_[pivot];
  for (std::int64_t k = start_[pivot]; k < end; ++k) {
    const int neighbor = neighbors_[k];
    if (is_variable(neighbor)) {
      add_row(neighbor);
      continue;
    }
    const int element = live_element(neighbor);
    if (element == pivot) continue;
    for_each_row(element, add_row);
    state_[element] = State::absorbed;
    absorbed_by_[element] = pivot;
  }
}

void Eliminator::close_step() {
  result_.column_start.push_back(static_cast<std::int64_t>(result_.columns.size()));
  result_.row_start.push_back(static_cast<std::int64_t>(result_.rows.size()));
}

void Eliminator::eliminate_term(int term) {
  for (int v = pattern_.node_offset(term); v < pattern_.node_offset(term + 1); ++v) {
    pattern_.poll();
    form_element(v);
    close_step();
  }
}

// After whole terms have gone, brings the neighbor lists of the variables into their final form
// (live elements, then variables not covered by one of them) and computes exact degrees.
void Eliminator::compress_neighbors() {
  degree_.assign(state_.size(), 0);
  for (int v = 0; v < pattern_.nodes(); ++v) {
    if (!is_variable(v)) continue;
    pattern_.poll();
    const std::int64_t begin = start_[v];
    const std::int64_t end = begin + variables_[v];
    // Elements to the front; each is kept once (it is marked like the variables are).
    marked_.clear();
    marked_.insert(v);
    std::int64_t last_element = begin;
    for (std::int64_t k = begin; k < end; ++k) {
      if (is_variable(neighbors_[k])) continue;
      const int element = live_element(neighbors_[k]);
      if (marked_.contains(element)) {
        neighbors_[k] = -1;
        continue;
      }
      marked_.insert(element);
      neighbors_[k] = neighbors_[last_element];
      neighbors_[last_element++] = element;
    }
    std::int64_t degree = 0;
    const auto count = [&](int node) {
      if (marked_.contains(node)) return;
      marked_.insert(node);
      degree += weight_[node];
    };
    for (std::int64_t k = begin; k < last_element; ++k)
      if (degree < remaining_ - weight_[v]) for_each_row(neighbors_[k], count);
    std::int64_t last_variable = last_element;
    for (std::int64_t k = last_element; k < end; ++k) {
      const int node = neighbors_[k];
      if (node < 0 || marked_.contains(node)) continue;
      count(node);
      neighbors_[last_variable++] = node;
    }
    elements_[v] = static_cast<int>(last_element - begin);
    variables_[v] = static_cast<int>(last_variable - last_element);
    degree_[v] = degree;
  }
}

// Rule 2: the filled part of the Schur complement, counted in scalars.
bool Eliminator::remaining_is_dense() const {
  double filled = 0.0;
  for (int v = 0; v < pattern_.nodes(); ++v)
    if (is_variable(v)) filled += static_cast<double>(weight_[v]) * (degree_[v] + weight_[v]);
  const double size = static_cast<double>(remaining_);
  return filled >= kDenseFill * size * size;
}

// For every element e that meets one of the rows of the open step: outside_[e] - outside_base_
// becomes the weight of those of its rows that are not rows of the step.
void Eliminator::measure_elements_outside() {
  outside_base_ += largest_row_weight_ + 1;  // makes all older values count as unset
  for (std::size_t k = open_step_begin(); k < result_.rows.size(); ++k) {
    const int row = result_.rows[k];
    for (int j = 0; j < elements_[row]; ++j) {
      const int element = neighbors_[start_[row] + j];
      if (state_[element] != State::element) continue;
      if (outside_[element] < outside_base_)
        outside_[element] = outside_base_ + row_weight_[element];
      outside_[element] -= weight_[row];
    }
  }
}

// Rewrites the neighbors of a row of the pivot: the pivot takes the place of the elements it
// covers and of the variables among its rows (which are still marked). Returns the weight of the
// neighbors that are not rows of the pivot.
std::int64_t Eliminator::update_neighbors(int node, int pivot) {
  const std::int64_t begin = start_[node];
  std::int64_t variables_begin = begin + elements_[node];
  const std::int64_t end = variables_begin + variables_[node];
  std::int64_t outside = 0;
  std::int64_t write = begin;
  for (std::int64_t k = begin; k < variables_begin; ++k) {
    const int element = neighbors_[k];
    if (state_[element] != State::element) continue;
    const std::int64_t weight = outside_[element] - outside_base_;
    if (weight == 0) {
      state_[element] = State::absorbed;
      absorbed_by_[element] = pivot;
      continue;
    }
    outside += weight;
    neighbors_[write++] = element;
  }
  if (write == variables_begin) {  // no element has gone, so the pivot is among the variables
    const auto found = std::find(neighbors_.begin() + variables_begin, neighbors_.begin() + end,
                                 pivot);
    std::iter_swap(neighbors_.begin() + variables_begin, found);
    ++variables_begin;
  }
  neighbors_[write++] = pivot;
  elements_[node] = static_cast<int>(write - begin);
  for (std::int64_t k = variables_begin; k < end; ++k) {
    const int neighbor = neighbors_[k];
    if (!is_variable(neighbor) || marked_.contains(neighbor)) continue;
    outside += weight_[neighbor];
    neighbors_[write++] = neighbor;
  }
  variables_[node] = static_cast<int>(write - begin) - elements_[node];
  return outside;
}

// Updates the rows of the open step. Rows that meet nothing outside are eliminated with the pivot.
void Eliminator::update_rows(int pivot, DegreeBuckets& buckets) {
  measure_elements_outside();
  const std::size_t begin = open_step_begin();
  std::size_t write = begin;
  std::int64_t step_weight = 0;
  outside_of_row_.clear();
  for (std::size_t k = begin; k < result_.rows.size(); ++k) {
    const int row = result_.rows[k];
    buckets.remove(row, degree_[row]);
    const std::int64_t outside = update_neighbors(row, pivot);
    if (elements_[row] == 1 && variables_[row] == 0) {
      state_[row] = State::absorbed;
      absorbed_by_[row] = pivot;
      remaining_ -= weight_[row];
      result_.columns.push_back(row);
      continue;
    }
    step_weight += weight_[row];
    outside_of_row_.push_back(outside);
    result_.rows[write++] = row;
  }
  result_.rows.resize(write);
  row_weight_[pivot] = step_weight;
  largest_row_weight_ = std::max(largest_row_weight_, step_weight);
  for (std::size_t k = begin; k < write; ++k) {
    const int row = result_.rows[k];
    const std::int64_t others = step_weight - weight_[row];
    degree_[row] = std::min({remaining_ - weight_[row], degree_[row] + others,
                             outside_of_row_[k - begin] + others});
    buckets.insert(row, degree_[row]);
  }
}

// Rule 3.
void Eliminator::minimum_degree() {
  outside_.assign(state_.size(), 0);
  row_weight_.assign(state_.size(), 0);
  for (int v = 0; v < pattern_.nodes(); ++v) {
    if (state_[v] != State::element) continue;
    for_each_row(v, [&](int row) { row_weight_[v] += weight_[row]; });
    largest_row_weight_ = std::max(largest_row_weight_, row_weight_[v]);
  }
  DegreeBuckets buckets(state_.size(), static_cast<std::size_t>(remaining_) + 1);
  for (int v = 0; v < pattern_.nodes(); ++v)
    if (is_variable(v)) buckets.insert(v, degree_[v]);

  while (!buckets.empty()) {
    pattern_.poll();
    const int pivot = buckets.least();
    const double size = static_cast<double>(degree_[pivot] + weight_[pivot]);
    if (degree_[pivot] > 0 && size >= kRootDegree * static_cast<double>(remaining_)) break;
    buckets.remove(pivot, degree_[pivot]);
    form_element(pivot);
    update_rows(pivot, buckets);
    close_step();
  }
}

// Adds the nodes without a prior to the rows of the steps. Such a node is a row of a step if it
// meets one of its columns or is a row of a step that has updated it (a child in the elimination
// tree: a step whose first remaining row is one of its columns).
void Eliminator::add_root_only_rows() {
  const int first_root_only = first_root_only_node();
  if (first_root_only == pattern_.nodes()) return;

  // Which nodes without a prior does each node meet?
  std::vector<std::int64_t> start(static_cast<std::size_t>(first_root_only) + 1, 0);
  const auto in_list = [&](int a, int b) { return a < first_root_only && b >= first_root_only; };
  for_each_block([&](int a, int b) {
    if (in_list(a, b)) ++start[a + 1];
  });
  std::partial_sum(start.begin(), start.end(), start.begin());
  std::vector<int> met(static_cast<std::size_t>(start.back()));
  std::vector<std::int64_t> next(start.begin(), start.end() - 1);
  for_each_block([&](int a, int b) {
    if (in_list(a, b)) met[next[a]++] = b;
  });

  const std::int64_t steps = result_.steps();
  std::vector<int> step_of_column(state_.size(), -1);
  for (std::int64_t s = 0; s < steps; ++s)
    for (std::int64_t k = result_.column_start[s]; k < result_.column_start[s + 1]; ++k)
      step_of_column[result_.columns[k]] = static_cast<int>(s);

  // Children lists of the elimination tree, then a sweep from the leaves up.
  std::vector<int> first_child(static_cast<std::size_t>(steps), -1);
  std::vector<int> next_sibling(static_cast<std::size_t>(steps), -1);
  std::vector<int> rows;
  std::vector<std::int64_t> row_start{0};
  rows.reserve(result_.rows.size() + static_cast<std::size_t>(steps));
  row_start.reserve(static_cast<std::size_t>(steps) + 1);
  for (std::int64_t s = 0; s < steps; ++s) {
    int parent = static_cast<int>(steps);
    for (std::int64_t k = result_.row_start[s]; k < result_.row_start[s + 1]; ++k) {
      const int row = result_.rows[k];
      rows.push_back(row);
      if (step_of_column[row] >= 0) parent = std::min(parent, step_of_column[row]);
    }
    marked_.clear();
    const auto add = [&](int node) {
      if (marked_.contains(node)) return;
      marked_.insert(node);
      rows.push_back(node);
    };
    for (std::int64_t k = result_.column_start[s]; k < result_.column_start[s + 1]; ++k) {
      const int column = result_.columns[k];
      for (std::int64_t j = start[column]; j < start[column + 1]; ++j) add(met[j]);
    }
    for (int child = first_child[s]; child >= 0; child = next_sibling[child])
      for (std::int64_t k = row_start[child]; k < row_start[child + 1]; ++k)
        if (rows[k] >= first_root_only) add(rows[k]);
    row_start.push_back(static_cast<std::int64_t>(rows.size()));
    if (parent < steps) {
      next_sibling[s] = first_child[parent];
      first_child[parent] = static_cast<int>(s);
    }
  }
  result_.rows = std::move(rows);
  result_.row_start = std::move(row_start);
}

void Eliminator::collect_root() {
  for (int v = 0; v < pattern_.nodes(); ++v)
    if (is_variable(v) || state_[v] == State::root_only) result_.root.push_back(v);
}

}  // namespace

Elimination eliminate(const BlockPattern& pattern) { return Eliminator(pattern).run(); }

}  // namespace ilk
