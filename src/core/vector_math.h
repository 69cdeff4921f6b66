// vector_math.h: elementary and special functions of vectors, with derivatives.
//
// All functions are free of branches.  Accuracies quoted are largest relative errors measured
// against high-precision arithmetic.  Compile without -ffast-math: reassociation
// would destroy the rounding trick of exp and the compensations below (-ffinite-math-only,
// -fno-signed-zeros and -fno-math-errno are fine).  No function returns an infinity or a NaN for a
// finite argument in its domain.
//
// A function that a log density composes with jets comes as Derivatives: its value and first three
// derivatives.  Those that nobody reads are removed by the compiler, so callers need not say how
// many they want.
#pragma once

#include "simd.h"

namespace ilk {
namespace ILK_NAMESPACE {

struct Derivatives {
    Vector f0, f1, f2, f3;
};

constexpr double log_2_high = 0x1.62e42feep-1;        // ln 2 = high + low, high with 32 bits,
constexpr double log_2_low = 1.90821492927058770e-10;  // so that (small integer) * high is exact

// --- exponential ---------------------------------------------------------------------------------

// x = k ln 2 + r, |r| <= ln(2)/2:  scale = 2^k, excess = exp(r) - 1.
struct SplitExponential {
    Vector scale, excess;
};

// x in [-708, 709].  Cody and Waite's reduction; adding 1.5 2^52 rounds to an integer and leaves it
// in the low bits.  exp(r) - 1 = r + r^2 (1/2! + r/3! + ... + r^11/13!).
ILK_INLINE SplitExponential split_exponential(Vector x) {
    constexpr double round = 0x1.8p52;
    const Vector shifted = x * 1.4426950408889634 + round;
    const Vector k = shifted - round;
    const Vector r = (x - k * log_2_high) - k * log_2_low;
    constexpr double taylor[] = {1.0 / 2,       1.0 / 6,        1.0 / 24,       1.0 / 120,
                                 1.0 / 720,     1.0 / 5040,     1.0 / 40320,    1.0 / 362880,
                                 1.0 / 3628800, 1.0 / 39916800, 1.0 / 479001600, 1.0 / 6227020800};
    const Vector excess = r + r * r * polynomial(r, taylor);
    return {from_bits((bits_of(shifted) + 1023) << 52), excess};
}

// exp(x), 2e-16; 0 below -708, exp(709) above 709.
ILK_INLINE Vector exponential(Vector x) {
    const SplitExponential e = split_exponential(clamp(x, -708.0, 709.0));
    return select(x < -708.0, broadcast(0.0), e.scale + e.scale * e.excess);
}

// exp(x) and exp(x) - 1 for x <= 0.
struct ExponentialPair {
    Vector exp, expm1;
};

ILK_INLINE ExponentialPair exponential_pair(Vector x) {
    const SplitExponential e = split_exponential(maximum(x, broadcast(-708.0)));
    const Vector tail = e.scale * e.excess;
    return {select(x < -708.0, broadcast(0.0), e.scale + tail), tail + (e.scale - 1.0)};
}

// --- logarithm -----------------------------------------------------------------------------------

// f - log(1 + f) for 1 + f in [sqrt(1/2), sqrt(2)), without cancellation: with s = f / (2 + f),
//     log(1 + f) = 2 artanh(s) = 2 s + s R,   R = 2 s^2/3 + 2 s^4/5 + ...
//     f - log(1 + f) = f^2/2 - s (f^2/2 + R)
ILK_INLINE Vector log_deficit(Vector f) {
    const Vector s = f / (2.0 + f);
    const Vector z = s * s;
    constexpr double artanh[] = {2.0 / 3,  2.0 / 5,  2.0 / 7,  2.0 / 9, 2.0 / 11,
                                 2.0 / 13, 2.0 / 15, 2.0 / 17, 2.0 / 19};
    const Vector half_square = 0.5 * f * f;
    return half_square - s * (half_square + z * polynomial(z, artanh));
}

// x = 2^k m, m in [sqrt(1/2), sqrt(2)); inverse_scale = 2^-k.
struct Scaled {
    Vector k, m, inverse_scale;
};

ILK_INLINE Scaled scale_to_one(Vector x) {
    constexpr std::uint64_t root_half = 0x3fe6a09e667f3bcdULL;  // sqrt(1/2)
    constexpr std::uint64_t bias = 1024;                        // keeps the exponent positive
    const Bits biased = (bits_of(x) + ((bias << 52) - root_half)) >> 52;
    const Vector k = from_bits(biased | 0x4330000000000000ULL) - (0x1p52 + double(bias));
    return {k, from_bits(bits_of(x) - ((biased - bias) << 52)),
            from_bits((bias + 1023 - biased) << 52)};
}

// log(x) of x >= 2.3e-308, 2e-16.  log(0) = -709.
ILK_INLINE Vector logarithm(Vector x) {
    const Scaled scaled = scale_to_one(x);
    const Vector f = scaled.m - 1.0;
    return scaled.k * log_2_high + (f - (log_deficit(f) - scaled.k * log_2_low));
}

// log(1 + x) and log(1 + x) - x of x > -1; the second is ~ -x^2/2 and fully accurate at 0.
struct Log1p {
    Vector value, minus_x;
};

// What rounding 1 + x loses is put back into the reduced argument f = (1 + x)/2^k - 1 (for k = 0,
// f = x exactly).
ILK_INLINE Log1p log1p_parts(Vector x) {
    const Vector u = 1.0 + x;
    const Scaled scaled = scale_to_one(u);
    const Vector f = (scaled.m - 1.0) + (x - (u - 1.0)) * scaled.inverse_scale;
    const Vector deficit = log_deficit(f);
    const Vector value = scaled.k * log_2_high + (f - (deficit - scaled.k * log_2_low));
    return {value, select(scaled.k == 0.0, -deficit, value - x)};
}

ILK_INLINE Vector log1p(Vector x) { return log1p_parts(x).value; }

// log(q) - q + 1 <= 0 of q > 0, ~ -(q - 1)^2/2 and fully accurate at 1.
ILK_INLINE Vector log_minus_linear(Vector q) {
    const Scaled scaled = scale_to_one(q);
    const Vector f = scaled.m - 1.0;
    const Vector deficit = log_deficit(f);
    const Vector far = scaled.k * log_2_high + (f - (deficit - scaled.k * log_2_low)) - (q - 1.0);
    return select(scaled.k == 0.0, -deficit, far);
}

// --- logistic functions --------------------------------------------------------------------------

// What they share:  p = 1/(1 + exp(-x)), q = 1 - p, both free of cancellation,
// weight = p q, and for e = exp(-|x|): log(1 + e), log(1 + e) - e.
struct Logistic {
    Vector p, q, weight, e;
    Log1p log;
};

ILK_INLINE Logistic logistic(Vector x) {
    const Vector e = exponential(-absolute(x));
    const Vector larger = 1.0 / (1.0 + e);  // max(p, q)
    const Vector smaller = e * larger;
    const Mask negative = x < 0.0;
    return {select(negative, smaller, larger), select(negative, larger, smaller), smaller * larger,
            e, log1p_parts(e)};
}

// log(1 + exp(x)): derivatives p, p q, p q (q - p).
ILK_INLINE Derivatives softplus_derivatives(Vector x) {
    const Logistic l = logistic(x);
    return {maximum(x, broadcast(0.0)) + l.log.value, l.p, l.weight, l.weight * (l.q - l.p)};
}

// G = log(1 + t)/t, t = exp(x): tends to 1 for x -> -infinity.  G' = q - G,  G'' = -p q - G',
// G''' = -p q (q - p) - G''.  For small t, G' = -t/2 + ... is found without cancellation from
// log(1 + t) - t:  q - G = -(log(1 + t) - t)/t - p.
ILK_INLINE Derivatives softplus_ratio_derivatives(Vector x) {
    const Logistic l = logistic(x);
    const Mask negative = x < 0.0, small = x < -1.4;
    const Vector inverse_e = 1.0 / maximum(l.e, broadcast(1e-300));
    const Vector excess = l.log.minus_x * inverse_e;  // (log(1 + t) - t)/t where t = e
    const Vector whole = maximum(x, broadcast(0.0)) + l.log.value;  // log(1 + t)
    const Vector ratio = select(small, 1.0 + excess, whole * select(negative, inverse_e, l.e));
    const Vector first = select(small, -excess - l.p, l.q - ratio);
    const Vector second = -l.weight - first;
    return {ratio, first, second, -l.weight * (l.q - l.p) - second};
}

}  // namespace ILK_NAMESPACE
}  // namespace ilk
