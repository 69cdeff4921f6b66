// category_drivers.h: kernels (density.h) of families whose predictors come with the categories.
//
// The response is the code 0, ..., J - 1 of a category.  Which derivatives a kernel writes is told
// by `Wanted`; those in the predictors of other categories are often zero and must be written too.
#pragma once

#include "interval_families.h"
#include "kernel_drivers.h"

namespace ilk {
namespace ILK_NAMESPACE {

// The kernels of density.h; inner_value serves as inner as well, to save code.
enum class Wanted { inner_value, full, multi2, multi3, node };

constexpr bool everywhere(Wanted w) { return w == Wanted::multi2 || w == Wanted::multi3; }
// Whether it has first derivatives in all predictors, second and third ones in the mean at all.
constexpr bool all_first(Wanted w) { return w != Wanted::inner_value; }
constexpr bool second_order(Wanted w) { return w != Wanted::node; }
constexpr bool third_order(Wanted w) { return w == Wanted::full || w == Wanted::multi3; }

// Calls body(order, k, l, m) for each derivative in the order of the outputs of a shape.
template <Wanted wanted, class Body>
ILK_INLINE void for_derivatives(int predictors, const Body& body) {
    if constexpr (everywhere(wanted)) {
        for (int k = 0; k < predictors; ++k) body(1, k, 0, 0);
        for (int k = 0; k < predictors; ++k)
            for (int l = 0; l <= k; ++l) body(2, k, l, 0);
        if constexpr (third_order(wanted))
            for (int k = 0; k < predictors; ++k)
                for (int l = 0; l <= k; ++l)
                    for (int m = 0; m <= l; ++m) body(3, k, l, m);
    } else {
        for (int k = 0; k < (all_first(wanted) ? predictors : 1); ++k) {
            body(1, k, 0, 0);
            if constexpr (second_order(wanted)) body(2, k, 0, 0);
            if constexpr (third_order(wanted)) body(3, k, 0, 0);
        }
    }
}

struct Outputs {
    double *const *d1, *const *d2, *const *d3;

