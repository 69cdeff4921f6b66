// Conversions between NumPy arrays and the engines' types, and the running of long computations.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include "data.h"
#include "factor_map.h"
#include "interrupt.h"
#include "search_result.h"

namespace ilk::bind {

namespace nb = nanobind;

using Vector = nb::ndarray<const double, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Codes = nb::ndarray<const std::int32_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using ColumnMajor = nb::ndarray<const double, nb::ndim<2>, nb::f_contig, nb::device::cpu>;
using RowMajor = nb::ndarray<const double, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using Array = nb::ndarray<nb::numpy, double>;

using PredictorArrays = std::tuple<ColumnMajor, std::optional<Vector>>;          // X, offset
using PrecisionArrays = std::tuple<Codes, Codes, bool>;  // rows, columns, varies
using TermArrays = std::tuple<int, Codes, int, std::optional<RowMajor>,
                              std::optional<PrecisionArrays>>;  // see Term

// ---- Arrays out ---------------------------------------------------------------------------------

// A NumPy array that owns the values; column-major if `columns_first`.
inline Array to_array(std::vector<double> values, std::vector<std::size_t> shape,
                      bool columns_first = false) {
  auto* kept = new std::vector<double>(std::move(values));
  nb::capsule owner(kept, [](void* p) noexcept { delete static_cast<std::vector<double>*>(p); });
  std::vector<std::int64_t> strides(shape.size(), 1);
  if (columns_first) {
    for (std::size_t d = 1; d < shape.size(); ++d)
      strides[d] = strides[d - 1] * static_cast<std::int64_t>(shape[d - 1]);
  } else {
    for (std::size_t d = shape.size(); d-- > 1;)
      strides[d - 1] = strides[d] * static_cast<std::int64_t>(shape[d]);
  }
  return Array(kept->data(), shape.size(), shape.data(), owner, strides.data());
}

inline Array to_vector(std::vector<double> values) {
  const std::size_t size = values.size();
  return to_array(std::move(values), {size});
}

// One array (L_t, q_t, q_t) for each term from their concatenation.
template <class Shape>
nb::list to_blocks(const std::vector<double>& values, const std::vector<Shape>& shapes) {
  nb::list out;
  auto next = values.begin();
  for (const Shape& term : shapes) {
    const std::size_t levels = term.levels, q = term.width, size = levels * q * q;
    out.append(to_array(std::vector<double>(next, next + size), {levels, q, q}));
    next += size;
  }
  return out;
}

// ---- Arrays in ----------------------------------------------------------------------------------

inline void require(bool condition, const std::string& what) {
  if (!condition) throw nb::value_error(what.c_str());
}

inline const double* sized(const Vector& array, std::size_t size, const char* name) {
  require(array.size() == size, std::string(name) + " has length " + std::to_string(array.size()) +
                                    ", expected " + std::to_string(size));
  return array.data();
}

inline std::vector<double> copy(const std::optional<Vector>& array, std::size_t n,
                                const char* name) {
  if (!array) return {};
  const double* data = sized(*array, n, name);
  return std::vector<double>(data, data + n);
}

// A lower triangle sorted by column, then row, with the whole diagonal.
inline void check_precision(const PrecisionArrays& precision, int levels) {
  const auto& [rows, columns, varies] = precision;
  require(rows.size() == columns.size(), "rows and columns of a precision matrix differ in length");
  require(rows.size() < 2147483647u, "more elements of a precision matrix than can be counted");
  int diagonal = 0;
  for (std::size_t e = 0; e < rows.size(); ++e) {
    const int row = rows.data()[e], column = columns.data()[e];
    require(column >= 0 && row >= column && row < levels,
            "an element of a precision matrix outside its lower triangle");
    if (row == column) require(column == diagonal++, "a precision matrix without whole diagonal");
    if (e == 0) continue;
    const int before = columns.data()[e - 1];
    require(before < column || (before == column && rows.data()[e - 1] < row),
            "the elements of a precision matrix are not sorted by column, then row");
  }
  require(diagonal == levels, "a precision matrix without whole diagonal");
}

// Number of levels of a row (memberships.h).
inline int slots_of(const Codes& codes, std::size_t n) {
  return n > 0 ? std::max(1, static_cast<int>(codes.size() / n)) : 1;
}

// Shapes and codes are checked, since the engines trust them.
inline void check_arrays(std::size_t n, const std::vector<PredictorArrays>& predictors,
                         const std::vector<TermArrays>& terms) {
  require(n < 2147483647u, "more rows than the engine can count");
  for (const auto& [X, offset] : predictors)
    require(X.shape(0) == n, "X and the response differ in their numbers of rows");
  for (const auto& [predictor, codes, levels, columns, precision] : terms) {
    require(predictor >= 0 && predictor < static_cast<int>(predictors.size()),
            "a term belongs to a predictor that does not exist");
    const int slots = slots_of(codes, n);
    require(codes.size() == slots * n, "the codes of a term and the response differ in length");
    require(levels > 0, "a term has no levels");
    const int* end = codes.data() + codes.size();
    const bool known = std::all_of(codes.data(), end, [count = levels](int code) {
      return code >= 0 && code < count;
    });
    require(known, "level codes outside 0 .. levels - 1");
    for (const int* code = codes.data(); slots > 1 && code + n < end; ++code)
      require(code[0] >= code[n], "the levels of a row ascend");
    if (precision) check_precision(*precision, levels);
    require(columns || slots == 1, "memberships without columns");
    if (!columns) continue;
    require(columns->shape(0) == codes.size(), "the columns of a term and the response differ in rows");
    require(columns->shape(1) > 0, "a term has no columns");
  }
}

// Copies the arrays of a model.
inline Data read_data(const Vector& response, const std::optional<Vector>& trials,
                      const std::optional<Vector>& weights,
                      const std::vector<PredictorArrays>& predictors,
                      const std::vector<TermArrays>& terms) {
  Data data;
  data.n = response.size();
  check_arrays(data.n, predictors, terms);
  data.response.assign(response.data(), response.data() + data.n);
  data.trials = copy(trials, data.n, "trials");
  data.weights = copy(weights, data.n, "weights");
  for (const auto& [X, offset] : predictors) {
    Predictor predictor;
    predictor.p = static_cast<int>(X.shape(1));
    predictor.X.assign(X.data(), X.data() + X.size());
    predictor.offset = copy(offset, data.n, "offset");
    data.predictors.push_back(std::move(predictor));
  }
  for (const auto& [predictor, codes, levels, columns, precision] : terms) {
    Term term;
    term.predictor = predictor;
    term.levels = levels;
    term.slots = slots_of(codes, data.n);
    term.codes.assign(codes.data(), codes.data() + codes.size());
    if (precision) {
      const auto& [rows, places, varies] = *precision;
      term.precision_rows.assign(rows.data(), rows.data() + rows.size());
      term.precision_columns.assign(places.data(), places.data() + places.size());
      term.precision_varies = varies;
    }
    if (columns) {
      term.width = static_cast<int>(columns->shape(1));
      term.columns.assign(columns->data(), columns->data() + columns->size());
    }
    data.terms.push_back(std::move(term));
  }
  return data;
}

// ---- Factor maps --------------------------------------------------------------------------------

using LinearArrays = std::tuple<Codes, Codes, Vector, int, int, Vector>;  // see LinearFactor

// From the fields of a LinearFactor (a tuple), or from a callable theta -> (lam, jacobian).
inline FactorMap read_factor(nb::handle factor, int lambda_size, int theta_size) {
  FactorMap map;
  map.lambda_size = lambda_size;
  if (nb::isinstance<nb::tuple>(factor)) {
    const auto [rows, columns, values, m, size, base] = nb::cast<LinearArrays>(factor);
    map.theta_size = m;
    require(m >= 0 && size == lambda_size, "the factor map has another size than the terms");
    require(rows.size() == values.size() && columns.size() == values.size(),
            "rows, columns and values of the factor map differ in length");
    map.linear.rows.assign(rows.data(), rows.data() + rows.size());
    map.linear.columns.assign(columns.data(), columns.data() + columns.size());
    map.linear.values.assign(values.data(), values.data() + values.size());
    const double* start = sized(base, lambda_size, "base");
    map.linear.base.assign(start, start + lambda_size);
    for (int row : map.linear.rows)
      require(row >= 0 && row < lambda_size, "a row of the factor map is out of range");
    for (int column : map.linear.columns)
      require(column >= 0 && column < m, "a column of the factor map is out of range");
    return map;
  }
  require(theta_size >= 0, "a factor map that is not linear needs a start for theta");
  map.theta_size = theta_size;
  map.callback = [function = nb::borrow<nb::object>(factor), theta_size, lambda_size](
                     const double* theta, double* lam, double* jacobian) {
    const nb::gil_scoped_acquire acquire;
    const nb::object argument =
        nb::cast(to_vector(std::vector<double>(theta, theta + theta_size)));
    const auto [values, slopes] = nb::cast<std::tuple<Vector, ColumnMajor>>(function(argument));
    std::copy_n(sized(values, lambda_size, "lam"), lambda_size, lam);
    require(slopes.shape(0) == static_cast<std::size_t>(lambda_size) &&
                slopes.shape(1) == static_cast<std::size_t>(theta_size),
            "the Jacobian of the factor map must be (lambda_size, theta_size)");
    if (jacobian) std::copy_n(slopes.data(), slopes.size(), jacobian);
  };
  return map;
}

// ---- Running ------------------------------------------------------------------------------------

// Whether to stop. Signals reach the calling thread only, and only there is the interpreter asked;
// worker threads see the flag.
class StopSignal {
 public:
  void begin() {
    caller_ = std::this_thread::get_id();
    stop_ = false;
  }
  bool operator()() {
    if (std::this_thread::get_id() == caller_ && !stop_) {
      const nb::gil_scoped_acquire acquire;
      if (PyErr_CheckSignals() != 0) stop_ = true;
    }
    return stop_;
  }

