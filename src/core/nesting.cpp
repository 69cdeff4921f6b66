#include "nesting.h"

#include <algorithm>
#include <cstddef>
#include <numeric>

namespace ilk {

Nesting find_nesting(const Data& data) {
  std::vector<int> order(data.terms.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) {
    return data.terms[a].levels < data.terms[b].levels;
  });
  Nesting out;
  for (int t : order) {
    const Term& term = data.terms[t];
    if (term.slots > 1) return {};
    if (!out.empty()) {
      const Term& last = data.terms[out.back().front()];
      if (term.levels == last.levels && term.codes == last.codes) {
        out.back().push_back(t);
        continue;
      }
      if (parent_levels(term, last).empty()) return {};
    }
    out.push_back({t});
  }
  return out;
}

std::vector<int> parent_levels(const Term& inner, const Term& outer) {
  std::vector<int> parents(inner.levels, -1);
  for (std::size_t i = 0; i < inner.codes.size(); ++i) {
    int& parent = parents[inner.codes[i]];
    if (parent >= 0 && parent != outer.codes[i]) return {};
    parent = outer.codes[i];
  }
  for (int& parent : parents) parent = std::max(parent, 0);
  return parents;
}

}  // namespace ilk
