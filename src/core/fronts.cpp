#include "fronts.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "ordering.h"

namespace ilk {
namespace {

constexpr std::ptrdiff_t kLeafGroupSize = 32768;  // doubles per leaf group: stays in cache
constexpr std::int64_t kOpenRuns = 8;             // runs of blocks that may still grow

// Builds the fronts from the steps of the elimination. Step s (later: front s, when other steps
// have been merged into it) is identified by its number; number `root_` is the dense root.
class Analysis {
 public:
  explicit Analysis(const BlockPattern& pattern);

  Fronts run();

 private:
  struct LeafKey {
    int parent;  // place of the parent among the interior fronts
    int columns;
    std::uint64_t rows;  // hash
    int front;

    bool operator<(const LeafKey& other) const;
  };
  struct Incidence {  // a block of A, listed with the earlier of its two nodes
    int source;  // its number in the list
    int other;
    int list;
    bool transposed;
  };

  void find_parents();
  void amalgamate();
  bool worth_merging(int step, int parent) const;
  void collect_columns();
  void order_interior();
  std::int64_t order_children(int front, const std::vector<std::int64_t>& peak);
  void rank_interior_nodes();
  void sort_rows();
  std::vector<LeafKey> leaf_keys() const;
  bool same_rows(int a, int b) const;
  void number_positions();
  void number_leaf_groups(const std::vector<LeafKey>& keys, std::size_t& next,
                          InteriorFront& front);
  void number_nodes(int front);
  void list_rows();
  std::int64_t append_rows(int front);
  void set_offsets_in_front(int front);
  void set_row_offsets(int front, int offset);
  void list_blocks();
  void list_incidences();
  void list_front_blocks(Front& target, const int* front);
  void list_node_blocks(int node, int first_column, const Front& target);
  void append_run(const BlockRun& block, const Front& target);
  void measure();

  bool is_leaf(int front) const { return front != root_ && children_[front] == 0; }
  const int* nodes_begin(int front) const {
    return front_nodes_.data() + front_nodes_start_[front];
  }
  const int* nodes_end(int front) const {
    return front_nodes_.data() + front_nodes_start_[front + 1];
  }
  // Row nodes; of the root none.
  const int* rows_begin(int front) const {
    return front == root_ ? nullptr : elimination_.rows.data() + elimination_.row_start[front];
  }
  const int* rows_end(int front) const {
    return front == root_ ? nullptr : elimination_.rows.data() + elimination_.row_start[front + 1];
  }

  const BlockPattern& pattern_;
  Elimination elimination_;
  int root_;
  std::vector<int> node_width_;
  std::vector<int> node_term_;

  // By step or front.
  std::vector<int> parent_;       // -1: no rows
  std::vector<int> merged_into_;  // -1: the step is a front
  std::vector<int> children_;
  std::vector<int> columns_;        // scalars
  std::vector<int> rows_;           // scalars
  std::vector<std::int64_t> zeros_;  // stored because of merging

  std::vector<int> front_nodes_;  // column nodes by front, in order of elimination
  std::vector<std::int64_t> front_nodes_start_;
  std::vector<int> first_child_;  // among interior fronts, in the order of the traversal
  std::vector<int> next_sibling_;
  std::vector<int> interior_;          // fronts in postorder, the root last
  std::vector<int> interior_index_;    // front -> place in interior_
  std::vector<int> group_leaves_;      // leaf fronts in the order of fronts_.leaves
  std::vector<int> rank_;              // of interior nodes in the order of elimination
  std::vector<int> node_position_;     // of the first scalar of each node
  int next_position_ = 0;
  std::vector<int> offset_in_front_;   // of nodes, for the front at hand
  std::vector<std::int64_t> incidence_start_;
  std::vector<Incidence> incidences_;

