// Fill-reducing elimination order of the nodes of a block pattern.
//
//   1. Whole terms first: the term with most levels, if its levels do not meet each other, then
//      every further term that all terms eliminated before are nested in (each of their levels
//      meets at most one of its levels). Such levels are eliminated without fill among them.
//   2. If what remains (the Schur complement) is dense or small, it becomes the dense root.
//   3. Otherwise approximate minimum degree on the quotient graph of nodes, until the smallest
//      degree is a sizable part of what remains; the rest is the root.
//
// Terms without a prior are never eliminated before the root.
//
// The approximate external degree is that of P. R. Amestoy, T. A. Davis and I. S. Duff, "An
// approximate minimum degree ordering algorithm", SIAM J. Matrix Anal. Appl. 17 (1996) 886-905.
#pragma once

#include <cstdint>
#include <vector>

namespace ilk {

class BlockPattern;

// Step k eliminates the nodes columns[column_start[k] .. column_start[k + 1]) together; when they
// go they meet (have nonzero blocks of L with) the nodes rows[row_start[k] .. row_start[k + 1]).
struct Elimination {
  std::vector<int> columns;
  std::vector<std::int64_t> column_start{0};
  std::vector<int> rows;
  std::vector<std::int64_t> row_start{0};
  std::vector<int> root;  // nodes that are left, terms without a prior last

  std::int64_t steps() const { return static_cast<std::int64_t>(column_start.size()) - 1; }
};

Elimination eliminate(const BlockPattern& pattern);

}  // namespace ilk
