// jet.h: numbers that carry their derivatives with respect to the predictors.
//
// A jet is a truncated Taylor series: a value and the derivatives of the kinds its *shape* names.
// Two shapes exist, because the engines need two sets of derivatives:
//   MeanShape<Order, Others>  random effects in the mean alone: derivatives of order <= Order in
//                             predictor 0, each of order < Order also once in every other predictor
//   SymmetricShape<K, Order>  all derivatives of order <= Order (2 or 3) in K predictors
// Arithmetic follows Leibniz' rule, functions the chain rule (Faa di Bruno); for a function f of a
// jet x with derivatives x_k, x_kl, x_klm
//   (f o x)_k   = f' x_k
//   (f o x)_kl  = f'' x_k x_l + f' x_kl
//   (f o x)_klm = f''' x_k x_l x_m + f'' (x_kl x_m + x_km x_l + x_lm x_k) + f' x_klm .
// Products start with the derivative of f: where it has underflowed to 0, huge x_k stay harmless.
#pragma once

#include "density.h"
#include "gamma_function.h"
#include "vector_math.h"

namespace ilk {
namespace ILK_NAMESPACE {

// Coefficients: value, then d/d0, d2/d0d0, ... (Order of them), then for each other predictor j
// d/dj, d2/d0dj, ... (Order of them).
template <int Order, int Others>
struct MeanShape {
    static constexpr int order = Order, size = 1 + Order * (1 + Others);
    static constexpr int other(int j, int power) { return 1 + Order * (1 + j) + power; }
    // Coefficient of the first derivative in a predictor; 0: it is a constant here.
    static constexpr int first(int predictor) {
        return predictor == 0 ? 1 : predictor <= Others ? other(predictor - 1, 0) : 0;
    }
    // Which arrays the derivatives go to, in the order of the coefficients after the value.
    static void outputs(double* const* d1, double* const* d2, double* const* d3, double** out) {
        for (int k = 0; k <= Others; ++k) {
            *out++ = d1[k];
            if (Order >= 2) *out++ = d2[pair(0, k)];
            if (Order >= 3) *out++ = d3[triple(0, 0, k)];
        }
    }
};

// Where the derivatives sit that enter the second derivative in (k, l) or the third in (k, l, m).
struct Places {
    int k, l, m, kl, km, lm, klm;
};

// Coefficients: value, gradient, second and third derivatives in packed symmetric order (pair,
// triple).
template <int K, int Order>
struct SymmetricShape {
    static constexpr int order = Order, size = 1 + K + pairs(K) + (Order >= 3 ? triples(K) : 0);
    static constexpr int first(int k) { return 1 + k; }
    static constexpr int second(int k, int l) { return 1 + K + pair(k, l); }
    static constexpr int third(int k, int l, int m) {
        return 1 + K + pairs(K) + triple(k, l, m);
    }
    static constexpr Places places(int k, int l, int m) {
        return {first(k),     first(l),     first(m),      second(k, l),
                second(k, m), second(l, m), third(k, l, m)};
    }
    static constexpr Places places_of_pair(int position) {
        int k = 0;
        while (pairs(k + 1) <= position) ++k;
        return places(k, position - pairs(k), 0);
    }
    static constexpr Places places_of_triple(int position) {
        int k = 0, l = 0;
        while (triples(k + 1) <= position) ++k;
        position -= triples(k);
        while (pairs(l + 1) <= position) ++l;
        return places(k, l, position - pairs(l));
    }
    static void outputs(double* const* d1, double* const* d2, double* const* d3, double** out) {
        for (int k = 0; k < K; ++k) *out++ = d1[k];
        for (int k = 0; k < pairs(K); ++k) *out++ = d2[k];
        if (Order >= 3)
            for (int k = 0; k < triples(K); ++k) *out++ = d3[k];
    }
};

template <class Shape>
struct Jet {
    Vector c[Shape::size];
    static constexpr int order = Shape::order;
    // Whether there are derivatives in a predictor.
    static constexpr bool moves(int predictor) { return Shape::first(predictor) > 0; }

