// Terms whose rows belong to several levels each (multiple membership).
//
// Such a term has `slots` codes and `slots` sets of columns for each row, slot after slot, with the
// weights of the memberships in the columns. The codes of a row do not ascend from slot to slot,
// and where one repeats its predecessor its columns are zero, so that slots a < b of a row give a
// block between levels row > column, or nothing.
#pragma once

#include <cstddef>
#include <vector>

namespace ilk {

// Levels of one term that share rows: element i of slots a < b, the pairs of slots in the order
// (0, 1), (0, 2), ..., (1, 2), ..., each with its n rows.
struct MemberLinks {
  std::vector<int> larger, smaller;  // equal where there is no link
  std::vector<int> blocks;           // in the pattern; 0 where there is no link
  int pair = -1;                     // the pattern's pair of the term with itself, -1: none

  bool any() const { return !larger.empty(); }
};

// Links of a term with codes (slots, n); none for one slot.
inline MemberLinks member_links(const int* codes, int slots, std::size_t n) {
  MemberLinks links;
  for (int a = 0; a < slots; ++a)
    for (int b = a + 1; b < slots; ++b) {
      links.larger.insert(links.larger.end(), codes + a * n, codes + (a + 1) * n);
      links.smaller.insert(links.smaller.end(), codes + b * n, codes + (b + 1) * n);
    }
  return links;
}

// Codes (slots of s, slots of t, n) of two terms, for every pair of their slots.
struct SlotPairs {
  std::vector<int> rows, columns;

  SlotPairs(const int* s, int slots_of_s, const int* t, int slots_of_t, std::size_t n) {
    for (int a = 0; a < slots_of_s; ++a)
      for (int b = 0; b < slots_of_t; ++b) {
        rows.insert(rows.end(), s + a * n, s + (a + 1) * n);
        columns.insert(columns.end(), t + b * n, t + (b + 1) * n);
      }
  }
};

}  // namespace ilk
