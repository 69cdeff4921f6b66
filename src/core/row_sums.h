// row_sums.h: what densities that are sums over whole numbers share.
//
// The terms of one row fill vectors, so that rows with long sums do not hold up others; a family
// loops over the lanes of its predictors.
#pragma once

#include "families.h"
#include "lattice_rule.h"

namespace ilk {
namespace ILK_NAMESPACE {

ILK_INLINE double one_exponential(double x) { return exponential(broadcast(x))[0]; }
ILK_INLINE double one_logarithm(double x) { return logarithm(broadcast(x))[0]; }
ILK_INLINE double one_root(double x) { return __builtin_sqrt(x); }
ILK_INLINE double larger(double x, double y) { return x > y ? x : y; }
ILK_INLINE double smaller(double x, double y) { return x < y ? x : y; }

ILK_INLINE bool any(Mask mask) {
    std::int64_t found = 0;
    for (int lane = 0; lane < width; ++lane) found |= mask[lane];
    return found != 0;
}

// Order of the derivatives that a jet has in predictors other than that of the mean alone.
template <int O, int N>
constexpr int partial_order(const Jet<MeanShape<O, N>>*) {
    return N > 0 ? 1 : 0;
}
template <int K, int O>
constexpr int partial_order(const Jet<SymmetricShape<K, O>>*) {
    return O;
}

constexpr int most_terms = 4096;

// Nodes and weights of a sum over low, ..., high of a function that varies on a scale, in panels no
// longer than that, nor than twice their distance from -1.  Filled up to whole vectors by the point
// `filler` with a weight that is as good as none.  Their number.
__attribute__((noinline)) inline int lattice_points(double low, double high, double scale,
                                                    double filler, double* points,
                                                    double* weights) {
    int size = 0;
    scale = larger(scale, 1.0);
    for (double at = low; at <= high && size + lattice_nodes <= most_terms - width;) {
        const double length = smaller(smaller(high - at + 1.0, scale), 2.0 * (at + 1.0));
        int level = 0;
        while (level < lattice_levels - 1 && lattice_nodes * lattice_size(level + 1) <= length)
            ++level;
        for (int i = 0; i < lattice_nodes; ++i) {
            const double x = level == 0 ? at + i : at + lattice_rule.offset[level][i];
            if (level == 0 && x > high) break;
            points[size] = x;
            weights[size++] = level == 0 ? 1.0 : lattice_rule.weight[level][i];
        }
        at += lattice_nodes * lattice_size(level);
    }
    for (; size % width; ++size) points[size] = filler, weights[size] = 1e-300;
    return size;
}

}  // namespace ILK_NAMESPACE
}  // namespace ilk
