// The inverse on the pattern of the factor, from the root down.
//
// With Z = H^-1 on the rows of a front known from its parent,
//     Y = L21 L11^-1,   Z_rc = -Z_rr Y,   Z_cc = (L11 L11')^-1 - Y' Z_rc.
//
// (K. Takahashi, J. Fagan and M.-S. Chin, "Formation of a sparse bus impedance matrix and its
// application to short circuit study", Proc. 8th PICA Conference, 1973, 63-69.)

#include "block_cholesky_parts.h"

#include <algorithm>

#include "block_assembly.h"

namespace ilk {

using dense::columns_of;
using dense::transpose;
using multifrontal::kStrip;

namespace {

// Sets the lower triangle of a matrix aside, and puts it back in the end.
class TriangleAside {
 public:
  TriangleAside(Index n, double* A, double* packed) : n_(n), A_(A), packed_(packed) {
    for (Index j = 0; j < n; ++j, packed += n - j + 1)
      std::copy(A + j * (n + 1), A + (j + 1) * n, packed);
  }
  TriangleAside(const TriangleAside&) = delete;
  TriangleAside& operator=(const TriangleAside&) = delete;
  ~TriangleAside() {
    const double* packed = packed_;
    for (Index j = 0; j < n_; ++j, packed += n_ - j + 1)
      std::copy(packed, packed + (n_ - j), A_ + j * (n_ + 1));
  }

