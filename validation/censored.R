# Accelerated failure time models of right-, interval- and left-censored times.
# Input: tests/reference/data/censored.csv. Output: one line a model, with
# log-likelihood, coefficients, scale, standard errors (the scale's on the log).
library(survival)
d <- read.csv("tests/reference/data/censored.csv")
for (dist in c("weibull", "exponential", "lognormal", "gaussian")) {
  low <- ifelse(d$lo == 0 & dist != "gaussian", NA, d$lo)
  high <- ifelse(is.finite(d$hi), d$hi, NA)
  fits <- list(
    right = survreg(Surv(time, s) ~ x, d, dist = dist),
    interval = survreg(Surv(low, high, type = "interval2") ~ x, d, dist = dist),
    left = survreg(Surv(time, s, type = "left") ~ x, d, dist = dist)
  )
  for (kind in names(fits)) {
    m <- fits[[kind]]
    cat(dist, kind, format(c(m$loglik[2], coef(m), m$scale, sqrt(diag(vcov(m)))), digits = 12), "\n")
  }
}
cat(R.version.string, as.character(packageVersion("survival")), "\n")
