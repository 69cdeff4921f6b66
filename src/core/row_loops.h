// The loops over rows that move numbers between rows and levels.
//
// row_loops.cpp is compiled once per instruction set, each time with another value of
// ILK_ROW_LOOPS_NAMESPACE and the matching -march (v2, v3, v4, or generic off x86-64); the best one
// of the machine is chosen when the program asks for it. Like dense_kernels.h this header holds no
// inline functions: the linker would keep one copy for the whole program, perhaps the wrong one.
//
// All loops run over the rows begin .. end - 1. Arrays named `_rows` or given per row start at row
// `begin` (chunk buffers); codes and columns of a term start at row 0.
#pragma once

#include <cstddef>

namespace ilk {

// A random-effects term as the loops see it.
struct TermRows {
  const int* codes;       // (n,) level of the row
  const double* columns;  // (n, width) row-major; null: one column of ones
  int width;
  const int* starts;      // (levels + 1,) first row of each level if codes ascend, otherwise null
};

// The stored blocks of a pair of terms: row i uses block blocks[i].
struct PairRows {
  TermRows row_term;     // its columns run down the block
  TermRows column_term;  // its columns run across the block
  const int* blocks;     // (n,)
};

struct RowLoops {
  // eta_i = source_i + z_i' b_l, l the level of row i. `source` may be `eta`.
  void (*add_effects)(const TermRows& term, const double* b, std::size_t begin, std::size_t end,
                      const double* source, double* eta);

  // y_i += w_l r_i, l the level of row i; r and y start at row `begin`.
  void (*add_weighted)(const int* codes, const double* w, const double* r, std::size_t begin,
                       std::size_t end, double* y);

  // g_l += sum_i z_i r_i.
  void (*add_scores)(const TermRows& term, const double* r, std::size_t begin, std::size_t end,
                     double* g);

  // g_l += sum_i z_i d1_i and A_l -= sum_i d2_i z_i z_i' (lower triangles).
  void (*add_information)(const TermRows& term, const double* d1, const double* d2,
                          std::size_t begin, std::size_t end, double* g, double* A);

  // A_pair -= sum_i d2_i z_si z_ti'.
  void (*add_pair_information)(const PairRows& pair, const double* d2, std::size_t begin,
                               std::size_t end, double* A);

  // T_i += z_i' P_l z_i for symmetric P_l (both triangles filled).
  void (*add_leverage)(const TermRows& term, const double* P, std::size_t begin, std::size_t end,
                       double* T);

  // T_i += factor * z_si' P_pair z_ti.
  void (*add_pair_leverage)(const PairRows& pair, const double* P, double factor,
                            std::size_t begin, std::size_t end, double* T);

  // out_j += sum_i X_ij r_i for the columns of X (m, columns), `stride` apart.
  void (*add_products)(std::size_t m, int columns, const double* X, std::size_t stride,
                       const double* r, double* out);

  // y_i += a x_i.
  void (*add_scaled)(std::size_t m, double a, const double* x, double* y);

  // y_i += a x_i w_i.
  void (*add_product)(std::size_t m, double a, const double* x, const double* w, double* y);

  // y_i = -x_i w_i.
  void (*negative_product)(std::size_t m, const double* x, const double* w, double* y);
};

// One per compiled instruction set.
namespace row_loops_v2 { extern const RowLoops loops; }
namespace row_loops_v3 { extern const RowLoops loops; }
namespace row_loops_v4 { extern const RowLoops loops; }
namespace row_loops_generic { extern const RowLoops loops; }

}  // namespace ilk