  Fronts fronts_;
};

Analysis::Analysis(const BlockPattern& pattern)
    : pattern_(pattern),
      elimination_(eliminate(pattern)),
      root_(static_cast<int>(elimination_.steps())) {
  const std::size_t nodes = static_cast<std::size_t>(pattern.nodes());
  node_width_.resize(nodes);
  node_term_.resize(nodes);
  for (int t = 0; t < pattern.terms(); ++t)
    for (int v = pattern.node_offset(t); v < pattern.node_offset(t + 1); ++v) {
      node_width_[v] = pattern.term(t).width;
      node_term_[v] = t;
    }
}

Fronts Analysis::run() {
  find_parents();
  amalgamate();
  collect_columns();
  pattern_.poll();
  order_interior();
  rank_interior_nodes();
  sort_rows();
  pattern_.poll();
  number_positions();
  list_rows();
  list_blocks();
  measure();
  return std::move(fronts_);
}

// The parent of a step eliminates the first of its rows.
void Analysis::find_parents() {
  const std::size_t steps = static_cast<std::size_t>(root_);
  std::vector<int> step_of_node(node_width_.size(), root_);
  for (int s = 0; s < root_; ++s)
    for (std::int64_t k = elimination_.column_start[s]; k < elimination_.column_start[s + 1]; ++k)
      step_of_node[elimination_.columns[k]] = s;

  parent_.assign(steps + 1, -1);
  children_.assign(steps + 1, 0);
  columns_.assign(steps + 1, 0);
  rows_.assign(steps + 1, 0);
  for (int s = 0; s < root_; ++s) {
    for (std::int64_t k = elimination_.column_start[s]; k < elimination_.column_start[s + 1]; ++k)
      columns_[s] += node_width_[elimination_.columns[k]];
    int parent = root_ + 1;
    for (const int* row = rows_begin(s); row != rows_end(s); ++row) {
      rows_[s] += node_width_[*row];
      parent = std::min(parent, step_of_node[*row]);
    }
    if (parent > root_) continue;
    parent_[s] = parent;
    ++children_[parent];
  }
  for (const int node : elimination_.root) columns_[root_] += node_width_[node];
}

// Merging a step into its parent saves an update matrix and makes larger dense blocks at the price
// of stored zeros. Leaves are left alone unless they are few, because groups of leaves are fast.
bool Analysis::worth_merging(int step, int parent) const {
  const std::int64_t added =
      static_cast<std::int64_t>(columns_[step]) *
      (static_cast<std::int64_t>(columns_[parent]) + rows_[parent] - rows_[step]);
  if (children_[step] == 0 && children_[parent] > (added == 0 ? 1 : 2)) return false;
  const std::int64_t columns = static_cast<std::int64_t>(columns_[step]) + columns_[parent];
  const double size = static_cast<double>(columns) * static_cast<double>(columns + rows_[parent]);
  const double zeros = static_cast<double>(added + zeros_[step] + zeros_[parent]) / size;
  const double allowed = columns <= 4 ? 0.4 : columns <= 16 ? 0.2 : columns <= 48 ? 0.1 : 0.05;
  return added == 0 || zeros < allowed;
}

void Analysis::amalgamate() {
  merged_into_.assign(static_cast<std::size_t>(root_) + 1, -1);
  zeros_.assign(static_cast<std::size_t>(root_) + 1, 0);
  for (int s = 0; s < root_; ++s) {
    const int parent = parent_[s];
    if (parent < 0 || parent == root_ || !worth_merging(s, parent)) continue;
    merged_into_[s] = parent;
    zeros_[parent] += zeros_[s] + static_cast<std::int64_t>(columns_[s]) *
                                      (columns_[parent] + rows_[parent] - rows_[s]);
    columns_[parent] += columns_[s];
    children_[parent] += children_[s] - 1;
  }
}

// Column nodes of each front, its own and those merged into it; parents become fronts.
void Analysis::collect_columns() {
  std::vector<int> front_of(static_cast<std::size_t>(root_) + 1);
  for (int s = root_; s >= 0; --s)
    front_of[s] = merged_into_[s] < 0 ? s : front_of[merged_into_[s]];
  for (int s = 0; s < root_; ++s)
    if (parent_[s] >= 0) parent_[s] = front_of[parent_[s]];

  front_nodes_start_.assign(static_cast<std::size_t>(root_) + 2, 0);
  for (int s = 0; s < root_; ++s)
    front_nodes_start_[front_of[s] + 1] +=
        elimination_.column_start[s + 1] - elimination_.column_start[s];
  front_nodes_start_[root_ + 1] = static_cast<std::int64_t>(elimination_.root.size());
  std::partial_sum(front_nodes_start_.begin(), front_nodes_start_.end(),
                   front_nodes_start_.begin());
  front_nodes_.resize(node_width_.size());
  std::vector<std::int64_t> next(front_nodes_start_.begin(), front_nodes_start_.end() - 1);
  for (int s = 0; s < root_; ++s)
    for (std::int64_t k = elimination_.column_start[s]; k < elimination_.column_start[s + 1]; ++k)
      front_nodes_[next[front_of[s]]++] = elimination_.columns[k];
  for (const int node : elimination_.root) front_nodes_[next[root_]++] = node;
}

// Sorts the interior children of a front so that the stack of the inverse stays low (that of the
// updates is smaller). The inverse visits them in reverse; the front is held until the last one has
// read it, so the one that needs most goes last there and first here. Returns the peak of the
// subtree, in doubles. (After J. W. H. Liu, "On the storage requirement in the out-of-core
// multifrontal method for sparse factorization", ACM Trans. Math. Softw. 12 (1986) 249-264.)
std::int64_t Analysis::order_children(int front, const std::vector<std::int64_t>& peak) {
  const auto size = [&](int f) {
    const std::int64_t height = static_cast<std::int64_t>(columns_[f]) + rows_[f];
    return height * height;
  };
  std::vector<int> children;
  for (int child = first_child_[front]; child >= 0; child = next_sibling_[child])
    children.push_back(child);
  std::sort(children.begin(), children.end(), [&](int a, int b) {
    return peak[a] != peak[b] ? peak[a] > peak[b] : a < b;
  });
  std::int64_t largest = size(front);
  int* link = &first_child_[front];
  for (std::size_t i = 0; i < children.size(); ++i) {
    const int child = children[i];
    const std::int64_t held = i == 0 ? size(child) : peak[child];  // together with the front
    largest = std::max({largest, size(front) + held, peak[child]});
    *link = child;
    link = &next_sibling_[child];
  }
  *link = -1;
  return largest;
}

void Analysis::order_interior() {
  const std::size_t size = static_cast<std::size_t>(root_) + 1;
  first_child_.assign(size, -1);
  next_sibling_.assign(size, -1);
  std::vector<std::int64_t> peak(size, 0);
  for (int f = 0; f <= root_; ++f) {
    if (merged_into_[f] >= 0 || is_leaf(f)) continue;
    peak[f] = order_children(f, peak);
    if (f == root_) break;
    const int parent = parent_[f] < 0 ? root_ : parent_[f];  // (traversal only)
    next_sibling_[f] = first_child_[parent];
    first_child_[parent] = f;
  }
  interior_index_.assign(size, -1);
  std::vector<int> path{root_};
  std::vector<int> next_child(first_child_);
  while (!path.empty()) {
    const int front = path.back();
    const int child = next_child[front];
    if (child >= 0) {
      next_child[front] = next_sibling_[child];
      path.push_back(child);
      continue;
    }
    interior_index_[front] = static_cast<int>(interior_.size());
    interior_.push_back(front);
    path.pop_back();
  }
}

void Analysis::rank_interior_nodes() {
  rank_.assign(node_width_.size(), -1);
  int rank = 0;
  for (const int front : interior_)
    for (const int* node = nodes_begin(front); node != nodes_end(front); ++node)
      rank_[*node] = rank++;
}

void Analysis::sort_rows() {
  for (int f = 0; f < root_; ++f) {
    if (merged_into_[f] >= 0) continue;
    int* begin = elimination_.rows.data() + elimination_.row_start[f];
    int* end = elimination_.rows.data() + elimination_.row_start[f + 1];
    const auto by_rank = [&](int a, int b) { return rank_[a] < rank_[b]; };
    if (!std::is_sorted(begin, end, by_rank)) std::sort(begin, end, by_rank);
  }
}

bool Analysis::LeafKey::operator<(const LeafKey& other) const {
  if (parent != other.parent) return parent < other.parent;
  if (columns != other.columns) return columns < other.columns;
  if (rows != other.rows) return rows < other.rows;
  return front < other.front;
}

std::vector<Analysis::LeafKey> Analysis::leaf_keys() const {
  std::vector<LeafKey> keys;
  for (int f = 0; f < root_; ++f) {
    if (merged_into_[f] >= 0 || !is_leaf(f)) continue;
    std::uint64_t hash = 14695981039346656037u;  // FNV-1a, on whole nodes
    for (const int* row = rows_begin(f); row != rows_end(f); ++row)
      hash = (hash ^ static_cast<std::uint64_t>(*row)) * 1099511628211u;
    keys.push_back({interior_index_[parent_[f] < 0 ? root_ : parent_[f]], columns_[f], hash, f});
  }
  if (!std::is_sorted(keys.begin(), keys.end())) std::sort(keys.begin(), keys.end());
  return keys;
}

bool Analysis::same_rows(int a, int b) const {
  return parent_[a] == parent_[b] && columns_[a] == columns_[b] &&
         std::equal(rows_begin(a), rows_end(a), rows_begin(b), rows_end(b));
}

void Analysis::number_nodes(int front) {
  for (const int* node = nodes_begin(front); node != nodes_end(front); ++node) {
    const int term = node_term_[*node];
    const int scalar = pattern_.scalar_offset(term) +
                       (*node - pattern_.node_offset(term)) * node_width_[*node];
    node_position_[*node] = next_position_;
    for (int a = 0; a < node_width_[*node]; ++a)
      fronts_.position[scalar + a] = next_position_++;
  }
}

// Groups equal leaves of one parent, from keys[next] on, and gives their columns positions.
void Analysis::number_leaf_groups(const std::vector<LeafKey>& keys, std::size_t& next,
                                  InteriorFront& front) {
  const int parent = static_cast<int>(fronts_.interior.size());
  front.leaves_begin = static_cast<std::int64_t>(fronts_.leaves.size());
  while (next < keys.size() && keys[next].parent == parent) {
    const int first = keys[next].front;
    Front group;
    group.columns = columns_[first];
    group.rows = rows_[first];
    group.count = 0;
    group.first_column = next_position_;
    group.panel = fronts_.factor_size;
    do {
      group_leaves_.push_back(keys[next].front);
      number_nodes(keys[next].front);
      ++group.count;
      ++next;
    } while (next < keys.size() && keys[next].parent == parent &&
             same_rows(first, keys[next].front) &&
             (group.count + 1) * group.panel_size() <= kLeafGroupSize);
    fronts_.factor_size += group.count * group.panel_size();
    fronts_.leaves.push_back(group);
  }
  front.leaves_end = static_cast<std::int64_t>(fronts_.leaves.size());
}

// Numbers the scalars in the order of elimination: for each interior front its leaves, then its
// own columns. Lays out the panels in the same order.
void Analysis::number_positions() {
  fronts_.position.resize(static_cast<std::size_t>(pattern_.scalars()));
  node_position_.resize(node_width_.size());
  const std::vector<LeafKey> keys = leaf_keys();
  std::size_t next_leaf = 0;
  for (const int f : interior_) {
    InteriorFront front;
    number_leaf_groups(keys, next_leaf, front);
    front.columns = columns_[f];
    front.rows = rows_[f];
    front.first_column = next_position_;
    front.panel = fronts_.factor_size;
    front.parent = parent_[f] < 0 ? -1 : interior_index_[parent_[f]];
    number_nodes(f);
    fronts_.factor_size += front.panel_size();
    fronts_.interior.push_back(front);
  }
  for (const InteriorFront& front : fronts_.interior)
    if (front.parent >= 0) ++fronts_.interior[front.parent].children;
  const InteriorFront& root = fronts_.root();
  fronts_.root_prior = root.columns - (pattern_.scalars() - pattern_.prior_scalars());
}

// Appends the row list of a front; rows_in_parent is filled from offset_in_front_, which must
// hold the offsets in its parent.
std::int64_t Analysis::append_rows(int front) {
  const std::int64_t begin = static_cast<std::int64_t>(fronts_.rows.size());
  for (const int* row = rows_begin(front); row != rows_end(front); ++row)
    for (int a = 0; a < node_width_[*row]; ++a) {
      fronts_.rows.push_back(node_position_[*row] + a);
      fronts_.rows_in_parent.push_back(offset_in_front_[*row] + a);
    }
  return begin;
}

void Analysis::set_row_offsets(int front, int offset) {
  for (const int* row = rows_begin(front); row != rows_end(front); ++row) {
    offset_in_front_[*row] = offset;
    offset += node_width_[*row];
  }
}

void Analysis::set_offsets_in_front(int front) {
  int offset = 0;
  for (const int* node = nodes_begin(front); node != nodes_end(front); ++node) {
    offset_in_front_[*node] = offset;
    offset += node_width_[*node];
  }
  set_row_offsets(front, offset);
}

void Analysis::list_rows() {
  offset_in_front_.assign(node_width_.size(), -1);
  std::size_t leaf = 0;  // place in group_leaves_
  for (std::size_t i = 0; i < interior_.size(); ++i) {
    const InteriorFront& front = fronts_.interior[i];
    set_offsets_in_front(interior_[i]);
    for (std::int64_t g = front.leaves_begin; g < front.leaves_end; ++g) {
      Front& group = fronts_.leaves[g];
      const bool continues =  // a group that was only split because of its size
          g > front.leaves_begin && same_rows(group_leaves_[leaf - 1], group_leaves_[leaf]);
      group.row_list =
          continues ? fronts_.leaves[g - 1].row_list : append_rows(group_leaves_[leaf]);
      leaf += static_cast<std::size_t>(group.count);
    }
    for (int child = first_child_[interior_[i]]; child >= 0; child = next_sibling_[child])
      if (parent_[child] >= 0)
        fronts_.interior[interior_index_[child]].row_list = append_rows(child);
  }
}

// ---- Where the blocks of A go -------------------------------------------------------------------

// Lists every off-diagonal block with the node that is eliminated first; its panel holds it.
void Analysis::list_incidences() {
  incidence_start_.assign(node_width_.size() + 1, 0);
  const auto for_each_block = [&](auto&& apply) {
    for (std::size_t p = 0; p < pattern_.pairs().size(); ++p) {
      const BlockPair& pair = pattern_.pairs()[p];
      for (int r = 0; r < pattern_.term(pair.row_term).levels; ++r)
        for (std::int64_t k = pair.row_start[r]; k < pair.row_start[r + 1]; ++k) {
          const int row = pattern_.node_offset(pair.row_term) + r;
          const int column = pattern_.node_offset(pair.column_term) + pair.columns[k];
          const bool row_first = node_position_[row] < node_position_[column];
          apply(row_first ? row : column,
                Incidence{static_cast<int>(k), row_first ? column : row,
                          pattern_.terms() + static_cast<int>(p), row_first});
        }
    }
  };
  for_each_block([&](int node, const Incidence&) { ++incidence_start_[node + 1]; });
  std::partial_sum(incidence_start_.begin(), incidence_start_.end(), incidence_start_.begin());
  incidences_.resize(static_cast<std::size_t>(incidence_start_.back()));
  std::vector<std::int64_t> next(incidence_start_.begin(), incidence_start_.end() - 1);
  for_each_block([&](int node, const Incidence& block) { incidences_[next[node]++] = block; });
}

// Adds a block to a run if it is of its kind and at the right distance.
bool extend_run(BlockRun& run, const BlockRun& block, std::int64_t height) {
  if (run.kind != block.kind || run.list != block.list) return false;
  const std::int64_t done = run.count - 1;
  const std::int64_t distance =
      block.row - run.row + (static_cast<std::int64_t>(block.column) - run.column) * height;
  const std::int64_t source_step = block.source - (run.source + done * run.source_step);
  const std::int64_t target_step = distance - done * run.target_step;
  const auto small = [](std::int64_t step) { return step > 0 && step < (1 << 30); };
  if (!small(source_step) || !small(target_step)) return false;
  if (run.count > 1 && (source_step != run.source_step || target_step != run.target_step))
    return false;
  run.source_step = static_cast<std::int32_t>(source_step);
  run.target_step = static_cast<std::int32_t>(target_step);
  ++run.count;
  return true;
}

// Extends one of the last runs of the front or starts a new one. (The runs of the diagonal and of
// the various pairs take turns when leaf after leaf is listed.)
void Analysis::append_run(const BlockRun& block, const Front& target) {
  const std::int64_t end = static_cast<std::int64_t>(fronts_.runs.size());
  for (std::int64_t k = end - 1; k >= std::max(target.runs_begin, end - kOpenRuns); --k)
    if (extend_run(fronts_.runs[k], block, target.height())) return;
  fronts_.runs.push_back(block);
}

// The blocks in the columns of one node of the panel that begins at `first_column`.
void Analysis::list_node_blocks(int node, int first_column, const Front& target) {
  const int term = node_term_[node];
  BlockRun block;
  block.kind = BlockRun::Kind::diagonal;
  block.list = static_cast<std::uint32_t>(term);
  block.source = node - pattern_.node_offset(term);
  block.row = offset_in_front_[node];
  block.column = first_column + offset_in_front_[node];
  append_run(block, target);
  for (std::int64_t k = incidence_start_[node]; k < incidence_start_[node + 1]; ++k) {
    const Incidence& incidence = incidences_[k];
    block.kind = incidence.transposed ? BlockRun::Kind::transposed : BlockRun::Kind::straight;
    block.list = static_cast<std::uint32_t>(incidence.list);
    block.source = incidence.source;
    block.row = offset_in_front_[incidence.other];
    append_run(block, target);
  }
}

// `front` points to the tree fronts (several for a group of leaves) behind `target`.
void Analysis::list_front_blocks(Front& target, const int* front) {
  pattern_.poll();
  target.runs_begin = static_cast<std::int64_t>(fronts_.runs.size());
  for (int k = 0; k < target.count; ++k) {
    set_offsets_in_front(front[k]);
    for (const int* node = nodes_begin(front[k]); node != nodes_end(front[k]); ++node)
      list_node_blocks(*node, k * target.columns, target);
  }
  target.runs_end = static_cast<std::int64_t>(fronts_.runs.size());
}

void Analysis::list_blocks() {
  for (int t = 0; t < pattern_.terms(); ++t) {
    const int width = pattern_.term(t).width;
    fronts_.lists.push_back({t, t, width, width, pattern_.diagonal_offset(t)});
  }
  for (const BlockPair& pair : pattern_.pairs())
    fronts_.lists.push_back({pair.row_term, pair.column_term, pattern_.term(pair.row_term).width,
                             pattern_.term(pair.column_term).width, pair.offset});
  list_incidences();
  std::size_t leaf = 0;
  for (std::size_t i = 0; i < interior_.size(); ++i) {
    InteriorFront& front = fronts_.interior[i];
    for (std::int64_t g = front.leaves_begin; g < front.leaves_end; ++g) {
      list_front_blocks(fronts_.leaves[g], &group_leaves_[leaf]);
      leaf += static_cast<std::size_t>(fronts_.leaves[g].count);
    }
    list_front_blocks(front, &interior_[i]);
  }
  fronts_.runs.shrink_to_fit();
}

// ---- Sizes --------------------------------------------------------------------------------------

void Analysis::measure() {
  const auto count = [&](const Front& front) {
    for (int k = 0; k < front.columns; ++k) {
      const double height = static_cast<double>(front.height() - k);
      fronts_.flops += front.count * height * height;
    }
  };
  for (const Front& leaf : fronts_.leaves) count(leaf);
  // Updates: a front adds its own on top of those of its children, then theirs go. The root takes
  // updates as they come.
  const int root = static_cast<int>(fronts_.interior.size()) - 1;
  std::int64_t held = 0;
  std::vector<std::int64_t> of_children(fronts_.interior.size(), 0);
  for (std::size_t i = 0; i < fronts_.interior.size(); ++i) {
    const InteriorFront& front = fronts_.interior[i];
    count(front);
    const std::int64_t update = static_cast<std::int64_t>(front.rows) * front.rows;
    fronts_.update_stack = std::max(fronts_.update_stack, held + update);
    held += update - of_children[i];
    if (front.parent == root) held -= update;
    else if (front.parent >= 0) of_children[front.parent] += update;
  }
  // Inverse: a front stays until the last of its children has read it. The root is elsewhere.
  held = 0;
  std::vector<int> unread(fronts_.interior.size());
  for (std::size_t i = 0; i < unread.size(); ++i) unread[i] = fronts_.interior[i].children;
  for (std::size_t i = fronts_.interior.size(); i-- > 0;) {
    const InteriorFront& front = fronts_.interior[i];
    const auto size = [&](const Front& f) {
      if (&f == &fronts_.root()) return std::int64_t{0};
      return static_cast<std::int64_t>(f.height()) * f.height();
    };
    held += size(front);
    fronts_.inverse_stack = std::max(fronts_.inverse_stack, held);
    if (front.parent >= 0 && --unread[front.parent] == 0)
      held -= size(fronts_.interior[front.parent]);
    if (front.children == 0) held -= size(front);
  }
}

}  // namespace

Fronts analyze_fronts(const BlockPattern& pattern) { return Analysis(pattern).run(); }

}  // namespace ilk
