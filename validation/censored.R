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
# Average over the rows of the probability of more than 1.5, with its standard error by the delta
# method (numerical derivatives), compared in tests/unit/family/test_beyond.py
for (dist in c("weibull", "lognormal")) {
  fit <- survreg(Surv(time, s) ~ x, d, dist = dist, control = survreg.control(rel.tolerance = 1e-13))
  beyond <- function(psi) mean(1 - psurvreg(1.5, psi[1] + psi[2] * d$x, exp(psi[3]), dist))
  psi <- c(coef(fit), log(fit$scale))
  slope <- sapply(1:3, function(k) {
    h <- replace(numeric(3), k, 1e-5)
    (beyond(psi + h) - beyond(psi - h)) / 2e-5
  })
  cat(dist, "beyond", sprintf("%.10g", c(beyond(psi), sqrt(drop(slope %*% vcov(fit) %*% slope)))), "\n")
}
