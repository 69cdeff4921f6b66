# Penalized estimates without random effects, by brglm2 (Jeffreys' prior) and by glm() with the rows
# that a log-F(m, m) prior stands for (Greenland and Mansournia 2015).
#   Rscript validation/penalized.R > tests/reference/penalized.json
suppressMessages({library(brglm2); library(jsonlite)})
set.seed(20261130)
n <- 120
d <- data.frame(x = round(rnorm(n), 3), arm = rep(c("a", "b", "c"), n / 3), m = sample(1:6, n, TRUE))
d$y <- rbinom(n, 1, plogis(d$x)); d$y[d$arm == "c"] <- 0
d$k <- rpois(n, exp(0.2 * d$x)); d$k[d$arm == "c"] <- 0
d$s <- rbinom(n, d$m, plogis(0.5 * d$x - 0.5)); d$s[d$arm == "c"] <- 0
control <- list(epsilon = 1e-12, maxit = 10000)
firth <- function(formula, family, outcome) {
  fit <- glm(formula, family, d, method = "brglmFit", type = "MPL_Jeffreys",
             epsilon = 1e-12, maxit = 10000)
  list(outcome = outcome, family = family$family, link = family$link, penalty = "firth",
       coef = unname(coef(fit)), loglik = as.numeric(logLik(fit)))
}
logf <- function(m) {
  X <- model.matrix(~ x + arm, d)
  Z <- diag(4)[2:4, ]
  y <- c(d$y, rep(m / 2, 3)); size <- c(rep(1, n), rep(m, 3))
  fit <- suppressWarnings(glm.fit(rbind(X, Z), y / size, weights = size, family = binomial(),
                                  control = glm.control(epsilon = 1e-14, maxit = 200)))
  W <- fit$weights; A <- rbind(X, Z)
  list(outcome = "y", family = "binomial", link = "logit", penalty = "log_f", m = m,
       coef = unname(fit$coefficients), std_error = unname(sqrt(diag(solve(t(A) %*% (W * A))))))
}
cases <- list(
  firth(y ~ x + arm, binomial(), "y"),
  firth(y ~ x + arm, binomial("probit"), "y"),
  firth(y ~ x + arm, binomial("cloglog"), "y"),
  firth(cbind(s, m - s) ~ x + arm, binomial(), "s"),
  firth(k ~ x + arm, poisson(), "k"),
  logf(1), logf(2)
)
cat(toJSON(list(
  program = paste(R.version.string, "brglm2", packageVersion("brglm2")),
  script = "validation/penalized.R", date = format(Sys.Date()),
  data = as.list(d), cases = cases
), digits = NA, auto_unbox = TRUE, pretty = FALSE), "\n")
