// gamma_function.h: the logarithm of the gamma function, as densities need it.
//
// Densities contain log Gamma only in combinations whose leading terms cancel when the dispersion
// is small (its argument k, one over the dispersion, is large).  So no bare log Gamma is offered
// but two functions with those terms removed analytically, both of lambda = log k:
//   binet          log Gamma(k) less Stirling's leading terms
//   log_factorial_ratio  log Gamma(1 + phi) / phi
//   rising_excess  log Gamma(k + y) - log Gamma(k) - y log k
#pragma once

#include "vector_math.h"

namespace ilk {
namespace ILK_NAMESPACE {

// Stirling:  log Gamma(x) = (x - 1/2) log x - x + log(2 pi)/2 + S(x),
//            S(x) = sum_n B_2n / (2n (2n-1) x^(2n-1)),  here for x >= 8 (absolute error 1e-17).
// S and its first three derivatives.
ILK_INLINE Derivatives stirling_remainder(Vector x) {
    constexpr double value[] = {1.0 / 12,   -1.0 / 360,       1.0 / 1260, -1.0 / 1680,
                                1.0 / 1188, -691.0 / 360360,  1.0 / 156,  -3617.0 / 122400};
    constexpr double first[] = {1.0 / 12,  -1.0 / 120,      1.0 / 252, -1.0 / 240,
                                1.0 / 132, -691.0 / 32760,  1.0 / 12,  -3617.0 / 8160};
    constexpr double second[] = {1.0 / 6,  -1.0 / 30,     1.0 / 42, -1.0 / 30,
                                 5.0 / 66, -691.0 / 2730, 7.0 / 6,  -3617.0 / 510};
    constexpr double third[] = {1.0 / 2, -1.0 / 6,      1.0 / 6,  -3.0 / 10,
                                5.0 / 6, -691.0 / 210,  35.0 / 2, -3617.0 / 30};
    const Vector w = 1.0 / x;
    const Vector w2 = w * w;
    return {w * polynomial(w2, value), -w2 * polynomial(w2, first), w * w2 * polynomial(w2, second),
            -w2 * w2 * polynomial(w2, third)};
}

// The recurrence over eight steps:  log Gamma(x) = log Gamma(x + 8) - log (x (x+1) ... (x+7)).
//   product = x (x+1) ... (x+7),   sum_n = sum_i 1 / (x+i)^n.
// Pairing i with 7 - i, (x+i)(x+7-i) = t + i (7-i) with t = x^2 + 7 x: four factors a, b, c, d and
// a single division.
struct EightSteps {
    Vector slope, a, b, c, d, ab, cd, product;