    ILK_INLINE double* at(int order, int k, int l, int m) const {
        return order == 1 ? d1[k] : order == 2 ? d2[pair(k, l)] : d3[triple(k, l, m)];
    }
};

// --- cumulative models: gather the thresholds around each category, scatter their derivatives ----

template <Wanted wanted, int predictors>
struct ShapeOf {
    static constexpr bool full = wanted == Wanted::full;
    using Type = MeanShape<full ? 3 : 2, full ? predictors - 1 : 0>;
};
template <int predictors>
struct ShapeOf<Wanted::node, predictors> {
    using Type = MeanShape<1, predictors - 1>;
};
template <int predictors>
struct ShapeOf<Wanted::multi2, predictors> {
    using Type = SymmetricShape<predictors, 2>;
};
template <int predictors>
struct ShapeOf<Wanted::multi3, predictors> {
    using Type = SymmetricShape<predictors, 3>;
};

constexpr std::size_t gathered_rows = 64;

template <class Family, Wanted wanted>
double threshold_rows(int predictors, std::size_t m, const double* y, const double* weight,
                      const double* const* eta, double* value, const Outputs& out) {
    using Shape = typename ShapeOf<wanted, Family::predictors>::Type;
    constexpr int first = Family::location, local = Family::predictors;
    constexpr int skipped = wanted == Wanted::node ? 0 : 1, outputs = Shape::size - skipped;
    constexpr Value kind = wanted == Wanted::node ? Value::by_row : Value::summed;
    const int highest = predictors - first;  // code of the last category
    double side[gathered_rows], lower[gathered_rows], upper[gathered_rows];
    double buffer[outputs + 1][gathered_rows];
    double total = 0.0;
    for (std::size_t begin = 0; begin < m; begin += gathered_rows) {
        const std::size_t rows = m - begin < gathered_rows ? m - begin : gathered_rows;
        for (std::size_t i = 0; i < rows; ++i) {
            const int j = int(y[begin + i]);
            const bool low = j == 0, high = j == highest;
            lower[i] = low ? eta[first][begin + i] - 1.0 : eta[first + j - 1][begin + i];
            upper[i] = high ? lower[i] + 1.0 : eta[first + j][begin + i];
            side[i] = low ? 0.0 : high ? 2.0 : 1.0;
        }
        const double* source[local];
        for (int k = 0; k < first; ++k) source[k] = eta[k] + begin;
        source[first] = lower, source[first + 1] = upper;

        double* target[outputs + 1];
        int next = 0;
        if constexpr (wanted == Wanted::node) target[next++] = value + begin;
        for_derivatives<wanted>(local, [&](int order, int k, int l, int o) ILK_LAMBDA {
            target[next] = k < first ? out.at(order, k, l, o) + begin : buffer[next];
            ++next;
        });
        total += all_rows(blocks<Family, Shape, kind>, local, outputs, rows, side, nullptr,
                          weight ? weight + begin : nullptr, source, target);
        if constexpr (!all_first(wanted)) continue;

        for_derivatives<wanted>(predictors, [&](int order, int k, int l, int o) ILK_LAMBDA {
            if (k < first) return;
            double* zeros = out.at(order, k, l, o) + begin;
            for (std::size_t i = 0; i < rows; ++i) zeros[i] = 0.0;
        });
        next = skipped == 0 ? 1 : 0;
        for_derivatives<wanted>(local, [&](int order, int k, int l, int o) ILK_LAMBDA {
            const double* from = buffer[next++];
            if (k < first) return;
            // Predictors that are thresholds here are those at j - 1 or j there.
            const bool uses_lower = k == first || (order > 1 && l == first) ||
                                    (order > 2 && o == first);
            const bool uses_upper = k > first;
            for (std::size_t i = 0; i < rows; ++i) {
                if ((uses_lower && side[i] == 0.0) || (uses_upper && side[i] == 2.0)) continue;
                const int shift = int(y[begin + i]) - 1;
                const auto there = [&](int at) { return at < first ? at : at + shift; };
                out.at(order, there(k), there(l), there(o))[begin + i] = from[i];
            }
        });
    }
    return total;
}

template <class Family>
struct Thresholds {
    static constexpr int location = Family::location;
    template <Wanted wanted>
    static double rows(int predictors, std::size_t m, const double* y, const double* weight,
                       const double* const* eta, double* value, const Outputs& out) {
        return threshold_rows<Family, wanted>(predictors, m, y, weight, eta, value, out);
    }
};

// --- families that vector code over rows serves as it is -----------------------------------------

// A vector of rows, or what is left of one: its other lanes repeat the first.
struct Lanes {
    std::size_t begin;
    int count;

    ILK_INLINE Vector load_from(const double* p) const {
        if (count == width) return load(p + begin);
        Vector x = broadcast(p[begin]);
        for (int lane = 1; lane < count; ++lane) x[lane] = p[begin + lane];
        return x;
    }
    ILK_INLINE void store_to(double* p, Vector x) const {
        if (count == width) return store(p + begin, x);
        for (int lane = 0; lane < count; ++lane) p[begin + lane] = x[lane];
    }
    ILK_INLINE Vector weights(const double* weight) const {
        if (weight) {
            Vector w = load_from(weight);
            for (int lane = count; lane < width; ++lane) w[lane] = 0.0;
            return w;
        }
        Vector w = broadcast(1.0);
        for (int lane = count; lane < width; ++lane) w[lane] = 0.0;
        return w;
    }
};

template <class Body>
ILK_INLINE void for_lanes(std::size_t m, const Body& body) {
    for (std::size_t i = 0; i < m; i += width)
        body(Lanes{i, m - i < std::size_t(width) ? int(m - i) : width});
}

// Continuation ratios: the sum over the thresholds k up to the category y of log F(theta_k - mean)
// for k = y and log(1 - F(theta_k - mean)) for k < y.  No derivative mixes two thresholds.
template <class Link>
struct Continuation {
    static constexpr int location = 1;
    static ILK_INLINE LogProbabilities logs(Vector x) { return Link::log_probabilities(x); }