    Vector value() const { return c[0]; }

    static ILK_INLINE Jet constant(Vector x) {
        Jet jet;
        jet.c[0] = x;
        unroll<Shape::size - 1>([&](auto i) ILK_LAMBDA { jet.c[1 + i.value] = broadcast(0.0); });
        return jet;
    }

    // A predictor, of value x.
    template <int predictor>
    static ILK_INLINE Jet variable(Vector x) {
        constexpr int first = Shape::first(predictor);
        Jet jet = constant(x);
        if constexpr (first > 0) jet.c[first] = broadcast(1.0);
        return jet;
    }

    // The same derivatives at another value.
    ILK_INLINE Jet with_value(Vector x) const {
        Jet jet = *this;
        jet.c[0] = x;
        return jet;
    }
};

// --- linear operations: the same for all shapes --------------------------------------------------

template <class S>
ILK_INLINE Jet<S> operator+(const Jet<S>& x, const Jet<S>& y) {
    Jet<S> r;
    unroll<S::size>([&](auto i) ILK_LAMBDA { r.c[i.value] = x.c[i.value] + y.c[i.value]; });
    return r;
}

template <class S>
ILK_INLINE Jet<S> operator-(const Jet<S>& x, const Jet<S>& y) {
    Jet<S> r;
    unroll<S::size>([&](auto i) ILK_LAMBDA { r.c[i.value] = x.c[i.value] - y.c[i.value]; });
    return r;
}

template <class S>
ILK_INLINE Jet<S> operator-(const Jet<S>& x) {
    Jet<S> r;
    unroll<S::size>([&](auto i) ILK_LAMBDA { r.c[i.value] = -x.c[i.value]; });
    return r;
}

template <class S>
ILK_INLINE Jet<S> operator*(Vector a, const Jet<S>& x) {
    Jet<S> r;
    unroll<S::size>([&](auto i) ILK_LAMBDA { r.c[i.value] = a * x.c[i.value]; });
    return r;
}

template <class S>
ILK_INLINE Jet<S> operator*(double a, const Jet<S>& x) {
    return broadcast(a) * x;
}

template <class S>
ILK_INLINE Jet<S> operator+(Vector a, const Jet<S>& x) {
    return x.with_value(a + x.c[0]);
}

template <class S>
ILK_INLINE Jet<S> operator-(Vector a, const Jet<S>& x) {
    return a + (-x);
}

template <class S>
ILK_INLINE Jet<S> operator-(const Jet<S>& x, double a) {
    return x.with_value(x.c[0] - a);
}

template <class S>
ILK_INLINE Jet<S> select(Mask mask, const Jet<S>& yes, const Jet<S>& no) {
    Jet<S> r;
    unroll<S::size>([&](auto index) ILK_LAMBDA {
        constexpr int i = decltype(index)::value;
        r.c[i] = select(mask, yes.c[i], no.c[i]);
    });
    return r;
}

// --- product -------------------------------------------------------------------------------------

template <int O, int N>
ILK_INLINE Jet<MeanShape<O, N>> operator*(const Jet<MeanShape<O, N>>& x,
                                          const Jet<MeanShape<O, N>>& y) {
    using S = MeanShape<O, N>;
    Jet<S> r;
    const Vector* a = x.c;  // value and derivatives in predictor 0
    const Vector* b = y.c;
    r.c[0] = a[0] * b[0];
    if constexpr (O >= 1) r.c[1] = a[1] * b[0] + a[0] * b[1];
    if constexpr (O >= 2) r.c[2] = a[2] * b[0] + 2.0 * a[1] * b[1] + a[0] * b[2];
    if constexpr (O >= 3)
        r.c[3] = a[3] * b[0] + 3.0 * (a[2] * b[1] + a[1] * b[2]) + a[0] * b[3];
    unroll<N>([&](auto j) ILK_LAMBDA {
        const Vector* p = x.c + S::other(j.value, 0);  // derivatives once in another predictor
        const Vector* q = y.c + S::other(j.value, 0);
        Vector* out = r.c + S::other(j.value, 0);
        if constexpr (O >= 1) out[0] = p[0] * b[0] + a[0] * q[0];
        if constexpr (O >= 2) out[1] = p[1] * b[0] + p[0] * b[1] + a[1] * q[0] + a[0] * q[1];
        if constexpr (O >= 3)
            out[2] = p[2] * b[0] + 2.0 * p[1] * b[1] + p[0] * b[2] + a[2] * q[0] +
                     2.0 * a[1] * q[1] + a[0] * q[2];
    });
    return r;
}

template <int K, int O>
ILK_INLINE Jet<SymmetricShape<K, O>> operator*(const Jet<SymmetricShape<K, O>>& x,
                                               const Jet<SymmetricShape<K, O>>& y) {
    using S = SymmetricShape<K, O>;
    Jet<S> r;
    const Vector *a = x.c, *b = y.c;
    r.c[0] = a[0] * b[0];
    unroll<K>([&](auto index) ILK_LAMBDA {
        constexpr int k = S::first(index.value);
        r.c[k] = a[k] * b[0] + a[0] * b[k];
    });
    unroll<pairs(K)>([&](auto index) ILK_LAMBDA {
        constexpr Places i = S::places_of_pair(index.value);
        r.c[i.kl] = a[i.kl] * b[0] + a[i.k] * b[i.l] + a[i.l] * b[i.k] + a[0] * b[i.kl];
    });
    if constexpr (O >= 3)
        unroll<triples(K)>([&](auto index) ILK_LAMBDA {
            constexpr Places i = S::places_of_triple(index.value);
            r.c[i.klm] = a[i.klm] * b[0] + a[i.kl] * b[i.m] + a[i.km] * b[i.l] + a[i.lm] * b[i.k] +
                         a[i.k] * b[i.lm] + a[i.l] * b[i.km] + a[i.m] * b[i.kl] + a[0] * b[i.klm];
        });
    return r;
}

// --- chain rule ----------------------------------------------------------------------------------

template <int O, int N>
ILK_INLINE Jet<MeanShape<O, N>> compose(const Derivatives& f, const Jet<MeanShape<O, N>>& x) {
    using S = MeanShape<O, N>;
    Jet<S> r;
    const Vector* a = x.c;
    r.c[0] = f.f0;
    if constexpr (O >= 1) r.c[1] = f.f1 * a[1];
    if constexpr (O >= 2) r.c[2] = f.f2 * a[1] * a[1] + f.f1 * a[2];
    if constexpr (O >= 3)
        r.c[3] = f.f3 * a[1] * a[1] * a[1] + 3.0 * (f.f2 * a[1] * a[2]) + f.f1 * a[3];
    unroll<N>([&](auto j) ILK_LAMBDA {
        const Vector* p = x.c + S::other(j.value, 0);
        Vector* out = r.c + S::other(j.value, 0);
        if constexpr (O >= 1) out[0] = f.f1 * p[0];
        if constexpr (O >= 2) out[1] = f.f2 * a[1] * p[0] + f.f1 * p[1];
        if constexpr (O >= 3)
            out[2] = f.f3 * a[1] * a[1] * p[0] + f.f2 * a[2] * p[0] + 2.0 * (f.f2 * a[1] * p[1]) +
                     f.f1 * p[2];
    });
    return r;
}

template <int K, int O>
ILK_INLINE Jet<SymmetricShape<K, O>> compose(const Derivatives& f,
                                             const Jet<SymmetricShape<K, O>>& x) {
    using S = SymmetricShape<K, O>;
    Jet<S> r;
    const Vector* a = x.c;
    r.c[0] = f.f0;
    unroll<K>([&](auto index) ILK_LAMBDA {
        constexpr int k = S::first(index.value);
        r.c[k] = f.f1 * a[k];
    });
    unroll<pairs(K)>([&](auto index) ILK_LAMBDA {
        constexpr Places i = S::places_of_pair(index.value);
        r.c[i.kl] = f.f2 * a[i.k] * a[i.l] + f.f1 * a[i.kl];
    });
    if constexpr (O >= 3)
        unroll<triples(K)>([&](auto index) ILK_LAMBDA {
            constexpr Places i = S::places_of_triple(index.value);
            r.c[i.klm] = f.f3 * a[i.k] * a[i.l] * a[i.m] + f.f2 * a[i.kl] * a[i.m] +
                         f.f2 * a[i.km] * a[i.l] + f.f2 * a[i.lm] * a[i.k] + f.f1 * a[i.klm];
        });
    return r;
}

// --- functions of jets ---------------------------------------------------------------------------

template <class S>
ILK_INLINE Jet<S> exp(const Jet<S>& x) {
    const Vector e = exponential(x.value());
    return compose({e, e, e, e}, x);
}

// exp(x) - 1
template <class S>
ILK_INLINE Jet<S> exp_minus_one(const Jet<S>& x) {
    const SplitExponential split = split_exponential(clamp(x.value(), -708.0, 709.0));
    const Vector tail = split.scale * split.excess, e = split.scale + tail;
    return compose({tail + (split.scale - 1.0), e, e, e}, x);
}

// log x, x > 0
template <class S>
ILK_INLINE Jet<S> log(const Jet<S>& x) {
    const Vector r = 1.0 / x.value();
    return compose({logarithm(x.value()), r, -r * r, 2.0 * r * r * r}, x);
}

// log(1 + x), x > -1
template <class S>
ILK_INLINE Jet<S> log_plus_one(const Jet<S>& x) {
    const Vector r = 1.0 / (1.0 + x.value());
    return compose({log1p(x.value()), r, -r * r, 2.0 * r * r * r}, x);
}

// 1 / x
template <class S>
ILK_INLINE Jet<S> reciprocal(const Jet<S>& x) {
    const Vector r = 1.0 / x.value(), r2 = r * r;
    return compose({r, -r2, 2.0 * r2 * r, -6.0 * r2 * r2}, x);
}

// sqrt(x), x > 0
template <class S>
ILK_INLINE Jet<S> sqrt(const Jet<S>& x) {
    const Vector root = square_root(x.value()), r = 1.0 / x.value(), f1 = 0.5 * root * r;
    return compose({root, f1, -0.5 * f1 * r, 0.75 * f1 * r * r}, x);
}

// log(1 + exp(x))
template <class S>
ILK_INLINE Jet<S> softplus(const Jet<S>& x) {
    return compose(softplus_derivatives(x.value()), x);
}

// log(1 + exp(x)) / exp(x)
template <class S>
ILK_INLINE Jet<S> softplus_ratio(const Jet<S>& x) {
    return compose(softplus_ratio_derivatives(x.value()), x);
}

// log(exp(x) + exp(y)): the larger plus a correction whose derivatives are at most 1/2.
template <class S>
ILK_INLINE Jet<S> log_add_exp(const Jet<S>& x, const Jet<S>& y) {
    const Mask swap = x.value() < y.value();
    const Jet<S> larger = select(swap, y, x), smaller = select(swap, x, y);
    return larger + softplus(smaller - larger);
}

// log Gamma(exp(x)) less Stirling's leading terms
template <class S>
ILK_INLINE Jet<S> binet(const Jet<S>& x) {
    return compose(binet_derivatives(x.value()), x);
}

// log Gamma(1 + exp(x)) / exp(x)
template <class S>
ILK_INLINE Jet<S> log_factorial_ratio(const Jet<S>& x) {
    return compose(log_factorial_ratio_derivatives(x.value()), x);
}

// log Gamma(exp(x) + y) - log Gamma(exp(x)) - y x
template <class S>
ILK_INLINE Jet<S> rising_excess(const Jet<S>& x, Vector y) {
    return compose(rising_excess_derivatives(x.value(), y), x);
}

}  // namespace ILK_NAMESPACE
}  // namespace ilk
