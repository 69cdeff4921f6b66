// log_probability.h: log mu and log(1 - mu) of the links of a mean in (0, 1).
//
// Binomial-type densities need exactly these two numbers, and only written directly do they stay
// accurate where mu or 1 - mu underflows: mu itself is never formed.
#pragma once

#include "vector_math.h"

namespace ilk {
namespace ILK_NAMESPACE {

// With derivatives with respect to the predictor.
struct LogProbabilities {
    Derivatives mean, complement;
};

// Logit:  log mu = -log(1 + exp(-x)),  log(1 - mu) = -log(1 + exp(x)).
ILK_INLINE LogProbabilities logistic_log_probabilities(Vector x) {
    const Logistic l = logistic(x);
    const Vector zero = broadcast(0.0);
    const Vector second = -l.weight, third = l.weight * (l.p - l.q);
    return {{minimum(x, zero) - l.log.value, l.q, second, third},
            {-maximum(x, zero) - l.log.value, -l.p, second, third}};
}

// Probit:  log Phi(x) and log Phi(-x).  Both tails are computed for t = |x| and exchanged by sign.
//   Far tail, log Phi(-t):  r = phi(t) / Phi(-t) = t + e with 0 < e < 0.8, e ~ 1/t, so that
//     log Phi(-t) = -t^2/2 - log(2 pi)/2 - log r,   derivatives (in -t)  r, -r e, r g,
//     g = e (t + 2 e) - 1 ~ 2/t^4.
//   Body, log Phi(t) = log1p(-Phi(-t)):  h = phi(t) / Phi(t), derivatives (in t)
//     h, -h (t + h), h ((t + h) (t + 2 h) - 1).
// e and, for t > 3, g are polynomials in (t - a) / (t + a): interpolated at Chebyshev nodes in
// 60-digit arithmetic, relative errors 5e-17 for (t + 2.5) e and 3e-15 for (t + 3)^4 g.
ILK_INLINE LogProbabilities normal_log_probabilities(Vector x) {
    constexpr double excess[] = {
        1.5175055318670811,     -0.6321815466945966,    0.017166600466643367,
        0.16604350091516298,    -0.0546670417955106,    -0.039095794959944044,
        0.02383839657826752,    0.010137785132494064,   -0.008720435930061205,
        -0.003005238131391271,  0.002948600102287393,   0.0010147338685654798,
        -0.0009254884997310765, -0.00036658187889910263, 0.0002632551557832503,
        0.0001300343318585033,  -6.501219293539244e-05, -4.1967396000953207e-05,
        1.3037703785407213e-05, 1.1509784125239773e-05, -1.8991285081429851e-06,
        -2.4744780279663797e-06, 1.603046163582984e-07, 3.661276570866053e-07,
        -3.6281363859296664e-09, -2.7624585090317394e-08,
    };
    constexpr double third[] = {
        4.737075068767852,      -4.55953300725522,      2.540289476132151,
        -0.8153200362936065,    0.01635925701259027,    0.14672265808505236,
        -0.08723489351356742,   0.021727523819221328,   0.003410548718883608,
        -0.0051484914702876585, 0.0018582009549641572,  -5.260526315303807e-05,
        -0.0002450032132235443, 0.00010588367069431248, -8.133680269202873e-06,
        -1.0507123485278724e-05, 4.601514981348595e-06, -2.608929011527176e-07,
        -3.811704227669064e-07, 1.0119975376671655e-07,
    };
    const Vector t = minimum(absolute(x), broadcast(1e50));
    const Vector e = polynomial((t - 3.4) / (t + 3.4), excess) / (t + 2.5);
    const Vector r = t + e;
    const Vector shifted = t - 3.0;
    const Vector u = t + 3.0;
    const Vector g = select(shifted < 0.0, e * (t + 2.0 * e) - 1.0,
                            polynomial((shifted - 8.0) / (shifted + 8.0), third) / (u * u * u * u));

    // exp(-t^2/2) to full accuracy: t = coarse + fine, coarse with 24 bits, coarse^2 exact.
    const Vector moderate = minimum(t, broadcast(40.0));
    const Vector coarse = from_bits(bits_of(moderate) & 0xffffffffe0000000ULL);
    const Vector square = 0.5 * moderate * moderate;
    const Vector lost = (0.5 * coarse * coarse - square) +
                        0.5 * (moderate - coarse) * (moderate + coarse);
    const Vector density = exponential(-square) * (1.0 - lost) * 0.39894228040143267794;

    const Vector tail = density / r;
    const Vector h = density / (1.0 - tail);
    const Vector sign = copy_sign(broadcast(1.0), x);
    const Derivatives body = {log1p(-tail), sign * h, -h * (t + h),
                              sign * h * ((t + h) * (t + 2.0 * h) - 1.0)};
    constexpr double half_log_2pi = 0.91893853320467274178;
    const Derivatives far = {-0.5 * t * t - (half_log_2pi + logarithm(r)), -sign * r, -r * e,
                             -sign * r * g};
    const Mask negative = x < 0.0;
    const auto choose = [negative](const Derivatives& yes, const Derivatives& no) {
        return Derivatives{select(negative, yes.f0, no.f0), select(negative, yes.f1, no.f1),
                           select(negative, yes.f2, no.f2), select(negative, yes.f3, no.f3)};
    };
    return {choose(far, body), choose(body, far)};
}

// Complementary log-log:  log mu = log(1 - exp(-t)),  log(1 - mu) = -t,  t = exp(x).
// With w = t / (exp(t) - 1) and v = 1 - t - w the derivatives of log mu are  w, w v,
// w (v^2 - t - w v).  For t < 1, v follows from the series  w = 1 - t/2 + sum_n B_2n t^2n / (2n)!.
// x is cut at -690, where t is almost 0, and at 200, where the third power of t is still finite.
ILK_INLINE LogProbabilities cloglog_log_probabilities(Vector x) {
    constexpr double bernoulli[] = {1.0 / 12,
                                    -1.0 / 720,
                                    1.0 / 30240,
                                    -1.0 / 1209600,
                                    1.0 / 47900160,
                                    -691.0 / 1307674368000,
                                    1.0 / 74724249600,
                                    -3617.0 / 10670622842880000,
                                    43867.0 / 5109094217170944000};
    const Vector all = exponential(clamp(x, -690.0, 200.0));
    const Vector t = minimum(all, broadcast(1000.0));  // w = 0 beyond
    const Vector small = minimum(t, broadcast(1.0));
    const Vector square = small * small;
    const Vector series = square * polynomial(square, bernoulli);
    const ExponentialPair e = exponential_pair(-t);
    const Mask below = t < 1.0;
    const Vector w = select(below, 1.0 - 0.5 * t + series, t * e.exp / -e.expm1);
    const Vector v = select(below, -0.5 * t - series, 1.0 - t - w);
    const Vector value = select(t < 0.7, logarithm(-e.expm1), log1p(-e.exp));
    return {{value, w, w * v, w * (v * v - t - w * v)}, {-all, -all, -all, -all}};
}

}  // namespace ILK_NAMESPACE
}  // namespace ilk
