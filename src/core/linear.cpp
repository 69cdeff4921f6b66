#include "linear.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <utility>

#if defined(__GLIBC__)
#include <malloc.h>
#endif

#include "sampled_inverse.h"

namespace ilk {
namespace {

constexpr std::size_t kChunk = 512;  // rows of X brought into row order at a time
constexpr double kPi = 3.14159265358979323846;

// Below this share of y'Wy the residual sum of squares is recomputed from the rows, because the
// last pivot has lost too many digits to cancellation.
constexpr double kCancellation = 1e-6;
// Below this share the response is reproduced exactly but for rounding.
constexpr double kNoResidual = 1e-24;

// Doubles in L from which on it is worth while to hand back what the construction has freed.
constexpr std::int64_t kLargeFactor = 1000000;

// Gives free memory back to the system. glibc keeps what lies below blocks in use.
void release_free_memory() {
#if defined(__GLIBC__)
  malloc_trim(0);
#endif
}

}  // namespace

LinearEngine::LinearEngine(LinearData data, double count, std::function<bool()> wants_stop)
    : data_(std::move(data)), poll_(std::move(wants_stop)) {
  p_ = data_.p;
  count_ = count > 0.0 ? count : static_cast<double>(data_.n);
  std::vector<BlockTerm> blocks;
  for (const LinearTerm& term : data_.terms) {
    blocks.push_back({term.width, term.levels, true});
    factor_size_ += term.width * term.width;
  }
  blocks.push_back({p_ + 1, 1, false});

  BlockPattern pattern(std::move(blocks));
  pattern.set_interrupt(poll_);
  std::vector<std::vector<int>> block_of_row;
  for (int s = 0; s < terms(); ++s)
    for (int t = s + 1; t < terms(); ++t) {
      block_of_row.push_back(add_pair(pattern, s, t));
    }
  std::vector<PrecisionPattern> precisions;
  std::vector<MemberLinks> links;
  for (const LinearTerm& term : data_.terms) {
    precisions.push_back(term.precision);
    links.push_back(member_links(term.codes, term.slots, data_.n));
    shared_rows_ = shared_rows_ || links.back().any();
  }
  prior_ = Prior(precisions, links, pattern);
  lambda_size_ = factor_size_ + prior_.size();
  for (int t = 0; t < terms(); ++t) pattern.add_complete_pair(t, terms());
  cholesky_ = BlockCholesky(std::move(pattern));
  cholesky_.set_precision(prior_.lists(this->pattern()));
  cholesky_.set_interrupt(poll_);

  A_.assign(static_cast<std::size_t>(this->pattern().compact_size()), 0.0);
  const std::size_t scalars = static_cast<std::size_t>(this->pattern().scalars());
  lam_.assign(static_cast<std::size_t>(lambda_size_), 0.0);
  std::size_t offset = 0;
  for (const LinearTerm& term : data_.terms) {
    lambda_.push_back(lam_.data() + offset);
    offset += static_cast<std::size_t>(term.width) * term.width;
  }
  lambda_.push_back(nullptr);
  solution_.assign(scalars, 0.0);
  effects_.assign(scalars, 0.0);
  scores_.assign(scalars, 0.0);
  accumulate_pairs(block_of_row);
  std::vector<std::vector<int>>().swap(block_of_row);
  accumulate_links(links);
  std::vector<MemberLinks>().swap(links);
  accumulate_design();
  accumulate_response();
  if (cholesky_.statistics().factor_size >= kLargeFactor) release_free_memory();
}

// ---- Cross-products -----------------------------------------------------------------------------

std::int64_t LinearEngine::fixed_offset(int term) const {
  const std::vector<BlockPair>& pairs = pattern().pairs();
  return pairs[pairs.size() - data_.terms.size() + term].offset;
}

// Adds the blocks between two terms; the block of each row, for every pair of their slots.
std::vector<int> LinearEngine::add_pair(BlockPattern& pattern, int s, int t) const {
  const LinearTerm &rows = data_.terms[s], &columns = data_.terms[t];
  if (rows.slots == 1 && columns.slots == 1)
    return pattern.add_pair(s, t, rows.codes, columns.codes, data_.n);
  const SlotPairs codes(rows.codes, rows.slots, columns.codes, columns.slots, data_.n);
  return pattern.add_pair(s, t, codes.rows.data(), codes.columns.data(), codes.rows.size());
}

// Off-diagonal blocks of Z'WZ.
void LinearEngine::accumulate_pairs(const std::vector<std::vector<int>>& block_of_row) {
  std::size_t pair = 0;
  for (int s = 0; s < terms(); ++s)
    for (int t = s + 1; t < terms(); ++t, ++pair) {
      const LinearTerm& rows = data_.terms[s];
      const LinearTerm& columns = data_.terms[t];
      double* blocks = A_.data() + pattern().pairs()[pair].offset;
      const int* block = block_of_row[pair].data();
      poll_();
      for (int j = 0; j < rows.slots; ++j)
        for (int k = 0; k < columns.slots; ++k, block += data_.n)
          accumulate_pair(columns_of(rows, j), rows.width, columns_of(columns, k), columns.width,
                          block, blocks);
    }
}

// Blocks between levels of one term.
void LinearEngine::accumulate_links(const std::vector<MemberLinks>& links) {
  for (int t = 0; t < terms(); ++t) {
    if (links[t].pair < 0) continue;
    const LinearTerm& term = data_.terms[t];
    double* blocks = A_.data() + pattern().pairs()[links[t].pair].offset;
    const int* block = links[t].blocks.data();
    poll_();
    for (int j = 0; j < term.slots; ++j)
      for (int k = j + 1; k < term.slots; ++k, block += data_.n)
        accumulate_pair(columns_of(term, j), term.width, columns_of(term, k), term.width, block,
                        blocks);
  }
}

// Adds the products of two sets of columns (n, width), null for ones, to the blocks of the rows.
void LinearEngine::accumulate_pair(const double* rows, int row_width, const double* columns,
                                   int column_width, const int* block_of_row, double* blocks) {
  const std::size_t size = static_cast<std::size_t>(row_width) * column_width;
  for (std::size_t i = 0; i < data_.n; ++i) {
    double* block = blocks + block_of_row[i] * size;
    for (int b = 0; b < column_width; ++b) {
      const double factor = weight(i) * (columns ? columns[i * column_width + b] : 1.0);
      for (int a = 0; a < row_width; ++a)
        block[a + b * row_width] += factor * (rows ? rows[i * row_width + a] : 1.0);
    }
  }
}

// Z'WZ within levels, Z'WX, and X'WX; X in chunks of rows, brought into row order.
void LinearEngine::accumulate_design() {
  const int width = p_ + 1;
  double* cross = A_.data() + pattern().diagonal_offset(terms());
  std::vector<double> rows(kChunk * static_cast<std::size_t>(p_));
  for (std::size_t begin = 0; begin < data_.n; begin += kChunk) {
    const std::size_t end = std::min(begin + kChunk, data_.n);
    poll_();
    for (int j = 0; j < p_; ++j)
      for (std::size_t i = begin; i < end; ++i)
        rows[(i - begin) * p_ + j] = data_.X[i + j * data_.n];
    for (const LinearTerm& term : data_.terms)
      for (int k = 0; k < term.slots; ++k) accumulate_term(term, k, begin, end, rows.data());
    if (data_.weights)
      for (std::size_t i = begin; i < end; ++i)
        for (int j = 0; j < p_; ++j) rows[(i - begin) * p_ + j] *= std::sqrt(data_.weights[i]);
    dense::symmetric_update(p_, static_cast<dense::Index>(end - begin), 1.0,
                            dense::columns_of(rows.data(), p_), cross, width, work_);
  }
  dense::mirror_lower(p_, cross, width);
}

// `rows` holds rows begin .. end of X.
void LinearEngine::accumulate_term(const LinearTerm& term, int slot, std::size_t begin,
                                   std::size_t end, const double* rows) {
  const int q = term.width;
  const int t = static_cast<int>(&term - data_.terms.data());
  double* diagonal = A_.data() + pattern().diagonal_offset(t);
  double* fixed = A_.data() + fixed_offset(t);
  const double one = 1.0;
  const double* columns = columns_of(term, slot);
  const int* codes = term.codes + slot * data_.n;
  for (std::size_t i = begin; i < end; ++i, rows += p_) {
    const double* z = columns ? columns + i * q : &one;
    const std::size_t level = static_cast<std::size_t>(codes[i]);
    double* own = diagonal + level * q * q;
    double* with_x = fixed + level * q * (p_ + 1);
    for (int b = 0; b < q; ++b) {
      const double factor = weight(i) * z[b];
      for (int a = 0; a < q; ++a) own[a + b * q] += z[a] * factor;
      for (int j = 0; j < p_; ++j) with_x[b + j * q] += factor * rows[j];
    }
  }
}

// The column of y: Z'Wy, X'Wy and y'Wy.
void LinearEngine::accumulate_response() {
  const int width = p_ + 1;
  std::vector<double> weighted(data_.n);
  total_ = 0.0;
  for (std::size_t i = 0; i < data_.n; ++i) {
    const double y = response(i);
    weighted[i] = weight(i) * y;
    total_ += weighted[i] * y;
  }
  for (int t = 0; t < terms(); ++t) {
    poll_();
    const LinearTerm& term = data_.terms[t];
    const int q = term.width;
    const std::size_t stride = static_cast<std::size_t>(q) * width;
    double* column = A_.data() + fixed_offset(t) + static_cast<std::size_t>(p_) * q;
    for (int level = 0; level < term.levels; ++level)
      std::fill(column + level * stride, column + level * stride + q, 0.0);
    for (int k = 0; k < term.slots; ++k) {
      const double* columns = columns_of(term, k);
      const int* codes = term.codes + k * data_.n;
      for (std::size_t i = 0; i < data_.n; ++i) {
        double* sums = column + static_cast<std::size_t>(codes[i]) * stride;
        if (!columns) sums[0] += weighted[i];
        else
          for (int a = 0; a < q; ++a) sums[a] += weighted[i] * columns[i * q + a];
      }
    }
  }
  double* cross = A_.data() + pattern().diagonal_offset(terms());
  for (int j = 0; j < p_; ++j) {
    const double* x = data_.X + j * data_.n;
    double sum = 0.0;
    for (std::size_t i = 0; i < data_.n; ++i) sum += x[i] * weighted[i];
    cross[p_ + j * width] = cross[j + p_ * width] = sum;
  }
  cross[p_ + p_ * width] = total_;
  evaluated_ = false;
}

void LinearEngine::set_response(const double* response) {
  data_.response = response;
  accumulate_response();
}

// ---- Evaluation ---------------------------------------------------------------------------------

LinearEvaluation LinearEngine::evaluate(const double* lam, bool reml, Gradient gradient) {
  poll_();
  evaluated_ = false;
  std::copy(lam, lam + lambda_size_, lam_.begin());
  prior_.set(lam_.data() + factor_size_);
  LinearEvaluation out;
  out.value = -std::numeric_limits<double>::infinity();
  out.beta.assign(static_cast<std::size_t>(p_), std::numeric_limits<double>::quiet_NaN());
  out.sigma2 = std::numeric_limits<double>::quiet_NaN();
  const bool factored = cholesky_.factor(A_.data(), lambda_);
  if (!factored && cholesky_.failed_tail_column() != p_) {  // (p_: only the pivot of y)
    out.status = LinearStatus::not_positive_definite;
    return out;
  }
  solve_profile(factored);
  const double nu = degrees(reml);
  if (!(nu > 0.0) || !(r2_ > kNoResidual * total_)) {
    out.status = LinearStatus::no_residual;
    return out;
  }
  evaluated_ = true;
  sigma2_ = r2_ / nu;
  out.sigma2 = sigma2_;
  out.beta.assign(solution_.begin() + effects(), solution_.end() - 1);
  double log_det = cholesky_.log_det() - prior_.log_det();
  if (reml) log_det += fixed_log_det();
  out.value = -0.5 * (log_det + nu * (1.0 + std::log(2.0 * kPi * sigma2_)));
  if (gradient != Gradient::none) out.gradient = this->gradient(reml, gradient);
  return out;
}

// log|R_X|^2.
double LinearEngine::fixed_log_det() const {
  int stride = 0;
  const double* R = cholesky_.tail(&stride);
  double log_det = 0.0;
  for (int j = 0; j < p_; ++j)
    log_det += 2.0 * std::log(R[j + j * static_cast<std::size_t>(stride)]);
  return log_det;
}

// u and beta solve the system without y whose right-hand side is the column of y; the row of y in
// the factor is the forward half of that solve.
void LinearEngine::solve_profile(bool factored) {
  const int y = pattern().scalars() - 1;
  cholesky_.factor_row(y, solution_.data());
  cholesky_.backward(solution_.data(), 1, y);
  solution_[y] = -1.0;
  apply_factor(pattern(), lambda_, solution_.data(), effects_.data());
  have_scores_ = false;
  int stride = 0;
  const double pivot = cholesky_.tail(&stride)[p_ * (static_cast<std::size_t>(stride) + 1)];
  r2_ = factored ? pivot * pivot : 0.0;
  if (r2_ < kCancellation * total_) recompute_residuals();
}

// Calls apply(first of its effects, width, z or null for a one) for every level of row i.
template <typename Apply>
void LinearEngine::for_memberships(std::size_t i, Apply&& apply) const {
  for (int t = 0; t < terms(); ++t) {
    const LinearTerm& term = data_.terms[t];
    for (int k = 0; k < term.slots; ++k) {
      const double* columns = columns_of(term, k);
      apply(static_cast<std::size_t>(pattern().scalar_offset(t)) +
                static_cast<std::size_t>(term.codes[k * data_.n + i]) * term.width,
            term.width, columns ? columns + i * term.width : nullptr);
    }
  }
}

// r^2 = e'We + u'Q u and the scores Z'We from the residuals of all rows.
void LinearEngine::recompute_residuals() {
  std::fill(scores_.begin(), scores_.end(), 0.0);
  r2_ = prior_.square({solution_.begin(), solution_.begin() + effects()});
  const double* beta = effects_.data() + effects();
  for (std::size_t i = 0; i < data_.n; ++i) {
    double residual = response(i);
    for (int j = 0; j < p_; ++j) residual -= data_.X[i + j * data_.n] * beta[j];
    for_memberships(i, [&](std::size_t effects, int q, const double* z) {
      for (int a = 0; a < q; ++a) residual -= effects_[effects + a] * (z ? z[a] : 1.0);
    });
    const double weighted = weight(i) * residual;
    r2_ += weighted * residual;
    for_memberships(i, [&](std::size_t effects, int q, const double* z) {
      for (int a = 0; a < q; ++a) scores_[effects + a] += weighted * (z ? z[a] : 1.0);
    });
  }
  have_scores_ = true;
}

// Z'We = Z'W(y - X beta - Z Lambda u), a product of the stored blocks with (Lambda u, beta, -1).
const std::vector<double>& LinearEngine::residual_scores() {
  if (have_scores_) return scores_;
  multiply(pattern(), A_.data(), effects_.data(), scores_.data());
  for (double& score : scores_) score = -score;
  have_scores_ = true;
  return scores_;
}

// S_t = sum over levels of (Z'We)_l u_l', (q, q) for each term.
void LinearEngine::score_products(double* S) {
  const std::vector<double>& scores = residual_scores();
  for (int t = 0; t < terms(); ++t) {
    const int q = data_.terms[t].width;
    std::fill(S, S + q * q, 0.0);
    for (int k = pattern().scalar_offset(t); k < pattern().scalar_offset(t + 1); k += q)
      for (int b = 0; b < q; ++b)
        for (int a = 0; a < q; ++a) S[a + b * q] += scores[k + a] * solution_[k + b];
    S += q * q;
  }
}

// A factorization takes `flops`, an inverse about twice that, a solve a few for each number in L.
bool LinearEngine::sampling_pays() const {
  constexpr double margin = 10.0;
  const FactorStatistics statistics = cholesky_.statistics();
  return !prior_.any() && !shared_rows_ &&
         statistics.flops >
             margin * samples(Gradient::sampled) * static_cast<double>(statistics.factor_size);
}

// ---- At the last evaluation ---------------------------------------------------------------------

void LinearEngine::require_evaluation() const {
  if (!evaluated_) throw std::logic_error("the linear engine has no current evaluation");
}

std::vector<double> LinearEngine::gradient(bool reml, Gradient kind) {
  require_evaluation();
  std::vector<double> gradient(static_cast<std::size_t>(lambda_size_));
  if (lambda_size_ == 0) return gradient;
  const int active = reml ? pattern().scalars() - 1 : effects();
  P_.resize(A_.size());
  if (kind == Gradient::exact)
    cholesky_.selected_inverse(P_.data(), active);
  else
    sampled_inverse(cholesky_, samples(kind), active, P_.data());
  half_log_det_gradient(pattern(), A_.data(), P_.data(), lambda_, terms() + (reml ? 1 : 0),
                        gradient.data());
  std::vector<double> S(static_cast<std::size_t>(factor_size_));
  score_products(S.data());
  for (int k = 0; k < factor_size_; ++k) gradient[k] = S[k] / sigma2_ - gradient[k];
  prior_.add_trace_gradient(P_.data(), gradient.data() + factor_size_);
  prior_.add_product_gradient(solution_.data(), nullptr, 1.0 / sigma2_,
                              gradient.data() + factor_size_);
  return gradient;
}

std::vector<double> LinearEngine::modes() const {
  require_evaluation();
  return std::vector<double>(solution_.begin(), solution_.begin() + effects());
}

std::vector<double> LinearEngine::conditional_covariance() {
  require_evaluation();
  P_.resize(A_.size());
  cholesky_.selected_inverse(P_.data());
  std::size_t size = 0;
  for (const LinearTerm& term : data_.terms)
    size += static_cast<std::size_t>(term.levels) * term.width * term.width;
  std::vector<double> out(size);
  double* blocks = out.data();
  for (int t = 0; t < terms(); ++t) {
    covariance_blocks(pattern(), P_.data(), lambda_, t, blocks);
    blocks += static_cast<std::size_t>(data_.terms[t].levels) * data_.terms[t].width *
              data_.terms[t].width;
  }
  for (double& value : out) value *= sigma2_;
  return out;
}

void LinearEngine::solve(double* rhs, int columns) const {
  require_evaluation();
  constexpr int batch = 4;  // columns with room for all scalars
  const std::size_t N = static_cast<std::size_t>(pattern().scalars());
  const std::size_t U = static_cast<std::size_t>(effects());
  std::vector<double> x(N * std::min(columns, batch));
  for (int first = 0; first < columns; first += batch, rhs += batch * U) {
    const int count = std::min(batch, columns - first);
    for (int j = 0; j < count; ++j) std::copy(rhs + j * U, rhs + (j + 1) * U, x.data() + j * N);
    cholesky_.solve(x.data(), count);
    for (int j = 0; j < count; ++j)
      std::copy(x.data() + j * N, x.data() + j * N + U, rhs + j * U);
  }
}

std::vector<double> LinearEngine::cross_information() const {
  require_evaluation();
  const std::size_t U = static_cast<std::size_t>(effects());
  std::vector<double> out(U * p_);
  std::vector<double> column(static_cast<std::size_t>(pattern().scalars()), 0.0);
  for (int j = 0; j < p_; ++j) {
    for (int t = 0; t < terms(); ++t) {
      const int q = data_.terms[t].width;
      const double* block = A_.data() + fixed_offset(t) + static_cast<std::size_t>(j) * q;
      double* target = column.data() + pattern().scalar_offset(t);
      for (int level = 0; level < data_.terms[t].levels; ++level, target += q)
        std::copy(block + static_cast<std::size_t>(level) * q * (p_ + 1),
                  block + static_cast<std::size_t>(level) * q * (p_ + 1) + q, target);
    }
    apply_factor_transposed(pattern(), lambda_, column.data(), column.data());
    std::copy(column.begin(), column.begin() + effects(), out.begin() + j * U);
  }
  return out;
}

std::vector<double> LinearEngine::coefficient_covariance() const {
  require_evaluation();
  int stride = 0;
  const double* R = cholesky_.tail(&stride);
  std::vector<double> out(static_cast<std::size_t>(p_) * p_);
  for (int j = 0; j < p_; ++j)
    std::copy(R + j * static_cast<std::size_t>(stride),
              R + j * static_cast<std::size_t>(stride) + p_, out.begin() + j * p_);
  dense::Workspace work;
  dense::invert_from_cholesky(p_, out.data(), p_, work);
  return out;
}

}  // namespace ilk
