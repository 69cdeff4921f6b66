// conway_maxwell.h: the Conway-Maxwell-Poisson density by its mean.
//
// With m = floor(mu), T(j) = log m! - log j! + (j - m) log max(m, 1) and nu = 1/phi,
//   log f = (y - m) b + nu T(y) - K(b, nu),   K = log sum_j exp((j - m) b + nu T(j)),
// b being the number that makes the mean mu.  The sums are taken row by row, over the terms that
// matter, in panels of 16 nodes (lattice_rule.h); derivatives are the joint cumulants of (y, T(y)).
// Derivation and twin: src/ilk/family/conway_maxwell.py.
#pragma once

#include "row_sums.h"

namespace ilk {
namespace ILK_NAMESPACE {

// Cumulants of order (i, j) in (y, T); value = K.
struct TiltedSums {
    Vector m, tilt, log_sum;
    Vector c01, c20, c11, c02, c30, c21, c12, c03, c40, c31, c22, c13;
};

// T(j) without cancellation however large the counts are, by rising_excess at the smaller of j, m.
ILK_INLINE Vector log_factorial_tilt(Vector j, Vector m) {
    const Vector one = broadcast(1.0);
    const Vector low = minimum(j, m), distance = absolute(j - m);
    const Vector base = maximum(m, one);
    const Vector rest = rising_excess_derivatives(logarithm(low + 1.0), distance).f0 +
                        distance * log1p((low + 1.0 - base) / base);
    return select(j < m, rest, -rest);
}

constexpr double faint = 42.0;  // logarithm of the share of the largest term left out

// The terms of one row: distances d = j - m, nu T(j) + log weight, T(j).
struct Terms {
    double d[most_terms], base[most_terms], T[most_terms];
    int size;
};

__attribute__((noinline)) inline void collect_terms(double mu, double nu, double m, Terms& terms) {
    const double c = faint / nu, root = one_root(2.0 * c * mu);
    const double wide = c / 3.0 + one_root(c * c / 9.0 + 2.0 * c * mu);
    const double low = larger(__builtin_floor(mu - root - 2.0), 0.0);
    const double high = __builtin_ceil(mu + smaller(wide, faint * (mu + 1.0)) + 10.0);
    const double scale = 2.0 * one_root(smaller(mu / nu, mu * (1.0 + mu)));
    double points[most_terms], weights[most_terms];
    terms.size = lattice_points(low, high, scale, m, points, weights);
    for (int i = 0; i < terms.size; i += width) {
        const Vector j = load(points + i), T = log_factorial_tilt(j, broadcast(m));
        store(terms.T + i, T);
        store(terms.d + i, j - m);
        store(terms.base + i, nu * T + logarithm(load(weights + i)));
    }
}

struct TiltedMean {
    double total, beyond, mean, spread;
};

// Sum of the terms at the tilt b, without that of j = 0, their mean and variance.
ILK_INLINE TiltedMean tilted_mean(const Terms& terms, double m, double b) {
    Vector total = broadcast(0.0), beyond = total, first = total, second = total;
    for (int i = 0; i < terms.size; i += width) {
        const Vector d = load(terms.d + i);
        const Vector mass = exponential(minimum(load(terms.base + i) + d * b, broadcast(600.0)));
        total += mass, first += mass * d, second += mass * d * d;
        beyond += select(d + m > 0.0, mass, broadcast(0.0));
    }
    const double whole = sum(total), mean = sum(first) / whole;
    return {whole, sum(beyond), m + mean, larger(sum(second) / whole - mean * mean, 1e-290)};
}

// The tilt that gives the mean mu: Newton's method on log means, kept within brackets.
__attribute__((noinline)) inline double find_tilt(const Terms& terms, double mu, double nu,
                                                  double m) {
    const double near = larger(mu + 0.5 * (1.0 - 1.0 / nu), mu / (1.0 + mu));
    double b = mu < 1.0 ? one_logarithm(mu / (1.0 + mu))
                        : nu * one_logarithm(near / larger(m, 1.0));
    double low = -1e300, high = 1e300;
    for (int iteration = 0; iteration < 200; ++iteration) {
        const TiltedMean at = tilted_mean(terms, m, b);
        const double error = one_logarithm(at.mean / mu);
        (error <= 0.0 ? low : high) = b;
        // Where all mass is on one count the slope is lost; no mean is farther than this by much.
        const double step = larger(smaller(error * at.mean / at.spread, nu + 1.0), -nu - 1.0);
        double moved = b - step;
        const bool settled = error < 1e-9 && error > -1e-9;
        if (!settled && !(moved > low && moved < high)) {
            if (low > -1e300 && high < 1e300)
                moved = 0.5 * (low + high);
            else
                moved = error > 0.0 ? b - 1.0 : b + 1.0;
        }
        b = moved;
        if (settled) break;
    }
    return b;
}

// One row: cumulants to fourth order in (y, T).
__attribute__((noinline)) inline void tilted_sums(double mu, double nu, bool all, TiltedSums& out,
                                                  int lane) {
    Terms terms;
    const double m = __builtin_floor(mu);
    collect_terms(mu, nu, m, terms);
    const double b = find_tilt(terms, mu, nu, m);
    const TiltedMean at = tilted_mean(terms, m, b);
    out.m[lane] = m, out.tilt[lane] = b;
    out.log_sum[lane] = m == 0.0 ? log1p(broadcast(at.beyond))[0] : one_logarithm(at.total);
    const double off = at.mean / mu - 1.0;
    if (!(off < 1e-6 && off > -1e-6)) out.log_sum[lane] = __builtin_nan("");  // no such tilt found

    const Vector zero = broadcast(0.0);
    Vector mean_T = zero;
    for (int i = 0; all && i < terms.size; i += width) {
        const Vector mass = exponential(load(terms.base + i) + load(terms.d + i) * b);
        mean_T += mass * load(terms.T + i);
    }
    const double T_mean = sum(mean_T) / at.total;
    Vector s20 = zero, s11 = zero, s02 = zero, s30 = zero, s21 = zero, s12 = zero, s03 = zero;
    Vector s40 = zero, s31 = zero, s22 = zero, s13 = zero;
    for (int i = 0; i < terms.size; i += width) {
        const Vector p = exponential(load(terms.base + i) + load(terms.d + i) * b) / at.total;
        const Vector d = load(terms.d + i) + (m - mu), dd = p * d * d;
        s20 += dd, s30 += dd * d, s40 += dd * d * d;
        if (!all) continue;
        const Vector t = load(terms.T + i) - T_mean, dt = p * d * t, tt = p * t * t;
        s11 += dt, s02 += tt, s21 += dt * d, s12 += dt * t, s03 += tt * t;
        s31 += dt * d * d, s22 += dd * t * t, s13 += tt * t * d;
    }
    const double k20 = sum(s20), k11 = sum(s11), k02 = sum(s02);
    out.c01[lane] = T_mean;
    out.c20[lane] = k20, out.c11[lane] = k11, out.c02[lane] = k02;
    out.c30[lane] = sum(s30), out.c21[lane] = sum(s21);
    out.c12[lane] = sum(s12), out.c03[lane] = sum(s03);
    out.c40[lane] = sum(s40) - 3.0 * k20 * k20;
    out.c31[lane] = sum(s31) - 3.0 * k20 * k11;
    out.c22[lane] = sum(s22) - k20 * k02 - 2.0 * k11 * k11;
    out.c13[lane] = sum(s13) - 3.0 * k11 * k02;
}

// log f = log_density: nothing is dropped.  Means are cut off at exp(30), where sums would be long.
template <class Link>
struct ConwayMaxwellPoisson : RestrictedByLink<Link> {
    static constexpr int predictors = 2;
    static constexpr double log_mean_limit = 30.0, log_shape_limit = 30.0;

