// The extension module ilk.kernels._core. Python sees it through ilk.kernels.compiled, which puts
// the classes of ilk.kernels.contract around these plain functions.
#include "bind_support.h"
#include "block_cholesky.h"
#include "density.h"
#include "laplace.h"
#include "linear.h"

namespace ilk::bind {

namespace {

const double* data_or_null(const std::optional<Vector>& array, std::size_t size,
                           const char* name) {
  return array ? sized(*array, size, name) : nullptr;
}

const double* data_or_null(const std::optional<ColumnMajor>& array, std::size_t m) {
  if (!array) return nullptr;
  require(array->shape(0) == m && array->shape(1) == m, "inverse_hessian must be (m, m)");
  return array->data();
}

int size_of(const std::optional<Vector>& array) {
  return array ? static_cast<int>(array->size()) : -1;
}

const Density& density_of(const std::string& key, std::size_t predictors) {
  const Density* density = find_density(key);
  require(density, "no compiled density " + key);
  require(static_cast<std::size_t>(density->predictors) == predictors,
          key + " has " + std::to_string(density->predictors) + " predictors");
  return *density;
}

// A copy of (U, columns) for an in-place solve.
std::vector<double> copy_columns(const ColumnMajor& rhs, std::size_t rows) {
  require(rhs.shape(0) == rows, "the right-hand side must have " + std::to_string(rows) + " rows");
  return std::vector<double>(rhs.data(), rhs.data() + rhs.size());
}

// ---- LaplaceEngine ------------------------------------------------------------------------------

class Laplace {
 public:
  Laplace(Vector response, std::optional<Vector> trials, std::optional<Vector> weights,
          std::vector<PredictorArrays> predictors, std::vector<TermArrays> terms,
          const std::string& key, int threads) {
    const Density& density = density_of(key, predictors.size());
    Data data = read_data(response, trials, weights, predictors, terms);
    engine_ = runner_.run([&] {
      return std::make_unique<LaplaceEngine>(std::move(data), density, threads);
    });
    engine_->set_interrupt(runner_.wants_stop());
  }

  nb::tuple evaluate(Vector beta, Vector lam, const std::vector<int>& nodes, bool gradient,
                     double tolerance, bool cold) {
    const double* b = sized(beta, engine_->coefficients(), "beta");
    const double* l = sized(lam, engine_->lambda_size(), "lam");
    LaplaceEvaluation at =
        runner_.run([&] { return engine_->evaluate(b, l, nodes, gradient, tolerance, cold); });
    const bool with_gradient = gradient && at.converged;
    nb::object grad_beta = nb::none(), grad_lam = nb::none();
    if (with_gradient) {
      grad_beta = nb::cast(to_vector(std::move(at.grad_beta)));
      grad_lam = nb::cast(to_vector(std::move(at.grad_lam)));
    }
    return nb::make_tuple(at.value, grad_beta, grad_lam, at.converged, at.clipped);
  }

  nb::tuple fit(nb::object factor, Vector beta, std::optional<Vector> theta,
                std::optional<ColumnMajor> inverse_hessian, const std::vector<int>& nodes,
                int max_steps, double tolerance) {
    const FactorMap map = read_factor(factor, engine_->lambda_size(), size_of(theta));
    const double* b = sized(beta, engine_->coefficients(), "beta");
    const double* t = data_or_null(theta, map.theta_size, "theta");
    const double* h =
        data_or_null(inverse_hessian, engine_->coefficients() + map.theta_size);
    require(!h || t || map.theta_size == 0, "inverse_hessian needs a start for theta");
    return to_tuple(runner_.run(
        [&] { return engine_->fit(map, b, t, h, nodes, max_steps, tolerance); }));
  }

  Array information(nb::object factor, Vector beta, Vector theta, Vector scale,
                    const std::vector<int>& nodes) {
    const FactorMap map =
        read_factor(factor, engine_->lambda_size(), static_cast<int>(theta.size()));
    const std::size_t m = engine_->coefficients() + map.theta_size;
    const double* b = sized(beta, engine_->coefficients(), "beta");
    const double* t = sized(theta, map.theta_size, "theta");
    const double* s = sized(scale, m, "scale");
    return to_array(runner_.run([&] { return engine_->information(map, b, t, s, nodes); }),
                    {m, m}, true);
  }

