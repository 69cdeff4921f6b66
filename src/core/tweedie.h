// tweedie.h: the compound Poisson-gamma density with Var y = phi mu^p, 1 < p < 2.
//
// With eta = log mu, log phi, logit s; p = 1 + s, r = 1 - s, u = log(mu/y), t = r log y - log phi
// and curvature(z) = (exp(z) - 1 - z)/z^2,
//   log f(0) = -exp(r log mu - log phi)/r
//   log f(y) = A(t, s) - exp(t) u^2 (r curvature(r u) + s curvature(-s u)) - log y
// A, the density at y = mu = 1, is free of the mean.  It is a sum over Poisson numbers of gammas
// with mean lambda = exp(t)/r and shape a = r/s, or the expansion for small dispersions, or that
// around the gamma distribution.  Derivations and twin: src/ilk/family/tweedie_sum.py.
#pragma once

#include "row_sums.h"

namespace ilk {
namespace ILK_NAMESPACE {

// (exp(z) - 1 - z)/z^2: by its series for |z| < 1.
ILK_INLINE Derivatives curvature_derivatives(Vector z) {
    constexpr int terms = 19;
    const Vector small = clamp(z, -1.0, 1.0);
    Vector s0 = broadcast(0.0), s1 = s0, s2 = s0, s3 = s0;
    double factorial = 1.0;  // 1/(n + 2)!
    for (int n = 2; n <= terms + 2; ++n) factorial /= n;
    for (int n = terms; n >= 0; --n) {
        s3 = s3 * small + 3.0 * s2;
        s2 = s2 * small + 2.0 * s1;
        s1 = s1 * small + s0;
        s0 = s0 * small + factorial;
        factorial *= n + 2;
    }
    const Mask series = absolute(z) < 1.0;
    const Vector x = select(series, broadcast(1.0), clamp(z, -700.0, log_mean_bound));
    const Vector e = exponential(x), w = 1.0 / x, w2 = w * w;
    const Vector f0 = (e - 1.0 - x) * w2;
    const Vector f1 = (e - 1.0) * w2 - 2.0 * w * f0;
    const Vector f2 = e * w2 - 4.0 * w * f1 - 2.0 * w2 * f0;
    const Vector f3 = e * w2 - 6.0 * w * f2 - 6.0 * w2 * f1;
    return {select(series, s0, f0), select(series, s1, f1), select(series, s2, f2),
            select(series, s3, f3)};
}

// Value and derivatives in two variables, by the numbers of times.
struct Partials {
    Vector f, a, b, aa, ab, bb, aaa, aab, abb, bbb;
};

// f(x, y) from its derivatives at their values.
template <class J>
ILK_INLINE J taylor(const Partials& f, const J& x, const J& y) {
    const J a = x.with_value(broadcast(0.0)), b = y.with_value(broadcast(0.0));
    J total = f.a * a + f.b * b;
    if constexpr (J::order > 1) {
        const J aa = a * a, ab = a * b, bb = b * b;
        total = total + 0.5 * (f.aa * aa + (2.0 * f.ab) * ab + f.bb * bb);
        if constexpr (J::order > 2)
            total = total + (1.0 / 6.0) * (f.aaa * (aa * a) + (3.0 * f.aab) * (aa * b) +
                                           (3.0 * f.abb) * (bb * a) + f.bbb * (bb * b));
    }
    return f.f + total;
}

// One row of the sum: value and derivatives in (log lambda, log a) to some order.
__attribute__((noinline)) inline void tweedie_sum(double log_lambda, double log_a, int order,
                                                  double* out) {
    struct Buffers {
        double j[most_terms], weight[most_terms], exponent[most_terms];
        double h[most_terms], b1[most_terms], b2[most_terms], b3[most_terms];
    } terms;
    const double lambda = one_exponential(log_lambda), a = one_exponential(log_a);
    const double c = 40.0 / (1.0 + a), root = one_root(2.0 * c * lambda);
    const double wide = c / 3.0 + one_root(c * c / 9.0 + 2.0 * c * lambda);
    const double low = larger(__builtin_floor(lambda - root - 2.0), 1.0);
    const double high = __builtin_ceil(lambda + wide + 2.0);
    const double scale = 2.0 * one_root(lambda / (1.0 + a));
    const int size = lattice_points(low, high, scale, larger(__builtin_floor(lambda), 1.0),
                                    terms.j, terms.weight);
    constexpr double log_2pi = 1.8378770664093454836;
    Vector top = broadcast(-1e300);
    for (int i = 0; i < size; i += width) {
        const Vector j = load(terms.j + i), log_j = logarithm(j), off = j - lambda;
        const Vector near = off / lambda;
        const Vector h = select(absolute(near) > 0.5, j * (log_j - log_lambda) - off,
                                j * log1p(maximum(near, broadcast(-0.5))) - off);
        const Derivatives S = binet_derivatives(log_j + log_a);
        const Vector exponent = 0.5 * (log_a - 2.0 * log_2pi) - binet_derivatives(log_j).f0 - S.f0 -
                                (1.0 + a) * h + logarithm(load(terms.weight + i));
        top = maximum(top, exponent);
        store(terms.exponent + i, exponent);
        store(terms.h + i, a * h);
        store(terms.b1 + i, S.f1), store(terms.b2 + i, S.f2), store(terms.b3 + i, S.f3);
    }
    double peak = top[0];
    for (int lane = 1; lane < width; ++lane) peak = larger(peak, top[lane]);
    Vector total = broadcast(0.0), first = total, second = total;
    for (int i = 0; i < size; i += width) {
        const Vector mass = exponential(load(terms.exponent + i) - peak);
        const Vector off = load(terms.j + i) - lambda;
        store(terms.weight + i, mass);
        total += mass, first += mass * off;
        second += mass * (load(terms.b1 + i) + load(terms.h + i));
    }
    const double whole = sum(total), inverse = 1.0 / whole;
    out[0] = peak + one_logarithm(whole);
    const double off_mean = sum(first) * inverse, b_mean = sum(second) * inverse;
    out[1] = (1.0 + a) * off_mean, out[2] = 0.5 - b_mean;
    if (order < 2) return;
    // x, y: derivatives of the exponents in (log lambda, log a) less their means; _y: of those in
    // log a again.
    Vector xx = broadcast(0.0), xy = xx, yy = xx, y_y = xx;
    Vector xxx = xx, xxy = xx, xyy = xx, yyy = xx, x_yx = xx, x_yy = xx, y_yx = xx, y_yy = xx;
    Vector y_y_y = xx;
    for (int i = 0; i < size; i += width) {
        const Vector p = load(terms.weight + i) * inverse, off = load(terms.j + i) - lambda;
        const Vector ah = load(terms.h + i);
        const Vector x = (1.0 + a) * (off - off_mean), y = b_mean - load(terms.b1 + i) - ah;
        const Vector xd = a * (off - off_mean), yd = -load(terms.b2 + i) - ah;
        const Vector px = p * x, py = p * y;
        xx += px * x, xy += px * y, yy += py * y, y_y += p * yd;
        if (order < 3) continue;
        xxx += px * x * x, xxy += px * x * y, xyy += px * y * y, yyy += py * y * y;
        x_yx += px * xd, x_yy += py * xd, y_yx += px * yd, y_yy += py * yd;
        y_y_y += p * (-load(terms.b3 + i) - ah);
    }
    const double both = (1.0 + a) * lambda;
    out[3] = sum(xx) - both, out[4] = sum(xy) + a * off_mean, out[5] = sum(yy) + sum(y_y);
    // A derivative of x in log lambda is a constant, so that it has no covariance.
    out[6] = sum(xxx) - both;
    out[7] = sum(xxy) + 2.0 * sum(x_yx) - a * lambda;
    out[8] = sum(xyy) + 2.0 * sum(x_yy) + sum(y_yx) + a * off_mean;
    out[9] = sum(yyy) + 3.0 * sum(y_yy) + sum(y_y_y);
}

// A value alone, which a compiler may leave out where nobody reads it.
__attribute__((noinline, const)) inline double tweedie_sum_value(double log_lambda, double log_a) {
    double out[10];
    tweedie_sum(log_lambda, log_a, 1, out);
    return out[0];
}

// Polygamma functions at k, which the expansion around the gamma distribution needs.
struct Polygamma {
    Vector psi[7];  // psi[n], n >= 1
    Vector slope;   // log k - psi_0(k)
};

ILK_INLINE Polygamma polygamma(Vector k) {
    constexpr double bernoulli[] = {1.0 / 6, -1.0 / 30, 1.0 / 42, -1.0 / 30, 5.0 / 66,
                                    -691.0 / 2730, 7.0 / 6, -3617.0 / 510};
    const Mask low = k < 20.0;
    const Vector zero = broadcast(0.0);
    Vector shifted[7] = {zero, zero, zero, zero, zero, zero, zero};
    const Vector few = minimum(k, broadcast(20.0));
    for (int i = 0; i < 20; ++i) {
        const Vector w = 1.0 / (few + double(i));
        Vector power = w;
        for (int n = 0; n < 7; ++n, power *= w) shifted[n] += power;  // sum of w^(n+1)
    }
    const Vector z = select(low, k + 20.0, k), w = 1.0 / z, w2 = w * w;
    Polygamma out;
    // psi_0(z) = log z - 1/(2z) - sum B_2m / (2m z^2m)
    Vector rest = zero, power = w2;
    for (int m = 1; m <= 8; ++m, power *= w2) rest += bernoulli[m - 1] / (2.0 * m) * power;
    out.slope = logarithm(k / z) + 0.5 * w + rest + select(low, shifted[0], zero);
    double factorial = 1.0;  // n!
    Vector wn = w;           // w^n
    for (int n = 1; n <= 6; ++n, wn *= w) {
        // (-1)^(n+1) psi_n = (n-1)! w^n + n! w^(n+1)/2 + sum B_2m (2m+n-1)!/(2m)! w^(2m+n)
        const double before = factorial;
        factorial *= n;
        Vector series = before * wn + 0.5 * factorial * wn * w;
        Vector up = wn * w2;
        for (int m = 1; m <= 8; ++m, up *= w2) {
            double ratio = 1.0;  // (2m+n-1)!/(2m)!
            for (int i = 2 * m + 1; i < 2 * m + n; ++i) ratio *= i;
            series += bernoulli[m - 1] * (n == 1 ? 1.0 : ratio) * up;
        }
        series += select(low, factorial * shifted[n], zero);
        out.psi[n] = n % 2 ? series : -series;
    }
    return out;
}

template <class Link>
struct Tweedie : Unrestricted {
    static constexpr int predictors = 3;
    // Beyond these the shape changes nothing: nearer to power 1 the density of counts has no bound.
    static constexpr double lowest_shape = -7.0, highest_shape = 35.0;

