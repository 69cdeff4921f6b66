// lattice_rule.h: Gauss's rule for sums over 0, ..., N - 1 with 16 nodes, N = 16 * 2^level.
//
// Exact for polynomials of degree below 32: the nodes are the roots of the 16th polynomial that is
// orthogonal on these whole numbers (Gram), found by Newton's method when this file is compiled.
// Twin and references: src/ilk/num/lattice.py.
#pragma once

namespace ilk {
namespace ILK_NAMESPACE {

constexpr int lattice_nodes = 16, lattice_levels = 32;

constexpr double lattice_size(int level) { return double(1ULL << level); }

struct LatticeRule {
    double offset[lattice_levels][lattice_nodes], weight[lattice_levels][lattice_nodes];
};

// On t = (2 x - N + 1)/N in (-1, 1):  p_{j+1} = t p_j - beta_j p_{j-1},
// beta_j = j^2 (1 - j^2/N^2) / (4 j^2 - 1), squared norm of p_j = beta_1 ... beta_j (times N).
constexpr LatticeRule make_lattice_rule() {
    LatticeRule rule{};
    for (int level = 0; level < lattice_levels; ++level) {
        const double N = lattice_nodes * lattice_size(level);
        double beta[lattice_nodes] = {};
        for (int j = 1; j < lattice_nodes; ++j)
            beta[j] = j * j * (1.0 - j * j / (N * N)) / (4.0 * j * j - 1.0);
        // Positive roots from the outermost inwards: deflated Newton steps never pass a root.
        double roots[lattice_nodes] = {};
        for (int i = 0; i < lattice_nodes / 2; ++i) {
            double t = i == 0 ? 1.0 : roots[2 * i - 2];
            if (i > 0) t -= 1e-9;
            for (int step = 0; step < 100; ++step) {
                double p = 1.0, before = 0.0, slope = 0.0, slope_before = 0.0;
                for (int j = 0; j < lattice_nodes; ++j) {
                    const double next = t * p - beta[j] * before;
                    const double next_slope = p + t * slope - beta[j] * slope_before;
                    before = p, p = next, slope_before = slope, slope = next_slope;
                }
                if (p == 0.0) break;
                double deflation = slope / p;
                for (int k = 0; k < 2 * i; ++k) deflation -= 1.0 / (t - roots[k]);
                const double change = 1.0 / deflation;
                t -= change;
                if (change < 1e-16 && change > -1e-16) break;
            }
            roots[2 * i] = t, roots[2 * i + 1] = -t;
        }
        for (int i = 0; i < lattice_nodes; ++i) {
            const double t = roots[i];
            double p = 1.0, before = 0.0, norm = 1.0, christoffel = 1.0;
            for (int j = 1; j < lattice_nodes; ++j) {
                const double next = t * p - beta[j - 1] * before;
                before = p, p = next, norm *= beta[j];
                christoffel += p * p / norm;
            }
            rule.offset[level][i] = 0.5 * (N * t + N - 1.0);
            rule.weight[level][i] = N / christoffel;
        }
    }
    return rule;
}

static constexpr LatticeRule lattice_rule = make_lattice_rule();

}  // namespace ILK_NAMESPACE
}  // namespace ilk
