// simd.h: vectors of doubles on the vector extensions of GCC and Clang, without intrinsics.
//
// Everything in this and the headers built on it lives in the namespace ILK_NAMESPACE, one per
// instruction set: two objects compiled for different processors must never share an inline
// function, since the linker would keep either copy for both.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#ifndef ILK_NAMESPACE
#define ILK_NAMESPACE generic
#endif
#ifndef ILK_WIDTH
#define ILK_WIDTH 2  // doubles per vector: the native width; a wider one spills registers
#endif

#define ILK_LAMBDA __attribute__((always_inline))
#define ILK_INLINE inline __attribute__((always_inline))

namespace ilk {
namespace ILK_NAMESPACE {

constexpr int width = ILK_WIDTH;

using Vector = double __attribute__((vector_size(width * 8)));
using Bits = std::uint64_t __attribute__((vector_size(width * 8)));
// Result of a comparison: all bits set (true) or clear in each lane.
using Mask = std::int64_t __attribute__((vector_size(width * 8)));

// f(Index<0>{}), ..., f(Index<N-1>{}): a loop unrolled by construction.  Arrays of vectors must be
// indexed by constants to be kept in registers, and compilers give up on nested loops.
template <int I>
struct Index {
    static constexpr int value = I;
};

template <class F, int... I>
ILK_INLINE void unroll(const F& f, std::integer_sequence<int, I...>) {
    (f(Index<I>{}), ...);
}

template <int N, class F>
ILK_INLINE void unroll(const F& f) {
    unroll(f, std::make_integer_sequence<int, N>{});
}

ILK_INLINE Vector broadcast(double x) { return Vector{} + x; }

// A vector anywhere in an array of doubles.  (Through std::memcpy GCC copies wide vectors in two
// halves by way of the stack, and loses ten cycles each time; in a using-declaration Clang ignores
// the alignment.)
typedef double Unaligned __attribute__((vector_size(width * 8), aligned(8), may_alias));

ILK_INLINE Vector load(const double* p) { return *reinterpret_cast<const Unaligned*>(p); }
ILK_INLINE void store(double* p, Vector x) { *reinterpret_cast<Unaligned*>(p) = x; }

ILK_INLINE Bits bits_of(Vector x) { return (Bits)x; }
ILK_INLINE Vector from_bits(Bits b) { return (Vector)b; }

ILK_INLINE Vector select(Mask mask, Vector yes, Vector no) { return mask ? yes : no; }
// -infinity where the mask is set: by bits, since floating-point operations may be compiled on the
// assumption that they see no infinities.
ILK_INLINE Vector minus_infinity_where(Mask mask, Vector otherwise) {
    const Bits chosen = (Bits)mask;
    return from_bits((chosen & 0xfff0000000000000ULL) | (~chosen & bits_of(otherwise)));
}
ILK_INLINE Vector minimum(Vector x, Vector y) { return x < y ? x : y; }
ILK_INLINE Vector maximum(Vector x, Vector y) { return x > y ? x : y; }
ILK_INLINE Vector clamp(Vector x, double low, double high) {
    return minimum(maximum(x, broadcast(low)), broadcast(high));
}
ILK_INLINE Vector absolute(Vector x) { return from_bits(bits_of(x) & 0x7fffffffffffffffULL); }
ILK_INLINE Vector copy_sign(Vector magnitude, Vector sign) {
    return from_bits((bits_of(magnitude) & 0x7fffffffffffffffULL) |
                     (bits_of(sign) & 0x8000000000000000ULL));
}

ILK_INLINE Vector square_root(Vector x) {
    for (int lane = 0; lane < width; ++lane) x[lane] = __builtin_sqrt(x[lane]);
    return x;
}

ILK_INLINE double sum(Vector x) {
    double total = 0;
    for (int lane = 0; lane < width; ++lane) total += x[lane];
    return total;
}

// Estrin's scheme: pairs of neighboring coefficients first, so that the chain of dependent
// multiply-adds has length log2(N) instead of N.
template <int N>
ILK_INLINE Vector estrin(Vector x, const Vector (&c)[N]) {
    if constexpr (N == 1) {
        return c[0];
    } else {
        Vector next[(N + 1) / 2];
        unroll<N / 2>([&](auto index) ILK_LAMBDA {
            constexpr int i = decltype(index)::value;
            next[i] = c[2 * i] + c[2 * i + 1] * x;
        });
        if constexpr (N % 2) next[N / 2] = c[N - 1];
        return estrin(x * x, next);
    }
}

// c[0] + c[1] x + ... + c[N-1] x^(N-1)
template <int N>
ILK_INLINE Vector polynomial(Vector x, const double (&c)[N]) {
    Vector coefficients[N];
    unroll<N>([&](auto i) ILK_LAMBDA { coefficients[i.value] = broadcast(c[i.value]); });
    return estrin(x, coefficients);
}

}  // namespace ILK_NAMESPACE
}  // namespace ilk
