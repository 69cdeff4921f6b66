// Sums over the rows of a cell. Rows are taken in chunks that fit the first-level cache:
// linear predictors, kernel of the density, and sums by level, one chunk after the other.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "laplace_cell.h"
#include "row_loops_choice.h"

namespace ilk {

namespace {

// Calls body(begin, end) for consecutive chunks of 0 .. n - 1.
template <class Body>
void for_chunks(std::size_t n, Body body) {
  for (std::size_t begin = 0; begin < n; begin += kChunkRows)
    body(begin, std::min(n, begin + kChunkRows));
}

// First rows of the levels in ascending codes (n,); empty for other codes.
std::vector<int> starts_of_levels(const int* codes, std::size_t n, int levels) {
  if (!std::is_sorted(codes, codes + n)) return {};
  std::vector<int> starts(levels + 1, 0);
  for (std::size_t i = 0; i < n; ++i) ++starts[codes[i] + 1];
  for (int l = 0; l < levels; ++l) starts[l + 1] += starts[l];
  return starts;
}

}  // namespace

Scratch::Scratch(int predictors) : predictors_(predictors) {
  buffer_.resize((2 * predictors + pairs(predictors) + 1) * kChunkRows);
  int next = predictors + 1;
  for (int k = 0; k < predictors; ++k) d1_.push_back(&buffer_[next++ * kChunkRows]);
  for (int k = 0; k < pairs(predictors); ++k) d2_.push_back(&buffer_[next++ * kChunkRows]);
}

LaplaceCell::LaplaceCell(Data data, const Density& density)
    : data_(std::move(data)),
      density_(&density),
      predictors_(density.predictors),
      loops_(&row_loops()) {
  std::vector<BlockTerm> block_terms;
  for (const Term& term : data_.terms) {
    block_terms.push_back({term.width, term.levels, true});
    if (std::find(random_.begin(), random_.end(), term.predictor) == random_.end())
      random_.push_back(term.predictor);
    factor_size_ += term.width * term.width;
  }
  std::sort(random_.begin(), random_.end());
  anywhere_ = !random_.empty() && random_.back() > 0;
  list_slots();
  pattern_ = BlockPattern(block_terms);
  const int terms = static_cast<int>(data_.terms.size());
  for (int s = 0; s < terms; ++s)
    for (int t = s + 1; t < terms; ++t) {
      const Term &rows = data_.terms[s], &columns = data_.terms[t];
      if (rows.slots == 1 && columns.slots == 1) {
        pair_blocks_.push_back(
            pattern_.add_pair(s, t, rows.codes.data(), columns.codes.data(), data_.n));
        continue;
      }
      const SlotPairs codes(rows.codes.data(), rows.slots, columns.codes.data(), columns.slots,
                            data_.n);
      pair_blocks_.push_back(
          pattern_.add_pair(s, t, codes.rows.data(), codes.columns.data(), codes.rows.size()));
    }
  std::vector<PrecisionPattern> precisions;
  for (const Term& term : data_.terms) {
    precisions.push_back(term.precision());
    links_.push_back(member_links(term.codes.data(), term.slots, data_.n));
  }
  prior_ = Prior(precisions, links_, pattern_);
  list_slot_pairs();
  lambda_size_ = factor_size_ + prior_.size();
  if (terms > 0) cholesky_ = BlockCholesky(pattern_);
  cholesky_.set_precision(prior_.lists(pattern_));

  const std::size_t n = data_.n;
  d1_.assign(predictors_, std::vector<double>(n));
  d2_.assign(pairs(predictors_), std::vector<double>(n));
  d3_.resize(triples(predictors_));
  for (int k = 0; k < predictors_; ++k) {
    coefficients_ += data_.predictors[k].p;
    for (int l = 0; l <= k; ++l)
      for (int m = 0; m <= l; ++m)
        if (anywhere_ || l == 0) d3_[triple(k, l, m)].resize(n);  // (others are not asked for)
  }
  xb_.resize(predictors_);
  for (auto* vector : {&u_, &b_, &g_, &r_, &delta_, &z_c_, &s_, &work1_, &work2_})
    vector->assign(pattern_.scalars(), 0.0);
  A_.assign(pattern_.compact_size(), 0.0);
  P_.assign(pattern_.compact_size(), 0.0);
  lam_.assign(lambda_size_, 0.0);
  delta_lam_.assign(lambda_size_, 0.0);
  reset();
  set_lambda(lam_.data());
}

void LaplaceCell::list_slots() {
  const std::size_t n = data_.n;
  for (std::size_t t = 0; t < data_.terms.size(); ++t)
    for (int k = 0; k < data_.terms[t].slots; ++k) {
      const Term& term = data_.terms[t];
      const int* codes = term.codes.data() + k * n;
      const double* columns =
          term.columns.empty() ? nullptr : term.columns.data() + k * n * term.width;
      slot_terms_.push_back(static_cast<int>(t));
      starts_.push_back(starts_of_levels(codes, n, term.levels));
      const std::vector<int>& starts = starts_.back();
      term_rows_.push_back(
          {codes, columns, term.width, starts.empty() ? nullptr : starts.data()});
    }
}

// After the blocks of all pairs are known.
void LaplaceCell::list_slot_pairs() {
  std::vector<std::size_t> first{0};  // slot of each term
  for (const Term& term : data_.terms) first.push_back(first.back() + term.slots);
  const auto add = [&](std::size_t a, std::size_t b, const int* blocks, int pair) {
    pair_rows_.push_back({term_rows_[a], term_rows_[b], blocks});
    slot_pairs_.push_back(pair);
  };
  for (std::size_t e = 0; e < pair_blocks_.size(); ++e) {
    const BlockPair& pair = pattern_.pairs()[e];
    const int* blocks = pair_blocks_[e].data();
    for (std::size_t a = first[pair.row_term]; a < first[pair.row_term + 1]; ++a)
      for (std::size_t b = first[pair.column_term]; b < first[pair.column_term + 1]; ++b) {
        add(a, b, blocks, static_cast<int>(e));
        blocks += data_.n;
      }
  }
  for (std::size_t t = 0; t < links_.size(); ++t) {
    if (links_[t].pair < 0) continue;
    const int* blocks = links_[t].blocks.data();
    for (std::size_t a = first[t]; a < first[t + 1]; ++a)
      for (std::size_t b = a + 1; b < first[t + 1]; ++b) {
        add(a, b, blocks, links_[t].pair);
        blocks += data_.n;
      }
  }
}

void LaplaceCell::set_interrupt(const std::function<bool()>& wants_stop) {
  poll_ = InterruptPoll(wants_stop);
  if (effects() > 0) cholesky_.set_interrupt(poll_);
}

void LaplaceCell::set_response(const double* response) {
  std::copy(response, response + data_.n, data_.response.begin());
  linearized_ = false;
}

void LaplaceCell::reset() {
  beta_.assign(coefficients_, 0.0);
  std::fill(u_.begin(), u_.end(), 0.0);
  for (int k = 0; k < predictors_; ++k) {
    const std::vector<double>& offset = data_.predictors[k].offset;
    if (offset.empty())
      xb_[k].assign(data_.n, 0.0);
    else
      xb_[k] = offset;
  }
  linearized_ = false;
}

// ---- Linear predictors --------------------------------------------------------------------------

// eta_k = xb_k + sum of Z_t b_t for the rows of a chunk; predictors without random effects are
// used where they are.
void LaplaceCell::linear_predictors(std::size_t begin, std::size_t end, Scratch& scratch,
                                    const double** eta) const {
  for (int k = 0; k < predictors_; ++k) eta[k] = xb_[k].data() + begin;
  for (std::size_t t = 0; t < term_rows_.size(); ++t) {
    const int k = slot_predictor(t);
    loops_->add_effects(term_rows_[t], b_.data() + slot_scalars(t), begin, end, eta[k],
                        scratch.eta(k));
    eta[k] = scratch.eta(k);
  }
}

// xb += X (beta - beta_).
void LaplaceCell::shift_coefficients(const double* beta) {
  int position = 0;
  for (int k = 0; k < predictors_; ++k) {
    const Predictor& predictor = data_.predictors[k];
    for (int j = 0; j < predictor.p; ++j, ++position) {
      const double change = beta[position] - beta_[position];
      if (change != 0.0)
        loops_->add_scaled(data_.n, change, &predictor.X[j * data_.n], xb_[k].data());
      beta_[position] = beta[position];
    }
  }
}

// Moves xb to the new beta and adds Z'l'' X (beta - beta_) to raw (U,), with the second
// derivatives of the last full pass.
void LaplaceCell::project_shift(const double* beta, Scratch& scratch, double* raw) {
  std::vector<char> moved(predictors_, 0);
  bool any = false;
  for (int k = 0, position = 0; k < predictors_; ++k)
    for (int j = 0; j < data_.predictors[k].p; ++j, ++position)
      if (beta[position] != beta_[position]) moved[k] = any = true;
  if (!any) return;

  for_chunks(data_.n, [&](std::size_t begin, std::size_t end) {
    const std::size_t m = end - begin;
    // The shifts of all predictors go to the buffers of eta.
    for (int k = 0, position = 0; k < predictors_; position += data_.predictors[k].p, ++k) {
      if (!moved[k]) continue;
      double* shift = scratch.eta(k);
      std::fill(shift, shift + m, 0.0);
      for (int j = 0; j < data_.predictors[k].p; ++j)
        loops_->add_scaled(m, beta[position + j] - beta_[position + j],
                           &data_.predictors[k].X[j * data_.n + begin], shift);
      loops_->add_scaled(m, 1.0, shift, xb_[k].data() + begin);
    }
    for (int a : random_) {
      double* projected = scratch.row();
      std::fill(projected, projected + m, 0.0);
      for (int k = 0; k < predictors_; ++k)
        if (moved[k])
          loops_->add_product(m, 1.0, scratch.eta(k), d2_[pair(a, k)].data() + begin, projected);
      for (std::size_t t = 0; t < term_rows_.size(); ++t)
        if (slot_predictor(t) == a)
          loops_->add_scores(term_rows_[t], projected, begin, end,
                             raw + slot_scalars(t));
    }
  });
  std::copy(beta, beta + coefficients_, beta_.begin());
}

// ---- Scores and information ---------------------------------------------------------------------

Kernel LaplaceCell::kernel(Depth depth) const {
  switch (depth) {
    case Depth::weights: return anywhere_ ? density_->multi2 : density_->inner;
    case Depth::full: return anywhere_ ? density_->multi3 : density_->full;
    default: return predictors_ == 1 ? density_->full : density_->multi2;
  }
}

// One pass over the rows at (xb_, u_): g = Z'l', A = -Z'l''Z, and sum l (0 for Depth::weights).
double LaplaceCell::pass(Depth depth, Scratch& scratch) {
  ++passes_;
  poll_();
  apply_factor(pattern_, lambda_, u_.data(), b_.data());
  std::fill(g_.begin(), g_.end(), 0.0);
  std::fill(A_.begin(), A_.end(), 0.0);

  const Kernel evaluate_density = kernel(depth);
  const bool store = depth != Depth::weights;
  std::vector<const double*> eta(predictors_);
  std::vector<double*> d1(scratch.d1(), scratch.d1() + predictors_);
  std::vector<double*> d2(scratch.d2(), scratch.d2() + pairs(predictors_));
  std::vector<double*> d3(triples(predictors_), nullptr);
  double value = 0.0;
  for_chunks(data_.n, [&](std::size_t begin, std::size_t end) {
    if (begin / kChunkRows % 64 == 63) poll_();
    linear_predictors(begin, end, scratch, eta.data());
    if (store) {
      for (std::size_t k = 0; k < d1.size(); ++k) d1[k] = d1_[k].data() + begin;
      for (std::size_t k = 0; k < d2.size(); ++k) d2[k] = d2_[k].data() + begin;
      for (std::size_t k = 0; k < d3.size(); ++k)
        d3[k] = d3_[k].empty() ? nullptr : d3_[k].data() + begin;
    }
    value += evaluate_density(
        predictors_, end - begin, data_.response.data() + begin,
        data_.trials.empty() ? nullptr : data_.trials.data() + begin,
        data_.weights.empty() ? nullptr : data_.weights.data() + begin, eta.data(), d1.data(),
        d2.data(), d3.data());
    accumulate(begin, end, d1.data(), d2.data(), g_.data());
  });
  mirror_information();
  return value;
}

// Adds a chunk to the scores g and the raw information A.
void LaplaceCell::accumulate(std::size_t begin, std::size_t end, const double* const* d1,
                             const double* const* d2, double* g) {
  for (std::size_t t = 0; t < term_rows_.size(); ++t) {
    const int k = slot_predictor(t);
    loops_->add_information(term_rows_[t], d1[k], d2[pair(k, k)], begin, end,
                            g + slot_scalars(t),
                            A_.data() + slot_blocks(t));
  }
  for (std::size_t e = 0; e < pair_rows_.size(); ++e) {
    const BlockPair& blocks = pattern_.pairs()[slot_pairs_[e]];
    const int a = data_.terms[blocks.row_term].predictor;
    const int b = data_.terms[blocks.column_term].predictor;
    loops_->add_pair_information(pair_rows_[e], d2[pair(a, b)], begin, end,
                                 A_.data() + blocks.offset);
  }
}

// Copies the lower triangles of the diagonal blocks of A onto the upper ones.
void LaplaceCell::mirror_information() {
  for (int t = 0; t < pattern_.terms(); ++t) {
    const int q = pattern_.term(t).width;
    double* block = A_.data() + pattern_.diagonal_offset(t);
    if (q == 1) continue;
    for (int l = 0; l < pattern_.term(t).levels; ++l, block += q * q)
      for (int c = 0; c < q; ++c)
        for (int r = c + 1; r < q; ++r) block[c + r * q] = block[r + c * q];
  }
}

// A from weights clipped at zero, without the terms between predictors: positive semidefinite
// whatever the second derivatives. The scores g stay.
void LaplaceCell::clip_information(Scratch& scratch) {
  std::fill(A_.begin(), A_.end(), 0.0);
  std::vector<double> unused(pattern_.scalars(), 0.0);
  std::vector<const double*> d1(predictors_), d2(pairs(predictors_));
  double* zeros = scratch.row();
  std::fill(zeros, zeros + kChunkRows, 0.0);
  for_chunks(data_.n, [&](std::size_t begin, std::size_t end) {
    std::fill(d2.begin(), d2.end(), zeros);
    for (int k = 0; k < predictors_; ++k) {
      d1[k] = zeros;
      double* clipped = scratch.d2()[pair(k, k)];
      const double* curvature = d2_[pair(k, k)].data() + begin;
      for (std::size_t i = 0; i < end - begin; ++i)
        clipped[i] = curvature[i] < 0.0 ? curvature[i] : 0.0;
      d2[pair(k, k)] = clipped;
    }
    accumulate(begin, end, d1.data(), d2.data(), unused.data());
  });
  mirror_information();
}

// ---- Leverages ----------------------------------------------------------------------------------

// T_i = z_ia' P_b z_ib for the rows of a chunk, P_b in the compact layout of P_.
void LaplaceCell::leverages(int a, int b, std::size_t begin, std::size_t end, double* T) const {
  std::fill(T, T + (end - begin), 0.0);
  if (a == b)
    for (std::size_t t = 0; t < term_rows_.size(); ++t)
      if (slot_predictor(t) == a)
        loops_->add_leverage(term_rows_[t], P_.data() + slot_blocks(t), begin, end, T);
  for (std::size_t e = 0; e < pair_rows_.size(); ++e) {
    const BlockPair& blocks = pattern_.pairs()[slot_pairs_[e]];
    const int row = data_.terms[blocks.row_term].predictor;
    const int column = data_.terms[blocks.column_term].predictor;
    const bool wanted = (row == a && column == b) || (row == b && column == a);
    if (wanted)
      loops_->add_pair_leverage(pair_rows_[e], P_.data() + blocks.offset, a == b ? 2.0 : 1.0,
                                begin, end, T);
  }
}

// c_ik = sum_{a,b in R} l_i,abk T_i,ab / 2 for all predictors k, and z_c = Z'c.
void LaplaceCell::curvature_changes(Scratch& scratch) {
  std::fill(z_c_.begin(), z_c_.end(), 0.0);
  for_chunks(data_.n, [&](std::size_t begin, std::size_t end) {
    const std::size_t m = end - begin;
    double* T = scratch.row();
    double* const* c = scratch.d1();
    for (int k = 0; k < predictors_; ++k) std::fill(c[k], c[k] + m, 0.0);
    for (int a : random_)
      for (int b : random_) {
        if (b > a) continue;
        leverages(a, b, begin, end, T);
        for (int k = 0; k < predictors_; ++k)
          loops_->add_product(m, a == b ? 0.5 : 1.0, T, d3_[triple(a, b, k)].data() + begin, c[k]);
      }
    for (int k = 0; k < predictors_; ++k) std::copy(c[k], c[k] + m, change(k).begin() + begin);
    for (std::size_t t = 0; t < term_rows_.size(); ++t)
      loops_->add_scores(term_rows_[t], c[slot_predictor(t)], begin, end,
                         z_c_.data() + slot_scalars(t));
  });
}

// X'r with r_k = score_k + c_k + sum_{a in R} l_ka Z_a (Lambda s), `effects` = Lambda s (U,).
void LaplaceCell::add_fixed_gradient(const Direct& direct, const double* effects,
                                     Scratch& scratch, double* grad_beta) {
  for_chunks(data_.n, [&](std::size_t begin, std::size_t end) {
    const std::size_t m = end - begin;
    for (int a : random_) std::fill(scratch.eta(a), scratch.eta(a) + m, 0.0);
    for (std::size_t t = 0; t < term_rows_.size(); ++t) {
      double* shift = scratch.eta(slot_predictor(t));
      loops_->add_effects(term_rows_[t], effects + slot_scalars(t), begin, end, shift,
                          shift);
    }
    double* r = scratch.row();
    for (int k = 0, position = 0; k < predictors_; ++k) {
      const Predictor& predictor = data_.predictors[k];
      if (predictor.p == 0) continue;
      std::memcpy(r, direct.scores[k] + begin, m * sizeof(double));
      if (!random_.empty()) loops_->add_scaled(m, 1.0, change(k).data() + begin, r);
      for (int a : random_)
        loops_->add_product(m, 1.0, scratch.eta(a), d2_[pair(k, a)].data() + begin, r);
      loops_->add_products(m, predictor.p, predictor.X.data() + begin, data_.n, r,
                           grad_beta + position);
      position += predictor.p;
    }
  });
}

// ---- Joint information of beta and u ------------------------------------------------------------

void LaplaceCell::add_fixed_information(Scratch& scratch, double* information,
                                        double* score) const {
  const std::size_t P = coefficients_, n = data_.n;
  for_chunks(n, [&](std::size_t begin, std::size_t end) {
    const std::size_t m = end - begin;
    double* weighted = scratch.row();
    std::size_t row = 0;
    for (int k = 0; k < predictors_; row += data_.predictors[k].p, ++k) {
      const Predictor& rows = data_.predictors[k];
      if (rows.p == 0) continue;
      loops_->add_products(m, rows.p, rows.X.data() + begin, n, d1_[k].data() + begin,
                           score + row);
      for (int i = 0; i < rows.p; ++i) {
        const double* x = &rows.X[i * n + begin];
        std::size_t column = 0;  // elements (row + i, column ...) up to the diagonal, as a column
        for (int l = 0; l <= k; column += data_.predictors[l].p, ++l) {
          const Predictor& others = data_.predictors[l];
          loops_->negative_product(m, x, d2_[pair(k, l)].data() + begin, weighted);
          loops_->add_products(m, l < k ? others.p : i + 1, others.X.data() + begin, n, weighted,
                               information + column + (row + i) * P);
        }
      }
    }
  });
  for (std::size_t column = 0; column < P; ++column)
    for (std::size_t row = column + 1; row < P; ++row)
      information[row + column * P] = information[column + row * P];
}

std::pair<double, double> LaplaceCell::skewness(int k, Scratch& scratch) {
  if (predictors_ > 1) pass(Depth::full, scratch);
  double third = 0.0, second = 0.0;
  for (double value : d3_[triple(k, k, k)]) third += value;
  for (double value : d2_[pair(k, k)]) second += value;
  return {third, second};
}

void LaplaceCell::cross_information(Scratch& scratch, double* C) const {
  const std::size_t U = pattern_.scalars();
  std::fill(C, C + U * coefficients_, 0.0);
  for_chunks(data_.n, [&](std::size_t begin, std::size_t end) {
    double* weighted = scratch.row();
    for (int k = 0, column = 0; k < predictors_; ++k)
      for (int j = 0; j < data_.predictors[k].p; ++j, ++column)
        for (int a : random_) {
          loops_->negative_product(end - begin, &data_.predictors[k].X[j * data_.n + begin],
                                   d2_[pair(k, a)].data() + begin, weighted);
          for (std::size_t t = 0; t < term_rows_.size(); ++t)
            if (slot_predictor(t) == a)
              loops_->add_scores(term_rows_[t], weighted, begin, end,
                                 C + column * U + slot_scalars(t));
        }
  });
}

}  // namespace ilk