 private:
  std::thread::id caller_;
  std::atomic<bool> stop_{false};
};

// Runs the methods of one engine: without the interpreter lock, one at a time, until Ctrl-C.
class Runner {
 public:
  Runner() : signal_(std::make_shared<StopSignal>()) {}

  std::function<bool()> wants_stop() const {
    return [signal = signal_] { return (*signal)(); };
  }

  template <class Work>
  auto run(Work work) {
    try {
      const nb::gil_scoped_release release;
      const std::lock_guard<std::mutex> lock(busy_);
      signal_->begin();
      return work();
    } catch (const Interrupted&) {
      throw nb::python_error();  // the exception of the signal handler, KeyboardInterrupt
    }
  }

 private:
  std::shared_ptr<StopSignal> signal_;
  std::mutex busy_;
};

// ---- Results ------------------------------------------------------------------------------------

inline const char* name_of(SearchStatus status) {
  switch (status) {
    case SearchStatus::converged: return "converged";
    case SearchStatus::line_search: return "line_search";
    case SearchStatus::max_steps: return "max_steps";
    default: return "no_mode";
  }
}

// The fields of ilk.kernels.contract.SearchResult in their order.
inline nb::tuple to_tuple(SearchResult result) {
  const std::size_t m = result.gradient.size();
  return nb::make_tuple(name_of(result.status), to_vector(std::move(result.beta)),
                        to_vector(std::move(result.theta)), result.value,
                        to_vector(std::move(result.gradient)),
                        to_array(std::move(result.inverse_hessian), {m, m}, true),
                        result.decrement, result.steps, result.evaluations, result.passes,
                        result.clipped, result.sigma2);
}

}  // namespace ilk::bind
