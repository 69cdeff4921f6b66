// kernels_sums.cpp: the table of densities that are sums or have several parts, compiled as
// kernels.cpp is.
#include "conway_maxwell.h"
#include "kernel_drivers.h"
#include "ordered_beta.h"
#include "tweedie.h"

namespace ilk {
namespace ILK_NAMESPACE {

static constexpr DensityEntry entries[] = {
    entry<ConwayMaxwellPoisson<positive_mean::Log>>("conway_maxwell_poisson:log"),
    entry<OrderedBeta<unit_mean::Logit, interval::Logit>>("ordered_beta:logit"),
    entry<Tweedie<positive_mean::Log>>("tweedie:log"),
};

extern const DensityTable sum_table;
const DensityTable sum_table = {entries, int(sizeof entries / sizeof entries[0])};

}  // namespace ILK_NAMESPACE
}  // namespace ilk
