// Loops over rows for one instruction set; see row_loops.h for the rules.
//
// Widths 1, 2 and 3, the common ones, are compiled with constant bounds (`Q`); Q = 0 stands for any
// other width. Terms whose codes ascend are summed run by run in registers.

#include "row_loops.h"

#ifndef ILK_ROW_LOOPS_NAMESPACE
#error "compile with -DILK_ROW_LOOPS_NAMESPACE=row_loops_v2, _v3, _v4 or _generic"
#endif

namespace ilk::ILK_ROW_LOOPS_NAMESPACE {
namespace {

using Size = std::size_t;

// The end of the run of equal codes that starts at row i, within the chunk.
inline Size run_end(const TermRows& term, Size i, Size end) {
  const Size stop = static_cast<Size>(term.starts[term.codes[i] + 1]);
  return stop < end ? stop : end;
}

// ---- eta += Z b ---------------------------------------------------------------------------------

template <int Q>
void add_effects_of(const TermRows& term, const double* b, Size begin, Size end,
                    const double* source, double* eta) {
  const Size q = Q ? Q : term.width;
  const double* z = term.columns + begin * q;
  for (Size i = begin; i < end; ++i, z += q) {
    const double* b_l = b + static_cast<Size>(term.codes[i]) * q;
    double sum = source[i - begin];
    for (Size j = 0; j < q; ++j) sum += z[j] * b_l[j];
    eta[i - begin] = sum;
  }
}

void add_intercepts(const TermRows& term, const double* b, Size begin, Size end,
                    const double* source, double* eta) {
  const int* codes = term.codes + begin;
#pragma omp simd
  for (Size i = 0; i < end - begin; ++i) eta[i] = source[i] + b[codes[i]];
}

void add_effects(const TermRows& term, const double* b, Size begin, Size end,
                 const double* source, double* eta) {
  if (!term.columns) return add_intercepts(term, b, begin, end, source, eta);
  switch (term.width) {
    case 1: return add_effects_of<1>(term, b, begin, end, source, eta);
    case 2: return add_effects_of<2>(term, b, begin, end, source, eta);
    case 3: return add_effects_of<3>(term, b, begin, end, source, eta);
    default: return add_effects_of<0>(term, b, begin, end, source, eta);
  }
}

void add_weighted(const int* codes, const double* w, const double* r, Size begin, Size end,
                  double* y) {
  codes += begin;
#pragma omp simd
  for (Size i = 0; i < end - begin; ++i) y[i] += w[codes[i]] * r[i];
}

// ---- g += Z' r ----------------------------------------------------------------------------------

template <int Q>
void add_scores_of(const TermRows& term, const double* r, Size begin, Size end, double* g) {
  const Size q = Q ? Q : term.width;
  const double* z = term.columns + begin * q;
  for (Size i = begin; i < end; ++i, z += q) {
    double* g_l = g + static_cast<Size>(term.codes[i]) * q;
    for (Size j = 0; j < q; ++j) g_l[j] += z[j] * r[i - begin];
  }
}

void add_scores(const TermRows& term, const double* r, Size begin, Size end, double* g) {
  if (!term.columns && term.starts) {
    for (Size i = begin; i < end;) {
      const Size stop = run_end(term, i, end);
      const int level = term.codes[i];
      double sum = 0.0;
      for (; i < stop; ++i) sum += r[i - begin];
      g[level] += sum;
    }
    return;
  }
  if (!term.columns) {
    for (Size i = begin; i < end; ++i) g[term.codes[i]] += r[i - begin];
    return;
  }
  switch (term.width) {
    case 1: return add_scores_of<1>(term, r, begin, end, g);
    case 2: return add_scores_of<2>(term, r, begin, end, g);
    case 3: return add_scores_of<3>(term, r, begin, end, g);
    default: return add_scores_of<0>(term, r, begin, end, g);
  }
}

// ---- g += Z' d1, A -= Z' diag(d2) Z, blocks on the diagonal -------------------------------------

void add_information_intercepts(const TermRows& term, const double* d1, const double* d2,
                                Size begin, Size end, double* g, double* A) {
  if (!term.starts) {
    for (Size i = begin; i < end; ++i) {
      const int level = term.codes[i];
      g[level] += d1[i - begin];
      A[level] -= d2[i - begin];
    }
    return;
  }
  for (Size i = begin; i < end;) {
    const Size stop = run_end(term, i, end);
    const int level = term.codes[i];
    double score = 0.0, information = 0.0;
    for (; i < stop; ++i) {
      score += d1[i - begin];
      information -= d2[i - begin];
    }
    g[level] += score;
    A[level] += information;
  }
}

// Sums of one level in registers, flushed at the end of its run (or row by row if not sorted).
template <int Q>
void add_information_narrow(const TermRows& term, const double* d1, const double* d2, Size begin,
                            Size end, double* g, double* A) {
  const double* z = term.columns + begin * Q;
  for (Size i = begin; i < end;) {
    const Size stop = term.starts ? run_end(term, i, end) : i + 1;
    const Size level = static_cast<Size>(term.codes[i]);
    double score[Q] = {}, information[Q][Q] = {};
    for (; i < stop; ++i, z += Q) {
      for (int c = 0; c < Q; ++c) {
        score[c] += d1[i - begin] * z[c];
        const double weighted = d2[i - begin] * z[c];
        for (int r = c; r < Q; ++r) information[c][r] -= weighted * z[r];
      }
    }
    double* g_l = g + level * Q;
    double* A_l = A + level * Q * Q;
    for (int c = 0; c < Q; ++c) {
      g_l[c] += score[c];
      for (int r = c; r < Q; ++r) A_l[r + c * Q] += information[c][r];
    }
  }
}

void add_information_wide(const TermRows& term, const double* d1, const double* d2, Size begin,
                          Size end, double* g, double* A) {
  const Size q = term.width;
  const double* z = term.columns + begin * q;
  for (Size i = begin; i < end; ++i, z += q) {
    const Size level = static_cast<Size>(term.codes[i]);
    double* g_l = g + level * q;
    double* A_l = A + level * q * q;
    for (Size c = 0; c < q; ++c) {
      g_l[c] += d1[i - begin] * z[c];
      const double weighted = d2[i - begin] * z[c];
      for (Size r = c; r < q; ++r) A_l[r + c * q] -= weighted * z[r];
    }
  }
}

void add_information(const TermRows& term, const double* d1, const double* d2, Size begin,
                     Size end, double* g, double* A) {
  if (!term.columns) return add_information_intercepts(term, d1, d2, begin, end, g, A);
  switch (term.width) {
    case 1: return add_information_narrow<1>(term, d1, d2, begin, end, g, A);
    case 2: return add_information_narrow<2>(term, d1, d2, begin, end, g, A);
    case 3: return add_information_narrow<3>(term, d1, d2, begin, end, g, A);
    default: return add_information_wide(term, d1, d2, begin, end, g, A);
  }
}

// ---- Blocks off the diagonal --------------------------------------------------------------------

inline double column(const TermRows& term, Size i, Size j) {
  return term.columns ? term.columns[i * static_cast<Size>(term.width) + j] : 1.0;
}

void add_pair_information(const PairRows& pair, const double* d2, Size begin, Size end,
                          double* A) {
  const TermRows &s = pair.row_term, &t = pair.column_term;
  if (!s.columns && !t.columns) {
    for (Size i = begin; i < end; ++i) A[pair.blocks[i]] -= d2[i - begin];
    return;
  }
  const Size rows = s.width, columns = t.width;
  for (Size i = begin; i < end; ++i) {
    double* block = A + static_cast<Size>(pair.blocks[i]) * rows * columns;
    for (Size c = 0; c < columns; ++c) {
      const double weighted = d2[i - begin] * column(t, i, c);
      for (Size r = 0; r < rows; ++r) block[r + c * rows] -= weighted * column(s, i, r);
    }
  }
}

void add_pair_leverage(const PairRows& pair, const double* P, double factor, Size begin, Size end,
                       double* T) {
  const TermRows &s = pair.row_term, &t = pair.column_term;
  if (!s.columns && !t.columns) {
    for (Size i = begin; i < end; ++i) T[i - begin] += factor * P[pair.blocks[i]];
    return;
  }
  const Size rows = s.width, columns = t.width;
  for (Size i = begin; i < end; ++i) {
    const double* block = P + static_cast<Size>(pair.blocks[i]) * rows * columns;
    double sum = 0.0;
    for (Size c = 0; c < columns; ++c) {
      double inner = 0.0;
      for (Size r = 0; r < rows; ++r) inner += block[r + c * rows] * column(s, i, r);
      sum += inner * column(t, i, c);
    }
    T[i - begin] += factor * sum;
  }
}

// ---- Leverages of the blocks on the diagonal ----------------------------------------------------

template <int Q>
void add_leverage_of(const TermRows& term, const double* P, Size begin, Size end, double* T) {
  const Size q = Q ? Q : term.width;
  const double* z = term.columns + begin * q;
  for (Size i = begin; i < end; ++i, z += q) {
    const double* P_l = P + static_cast<Size>(term.codes[i]) * q * q;
    double diagonal = 0.0, rest = 0.0;
    for (Size c = 0; c < q; ++c) {
      diagonal += P_l[c + c * q] * z[c] * z[c];
      for (Size r = c + 1; r < q; ++r) rest += P_l[r + c * q] * z[r] * z[c];
    }
    T[i - begin] += diagonal + 2.0 * rest;
  }
}

void add_leverage(const TermRows& term, const double* P, Size begin, Size end, double* T) {
  if (!term.columns) return add_intercepts(term, P, begin, end, T, T);
  switch (term.width) {
    case 1: return add_leverage_of<1>(term, P, begin, end, T);
    case 2: return add_leverage_of<2>(term, P, begin, end, T);
    case 3: return add_leverage_of<3>(term, P, begin, end, T);
    default: return add_leverage_of<0>(term, P, begin, end, T);
  }
}

// ---- Vectors ------------------------------------------------------------------------------------

void add_products(Size m, int columns, const double* X, Size stride, const double* r,
                  double* out) {
  int j = 0;
  for (; j + 4 <= columns; j += 4) {  // four columns share the reading of r
    const double *x0 = X + j * stride, *x1 = x0 + stride, *x2 = x1 + stride, *x3 = x2 + stride;
    double s0 = 0.0, s1 = 0.0, s2 = 0.0, s3 = 0.0;
#pragma omp simd reduction(+ : s0, s1, s2, s3)
    for (Size i = 0; i < m; ++i) {
      s0 += x0[i] * r[i];
      s1 += x1[i] * r[i];
      s2 += x2[i] * r[i];
      s3 += x3[i] * r[i];
    }
    out[j] += s0;
    out[j + 1] += s1;
    out[j + 2] += s2;
    out[j + 3] += s3;
  }
  for (; j < columns; ++j) {
    const double* x = X + j * stride;
    double sum = 0.0;
#pragma omp simd reduction(+ : sum)
    for (Size i = 0; i < m; ++i) sum += x[i] * r[i];
    out[j] += sum;
  }
}

void add_scaled(Size m, double a, const double* x, double* y) {
#pragma omp simd
  for (Size i = 0; i < m; ++i) y[i] += a * x[i];
}

void add_product(Size m, double a, const double* x, const double* w, double* y) {
#pragma omp simd
  for (Size i = 0; i < m; ++i) y[i] += a * x[i] * w[i];
}

void negative_product(Size m, const double* x, const double* w, double* y) {
#pragma omp simd
  for (Size i = 0; i < m; ++i) y[i] = -x[i] * w[i];
}

}  // namespace

extern const RowLoops loops;
const RowLoops loops = {
    add_effects,          add_weighted, add_scores,        add_information,
    add_pair_information, add_leverage, add_pair_leverage, add_products,
    add_scaled,           add_product,  negative_product};

}  // namespace ilk::ILK_ROW_LOOPS_NAMESPACE
