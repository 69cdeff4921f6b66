// kernel_drivers.h: from a log density of jets (families.h) to kernels over arrays (density.h).
#pragma once

#include "families.h"
#include "kernel_table.h"

namespace ilk {
namespace ILK_NAMESPACE {

// The inputs of a kernel.  A missing array is replaced by one vector of ones read again and again
// (step 0 instead of 1).
struct Rows {
    const double* y;
    const double* trials;
    const double* weight;
    std::size_t trials_step, weight_step;
    const double* const* eta;
};

// Whether a kernel returns the sum of the values, writes them row by row, or ignores them (the
// compiler then removes the computation of the value: logarithms, log Gamma).
enum class Value { none, summed, by_row };

// rows: a multiple of the width.  out receives the coefficients of the weighted jet in the order of
// the shape, from the value on (Value::by_row) or from the first derivative on.
template <class Family, class Shape, Value value>
__attribute__((noinline)) double blocks(std::size_t rows, const Rows& in, double* const* out) {
    constexpr int K = Family::predictors;
    constexpr int skipped = value == Value::by_row ? 0 : 1;
    Vector total = broadcast(0.0);
    for (std::size_t i = 0; i < rows; i += width) {
        Vector predictors[K];
        Jet<Shape> eta[K];
        unroll<K>([&](auto index) ILK_LAMBDA {
            constexpr int k = decltype(index)::value;
            predictors[k] = load(in.eta[k] + i);
            eta[k] = Jet<Shape>::template variable<k>(predictors[k]);
        });
        const Vector y = load(in.y + i);
        const Vector trials = load(in.trials + i * in.trials_step);
        const Vector weight = load(in.weight + i * in.weight_step);
        Jet<Shape> l = weight * Family::log_density(y, trials, eta);
        if constexpr (Family::restricted && value != Value::none) {
            const Mask outside = ~Family::contains(y, predictors) & (weight > 0.0);
            l.c[0] = minus_infinity_where(outside, l.c[0]);
        }
        if constexpr (value == Value::summed) total += l.c[0];
        unroll<Shape::size - skipped>([&](auto j) ILK_LAMBDA {
            store(out[j.value] + i, l.c[skipped + j.value]);
        });
    }
    return sum(total);
}

using Blocks = double (*)(std::size_t rows, const Rows& in, double* const* out);

constexpr int max_predictors = 4;
constexpr int max_outputs = max_predictors + pairs(max_predictors) + triples(max_predictors);

// Any number of rows: whole vectors in place, the rest in a local vector filled up with copies of
// its first row at weight 0.
inline __attribute__((noinline)) double all_rows(Blocks blocks, int predictors, int outputs,
                                                 std::size_t m, const double* y,
                                                 const double* trials, const double* weight,
                                                 const double* const* eta, double* const* out) {
    double ones[width];
    for (double& one : ones) one = 1.0;
    const Rows in = {y,           trials ? trials : ones, weight ? weight : ones,
                     trials != 0, weight != 0,            eta};
    const std::size_t whole = m - m % width, rest = m % width;
    double total = whole ? blocks(whole, in, out) : 0.0;
    if (rest == 0) return total;

    double y_rest[width], trials_rest[width], weight_rest[width];
    double eta_rest[max_predictors][width], out_rest[max_outputs][width];
    const double* eta_pointers[max_predictors];
    double* out_pointers[max_outputs];
    for (std::size_t lane = 0; lane < width; ++lane) {
        const std::size_t i = whole + (lane < rest ? lane : 0);
        y_rest[lane] = y[i];
        trials_rest[lane] = trials ? trials[i] : 1.0;
        weight_rest[lane] = lane < rest ? (weight ? weight[i] : 1.0) : 0.0;
        for (int k = 0; k < predictors; ++k) eta_rest[k][lane] = eta[k][i];
    }
    for (int k = 0; k < predictors; ++k) eta_pointers[k] = eta_rest[k];
    for (int j = 0; j < outputs; ++j) out_pointers[j] = out_rest[j];
    total += blocks(width, {y_rest, trials_rest, weight_rest, 1, 1, eta_pointers}, out_pointers);
    for (int j = 0; j < outputs; ++j)
        for (std::size_t lane = 0; lane < rest; ++lane) out[j][whole + lane] = out_rest[j][lane];
    return total;
}

template <class Family, class Shape, Value value>
double kernel(int, std::size_t m, const double* y, const double* trials, const double* weight,
              const double* const* eta, double* const* d1, double* const* d2, double* const* d3) {
    double* out[Shape::size];
    Shape::outputs(d1, d2, d3, out);
    return all_rows(blocks<Family, Shape, value>, Family::predictors, Shape::size - 1, m, y, trials,
                    weight, eta, out);
}

template <class Family>
void node_kernel(int, std::size_t m, const double* y, const double* trials,
                 const double* weight, const double* const* eta, double* value,
                 double* const* d1) {
    using Shape = MeanShape<1, Family::predictors - 1>;
    double* out[Shape::size];
    out[0] = value;
    Shape::outputs(d1, nullptr, nullptr, out + 1);
    all_rows(blocks<Family, Shape, Value::by_row>, Family::predictors, Shape::size, m, y, trials,
             weight, eta, out);
}

// All kernels of a family.  With a single predictor "anywhere" is "in the mean": kernels coincide.
template <class Family>
constexpr DensityEntry entry(const char* name) {
    constexpr int K = Family::predictors;
    constexpr Kernel inner_value = kernel<Family, MeanShape<2, 0>, Value::summed>;
    constexpr Kernel full = kernel<Family, MeanShape<3, K - 1>, Value::summed>;
    constexpr Kernel inner = kernel<Family, MeanShape<2, 0>, Value::none>;
    if constexpr (K == 1)
        return {name, K, inner, inner_value, full, inner_value, full, node_kernel<Family>};
    else
        return {name,
                K,
                inner,
                inner_value,
                full,
                kernel<Family, SymmetricShape<K, 2>, Value::summed>,
                kernel<Family, SymmetricShape<K, 3>, Value::summed>,
                node_kernel<Family>};
}

}  // namespace ILK_NAMESPACE
}  // namespace ilk
