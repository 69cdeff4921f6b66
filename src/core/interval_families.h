// interval_families.h: log probabilities that a latent variable falls between two thresholds.
//
// A row of a cumulative model depends on its mean, perhaps a log scale, and the two thresholds
// around its category, whatever the number of categories.  These are the predictors here,
//   eta = mean, [log sigma,] lower, upper,
// and the response tells the side: 0 lowest category (no lower threshold), 1 between two, 2 highest
// (no upper threshold).  A threshold that is not there has any value on its side of the other.
// category_drivers.h takes the thresholds from, and their derivatives back to, where they belong.
#pragma once

#include "families.h"

namespace ilk {
namespace ILK_NAMESPACE {

// log(1 - exp(-x)), x > 0: with q = 1/(exp(x) - 1) the derivatives are q, -q(1 + q), q(1+q)(1+2q).
template <class S>
ILK_INLINE Jet<S> log_one_minus_exp(const Jet<S>& x) {
    const Vector t = maximum(x.value(), broadcast(smallest));
    const ExponentialPair e = exponential_pair(-t);
    const Vector q = e.exp / -e.expm1, second = -q * (1.0 + q);
    const Vector value = select(t < 0.7, logarithm(-e.expm1), log1p(-e.exp));
    return compose({value, q, second, -second * (1.0 + 2.0 * q)}, x);
}

// The thresholds less the mean, in units of the scale, and where there are any.
template <class J>
struct Cuts {
    J lower, upper, gap;
    Vector has_lower, has_upper, has_both;

    // Of the latent variable with its sign changed.
    ILK_INLINE Cuts mirrored() const {
        return {-upper, -lower, gap, has_upper, has_lower, has_both};
    }
};

namespace interval {

struct Logit {
    template <class J>
    static ILK_INLINE J log_probability(const Cuts<J>& cut) {
        const J &lower = cut.lower, &upper = cut.upper;
        const J below = compose(logistic_log_probabilities(upper.value()).mean, upper);
        const J above = compose(logistic_log_probabilities(lower.value()).complement, lower);
        return cut.has_upper * below + cut.has_lower * above +
               cut.has_both * log_one_minus_exp(cut.gap);
    }
};

// exp(-exp(a)) - exp(-exp(b)) = exp(-exp(a)) (1 - exp(-exp(b + log(1 - exp(a - b)))))
struct Cloglog {
    template <class J>
    static ILK_INLINE J log_probability(const Cuts<J>& cut) {
        const J top = cut.upper + cut.has_both * log_one_minus_exp(cut.gap);
        const J below = compose(cloglog_log_probabilities(top.value()).mean, top);
        const J above = compose(cloglog_log_probabilities(cut.lower.value()).complement, cut.lower);
        return cut.has_upper * below + cut.has_lower * above;
    }
};

struct Loglog {
    template <class J>
    static ILK_INLINE J log_probability(const Cuts<J>& cut) {
        return Cloglog::log_probability(cut.mirrored());
    }
};

// In the half of the distribution where it is small:  log F(b) + log(1 - F(a)/F(b)).
struct Probit {
    template <class J>
    static ILK_INLINE J log_probability(const Cuts<J>& cut) {
        const Vector middle = cut.lower.value() + cut.upper.value();
        const Mask mirror = (cut.has_upper == 0.0) | ((middle > 0.0) & (cut.has_both > 0.0));
        const Cuts<J> other = cut.mirrored();
        const J upper = select(mirror, other.upper, cut.upper);
        const J lower = select(mirror, other.lower, cut.lower);
        const J top = compose(normal_log_probabilities(upper.value()).mean, upper);
        const J bottom = compose(normal_log_probabilities(lower.value()).mean, lower);
        return top + cut.has_both * log_one_minus_exp(top - bottom);
    }
};

}  // namespace interval

template <class Link, bool scaled>
struct Interval {
    static constexpr int location = scaled ? 2 : 1;
    static constexpr int predictors = location + 2;
    static constexpr bool restricted = true;
    // The thresholds are in order.
    static ILK_INLINE Mask contains(Vector, const Vector* eta) {
        return eta[predictors - 1] > eta[predictors - 2];
    }
    template <class J>
    static ILK_INLINE J log_density(Vector side, Vector, const J* eta) {
        const Vector zero = broadcast(0.0), one = broadcast(1.0);
        const J &lower = eta[predictors - 2], &upper = eta[predictors - 1];
        const J gap = upper - lower;
        Cuts<J> cut = {lower - eta[0],
                       upper - eta[0],
                       gap.with_value(maximum(gap.value(), broadcast(smallest))),
                       select(side > 0.0, one, zero),
                       select(side < 2.0, one, zero),
                       select(side == 1.0, one, zero)};
        if constexpr (scaled) {
            const J unit = exp(-bounded(eta[1], log_dispersion_bound));
            cut.lower = cut.lower * unit;
            cut.upper = cut.upper * unit;
            cut.gap = cut.gap * unit;
        }
        return Link::log_probability(cut);
    }
};

}  // namespace ILK_NAMESPACE
}  // namespace ilk