  Array modes() {
    return to_vector(runner_.run([&] { return engine_->modes(); }));
  }
  nb::list conditional_covariance() {
    return to_blocks(runner_.run([&] { return engine_->conditional_covariance(); }),
                     engine_->shapes());
  }
  Array solve(ColumnMajor rhs) {
    const std::size_t columns = rhs.shape(1);
    std::vector<double> x = copy_columns(rhs, engine_->effects());
    runner_.run([&] { engine_->solve(x.data(), static_cast<int>(columns)); });
    return to_array(std::move(x), {rhs.shape(0), columns}, true);
  }
  Array cross_information() {
    const std::size_t U = engine_->effects(), P = engine_->coefficients();
    return to_array(runner_.run([&] { return engine_->cross_information(); }), {U, P}, true);
  }
  Array fixed_information() {
    const std::size_t P = engine_->coefficients();
    return to_array(runner_.run([&] { return engine_->fixed_information(); }), {P, P}, true);
  }
  void set_response(Vector response) {
    const double* y = sized(response, engine_->rows(), "response");
    runner_.run([&] { engine_->set_response(y); });
  }

 private:
  Runner runner_;
  std::unique_ptr<LaplaceEngine> engine_;
};

// ---- LinearEngine -------------------------------------------------------------------------------

class Linear {
 public:
  Linear(Vector response, std::optional<Vector> weights, std::vector<PredictorArrays> predictors,
         std::vector<TermArrays> terms, double count)
      : response_(std::move(response)),
        weights_(std::move(weights)),
        predictors_(std::move(predictors)),
        terms_(std::move(terms)) {
    const LinearData data = read();
    engine_ = runner_.run(
        [&] { return std::make_unique<LinearEngine>(data, count, runner_.wants_stop()); });
  }

  nb::tuple evaluate(Vector lam, bool reml, bool gradient) {
    const double* l = sized(lam, engine_->lambda_size(), "lam");
    const Gradient kind = gradient ? Gradient::exact : Gradient::none;
    LinearEvaluation at = runner_.run([&] { return engine_->evaluate(l, reml, kind); });
    nb::object grad_lam = nb::none();
    if (gradient && at.status == LinearStatus::ok)
      grad_lam = nb::cast(to_vector(std::move(at.gradient)));
    return nb::make_tuple(at.value, to_vector(std::move(at.beta)), at.sigma2, grad_lam);
  }

  nb::tuple fit(nb::object factor, std::optional<Vector> theta, bool reml, int max_steps,
                double tolerance) {
    const FactorMap map = read_factor(factor, engine_->lambda_size(), size_of(theta));
    const double* t = data_or_null(theta, map.theta_size, "theta");
    return to_tuple(
        runner_.run([&] { return engine_->fit(map, t, reml, max_steps, tolerance); }));
  }

  nb::tuple information(nb::object factor, Vector theta, Vector scale, bool reml) {
    const FactorMap map =
        read_factor(factor, engine_->lambda_size(), static_cast<int>(theta.size()));
    const std::size_t m = map.theta_size;
    const double* t = sized(theta, m, "theta");
    const double* s = sized(scale, m, "scale");
    LinearInformation out = runner_.run([&] { return engine_->information(map, t, s, reml); });
    return nb::make_tuple(to_array(std::move(out.information), {m, m}, true),
                          to_vector(std::move(out.log_sigma2_slope)));
  }

  Array modes() {
    return to_vector(runner_.run([&] { return engine_->modes(); }));
  }
  nb::list conditional_covariance() {
    return to_blocks(runner_.run([&] { return engine_->conditional_covariance(); }),
                     engine_->data().terms);
  }
  Array solve(ColumnMajor rhs) {
    const std::size_t columns = rhs.shape(1);
    std::vector<double> x = copy_columns(rhs, effects());
    runner_.run([&] { engine_->solve(x.data(), static_cast<int>(columns)); });
    return to_array(std::move(x), {rhs.shape(0), columns}, true);
  }
  Array cross_information() {
    const std::size_t p = engine_->coefficients();
    return to_array(runner_.run([&] { return engine_->cross_information(); }), {effects(), p},
                    true);
  }
  Array coefficient_covariance() {
    const std::size_t p = engine_->coefficients();
    return to_array(runner_.run([&] { return engine_->coefficient_covariance(); }), {p, p}, true);
  }
  void set_response(Vector response) {
    const double* y = sized(response, response_.size(), "response");
    runner_.run([&] {
      {
        const nb::gil_scoped_acquire acquire;
        response_ = response;
      }
      engine_->set_response(y);
    });
  }