    template <Wanted wanted>
    static double rows(int predictors, std::size_t m, const double* y, const double* weight,
                       const double* const* eta, double* value, const Outputs& out) {
        if constexpr (everywhere(wanted))
            for_derivatives<wanted>(predictors, [&](int order, int k, int l, int o) ILK_LAMBDA {
                if ((l == 0 || l == k) && (o == 0 || o == k)) return;
                double* zeros = out.at(order, k, l, o);
                for (std::size_t i = 0; i < m; ++i) zeros[i] = 0.0;
            });
        Vector total = broadcast(0.0);
        for_lanes(m, [&](Lanes lanes) ILK_LAMBDA {
            const Vector zero = broadcast(0.0), w = lanes.weights(weight);
            const Vector code = lanes.load_from(y), mean = lanes.load_from(eta[0]);
            Vector f0 = zero, f1 = zero, f2 = zero, f3 = zero;
            for (int k = 0; k + 1 < predictors; ++k) {
                const LogProbabilities p = logs(lanes.load_from(eta[k + 1]) - mean);
                const Mask stops = code == double(k), passes = code > double(k);
                const auto choose = [&](Vector a, Vector b) {
                    return w * select(stops, a, select(passes, b, zero));
                };
                const Vector g1 = choose(p.mean.f1, p.complement.f1);
                const Vector g2 = choose(p.mean.f2, p.complement.f2);
                f0 += choose(p.mean.f0, p.complement.f0);
                f1 -= g1, f2 += g2;
                if constexpr (all_first(wanted)) lanes.store_to(out.d1[k + 1], g1);
                if constexpr (all_first(wanted) && second_order(wanted))
                    lanes.store_to(out.d2[pair(k + 1, 0)], -g2);
                if constexpr (everywhere(wanted)) lanes.store_to(out.d2[pair(k + 1, k + 1)], g2);
                if constexpr (third_order(wanted)) {
                    const Vector g3 = choose(p.mean.f3, p.complement.f3);
                    f3 -= g3;
                    lanes.store_to(out.d3[triple(k + 1, 0, 0)], g3);
                    if constexpr (everywhere(wanted)) {
                        lanes.store_to(out.d3[triple(k + 1, k + 1, 0)], -g3);
                        lanes.store_to(out.d3[triple(k + 1, k + 1, k + 1)], g3);
                    }
                }
            }
            if constexpr (wanted == Wanted::node) lanes.store_to(value, f0);
            total += f0;
            lanes.store_to(out.d1[0], f1);
            if constexpr (second_order(wanted)) lanes.store_to(out.d2[0], f2);
            if constexpr (third_order(wanted)) lanes.store_to(out.d3[0], f3);
        });
        return sum(total);
    }
};

namespace continuation {

struct Logit {
    static ILK_INLINE LogProbabilities log_probabilities(Vector x) {
        return logistic_log_probabilities(x);
    }
};
struct Probit {
    static ILK_INLINE LogProbabilities log_probabilities(Vector x) {
        return normal_log_probabilities(x);
    }
};
struct Cloglog {
    static ILK_INLINE LogProbabilities log_probabilities(Vector x) {
        return cloglog_log_probabilities(x);
    }
};
struct Loglog {
    static ILK_INLINE LogProbabilities log_probabilities(Vector x) {
        const LogProbabilities other = cloglog_log_probabilities(-x);
        const auto reversed = [](const Derivatives& f) ILK_LAMBDA {
            return Derivatives{f.f0, -f.f1, f.f2, -f.f3};
        };
        return {reversed(other.complement), reversed(other.mean)};
    }
};

}  // namespace continuation

// log p_y = s_y - log sum_j exp(s_j) with scores s = B eta.  With c_jk = B_jk - sum_j p_j B_jk the
// derivatives are B_yk - sum_j p_j B_jk, -sum_j p_j c_jk c_jl and -sum_j p_j c_jk c_jl c_jm.
template <class Scores>
struct Shares {
    static constexpr int location = Scores::location;

