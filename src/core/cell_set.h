// All cells of a model, worked on by up to `threads` threads.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "cells.h"
#include "laplace_cell.h"

namespace ilk {

class CellSet {
 public:
  CellSet(Data data, const Density& density, int threads);

  int size() const { return static_cast<int>(cells_.size()); }
  LaplaceCell& operator[](int c) { return *cells_[c]; }
  const LaplaceCell& operator[](int c) const { return *cells_[c]; }
  const CellOrigin& origin(int c) const { return origins_[c]; }
  LaplaceCell& front() { return *cells_.front(); }

  void set_interrupt(const std::function<bool()>& wants_stop);

  // Calls work(cell, scratch, index) for every cell. Results must go to places of their own and
  // be added up in the order of the cells, so that they do not depend on the number of threads.
  void for_each(const std::function<void(LaplaceCell&, Scratch&, int)>& work);

  std::size_t rows() const { return rows_; }
  int effects() const { return effects_; }                    // U of the whole
  const std::vector<Term>& shapes() const { return shapes_; }  // terms without rows
  // The root mean square of every column of X, (P,).
  const std::vector<double>& column_sizes() const { return column_sizes_; }
  long passes() const;

 private:
  std::vector<std::unique_ptr<LaplaceCell>> cells_;
  std::vector<CellOrigin> origins_;
  std::vector<Scratch> scratch_;  // by thread
  std::vector<Term> shapes_;
  std::vector<double> column_sizes_;
  std::size_t rows_ = 0;
  int effects_ = 0;
  int threads_;
  InterruptPoll poll_;  // of the calling thread
};

}  // namespace ilk
