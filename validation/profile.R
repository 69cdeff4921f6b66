# Profile-likelihood limits by lme4 and glmmTMB, for tests/reference/profile_peers.json.
#
#   Rscript validation/profile.R        (from the root of the repository; about two minutes)
#
# lme4 interpolates its profiles; a fine grid (delta.cutoff = 1/16) and tight optimizers keep that
# below 3e-4 standard errors.  glmmTMB finds each limit as a root.

suppressMessages({
  library(lme4)
  library(glmmTMB)
  library(jsonlite)
})

data_of <- function(name) read.csv(file.path("tests/reference/data", name))
engine <- function(package, method) list(
  package = package, version = as.character(packageVersion(package)),
  R = paste(R.version$major, R.version$minor, sep = "."), method = method, date = "2026-11-30"
)
by_lme4 <- function(id, fit, data, family) {
  found <- suppressWarnings(
    profile(fit, signames = FALSE, delta.cutoff = 1 / 16, devtol = 1e-4)
  )
  limits <- confint(found, level = 0.95)
  list(
    id = id, data = data, formula = deparse(formula(fit)), family = family,
    engine = engine("lme4", "confint of profile, delta.cutoff = 1/16"),
    logLik = as.numeric(logLik(fit)),
    limits = lapply(seq_len(nrow(limits)), function(i) {
      list(parameter = rownames(limits)[i], lower = limits[i, 1], upper = limits[i, 2])
    })
  )
}

set.seed(7)
n <- 400
g <- rep(1:40, each = 10)
h <- rep(1:10, 40)
x <- round(rnorm(n), 3)
b <- matrix(rnorm(80), 40) %*% matrix(c(.7, 0, .2, .35), 2)
y <- rpois(n, exp(.6 + .3 * x + b[g, 1] + b[g, 2] * x + rnorm(10, 0, .3)[h]))
z <- rbinom(n, 1, plogis(.4 + .8 * x + 1.5 * b[g, 1] + rnorm(10, 0, .8)[h]))
slopes <- data.frame(y = y, z = z, x = x, g = g, h = h)
write.csv(slopes, "tests/reference/data/profile_slopes.csv", row.names = FALSE, quote = FALSE)

tight <- glmerControl(
  optimizer = "bobyqa", tolPwrss = 1e-12,
  optCtrl = list(rhobeg = 2e-4, rhoend = 2e-8, maxfun = 100000)
)
salamanders <- data_of("Salamanders.csv")
salamanders$mined <- factor(salamanders$mined, levels = c("yes", "no"))
zinb <- glmmTMB(
  count ~ mined + (1 | site), zi = ~mined, family = nbinom2, data = salamanders
)
roots <- lapply(seq_along(zinb$fit$par), function(i) {
  limits <- confint(zinb, parm = i, method = "uniroot", estimate = FALSE)
  list(parameter = rownames(limits), lower = limits[1, 1], upper = limits[1, 2])
})

cases <- list(
  by_lme4(
    "penicillin", lmer(diameter ~ 1 + (1 | plate) + (1 | sample), data_of("Penicillin.csv"),
      REML = FALSE),
    "Penicillin.csv", "gaussian"
  ),
  by_lme4(
    "dyestuff2", lmer(Yield ~ 1 + (1 | Batch), data_of("Dyestuff2.csv"), REML = FALSE),
    "Dyestuff2.csv", "gaussian"
  ),
  by_lme4(
    "poisson-slopes", glmer(y ~ x + (1 + x | g), slopes, family = poisson, control = tight),
    "profile_slopes.csv", "poisson"
  ),
  by_lme4(
    "binary-crossed", glmer(z ~ x + (1 | g) + (1 | h), slopes, family = binomial, control = tight),
    "profile_slopes.csv", "binomial"
  ),
  list(
    id = "salamanders-zinb2", data = "Salamanders.csv", formula = "count ~ mined + (1 | site)",
    zero_inflation = "~ mined", family = "negative_binomial_2",
    engine = engine("glmmTMB", "confint, method = uniroot; d is log size, theta log sd"),
    logLik = as.numeric(logLik(zinb)), limits = roots
  )
)
lines <- vapply(cases, function(case) {
  as.character(toJSON(case, auto_unbox = TRUE, digits = 12, na = "null"))
}, "")
writeLines(c("[", paste0(lines, c(rep(",", length(lines) - 1), "")), "]"),
  "tests/reference/profile_peers.json")
