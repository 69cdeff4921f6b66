// The inverse on the pattern of the factor, from the root down.
//
// With Z = H^-1 on the rows of a front known from its parent,
//     Y = L21 L11^-1,   Z_rc = -Z_rr Y,   Z_cc = (L11 L11')^-1 - Y' Z_rc.
//
// Interior fronts keep the upper triangle of their Z; that of the root, which may be large, lies
// above its factor, one column to the right.
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

// Excluded scalars get zeros, which is all it takes to exclude them everywhere.
void BlockCholesky::Implementation::invert_root(int active) {
  const Front& root = fronts.root();
  const Index size = root.columns;
  const Index kept = std::min<Index>(size, active - root.first_column);
  double* Z = root_inverse();
  dense::upper_inverse(kept, L.data() + root.panel, size, Z, size, scratch(), work);
  for (Index j = kept; j < size; ++j) std::fill(Z + j * size, Z + j * size + j + 1, 0.0);
}

// Z_cc, both triangles, from Z_cr and Y for one panel of L.
void BlockCholesky::Implementation::finish_head(const Front& front, const double* panel,
                                                const double* Y, dense::Operand Z_cr,
                                                double* Z_cc) {
  const Index height = front.height();
  const Index c = front.columns;
  const Index r = front.rows;
  if (c == 1) {
    const double inverse = 1.0 / panel[0];
    double sum = inverse * inverse;
    for (Index a = 0; a < r; ++a) sum -= Y[a] * Z_cr.data[a * Z_cr.column_stride];
    Z_cc[0] = sum;
    return;
  }
  for (Index j = 0; j < c; ++j)
    std::copy(panel + j * (height + 1), panel + j * height + c, Z_cc + j * (height + 1));
  dense::invert_from_cholesky(c, Z_cc, height, work);
  dense::multiply_add(c, c, r, -1.0, Z_cr, columns_of(Y, r), Z_cc, height, work);
}

// Z_rc = -Z_rr Y for all panels of a group, Z_rr being read from the parent strip by strip, each
// entry of its upper triangle once. The rows of the panels of Z start at Z_rows.
void BlockCholesky::Implementation::multiply_parent(const Front& group, const double* parent,
                                                    Index parent_height, const double* Y,
                                                    double* Z_rows) {
  const Index r = group.rows;
  const Index height = group.height();
  const Index columns = static_cast<Index>(group.count) * group.columns;
  const int* row = rows_in_parent(group);
  for (Index j = 0; j < columns; ++j) std::fill(Z_rows + j * height, Z_rows + j * height + r, 0.0);
  if (columns == 1) {
    for (Index b = 0; b < r; ++b) {
      const double* column = parent + row[b] * parent_height;
      double sum = column[row[b]] * Y[b];
      for (Index a = 0; a < b; ++a) {
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
    double* above = strip.reserve(static_cast<std::size_t>(r * width));
    double* diagonal = above + first;
    for (Index b = 0; b < width; ++b) {
      const double* column = parent + row[first + b] * parent_height;
      for (Index a = 0; a <= first + b; ++a) above[a + b * r] = column[row[a]];
      for (Index a = 0; a < b; ++a) diagonal[b + a * r] = diagonal[a + b * r];
    }
    dense::multiply_add(first + width, columns, width, -1.0, columns_of(above, r),
                        columns_of(Y + first, r), Z_rows, height, work);
    dense::multiply_add(width, columns, first, -1.0, transpose(columns_of(above, r)),
                        columns_of(Y, r), Z_rows + first, height, work);
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
  const Index height = group.height();
  multiply_parent(group, parent, parent_height, Y, Z + group.columns);
  for (int k = 0; k < group.count; ++k) {
    double* Z_cc = Z + k * group.panel_size();
    finish_head(group, L.data() + group.panel + k * group.panel_size(),
                Y + static_cast<Index>(k) * group.rows * group.columns,
                transpose(columns_of(Z_cc + group.columns, height)), Z_cc);
  }
  extract_blocks(fronts, group, columns_of(Z, height), P);
}

// The upper triangle of Z, (height x height).
void BlockCholesky::Implementation::invert_interior(const InteriorFront& front,
                                                    const double* parent, Index parent_height,
                                                    double* Z) {
  const Index c = front.columns;
  const Index height = front.height();
  const int* row = rows_in_parent(front);
  for (Index b = c; b < height; ++b) {
    const double* column = parent + row[b - c] * parent_height;
    for (Index a = c; a <= b; ++a) Z[a + b * height] = column[row[a - c]];
  }
  const double* Y = scaled_rows(front);
  double* Z_cr = Z + c * height;
  for (Index j = 0; j < front.rows; ++j) std::fill(Z_cr + j * height, Z_cr + j * height + c, 0.0);
  dense::symmetric_multiply_add(c, front.rows, -1.0, transpose(columns_of(Y, front.rows)),
                                Z_cr + c, height, Z_cr, height, work);
  finish_head(front, L.data() + front.panel, Y, columns_of(Z_cr, height), Z);
}

// From the root down. A front stays on the stack until the last of its children has read it.
void BlockCholesky::Implementation::invert(double* P, int active) {
  double* const root = root_inverse();
  double* top = scratch();  // of the stack
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
    extract_blocks(fronts, front, transpose(columns_of(Z, height)), P);
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