    template <class J>
    static ILK_INLINE J log_density(Vector y, Vector, const J* eta) {
        const Mask zero = y == 0.0;
        const Vector log_y = logarithm(select(zero, broadcast(1.0), y));
        const Vector free = eta[2].value();
        const J level = (0.0 * eta[2]).with_value(clamp(free, lowest_shape, highest_shape));
        const J shape = select((free > lowest_shape) & (free < highest_shape), eta[2], level);
        const J log_r = -softplus(shape), r = exp(log_r), s = exp(-softplus(-shape));
        const J log_mean = Link::log_mean(eta[0]);
        const J none = -exp(bounded(log_mean * r - eta[1] - log_r, log_mean_bound));
        const J u = log_mean.with_value(log_mean.value() - log_y), t = log_y * r - eta[1];
        const J ru = r * u, su = -(s * u);
        const J ends = r * compose(curvature_derivatives(ru.value()), ru) +
                       s * compose(curvature_derivatives(su.value()), su);
        const J half_deviance = exp(bounded(t, log_mean_bound)) * (u * u) * ends;
        return select(zero, none, at_mean(t, shape, zero) - half_deviance);
    }

   private:
    // Where t is above the first of these the dispersion is small, where the logit of s is above
    // the second and t above the third the distribution nearly gamma.  Where the sum of t and the
    // logit is above the fourth, a sum over whole numbers is as good as an integral.
    static constexpr double small_dispersion = 5.703782474656201, near_gamma = 8.006367567650246,
                            some = -13.815510557964274, smooth = 2.772588722239781,
                            uncountable = 29.933606208922594;