 private:
  Index n_;
  double* A_;
  double* packed_;
};

}  // namespace

// The root in full, in place of its factor; excluded scalars get zeros, which is all it takes to
// exclude them everywhere.
void BlockCholesky::Implementation::invert_root(int active) {
  const Front& root = fronts.root();
  const Index size = root.columns;
  const Index kept = std::min<Index>(size, active - root.first_column);
  double* Z = L.data() + root.panel;
  dense::invert_from_cholesky(kept, Z, size, work);
  for (Index j = 0; j < kept; ++j) std::fill(Z + j * size + kept, Z + (j + 1) * size, 0.0);
  std::fill(Z + kept * size, Z + size * size, 0.0);
}

// Z_cc of all panels of a group, which hold Z_rc already.
void BlockCholesky::Implementation::finish_heads(const Front& group, const double* Y, double* Z) {
  const Index height = group.height();
  const Index c = group.columns;
  const Index r = group.rows;
  const double* panel = L.data() + group.panel;
  for (int k = 0; k < group.count; ++k) {
    if (c == 1) {
      const double inverse = 1.0 / panel[0];
      double sum = inverse * inverse;
      for (Index a = 0; a < r; ++a) sum -= Y[a] * Z[1 + a];
      Z[0] = sum;
    } else {
      for (Index j = 0; j < c; ++j)
        std::copy(panel + j * (height + 1), panel + j * height + c, Z + j * (height + 1));
      dense::invert_from_cholesky(c, Z, height, work);
      dense::multiply_add(c, c, r, -1.0, transpose(columns_of(Y, r)), columns_of(Z + c, height), Z,
                          height, work);
    }
    panel += group.panel_size();
    Y += r * c;
    Z += group.panel_size();
  }
}

// Z_rc = -Z_rr Y for all panels of a group, Z_rr being read from the parent strip by strip. The
// rows of the panels of Z start at Z_rows.
void BlockCholesky::Implementation::multiply_parent(const Front& group, const double* parent,
                                                    Index parent_height, const double* Y,
                                                    double* Z_rows) {
  const Index r = group.rows;
  const Index height = group.height();
  const Index columns = static_cast<Index>(group.count) * group.columns;
  const int* row = rows_in_parent(group);
  for (Index j = 0; j < columns; ++j) std::fill(Z_rows + j * height, Z_rows + j * height + r, 0.0);
  if (columns == 1) {  // each entry of the lower triangle of Z_rr is fetched once
    for (Index b = 0; b < r; ++b) {
      const double* column = parent + row[b] * parent_height;
      double sum = column[row[b]] * Y[b];
      for (Index a = b + 1; a < r; ++a) {
        const double entry = column[row[a]];
        Z_rows[a] -= entry * Y[b];
        sum += entry * Y[a];
      }
      Z_rows[b] -= sum;
    }
    return;
  }
  for (Index first = 0; first < r; first += kStrip) {
    const Index width = std::min(kStrip, r - first);
    double* Z_rr = strip.reserve(static_cast<std::size_t>(r * width));
    for (Index b = 0; b < width; ++b) {
      const double* column = parent + row[first + b] * parent_height;
      for (Index a = 0; a < r; ++a) Z_rr[a + b * r] = column[row[a]];
    }
    dense::multiply_add(r, columns, width, -1.0, columns_of(Z_rr, r), columns_of(Y + first, r),
                        Z_rows, height, work);
  }
}

// Y = L21 L11^-1 for all panels of a group, (r, count * c).
const double* BlockCholesky::Implementation::scaled_rows(const Front& group) {
  const Index r = group.rows;
  const Index c = group.columns;
  const double* panel = L.data() + group.panel;
  double* Y = right_hand_sides.reserve(static_cast<std::size_t>(r * c * group.count));
  double* y = Y;
  for (int k = 0; k < group.count; ++k, panel += group.panel_size(), y += r * c) {
    for (Index j = 0; j < c; ++j) {
      const double* below = panel + j * group.height() + c;
      std::copy(below, below + r, y + j * r);
    }
    dense::solve_right(r, c, panel, group.height(), y, r, work);
  }
  return Y;
}

void BlockCholesky::Implementation::invert_leaves(const Front& group, const double* parent,
                                                  Index parent_height, double* P) {
  double* Z = leaf_inverse.reserve(static_cast<std::size_t>(group.count * group.panel_size()));
  const double* Y = scaled_rows(group);
  multiply_parent(group, parent, parent_height, Y, Z + group.columns);
  finish_heads(group, Y, Z);
  extract_blocks(pattern, fronts.runs.data() + group.runs_begin,
                 fronts.runs.data() + group.runs_end, Z, group.panel, group.height(), P);
}

// Z, (height x height), in full, because the children read any part of it.
void BlockCholesky::Implementation::invert_interior(const InteriorFront& front,
                                                    const double* parent, Index parent_height,
                                                    double* Z) {
  const Index c = front.columns;
  const Index height = front.height();
  const int* row = rows_in_parent(front);
  for (Index b = c; b < height; ++b) {
    const double* column = parent + row[b - c] * parent_height;
    for (Index a = c; a < height; ++a) Z[a + b * height] = column[row[a - c]];
  }
  const double* Y = scaled_rows(front);
  for (Index j = 0; j < c; ++j) std::fill(Z + j * height + c, Z + (j + 1) * height, 0.0);
  dense::multiply_add(front.rows, c, front.rows, -1.0, columns_of(Z + c * (height + 1), height),
                      columns_of(Y, front.rows), Z + c, height, work);
  finish_heads(front, Y, Z);
  for (Index j = 0; j < c; ++j)
    for (Index a = c; a < height; ++a) Z[j + a * height] = Z[a + j * height];
}

// From the root down. A front stays on the stack until the last of its children has read it; the
// root, which may be large, is where its factor was.
void BlockCholesky::Implementation::invert(double* P, int active) {
  const Index root_size = fronts.root().columns;
  double* const root = L.data() + fronts.root().panel;
  const TriangleAside factor(
      root_size, root,
      root_factor.reserve(static_cast<std::size_t>(root_size * (root_size + 1) / 2)));
  double* top = stack.reserve(static_cast<std::size_t>(fronts.inverse_stack));
  struct Held {
    const InteriorFront* front;
    double* Z;
    int unread;
  };
  std::vector<Held> held;
  for (std::size_t i = fronts.interior.size(); i-- > 0;) {
    const InteriorFront& front = fronts.interior[i];
    const Index height = front.height();
    work.poll();
    const bool is_root = &front == &fronts.root();
    double* Z = is_root ? root : top;
    if (is_root) {
      invert_root(active);
    } else if (front.parent < 0) {
      invert_interior(front, nullptr, 0, Z);
    } else {
      const Held& parent = held.back();
      invert_interior(front, parent.Z, parent.front->height(), Z);
    }
    extract_blocks(pattern, fronts.runs.data() + front.runs_begin,
                   fronts.runs.data() + front.runs_end, Z, front.panel, height, P);
    for (std::int64_t g = front.leaves_begin; g < front.leaves_end; ++g) {
      work.poll();
      invert_leaves(fronts.leaves[g], Z, height, P);
    }
    const Index size = height * height;
    if (front.parent >= 0 && --held.back().unread == 0) {
      double* freed = held.back().Z;
      held.pop_back();
      if (freed != root) {
        if (front.children > 0) std::copy(Z, Z + size, freed);
        Z = freed;
      }
    }
    if (!is_root) top = Z;
    if (front.children > 0) {
      held.push_back({&front, Z, front.children});
      if (!is_root) top += size;
    }
  }
}

}  // namespace ilk
