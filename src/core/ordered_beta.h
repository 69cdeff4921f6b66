// ordered_beta.h: shares between 0 and 1 of which some are exactly 0 or 1.
#pragma once

#include "interval_families.h"

namespace ilk {
namespace ILK_NAMESPACE {

// Shares y with F the inverse of the link and eta = mean, log phi, k_1 < k_2:
//   P(0) = 1 - F(mean - k_1),   P(1) = F(mean - k_2),   between them beta distributed.
// dropped: what Beta drops, for 0 < y < 1
template <class UnitLink, class Link>
struct OrderedBeta {
    static constexpr int predictors = 4;
    static constexpr bool restricted = true;
    static ILK_INLINE Mask contains(Vector y, const Vector* eta) {
        return (y <= 0.0) | (y >= 1.0) | (eta[3] > eta[2]);
    }
    template <class J>
    static ILK_INLINE J log_density(Vector y, Vector trials, const J* eta) {
        const Vector zero = broadcast(0.0), one = broadcast(1.0);
        const Mask none = y <= 0.0, all = y >= 1.0, inside = ~(none | all);
        const J gap = eta[3] - eta[2];
        const Cuts<J> cut = {eta[0] - select(none, eta[2], eta[3]),
                             eta[0] - select(all, eta[3], eta[2]),
                             gap.with_value(maximum(gap.value(), broadcast(smallest))),
                             select(all, zero, one),
                             select(none, zero, one),
                             select(inside, one, zero)};
        const J mass = Link::log_probability(cut);
        const J share = Beta<UnitLink>::log_density(select(inside, y, broadcast(0.5)), trials, eta);
        return mass + cut.has_both * share;
    }
};

}  // namespace ILK_NAMESPACE
}  // namespace ilk
