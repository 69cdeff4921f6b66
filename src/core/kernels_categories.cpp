// kernels_categories.cpp: the table of densities of categories, compiled as kernels.cpp is.  The
// names lack the number of categories, which find_density reads from the key.
#include "category_drivers.h"

namespace ilk {
namespace ILK_NAMESPACE {

template <class Link>
using Cumulative = Thresholds<Interval<Link, false>>;
template <class Link>
using ScaledCumulative = Thresholds<Interval<Link, true>>;

static constexpr DensityEntry entries[] = {
    category_entry<Cumulative<interval::Logit>>("cumulative:logit"),
    category_entry<Cumulative<interval::Probit>>("cumulative:probit"),
    category_entry<Cumulative<interval::Cloglog>>("cumulative:cloglog"),
    category_entry<Cumulative<interval::Loglog>>("cumulative:loglog"),
    category_entry<ScaledCumulative<interval::Logit>>("scaled_cumulative:logit"),
    category_entry<ScaledCumulative<interval::Probit>>("scaled_cumulative:probit"),
    category_entry<ScaledCumulative<interval::Cloglog>>("scaled_cumulative:cloglog"),
    category_entry<ScaledCumulative<interval::Loglog>>("scaled_cumulative:loglog"),
    category_entry<Continuation<continuation::Logit>>("continuation_ratio:logit"),
    category_entry<Continuation<continuation::Probit>>("continuation_ratio:probit"),
    category_entry<Continuation<continuation::Cloglog>>("continuation_ratio:cloglog"),
    category_entry<Continuation<continuation::Loglog>>("continuation_ratio:loglog"),
    category_entry<Shares<scores::Adjacent>>("adjacent_category:logit"),
    category_entry<Shares<scores::Separate>>("multinomial:logit"),
};

extern const DensityTable category_table;
const DensityTable category_table = {entries, int(sizeof entries / sizeof entries[0])};

}  // namespace ILK_NAMESPACE
}  // namespace ilk
