#include "cell_set.h"

#include <algorithm>
#include <cmath>

namespace ilk {

CellSet::CellSet(Data data, const Density& density, int threads) : rows_(data.n) {
  for (const Term& term : data.terms) {
    Term shape;
    shape.predictor = term.predictor;
    shape.width = term.width;
    shape.levels = term.levels;
    shape.slots = term.slots;
    shapes_.push_back(shape);
    effects_ += term.width * term.levels;
  }
  for (const Predictor& predictor : data.predictors)
    for (int j = 0; j < predictor.p; ++j) {
      double sum = 0.0;
      for (std::size_t i = 0; i < data.n; ++i)
        sum += predictor.X[j * data.n + i] * predictor.X[j * data.n + i];
      column_sizes_.push_back(std::sqrt(sum / std::max<std::size_t>(1, data.n)));
    }
  Partition parts = partition(std::move(data));
  for (Data& cell : parts.cells)
    cells_.push_back(std::make_unique<LaplaceCell>(std::move(cell), density));
  origins_ = std::move(parts.origins);
  threads_ = std::max(1, std::min(threads, size()));
  scratch_.reserve(threads_);
  for (int t = 0; t < threads_; ++t) scratch_.emplace_back(density.predictors);
}

void CellSet::for_each(const std::function<void(LaplaceCell&, Scratch&, int)>& work) {
  parallel_for(size(), threads_,
               [&](int c, int thread) { work(*cells_[c], scratch_[thread], c); },
               [&] { poll_(); });
}

void CellSet::set_interrupt(const std::function<bool()>& wants_stop) {
  poll_ = InterruptPoll(wants_stop);
  for (const auto& cell : cells_) cell->set_interrupt(wants_stop);
}

long CellSet::passes() const {
  long passes = 0;
  for (const auto& cell : cells_) passes = std::max(passes, cell->passes());
  return passes;
}

}  // namespace ilk