    explicit ILK_INLINE EightSteps(Vector x) {
        slope = 2.0 * x + 7.0;  // (x+i) + (x+7-i)
        a = x * x + 7.0 * x, b = a + 6.0, c = a + 10.0, d = a + 12.0;
        ab = a * b, cd = c * d, product = ab * cd;
    }
};

struct PowerSums {
    Vector sum1, sum2, sum3;
};

// inverse = 1 / product.  1/u + 1/v, 1/u^2 + 1/v^2, 1/u^3 + 1/v^3 in terms of u + v and uv.
ILK_INLINE PowerSums power_sums(const EightSteps& s, Vector inverse) {
    const Vector ra = s.b * s.cd * inverse, rb = s.a * s.cd * inverse;
    const Vector rc = s.ab * s.d * inverse, rd = s.ab * s.c * inverse;
    const Vector p1 = ra + rb + rc + rd;
    const Vector p2 = ra * ra + rb * rb + rc * rc + rd * rd;
    const Vector p3 = ra * ra * ra + rb * rb * rb + rc * rc * rc + rd * rd * rd;
    return {s.slope * p1, s.slope * s.slope * p2 - 2.0 * p1,
            s.slope * (s.slope * s.slope * p3 - 3.0 * p2)};
}

// Below this argument the gamma function is shifted by eight steps, above it Stirling's series
// serves as it is.
constexpr double shift_below = 12.0;
// exp(lambda) and the fourth power of it must neither overflow nor vanish.
constexpr double log_shape_min = -200.0, log_shape_max = 80.0;

// log Gamma(k) - ((k - 1/2) log k - k + log(2 pi)/2), k = exp(lambda): what Stirling's leading
// terms leave (~ 1/(12 k)), with derivatives with respect to lambda.
ILK_INLINE Derivatives binet_derivatives(Vector lambda) {
    lambda = clamp(lambda, log_shape_min, log_shape_max);
    const Vector k = exponential(lambda);
    const Mask small = k < shift_below;
    const Vector z = select(small, k + 8.0, k);
    const Derivatives S = stirling_remainder(z);
    const EightSteps steps(minimum(k, broadcast(shift_below)));
    const PowerSums sums = power_sums(steps, 1.0 / steps.product);
    const Vector log_z = logarithm(z);
    const Vector w = 1.0 / z;
    // Leading terms at z and the recurrence, less the leading terms at k, multiplied by k^n
    const Vector v0 = (z - 0.5) * log_z - z - (k - 0.5) * lambda + k - logarithm(steps.product);
    const Vector v1 = k * (log_z - lambda - 0.5 * w - sums.sum1) + 0.5;
    const Vector v2 = k * k * (w + 0.5 * w * w + sums.sum2) - k - 0.5;
    const Vector v3 = k * k * k * (-w * w - w * w * w - 2.0 * sums.sum3) + k + 1.0;
    const Vector zero = broadcast(0.0);
    const Vector b0 = S.f0 + select(small, v0, zero);
    const Vector b1 = k * S.f1 + select(small, v1, zero);
    const Vector b2 = k * k * S.f2 + select(small, v2, zero);
    const Vector b3 = k * k * k * S.f3 + select(small, v3, zero);
    return {b0, b1, b1 + b2, b1 + 3.0 * b2 + b3};
}

// log Gamma(1 + phi)/phi, phi = exp(lambda), with derivatives with respect to lambda: for phi < 1/8
// the series -gamma + sum_n (-1)^(n+1) zeta(n+1)/(n+1) phi^n (DLMF 5.7.3), otherwise, with
// B = binet,  lambda - 1 + (lambda/2 + log(2 pi)/2 + B) / phi.
ILK_INLINE Derivatives log_factorial_ratio_derivatives(Vector lambda) {
    constexpr double zeta[] = {1.6449340668482264, 1.2020569031595943, 1.0823232337111382,
                               1.0369277551433699, 1.0173430619844491, 1.008349277381923,
                               1.0040773561979443, 1.0020083928260822, 1.000994575127818,
                               1.000494188604119,  1.000246086553308,  1.0001227133475785,
                               1.0000612481350587, 1.000030588236307,  1.000015282259409,
                               1.0000076371976379, 1.0000038172932650};
    constexpr int terms = sizeof zeta / sizeof zeta[0];
    const Vector phi = exponential(clamp(lambda, log_shape_min, log_shape_max));
    const Vector small = minimum(phi, broadcast(0.125));
    Vector s0 = broadcast(0.0), s1 = s0, s2 = s0, s3 = s0;
    for (int n = terms; n >= 1; --n) {
        const double c = (n % 2 ? 1.0 : -1.0) * zeta[n - 1] / (n + 1);
        s0 = (s0 + c) * small;
        s1 = (s1 + c * n) * small;
        s2 = (s2 + c * n * n) * small;
        s3 = (s3 + c * n * n * n) * small;
    }
    constexpr double half_log_2pi = 0.91893853320467274178, euler_gamma = 0.57721566490153286061;
    const Derivatives B = binet_derivatives(lambda);
    const Vector w = 1.0 / phi;
    const Vector b0 = 0.5 * lambda + half_log_2pi + B.f0, b1 = B.f1 + 0.5;
    const Mask series = phi < 0.125;
    return {select(series, s0 - euler_gamma, lambda - 1.0 + w * b0),
            select(series, s1, 1.0 + w * (b1 - b0)),
            select(series, s2, w * (B.f2 - 2.0 * b1 + b0)),
            select(series, s3, w * (B.f3 - 3.0 * B.f2 + 3.0 * b1 - b0))};
}

// R = log Gamma(k + y) - log Gamma(k) - y log k,  k = exp(lambda), y >= 0, with derivatives with
// respect to lambda.  For integer y it is sum_{j<y} log(1 + j/k): ~ y (y-1) / (2k) for large k, and
// errors are of order 1e-16 y/k there, however large k.
//
// With B_n = k^n (psi_n-1(k + y) - psi_n-1(k)), psi_n the polygamma functions,
//     R' = B_1 - y,  R'' = B_1 + B_2,  R''' = B_1 + 3 B_2 + B_3.
// For large k the B_n tend to y, -y, 2y and all three sums to 0.  Stirling's series at z = k + s
// and z' = z + y (s = 8 for small k, otherwise 0), with w = y/z, L = log(1 + w), M = L - w, gives
//     log Gamma(z') - log Gamma(z) - y log z = y L + z M - L/2 + S(z') - S(z),
// and the leading terms of the B_n (those of log z', 1/z', -1/z'^2) less their limits are
//     k L - y                   = z M - s L
//     y - k^2 (1/z - 1/z')      = y C / (z z'),                C = z z' - k^2
//     k^3 (1/z^2 - 1/z'^2) - 2y = -y (3 k^3 (2s + y) + 4 k^2 s (s + y) + 2 C^2) / (z z')^2,
// free of cancellation for w < 1; for larger w the left hand sides are, with the limits left out.
ILK_INLINE Derivatives rising_excess_derivatives(Vector lambda, Vector y) {
    lambda = clamp(lambda, log_shape_min, log_shape_max);
    const Vector k = exponential(lambda), k2 = k * k, k3 = k2 * k;
    const Mask shifted = k < shift_below;
    const Vector zero = broadcast(0.0);
    const Vector s = select(shifted, broadcast(8.0), zero);
    const Vector z = k + s, z1 = z + y;
    const Vector r = 1.0 / z, r1 = 1.0 / z1, q = r * r1;
    const Vector w = y * r;
    const Log1p log = log1p_parts(w);
    const Vector L = log.value, zM = z * log.minus_x;

    const Mask near = w < 1.0;
    const Vector C = s * (2.0 * k + s) + y * z;
    const Vector bracket = k2 * (3.0 * k * (2.0 * s + y) + 4.0 * s * (s + y)) + 2.0 * C * C;
    const Vector lead1 = select(near, zM - s * L, k * L);
    const Vector lead2 = y * q * select(near, C, -k2);
    const Vector lead3 = y * q * q * select(near, -bracket, k3 * (z + z1));

    // The terms of -1/(2z'), 1/(2z'^2) and -1/z'^3
    const Vector a = k * r, a1 = k * r1;
    const Vector half = 0.5 * w * a1;
    const Vector rest1 = half, rest2 = -half * (a + a1);
    const Vector rest3 = 2.0 * half * (a * a + a * a1 + a1 * a1);

    const Derivatives S = stirling_remainder(z), S1 = stirling_remainder(z1);

    // Back over the eight steps from z to k (none for y = 0: the derivatives are exactly 0)
    const Mask stepped = shifted & (y > 0.0);
    const Vector few = minimum(k, broadcast(shift_below));
    const EightSteps low(few), high(few + y);
    const Vector both = 1.0 / (low.product * high.product);  // one division for both inverses
    const Vector inverse = both * high.product;
    const PowerSums sums = power_sums(low, inverse), sums1 = power_sums(high, both * low.product);
    const Vector step0 = y * (logarithm(z) - lambda) - logarithm(high.product * inverse);
    const Vector step1 = -(k * (sums1.sum1 - sums.sum1));
    const Vector step2 = k2 * (sums1.sum2 - sums.sum2);
    const Vector step3 = -2.0 * (k3 * (sums1.sum3 - sums.sum3));

    const Vector R = y * L + zM - 0.5 * L + (S1.f0 - S.f0) + select(stepped, step0, zero);
    const Vector B1 = lead1 + rest1 + k * (S1.f1 - S.f1) + select(stepped, step1, zero);
    const Vector B2 = lead2 + rest2 + k2 * (S1.f2 - S.f2) + select(stepped, step2, zero);
    const Vector B3 = lead3 + rest3 + k3 * (S1.f3 - S.f3) + select(stepped, step3, zero);
    return {R, B1 - select(near, zero, y), B1 + B2, B1 + 3.0 * B2 + B3};
}

}  // namespace ILK_NAMESPACE
}  // namespace ilk