    template <class J>
    static ILK_INLINE J at_mean(const J& t, const J& shape, Mask skip) {
        const Vector time = t.value(), logit = shape.value();
        const Mask small =
            (time > small_dispersion) & ((time + logit > smooth) | (time > uncountable));
        const Mask gamma = ~small & (logit > near_gamma) & (time > some);
        const Mask summed = ~small & ~gamma & ~skip;
        const J log_lambda = t + softplus(shape), log_a = -shape;
        constexpr int order = partial_order(static_cast<const J*>(nullptr));
        Partials f = {};
        for (int lane = 0; lane < width; ++lane)
            if (summed[lane])
                row(log_lambda.value()[lane], log_a.value()[lane], order, f, lane);
        J found = taylor(f, log_lambda, log_a);
        if (any(small & ~skip)) found = select(small, expansion(t, shape), found);
        if (any(gamma & ~skip)) found = select(gamma, around_gamma(t, shape), found);
        return found;
    }

    static ILK_INLINE void row(double log_lambda, double log_a, int order, Partials& f, int lane) {
        if (order == 0) {
            f.f[lane] = tweedie_sum_value(log_lambda, log_a);
            return;
        }
        double out[10] = {};
        tweedie_sum(log_lambda, log_a, order, out);
        Vector* all[] = {&f.f, &f.a, &f.b, &f.aa, &f.ab, &f.bb, &f.aaa, &f.aab, &f.abb, &f.bbb};
        for (int i = 0; i < 10; ++i) (*all[i])[lane] = out[i];
    }

