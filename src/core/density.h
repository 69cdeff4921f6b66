// density.h: the log densities of the families as the engines see them.
//
// A family with K predictors is a function  l_i = log f(y_i | eta_i0, ..., eta_i,K-1)  of each row;
// additive terms that depend on y and trials alone are dropped (families.h writes down which ones,
// the Python families add them back).  The engines need sums of l_i and derivatives of l_i with
// respect to the predictors.  Both come from *kernels*: plain functions over arrays of rows,
// compiled once per instruction set (kernels.cpp) and chosen when they are first asked for.
//
// Only plain pointers cross this header, so that code compiled for the baseline processor can call
// kernels compiled for a newer one.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace ilk {

// Position of the second derivative d2 l / d eta_k d eta_l in packed lower-triangular storage.
constexpr int pair(int k, int l) { return k >= l ? k * (k + 1) / 2 + l : pair(l, k); }

// Position of the third derivative d3 l / d eta_k d eta_l d eta_m in packed symmetric storage.
constexpr int triple(int k, int l, int m) {
    return k < l   ? triple(l, k, m)
           : l < m ? triple(k, m, l)
                   : k * (k + 1) * (k + 2) / 6 + l * (l + 1) / 2 + m;
}

constexpr int pairs(int predictors) { return predictors * (predictors + 1) / 2; }
constexpr int triples(int predictors) {
    return predictors * (predictors + 1) * (predictors + 2) / 6;
}

// Arguments of every kernel:
//   predictors  K; read by families of categories only, those of others have one number of them
//   m        number of rows, any number (0 included); arrays need no padding and no alignment
//   y        (m,) response
//   trials   (m,) binomial sizes, or null: all 1
//   weight   (m,) frequency weights >= 0, or null: all 1; they multiply l_i and all derivatives.
//            A row of weight 0 contributes exactly 0, whatever its predictors
//   eta      K arrays (m,)
//   d1       K arrays (m,): d1[k] receives dl/d eta_k
//   d2       pairs(K) arrays (m,), d2[pair(k, l)]
//   d3       triples(K) arrays (m,), d3[triple(k, l, j)]
// Only the arrays a kernel writes need exist; other entries of d1, d2, d3 may be null.  Outputs do
// not overlap inputs or each other.
// Links such as the identity for a Poisson mean have predictors outside the domain of the family:
// such a row has l_i = -infinity (and so has the sum), its derivatives are finite and point back.

// Returns the sum of weight_i l_i.
using Kernel = double (*)(int predictors, std::size_t m, const double* y, const double* trials,
                          const double* weight, const double* const* eta, double* const* d1,
                          double* const* d2, double* const* d3);

// Writes weight_i l_i to value (m,) and first derivatives to d1: one quadrature node.
using NodeKernel = void (*)(int predictors, std::size_t m, const double* y, const double* trials,
                            const double* weight, const double* const* eta, double* value,
                            double* const* d1);

struct Density {
    std::string name;  // the key, "poisson:log"
    int predictors;    // K
    // Random effects in predictor 0 only:
    Kernel inner;        // d1[0], d2[0]; no value: returns 0
    Kernel inner_value;  // d1[0], d2[0] and the value
    Kernel full;         // value, d1[k], d2[pair(0, k)], d3[triple(0, 0, k)] for all k
    // Random effects anywhere:
    Kernel multi2;    // value, all of d1 and d2
    Kernel multi3;    // value, all of d1, d2 and d3
    NodeKernel node;  // value and d1 row by row
};

// Instruction sets the kernels are compiled for; x86_64_v2 has vectors of 2 doubles, v3 (AVX2) of 4
// and v4 (AVX-512) of 8; every other architecture has generic alone.
enum class InstructionSet { generic, x86_64_v2, x86_64_v3, x86_64_v4 };

// The best of this machine.
InstructionSet best_instruction_set();

// Most categories of a response that densities are compiled for.
constexpr int most_categories = 24;

// The density of a key for the best instruction set; null if the key is unknown.  The object lives
// as long as the program.  Keys of families of categories end in their number:
// "cumulative:logit:5".
const Density* find_density(const std::string& key);

// The same for a given instruction set; null also if it is not compiled in or cannot run here.
const Density* find_density(const std::string& key, InstructionSet set);

// All keys, sorted.
std::vector<std::string> density_names();

}  // namespace ilk
