// What a model looks like to the engines: numbers only, no names and no formulas.
#pragma once

#include <cstddef>
#include <vector>

namespace ilk {

// Where the precision matrix of a term's levels has elements: its lower triangle, sorted by column,
// then row, with the whole diagonal. Empty: the levels are independent.
struct PrecisionPattern {
  const int* rows = nullptr;
  const int* columns = nullptr;
  std::size_t size = 0;
  bool varies = false;  // the elements depend on parameters: derivatives are wanted
};

// One random-effect term: row i belongs to level codes[i] and carries `width` columns z_i. With
// several slots (memberships.h) it does so in each of them.
struct Term {
  int predictor = 0;            // the linear predictor this term is part of
  int width = 1;                // q, columns per level
  int levels = 0;               // L
  int slots = 1;
  std::vector<int> codes;       // (slots, n) in 0 .. levels - 1
  std::vector<double> columns;  // (slots, n, q) row-major; empty means one column of ones
  std::vector<int> precision_rows, precision_columns;  // see PrecisionPattern
  bool precision_varies = false;

  PrecisionPattern precision() const {
    return {precision_rows.data(), precision_columns.data(), precision_rows.size(),
            precision_varies};
  }
};

// The fixed part of one linear predictor: offset + X beta.
struct Predictor {
  std::vector<double> X;  // (n, p) column-major
  int p = 0;
  std::vector<double> offset;  // (n,) or empty
};

struct Data {
  std::size_t n = 0;
  std::vector<double> response;  // (n,)
  std::vector<double> trials;    // (n,) or empty: all one
  std::vector<double> weights;   // (n,) or empty: all one
  std::vector<Predictor> predictors;
  std::vector<Term> terms;
};

}  // namespace ilk