    template <class J>
    static ILK_INLINE J log_density(Vector y, Vector, const J* eta) {
        const J mean = exp(bounded(Link::log_mean(eta[0]), log_mean_limit));
        const J nu = exp(-bounded(eta[1], log_shape_limit));
        constexpr bool both = J::moves(1);
        TiltedSums c;
        const Vector mu = mean.value(), shape = nu.value();
        for (int lane = 0; lane < width; ++lane) {
            const int before = lane > 0 ? lane - 1 : 0;
            if (lane > 0 && mu[lane] == mu[before] && shape[lane] == shape[before])
                repeat(c, lane);
            else
                tilted_sums(mu[lane], shape[lane], both, c, lane);
        }
        const Vector own = log_factorial_tilt(y, c.m);
        const J x = mean.with_value(broadcast(0.0)), v = nu.with_value(broadcast(0.0));
        // Newton's method on the Taylor series of the tilt: each step makes one order more exact.
        const Vector inverse = 1.0 / c.c20;
        J tilt = inverse * (x - c.c11 * v);
        for (int step = 1; step < J::order; ++step) {
            const J bb = tilt * tilt, bv = tilt * v, vv = v * v;
            J change = c.c20 * tilt + c.c11 * v +
                       0.5 * (c.c30 * bb + (2.0 * c.c21) * bv + c.c12 * vv);
            if (J::order > 2)
                change = change + (1.0 / 6.0) * (c.c40 * (bb * tilt) + (3.0 * c.c31) * (bb * v) +
                                                 (3.0 * c.c22) * (vv * tilt) + c.c13 * (vv * v));
            tilt = tilt - inverse * (change - x);
        }
        const J bb = tilt * tilt, bv = tilt * v, vv = v * v;
        const J second = 0.5 * (c.c20 * bb + (2.0 * c.c11) * bv + c.c02 * vv);
        const J third = (1.0 / 6.0) * (c.c30 * (bb * tilt) + (3.0 * c.c21) * (bb * v) +
                                       (3.0 * c.c12) * (vv * tilt) + c.c03 * (vv * v));
        const J linear = (y - mu) * tilt + (own - c.c01) * v;
        const Vector value = (y - c.m) * c.tilt + shape * own - c.log_sum;
        return value + (linear - second - third);
    }

   private:
    static ILK_INLINE void repeat(TiltedSums& c, int lane) {
        Vector* all[] = {&c.m,   &c.tilt, &c.log_sum, &c.c01, &c.c20, &c.c11, &c.c02, &c.c30,
                         &c.c21, &c.c12,  &c.c03,     &c.c40, &c.c31, &c.c22, &c.c13};
        for (Vector* v : all) (*v)[lane] = (*v)[lane - 1];
    }
};

}  // namespace ILK_NAMESPACE
}  // namespace ilk
