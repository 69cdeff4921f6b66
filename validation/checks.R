# Pearson ratios and expected zeros by performance, of models by lme4 and stats: writes tests/reference/checks.json.
#
#     Rscript validation/checks.R OUTPUT.json        (from the root of the repository)
#
# check_overdispersion() and check_zeroinflation() are asked for numbers only; no seed is needed, nothing is drawn.
# "moran" is Moran's I by ape of numbers z at places x, y with weights of one over the distance; "durbin_watson" is the
# ratio by car of the residuals of a regression. "expected_zeros" is the sum over rows of the probability of a zero at the fitted means, by dpois().

suppressMessages({library(lme4); library(performance); library(jsonlite); library(MASS); library(ape); library(car)})
output <- commandArgs(trailingOnly = TRUE)[1]
tight <- glmerControl(optimizer = "bobyqa", tolPwrss = 1e-12, optCtrl = list(maxfun = 1e6, rhoend = 1e-8))
read <- function(file, factors) {
  data <- read.csv(file.path("tests/reference/data", file), na.strings = "NA")
  for (name in factors) data[[name]] <- factor(data[[name]])
  data
}
ask <- function(id, file, family, formula, fit, poisson) {
  found <- check_overdispersion(fit)
  case <- list(id = id, data = file, family = family, formula = formula,
    chi_square = found$chisq_statistic, df = found$residual_df, ratio = found$dispersion_ratio, p = found$p_value)
  if (poisson) {
    zeros <- check_zeroinflation(fit)
    case$observed_zeros <- zeros$observed.zeros
    case$expected_zeros <- sum(dpois(0, fitted(fit)))
  }
  case
}
engine <- list(
  packages = lapply(setNames(nm = c("lme4", "performance", "MASS", "ape", "car")), function(p) as.character(packageVersion(p))),
  R = paste(R.version$major, R.version$minor, sep = "."), date = as.character(Sys.Date()),
  script = "validation/checks.R")
ticks <- read("grouseticks.csv", c("BROOD", "LOCATION", "YEAR", "INDEX"))
salamanders <- read("Salamanders.csv", c("site", "mined", "spp"))
cbpp <- read("cbpp.csv", c("herd", "period"))
cases <- list(
  ask("ticks-poisson", "grouseticks.csv", "poisson", "TICKS ~ YEAR + (1 | BROOD) + (1 | LOCATION)",
    glmer(TICKS ~ YEAR + (1 | BROOD) + (1 | LOCATION), ticks, poisson, control = tight), TRUE),
  ask("salamanders-poisson", "Salamanders.csv", "poisson", "count ~ mined + (1 | site)",
    glmer(count ~ mined + (1 | site), salamanders, poisson, control = tight), TRUE),
  ask("salamanders-glm", "Salamanders.csv", "poisson", "count ~ mined",
    glm(count ~ mined, poisson, salamanders), TRUE),
  ask("cbpp-binomial", "cbpp.csv", "binomial", "incidence / size ~ period + (1 | herd)",
    glmer(cbind(incidence, size - incidence) ~ period + (1 | herd), cbpp, binomial, control = tight), FALSE))
i <- 1:25
x <- sin(i) * 3; y <- cos(2.3 * i) * 2; z <- sin(i / 4) + 0.3 * cos(7 * i)
weights <- 1 / as.matrix(dist(cbind(x, y))); diag(weights) <- 0
scaled <- Moran.I(z, weights, scaled = FALSE)
moran <- list(x = x, y = y, z = z, observed = scaled$observed, expected = scaled$expected)
line <- lm(z ~ 1)
watson <- list(residuals = unname(residuals(line)), ratio = durbinWatsonTest(line, simulate = FALSE)$dw)
write_json(list(about = "Pearson ratios and zeros", engine = engine, cases = cases, moran = moran, durbin_watson = watson), output, auto_unbox = TRUE, digits = NA)
