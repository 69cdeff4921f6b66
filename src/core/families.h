// families.h: the log density of every family, written once for any kind of jet.
//
// A family has K predictors eta[0..K-1]: eta[0] goes through the link of the mean, the others are
// log phi (dispersion) and the logit of a zero-inflation probability.  phi grows with the variance.
// Its log_density drops one term free of the predictors; the comment "dropped" of each family gives
// it, so that  log f = log_density + dropped  is normalized.
//
// A family is `restricted` if some predictors are outside its domain (a Poisson mean equal to a
// negative predictor), or for a response; contains() tells which are inside.  Outside, log_density
// is evaluated at the nearest point inside and the kernels replace its value by -infinity.
#pragma once

#include "jet.h"
#include "log_probability.h"

namespace ilk {
namespace ILK_NAMESPACE {

// Predictors on a logarithmic scale are cut off where powers of their exponentials would overflow
// (the value is that at the bound, derivatives continue).
constexpr double log_mean_bound = 230.0;
constexpr double log_dispersion_bound = 150.0;
// Predictors that are divided by keep this distance from 0.
constexpr double smallest = 1e-40;

template <class J>
ILK_INLINE J bounded(const J& eta, double bound) {
    return eta.with_value(clamp(eta.value(), -bound, bound));
}

// 1 / phi
template <class J>
ILK_INLINE J precision(const J& log_phi) {
    return exp(-bounded(log_phi, log_dispersion_bound));
}

// --- links of a mean on the real line ------------------------------------------------------------

namespace real_mean {

struct Identity {
    template <class J>
    static ILK_INLINE J mean(const J& eta) {
        return eta;
    }
};

struct Log {
    template <class J>
    static ILK_INLINE J mean(const J& eta) {
        return exp(bounded(eta, log_mean_bound));
    }
};

struct Inverse {
    template <class J>
    static ILK_INLINE J mean(const J& eta) {
        const Vector x = eta.value();
        return reciprocal(eta.with_value(
            copy_sign(maximum(absolute(x), broadcast(smallest)), x)));
    }
};

}  // namespace real_mean

// --- links of a positive mean: mu, log mu and 1/mu -----------------------------------------------

namespace positive_mean {

struct Log {
    static constexpr bool restricted = false;
    template <class J>
    static ILK_INLINE J mean(const J& eta) {
        return exp(bounded(eta, log_mean_bound));
    }
    template <class J>
    static ILK_INLINE J log_mean(const J& eta) {
        return eta;
    }
    template <class J>
    static ILK_INLINE J inverse_mean(const J& eta) {
        return exp(-bounded(eta, log_mean_bound));
    }
};

// The links of positive predictors.
struct Positive {
    static constexpr bool restricted = true;
    static ILK_INLINE Mask contains(Vector eta) { return eta >= smallest; }
    template <class J>
    static ILK_INLINE J nearest(const J& eta) {
        return eta.with_value(maximum(eta.value(), broadcast(smallest)));
    }
};

struct Identity : Positive {
    template <class J>
    static ILK_INLINE J mean(const J& eta) {
        return nearest(eta);
    }
    template <class J>
    static ILK_INLINE J log_mean(const J& eta) {
        return log(nearest(eta));
    }
    template <class J>
    static ILK_INLINE J inverse_mean(const J& eta) {
        return reciprocal(nearest(eta));
    }
};

struct Inverse : Positive {
    template <class J>
    static ILK_INLINE J log_mean(const J& eta) {
        return -log(nearest(eta));
    }
    template <class J>
    static ILK_INLINE J inverse_mean(const J& eta) {
        return nearest(eta);
    }
};

// mu = eta^(-1/2)
struct InverseSquared : Positive {
    template <class J>
    static ILK_INLINE J inverse_mean(const J& eta) {
        return sqrt(nearest(eta));
    }
};

// mu = eta^2, eta of either sign
struct Sqrt {
    static constexpr bool restricted = false;
    template <class J>
    static ILK_INLINE J mean(const J& eta) {
        return eta * eta;
    }
    template <class J>
    static ILK_INLINE J log_mean(const J& eta) {  // 2 log |eta|
        const Vector sign = copy_sign(broadcast(1.0), eta.value());
        return 2.0 * log(Positive::nearest(sign * eta));
    }
};

}  // namespace positive_mean

// --- links of a mean in (0, 1) -------------------------------------------------------------------

namespace unit_mean {

// log mu and log(1 - mu)
template <class J>
struct Logs {
    J mean, complement;
};

template <class J>
ILK_INLINE Logs<J> compose_both(const LogProbabilities& p, const J& eta) {
    return {compose(p.mean, eta), compose(p.complement, eta)};
}

struct Logit {
    template <class J>
    static ILK_INLINE Logs<J> logs(const J& eta) {
        return compose_both(logistic_log_probabilities(eta.value()), eta);
    }
};

struct Probit {
    template <class J>
    static ILK_INLINE Logs<J> logs(const J& eta) {
        return compose_both(normal_log_probabilities(eta.value()), eta);
    }
};

struct Cloglog {
    template <class J>
    static ILK_INLINE Logs<J> logs(const J& eta) {
        return compose_both(cloglog_log_probabilities(eta.value()), eta);
    }
};

}  // namespace unit_mean

// --- families ------------------------------------------------------------------------------------

// Families whose predictors may take any value.
struct Unrestricted {
    static constexpr bool restricted = false;
    static ILK_INLINE Mask contains(Vector, const Vector*) { return Mask{} - 1; }
};

// Families restricted by the link of the mean only.
template <class Link>
struct RestrictedByLink {
    static constexpr bool restricted = Link::restricted;
    static ILK_INLINE Mask contains(Vector, const Vector* eta) {
        if constexpr (restricted) return Link::contains(eta[0]);
        return Mask{} - 1;
    }
};

// Var y = phi = sigma^2, eta[1] = log sigma^2.   dropped: -log(2 pi)/2
template <class Link>
struct Gaussian : Unrestricted {
    static constexpr int predictors = 2;
    template <class J>
    static ILK_INLINE J log_density(Vector y, Vector, const J* eta) {
        const J residual = y - Link::mean(eta[0]);
        return -0.5 * (residual * residual * precision(eta[1]) + eta[1]);
    }
};

// y = mu + sigma t, where t has Student's distribution with nu = 1 + exp(eta[2]) degrees of freedom,
// eta[1] = log sigma^2.  With z = (y - mu)/sigma and R = rising_excess,
//   log f = R(log(nu/2), 1/2) - (log sigma^2 + (nu + 1) log(1 + z^2/nu))/2 - log(2 pi)/2
// For nu -> infinity: R -> 0, the Gaussian density.   dropped: -log(2 pi)/2
template <class Link>
struct Student : Unrestricted {
    static constexpr int predictors = 3;
    template <class J>
    static ILK_INLINE J log_density(Vector y, Vector, const J* eta) {
        const J residual = y - Link::mean(eta[0]);
        const J log_nu = softplus(bounded(eta[2], log_dispersion_bound));
        const J tail = log_plus_one(residual * residual * precision(eta[1]) * exp(-log_nu));
        constexpr double log_2 = 0.6931471805599453;
        return rising_excess(log_nu - log_2, broadcast(0.5)) -
               0.5 * (eta[1] + (broadcast(1.0) + exp(log_nu)) * tail);
    }
};

// Azzalini's skew normal distribution of shape alpha = eta[2], with mean mu and variance
// phi = exp(eta[1]).  With delta = alpha/sqrt(1 + alpha^2), s = delta sqrt(2/pi), c^2 = 1 - s^2 and
// w = c (y - mu)/sigma + s,
//   log f = log c - (log phi + w^2)/2 + log Phi(alpha w) + log 2 - log(2 pi)/2
// dropped: log 2 - log(2 pi)/2
template <class Link>
struct SkewNormal : Unrestricted {
    static constexpr int predictors = 3;
    static constexpr double shape_bound = 1e12;
    template <class J>
    static ILK_INLINE J log_density(Vector y, Vector, const J* eta) {
        const Vector one = broadcast(1.0);
        const J alpha = bounded(eta[2], shape_bound);
        constexpr double root_2_over_pi = 0.7978845608028654;
        const J shift = root_2_over_pi * (alpha * reciprocal(sqrt(one + alpha * alpha)));
        const J square = one - shift * shift;
        const J scale = exp(-0.5 * bounded(eta[1], log_dispersion_bound)) * sqrt(square);
        const J w = (y - Link::mean(eta[0])) * scale + shift;
        const J lean = alpha * w;
        return 0.5 * (log(square) - eta[1] - w * w) +
               compose(normal_log_probabilities(lean.value()).mean, lean);
    }
};

// y successes of `trials`.   dropped: log binom(trials, y)
template <class Link>
struct Binomial : Unrestricted {
    static constexpr int predictors = 1;
    template <class J>
    static ILK_INLINE J log_density(Vector y, Vector trials, const J* eta) {
        const unit_mean::Logs<J> log = Link::logs(eta[0]);
        return y * log.mean + (trials - y) * log.complement;
    }
};

// dropped: -log y!
template <class Link>
struct Poisson : RestrictedByLink<Link> {
    static constexpr int predictors = 1;
    template <class J>
    static ILK_INLINE J log_density(Vector y, Vector, const J* eta) {
        return y * Link::log_mean(eta[0]) - Link::mean(eta[0]);
    }
    // log(-log f(0))
    template <class J>
    static ILK_INLINE J log_zero_hazard(const J* eta) {
        return Link::log_mean(eta[0]);
    }
};

// Log link.  Var y = mu (1 + phi).  With the size k = mu / phi,
//   log f = log Gamma(y + k) - log Gamma(k) - log y! + y log phi - (y + k) log(1 + phi)
//         = R(log k, y) + y log mu - y log(1 + phi) - mu log(1 + phi)/phi - log y!
// where R is rising_excess.  For phi -> 0: R -> 0 and log(1 + phi)/phi -> 1, the Poisson density.
// dropped: -log y!
struct NegativeBinomial1 : Unrestricted {
    static constexpr int predictors = 2;
    template <class J>
    static ILK_INLINE J log_density(Vector y, Vector, const J* eta) {
        const J mean = positive_mean::Log::mean(eta[0]);
        return rising_excess(eta[0] - eta[1], y) + y * (eta[0] - softplus(eta[1])) -
               mean * softplus_ratio(eta[1]);
    }
    // log(-log f(0)), -log f(0) = mu log(1 + phi)/phi
    template <class J>
    static ILK_INLINE J log_zero_hazard(const J* eta) {
        return eta[0] + log(softplus_ratio(bounded(eta[1], log_mean_bound)));
    }
};

// Log link.  Var y = mu + phi mu^2.  With the size k = 1 / phi,
//   log f = log Gamma(y + k) - log Gamma(k) - log y! + y log(phi mu) - (y + k) log(1 + phi mu)
//         = R(log k, y) + y log mu - y log(1 + phi mu) - mu log(1 + phi mu)/(phi mu) - log y!
// dropped: -log y!
struct NegativeBinomial2 : Unrestricted {
    static constexpr int predictors = 2;
    template <class J>
    static ILK_INLINE J log_density(Vector y, Vector, const J* eta) {
        const J mean = positive_mean::Log::mean(eta[0]);
        const J log_odds = eta[0] + eta[1];  // log(phi mu)
        return rising_excess(-eta[1], y) + y * (eta[0] - softplus(log_odds)) -
               mean * softplus_ratio(log_odds);
    }
    // log(-log f(0)), -log f(0) = mu log(1 + phi mu)/(phi mu)
    template <class J>
    static ILK_INLINE J log_zero_hazard(const J* eta) {
        return eta[0] + log(softplus_ratio(bounded(eta[0] + eta[1], log_mean_bound)));
    }
};

// Var y = phi mu.  With s = phi^(-1/2), theta = s mu and, for y > 0, z = s (mu - y)/y,
//   log f(0) = -theta,  log f(y) = log theta + (y-1) log(1 + z) - y z + (y-1) log y - y - log y!
// where 1 + z is (1 - s) + theta/y if counts are far above the mean.  For s > 1 counts are
// impossible where z <= -1.   dropped: what is free of the predictors for y > 0
template <class Link>
struct GeneralizedPoisson {
    static constexpr bool restricted = true;
    static constexpr int predictors = 2;
    static ILK_INLINE Vector excess(Vector y, Vector mean, Vector s) {
        return s * (mean - y) / maximum(y, broadcast(1.0));
    }
    static ILK_INLINE Mask contains(Vector y, const Vector* eta) {
        using Point = Jet<MeanShape<0, 0>>;
        constexpr double bound = log_dispersion_bound;
        const Vector s = exponential(-0.5 * clamp(eta[1], -bound, bound));
        const Vector z = excess(y, Link::mean(Point::constant(eta[0])).value(), s);
        const Mask possible = (y == 0.0) | (z > -1.0);
        if constexpr (Link::restricted) return possible & Link::contains(eta[0]);
        return possible;
    }
    template <class J>
    static ILK_INLINE J log_density(Vector y, Vector, const J* eta) {
        const Vector one = broadcast(1.0), count = maximum(y, one), inverse = 1.0 / count;
        const J log_s = -0.5 * bounded(eta[1], log_dispersion_bound);
        const J mean = Link::mean(eta[0]), log_theta = Link::log_mean(eta[0]) + log_s;
        const J theta = exp(bounded(log_theta, log_mean_bound)), s = exp(log_s);
        const J z = inverse * (s * mean.with_value(mean.value() - count));
        const J rate = inverse * theta - exp_minus_one(log_s);
        const Mask near = z.value() > -0.5;
        const J log_rate = select(
            near, log_plus_one(z.with_value(maximum(z.value(), broadcast(-0.5)))),
            log(rate.with_value(maximum(rate.value(), broadcast(smallest)))));
        const J positive = log_theta + (count - one) * log_rate - count * z;
        return select(y == 0.0, -theta, positive);
    }
};

// Var y = phi mu^2.  With the shape a = 1 / phi and B = binet,
//   log f = a log(a y / mu) - a y / mu - log Gamma(a) - log y
//         = a (log(y/mu) - y/mu + 1) + log(a)/2 - B(log a) - log(2 pi)/2 - log y
// dropped: -log y - log(2 pi)/2
template <class Link>
struct Gamma : RestrictedByLink<Link> {
    static constexpr int predictors = 2;
    template <class J>
    static ILK_INLINE J log_density(Vector y, Vector, const J* eta) {
        const J ratio = y * Link::inverse_mean(eta[0]);
        const J slope = -(Link::log_mean(eta[0]) + ratio);  // up to a constant
        const J excess = slope.with_value(log_minus_linear(ratio.value()));
        return precision(eta[1]) * excess - 0.5 * eta[1] - binet(-eta[1]);
    }
};

// The logarithm of y is normal with variance phi, the mean of y is mu.  With d = log(y/mu),
//   log f = -(d^2/phi + d + phi/4 + log phi)/2 - log y - log(2 pi)/2
// dropped: -log y - log(2 pi)/2
template <class Link>
struct Lognormal : RestrictedByLink<Link> {
    static constexpr int predictors = 2;
    template <class J>
    static ILK_INLINE J log_density(Vector y, Vector, const J* eta) {
        const J d = logarithm(y) - Link::log_mean(eta[0]);
        const J phi = exp(bounded(eta[1], log_dispersion_bound));
        return -0.5 * (d * d * precision(eta[1]) + d + 0.25 * phi + eta[1]);
    }
};

// Var y = mu^2.  With d = log(y/mu),  log f = d - exp(d) - log y.   dropped: -log y
template <class Link>
struct Exponential : RestrictedByLink<Link> {
    static constexpr int predictors = 1;
    template <class J>
    static ILK_INLINE J log_density(Vector y, Vector, const J* eta) {
        return logarithm(y) - (Link::log_mean(eta[0]) + y * Link::inverse_mean(eta[0]));
    }
};

// Shape 1/phi, mean mu.  With z = log(y/mu)/phi + log Gamma(1 + phi)/phi,
//   log f = z - exp(z) - log phi - log y.   dropped: -log y
// exp(z), the hazard up to y, is cut off where its powers would overflow.
template <class Link>
struct Weibull : RestrictedByLink<Link> {
    static constexpr int predictors = 2;
    template <class J>
    static ILK_INLINE J log_density(Vector y, Vector, const J* eta) {
        const J d = logarithm(y) - Link::log_mean(eta[0]);
        const J z = d * precision(eta[1]) + log_factorial_ratio(eta[1]);
        return z - exp(bounded(z, log_mean_bound)) - eta[1];
    }
};

// Var y = phi mu^3:   log f = -(y - mu)^2 / (2 phi mu^2 y) - log(2 pi phi y^3)/2
// dropped: -log(2 pi y^3)/2
template <class Link>
struct InverseGaussian : RestrictedByLink<Link> {
    static constexpr int predictors = 2;
    template <class J>
    static ILK_INLINE J log_density(Vector y, Vector, const J* eta) {
        const J error = y * Link::inverse_mean(eta[0]) - 1.0;
        return -0.5 * ((1.0 / y) * (error * error * precision(eta[1])) + eta[1]);
    }
};

// 0 < y < 1, Var y = mu (1 - mu) phi / (1 + phi).  With shapes a = mu/phi, b = (1 - mu)/phi and
// B = binet,
//   log f = log Gamma(1/phi) - log Gamma(a) - log Gamma(b) + (a-1) log y + (b-1) log(1-y)
//         = a (log y - log mu) + b (log(1-y) - log(1-mu))
//           + (log mu + log(1-mu) - log phi - log(2 pi))/2
//           + B(-log phi) - B(log a) - B(log b) - log y - log(1-y)
// dropped: -log y - log(1 - y) - log(2 pi)/2
template <class Link>
struct Beta : Unrestricted {
    static constexpr int predictors = 2;
    template <class J>
    static ILK_INLINE J log_density(Vector y, Vector, const J* eta) {
        const unit_mean::Logs<J> log = Link::logs(eta[0]);
        const J log_phi = bounded(eta[1], log_dispersion_bound);
        const J log_a = log.mean - log_phi, log_b = log.complement - log_phi;
        const J kernel = exp(log_a) * (logarithm(y) - log.mean) +
                         exp(log_b) * (log1p(-y) - log.complement);
        return kernel + 0.5 * (log.mean + log_b) + binet(-log_phi) - binet(log_a) - binet(log_b);
    }
};

// y successes of `trials`, their probability beta distributed with shapes a = mu/phi and
// b = (1 - mu)/phi.  With R = rising_excess,
//   log f = log binom(trials, y) + log B(y + a, trials - y + b) - log B(a, b)
//         = R(log a, y) + R(log b, trials - y) - R(-log phi, trials)
//           + y log mu + (trials - y) log(1 - mu) + log binom(trials, y)
// For phi -> 0 all R -> 0, the binomial density.
// dropped: log binom(trials, y)
template <class Link>
struct BetaBinomial : Unrestricted {
    static constexpr int predictors = 2;
    template <class J>
    static ILK_INLINE J log_density(Vector y, Vector trials, const J* eta) {
        const unit_mean::Logs<J> log = Link::logs(eta[0]);
        const Vector failures = trials - y;
        return rising_excess(log.mean - eta[1], y) +
               rising_excess(log.complement - eta[1], failures) -
               rising_excess(-eta[1], trials) + y * log.mean + failures * log.complement;
    }
};

// y = 0 with probability p, otherwise distributed as Count; the last predictor is logit p:
//   f(0) = p + (1 - p) f_Count(0),   f(y) = (1 - p) f_Count(y), y > 0
// For Count the dropped term is 0 at y = 0, so that f_Count(0) = exp(log_density).
// dropped: what Count drops
template <class Count>
struct ZeroInflated : Unrestricted {
    static_assert(!Count::restricted, "the zero-inflation logit knows no domain");
    static constexpr int predictors = Count::predictors + 1;
    template <class J>
    static ILK_INLINE J log_density(Vector y, Vector trials, const J* eta) {
        const J count = Count::log_density(y, trials, eta);
        const J& logit = eta[predictors - 1];
        return select(y == 0.0, log_add_exp(logit, count), count) - softplus(logit);
    }
};

// Counts from 1 on:  f(y) = f_Count(y) / (1 - f_Count(0)), log(1 - exp(-exp(log_zero_hazard))).
// dropped: what Count drops
template <class Count>
struct Truncated : Unrestricted {
    static_assert(!Count::restricted, "not needed so far");
    static constexpr int predictors = Count::predictors;
    template <class J>
    static ILK_INLINE J log_density(Vector y, Vector trials, const J* eta) {
        const J hazard = Count::log_zero_hazard(eta);
        return Count::log_density(y, trials, eta) -
               compose(cloglog_log_probabilities(hazard.value()).mean, hazard);
    }
};

// y = 0 with probability p, otherwise distributed as Positive, which has no zeros; the last
// predictor is logit p.
// dropped: what Positive drops, for y > 0
template <class Positive>
struct Hurdle : Unrestricted {
    static_assert(!Positive::restricted, "the logit of a zero knows no domain");
    static constexpr int predictors = Positive::predictors + 1;
    template <class J>
    static ILK_INLINE J log_density(Vector y, Vector trials, const J* eta) {
        const Mask zero = y == 0.0;
        const J positive =
            Positive::log_density(select(zero, broadcast(1.0), y), trials, eta);
        const J& logit = eta[predictors - 1];
        return select(zero, logit, positive) - softplus(logit);
    }
};

}  // namespace ILK_NAMESPACE
}  // namespace ilk
