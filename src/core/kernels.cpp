// kernels.cpp: the table of densities.  Compiled once per instruction set, with
//   -DILK_NAMESPACE=<x86_64_v2|x86_64_v3|x86_64_v4|generic> -DILK_WIDTH=<2|4|8|2>
//   -march=<x86-64-v2|x86-64-v3|x86-64-v4|default>
//   -O3 -std=c++17 -fno-math-errno -fno-trapping-math -fno-signed-zeros -ffinite-math-only
//   -fno-tree-slp-vectorize (vectors are explicit; that pass of GCC 12 crashes on wide ones)
#include "kernel_drivers.h"

namespace ilk {
namespace ILK_NAMESPACE {

static constexpr DensityEntry entries[] = {
    entry<Gaussian<real_mean::Identity>>("gaussian:identity"),
    entry<Gaussian<real_mean::Log>>("gaussian:log"),
    entry<Gaussian<real_mean::Inverse>>("gaussian:inverse"),
    entry<Student<real_mean::Identity>>("student:identity"),
    entry<Student<real_mean::Log>>("student:log"),
    entry<Student<real_mean::Inverse>>("student:inverse"),
    entry<SkewNormal<real_mean::Identity>>("skew_normal:identity"),
    entry<SkewNormal<real_mean::Log>>("skew_normal:log"),
    entry<SkewNormal<real_mean::Inverse>>("skew_normal:inverse"),
    entry<Binomial<unit_mean::Logit>>("binomial:logit"),
    entry<Binomial<unit_mean::Probit>>("binomial:probit"),
    entry<Binomial<unit_mean::Cloglog>>("binomial:cloglog"),
    entry<Poisson<positive_mean::Log>>("poisson:log"),
    entry<Poisson<positive_mean::Identity>>("poisson:identity"),
    entry<Poisson<positive_mean::Sqrt>>("poisson:sqrt"),
    entry<NegativeBinomial1>("negative_binomial_1:log"),
    entry<NegativeBinomial2>("negative_binomial_2:log"),
    entry<GeneralizedPoisson<positive_mean::Log>>("generalized_poisson:log"),
    entry<GeneralizedPoisson<positive_mean::Identity>>("generalized_poisson:identity"),
    entry<GeneralizedPoisson<positive_mean::Sqrt>>("generalized_poisson:sqrt"),
    entry<Gamma<positive_mean::Log>>("gamma:log"),
    entry<Gamma<positive_mean::Inverse>>("gamma:inverse"),
    entry<Gamma<positive_mean::Identity>>("gamma:identity"),
    entry<InverseGaussian<positive_mean::Log>>("inverse_gaussian:log"),
    entry<InverseGaussian<positive_mean::Inverse>>("inverse_gaussian:inverse"),
    entry<InverseGaussian<positive_mean::InverseSquared>>("inverse_gaussian:inverse_squared"),
    entry<InverseGaussian<positive_mean::Identity>>("inverse_gaussian:identity"),
    entry<Lognormal<positive_mean::Log>>("lognormal:log"),
    entry<Lognormal<positive_mean::Inverse>>("lognormal:inverse"),
    entry<Lognormal<positive_mean::Identity>>("lognormal:identity"),
    entry<Exponential<positive_mean::Log>>("exponential:log"),
    entry<Exponential<positive_mean::Inverse>>("exponential:inverse"),
    entry<Exponential<positive_mean::Identity>>("exponential:identity"),
    entry<Weibull<positive_mean::Log>>("weibull:log"),
    entry<Weibull<positive_mean::Inverse>>("weibull:inverse"),
    entry<Weibull<positive_mean::Identity>>("weibull:identity"),
    entry<Beta<unit_mean::Logit>>("beta:logit"),
    entry<Beta<unit_mean::Probit>>("beta:probit"),
    entry<Beta<unit_mean::Cloglog>>("beta:cloglog"),
    entry<BetaBinomial<unit_mean::Logit>>("beta_binomial:logit"),
    entry<BetaBinomial<unit_mean::Probit>>("beta_binomial:probit"),
    entry<BetaBinomial<unit_mean::Cloglog>>("beta_binomial:cloglog"),
    entry<ZeroInflated<Poisson<positive_mean::Log>>>("zero_inflated_poisson:log"),
    entry<ZeroInflated<NegativeBinomial1>>("zero_inflated_negative_binomial_1:log"),
    entry<ZeroInflated<NegativeBinomial2>>("zero_inflated_negative_binomial_2:log"),
    entry<ZeroInflated<Binomial<unit_mean::Logit>>>("zero_inflated_binomial:logit"),
    entry<ZeroInflated<BetaBinomial<unit_mean::Logit>>>("zero_inflated_beta_binomial:logit"),
    entry<Truncated<Poisson<positive_mean::Log>>>("truncated_poisson:log"),
    entry<Truncated<NegativeBinomial1>>("truncated_negative_binomial_1:log"),
    entry<Truncated<NegativeBinomial2>>("truncated_negative_binomial_2:log"),
    entry<Hurdle<Truncated<Poisson<positive_mean::Log>>>>("hurdle_poisson:log"),
    entry<Hurdle<Truncated<NegativeBinomial1>>>("hurdle_negative_binomial_1:log"),
    entry<Hurdle<Truncated<NegativeBinomial2>>>("hurdle_negative_binomial_2:log"),
    entry<Hurdle<Gamma<positive_mean::Log>>>("hurdle_gamma:log"),
};

extern const DensityTable density_table;
const DensityTable density_table = {entries, int(sizeof entries / sizeof entries[0])};

}  // namespace ILK_NAMESPACE
}  // namespace ilk