 private:
  // The arrays as the engine takes them: where they are.
  LinearData read() const {
    require(predictors_.size() == 1, "a linear model has one predictor");
    LinearData data;
    data.n = response_.size();
    check_arrays(data.n, predictors_, terms_);
    data.response = response_.data();
    data.weights = data_or_null(weights_, data.n, "weights");
    const auto& [X, offset] = predictors_[0];
    data.X = X.data();
    data.p = static_cast<int>(X.shape(1));
    data.offset = data_or_null(offset, data.n, "offset");
    for (const auto& [predictor, codes, levels, columns, precision] : terms_) {
      LinearTerm term;
      term.levels = levels;
      term.slots = slots_of(codes, data.n);
      term.codes = codes.data();
      if (columns) {
        term.width = static_cast<int>(columns->shape(1));
        term.columns = columns->data();
      }
      if (precision) {
        const auto& [rows, places, varies] = *precision;
        term.precision = {rows.data(), places.data(), rows.size(), varies};
      }
      data.terms.push_back(term);
    }
    return data;
  }

  std::size_t effects() const { return static_cast<std::size_t>(engine_->effects()); }

  Runner runner_;
  Vector response_;
  std::optional<Vector> weights_;
  std::vector<PredictorArrays> predictors_;
  std::vector<TermArrays> terms_;
  std::unique_ptr<LinearEngine> engine_;
};

}  // namespace

NB_MODULE(_core, m) {
  using namespace nb::literals;
  m.doc() = "Compiled engines; use them through ilk.kernels.";
  m.def("density_names", &density_names, "Keys of the compiled densities.");

  nb::class_<Laplace>(m, "LaplaceEngine")
      .def(nb::init<Vector, std::optional<Vector>, std::optional<Vector>,
                    std::vector<PredictorArrays>, std::vector<TermArrays>, const std::string&,
                    int>(),
           "response"_a, "trials"_a.none(), "weights"_a.none(), "predictors"_a, "terms"_a,
           "density"_a, "threads"_a)
      .def("evaluate", &Laplace::evaluate, "beta"_a, "lam"_a, "nodes"_a, "gradient"_a,
           "tolerance"_a, "cold"_a)
      .def("fit", &Laplace::fit, "factor"_a, "beta"_a, "theta"_a.none(),
           "inverse_hessian"_a.none(), "nodes"_a, "max_steps"_a, "tolerance"_a)
      .def("information", &Laplace::information, "factor"_a, "beta"_a, "theta"_a, "scale"_a,
           "nodes"_a)
      .def("modes", &Laplace::modes)
      .def("conditional_covariance", &Laplace::conditional_covariance)
      .def("solve", &Laplace::solve, "rhs"_a)
      .def("cross_information", &Laplace::cross_information)
      .def("fixed_information", &Laplace::fixed_information)
      .def("set_response", &Laplace::set_response, "response"_a);

  nb::class_<Linear>(m, "LinearEngine")
      .def(nb::init<Vector, std::optional<Vector>, std::vector<PredictorArrays>,
                    std::vector<TermArrays>, double>(),
           "response"_a, "weights"_a.none(), "predictors"_a, "terms"_a, "count"_a)
      .def("evaluate", &Linear::evaluate, "lam"_a, "reml"_a, "gradient"_a)
      .def("fit", &Linear::fit, "factor"_a, "theta"_a.none(), "reml"_a, "max_steps"_a,
           "tolerance"_a)
      .def("information", &Linear::information, "factor"_a, "theta"_a, "scale"_a, "reml"_a)
      .def("modes", &Linear::modes)
      .def("conditional_covariance", &Linear::conditional_covariance)
      .def("solve", &Linear::solve, "rhs"_a)
      .def("cross_information", &Linear::cross_information)
      .def("coefficient_covariance", &Linear::coefficient_covariance)
      .def("set_response", &Linear::set_response, "response"_a);
}

}  // namespace ilk::bind