    template <Wanted wanted>
    static double rows(int predictors, std::size_t m, const double* y, const double* weight,
                       const double* const* eta, double* value, const Outputs& out) {
        const int categories = predictors - location + 1;
        const int moments = all_first(wanted) ? predictors : 1;
        Vector total = broadcast(0.0);
        for_lanes(m, [&](Lanes lanes) ILK_LAMBDA {
            const Vector zero = broadcast(0.0), w = lanes.weights(weight);
            const Vector code = lanes.load_from(y);
            Vector p[most_categories], c[most_categories][most_categories];
            Vector top = zero, own = zero, whole = zero;
            for (int j = 0; j < categories; ++j) {
                p[j] = j == 0 ? zero : Scores::next(j, p[j - 1], lanes, eta);
                top = maximum(top, p[j]);
                own = select(code == double(j), p[j], own);
            }
            for (int j = 0; j < categories; ++j) whole += p[j] = exponential(p[j] - top);
            for (int j = 0; j < categories; ++j) p[j] *= 1.0 / whole;
            const Vector log_p = w * (own - top - logarithm(whole));
            if constexpr (wanted == Wanted::node) lanes.store_to(value, log_p);
            total += log_p;
            for (int k = 0; k < moments; ++k) {
                Vector mean = zero, mine = zero;
                for (int j = 0; j < categories; ++j) {
                    const double b = Scores::weight(j, k);
                    mean += p[j] * b;
                    mine = select(code == double(j), broadcast(b), mine);
                }
                for (int j = 0; j < categories; ++j) c[j][k] = Scores::weight(j, k) - mean;
                lanes.store_to(out.d1[k], w * (mine - mean));
            }
            for_derivatives<wanted>(predictors, [&](int order, int k, int l, int o) ILK_LAMBDA {
                if (order == 1) return;
                Vector moment = zero;
                for (int j = 0; j < categories; ++j)
                    moment -= p[j] * c[j][k] * c[j][l] * (order == 2 ? broadcast(1.0) : c[j][o]);
                lanes.store_to(out.at(order, k, l, o), w * moment);
            });
        });
        return sum(total);
    }
};

namespace scores {

// Adjacent categories: s_j = s_{j-1} + mean - theta_j.
struct Adjacent {
    static constexpr int location = 1;
    static ILK_INLINE Vector next(int j, Vector before, Lanes lanes, const double* const* eta) {
        return before + lanes.load_from(eta[0]) - lanes.load_from(eta[j]);
    }
    static ILK_INLINE double weight(int j, int k) {
        return k == 0 ? double(j) : j >= k ? -1.0 : 0.0;
    }
};

// A predictor for each category but the first.
struct Separate {
    static constexpr int location = 0;
    static ILK_INLINE Vector next(int j, Vector, Lanes lanes, const double* const* eta) {
        return lanes.load_from(eta[j - 1]);
    }
    static ILK_INLINE double weight(int j, int k) { return j == k + 1 ? 1.0 : 0.0; }
};

}  // namespace scores

// --- kernels -------------------------------------------------------------------------------------

template <class Family, Wanted wanted>
double category_kernel(int predictors, std::size_t m, const double* y, const double*,
                       const double* weight, const double* const* eta, double* const* d1,
                       double* const* d2, double* const* d3) {
    return Family::template rows<wanted>(predictors, m, y, weight, eta, nullptr, {d1, d2, d3});
}

template <class Family>
void category_node(int predictors, std::size_t m, const double* y, const double*,
                   const double* weight, const double* const* eta, double* value,
                   double* const* d1) {
    Family::template rows<Wanted::node>(predictors, m, y, weight, eta, value,
                                        {d1, nullptr, nullptr});
}

template <class Family>
constexpr DensityEntry category_entry(const char* name) {
    return {name,
            Family::location,
            category_kernel<Family, Wanted::inner_value>,
            category_kernel<Family, Wanted::inner_value>,
            category_kernel<Family, Wanted::full>,
            category_kernel<Family, Wanted::multi2>,
            category_kernel<Family, Wanted::multi3>,
            category_node<Family>};
}

}  // namespace ILK_NAMESPACE
}  // namespace ilk