    template <class J>
    static ILK_INLINE J expansion(const J& t, const J& shape) {
        constexpr double log_2pi = 1.8378770664093454836;
        const Vector one = broadcast(1.0);
        const J p = one + exp(-softplus(-shape));
        const J w = p * (p - 3.0), phi = exp(-bounded(t, log_mean_bound));
        const auto plus = [](double c, const J& x) ILK_LAMBDA { return broadcast(c) + x; };
        const J third = plus(600.0, w * plus(626.0, 161.0 * w));
        const J fourth = plus(2520.0, w * plus(4024.0, w * plus(2116.0, 367.0 * w)));
        const J higher = (1.0 / 5760.0) * ((third - phi * fourth) * phi);
        const J inner = higher - (1.0 / 48.0) * plus(2.0, w);
        return 0.5 * (t - log_2pi) + w * phi * plus(1.0 / 24.0, inner * phi);
    }

    template <class J>
    static ILK_INLINE J around_gamma(const J& t, const J& shape) {
        constexpr double log_2pi = 1.8378770664093454836;
        const J a = exp(-shape), log_k = bounded(t + softplus(-shape), 60.0), k = exp(log_k);
        const Polygamma g = polygamma(k.value());
        const Vector inverse = 1.0 / k.value(), i2 = inverse * inverse;
        // log k - psi_0(k), and its derivatives
        const J slope = compose({g.slope, inverse - g.psi[1], -i2 - g.psi[2],
                                 2.0 * i2 * inverse - g.psi[3]}, k);
        const J bend = compose({-g.psi[1], -g.psi[2], -g.psi[3], -g.psi[4]}, k);
        const J third = compose({-g.psi[2], -g.psi[3], -g.psi[4], -g.psi[5]}, k);
        const J fourth = compose({-g.psi[3], -g.psi[4], -g.psi[5], -g.psi[6]}, k);
        const J square = slope * slope;
        const J variance = 0.5 * (k * (square + bend));
        const J skew = (1.0 / 6.0) * (k * (square * slope + 3.0 * (slope * bend) + third));
        const J rest = 4.0 * (square * bend) + 4.0 * (slope * third) + 2.0 * (bend * bend) + fourth;
        const J peak = 0.5 * (log_k - log_2pi) - binet(log_k);
        return peak + a * (variance + a * (skew + 0.125 * (k * k * rest)));
    }
};

}  // namespace ILK_NAMESPACE
}  // namespace ilk
