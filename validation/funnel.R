# Control limits of funnel plots by adaptive integration and search, with functions of stats alone.
#
#   Rscript validation/funnel.R tests/reference/funnel.json
#
# Models with given parameters: totals are Poisson, negative binomial (variance m + m^2 / k) or
# binomial; a level's effect b ~ N(0, sd^2) acts on the scale of the link. Sampling limits are those
# at b = 0, predictive ones those of the mixture. Limits are interpolated as in Spiegelhalter (2005),
# appendix A.1, the upper one mirrored: one event above the formula at 1 - p.

library(jsonlite)

cdf <- function(case, r, predictive) {
  if (r < 0) return(0)
  at <- function(b) switch(case$kind,
    poisson = ppois(r, case$size * exp(b)),
    negative_binomial = pnbinom(r, size = case$k, mu = case$size * exp(b)),
    binomial = pbinom(r, case$size, plogis(case$center + b)))
  if (!predictive) return(at(0))
  f <- function(z) at(case$sd * z) * dnorm(z)
  sum(sapply(seq(-9, 8.5, by = 0.5), function(a)
    integrate(f, a, a + 0.5, rel.tol = 1e-10, abs.tol = 1e-14, subdivisions = 1000)$value))
}

limits <- function(case, p, predictive) {
  quantile_of <- function(q) {
    low <- -1
    high <- 1
    while (cdf(case, high, predictive) < q) high <- 2 * high
    while (high - low > 1) {
      middle <- floor((low + high) / 2)
      if (cdf(case, middle, predictive) >= q) high <- middle else low <- middle
    }
    at <- cdf(case, high, predictive)
    high - (at - q) / (at - cdf(case, high - 1, predictive))
  }
  upper <- quantile_of(1 - p) + 1
  if (case$kind == "binomial") upper <- min(upper, case$size)
  c(max(quantile_of(p), 0), upper)
}

cases <- list(
  list(kind = "poisson", size = 0.8, sd = 0.5),
  list(kind = "poisson", size = 7.3, sd = 0.5),
  list(kind = "poisson", size = 64, sd = 0.2),
  list(kind = "poisson", size = 900, sd = 0.6),
  list(kind = "negative_binomial", size = 5.5, k = 2.5, sd = 0.4),
  list(kind = "negative_binomial", size = 80, k = 6, sd = 0.3),
  list(kind = "binomial", size = 12, center = -1.2, sd = 0.7),
  list(kind = "binomial", size = 150, center = 1.5, sd = 0.3)
)
for (i in seq_along(cases)) {
  cases[[i]]$limits <- lapply(c(sampling = FALSE, predictive = TRUE), function(predictive)
    lapply(list("0.95" = 0.025, "0.998" = 0.001), function(p) limits(cases[[i]], p, predictive)))
}
out <- list(program = R.version.string, packages = list(stats = as.character(packageVersion("stats"))),
            date = format(Sys.Date()),
            command = "Rscript validation/funnel.R tests/reference/funnel.json", cases = cases)
write_json(out, commandArgs(TRUE)[1], digits = NA, auto_unbox = TRUE, pretty = TRUE)
