# Model comparisons by lme4, RLRsim, cAIC4 and glmmTMB: writes tests/reference/compare.json.
#
#     Rscript validation/compare.R OUTPUT.json        (from the root of the repository)

suppressMessages({library(lme4); library(RLRsim); library(cAIC4); library(glmmTMB); library(jsonlite)})
output <- commandArgs(trailingOnly = TRUE)[1]
set.seed(20261130)
cases <- list()
exact <- lmerControl(optimizer = "bobyqa", optCtrl = list(maxfun = 1e6, rhoend = 1e-10),
                     check.conv.singular = "ignore")

read <- function(file, factors = character()) {
  data <- read.csv(file.path("tests/reference/data", file), na.strings = "NA")
  for (name in factors) data[[name]] <- factor(data[[name]])
  data
}

text <- function(formula) paste(deparse(formula, width.cutoff = 500), collapse = " ")

add <- function(id, file, factors, package, ...) {
  cases[[length(cases) + 1]] <<- list(
    id = id, data = paste0("data/", file), factors = I(as.character(factors)),
    engine = list(package = package, version = as.character(packageVersion(package)), R = "4.2.2",
                  date = as.character(Sys.Date()), script = "validation/compare.R"), ...)
}

criteria <- function(file, factors, formulas, reml) {
  data <- read(file, factors)
  lapply(formulas, function(f) {
    fit <- lmer(f, data, REML = reml, control = exact)
    found <- cAIC(fit, analytic = TRUE)
    list(formula = text(f), reml = reml, loglik = as.numeric(logLik(fit)), df = attr(logLik(fit), "df"), aic = AIC(fit),
         bic = BIC(fit), conditional_loglik = as.numeric(found$loglikelihood), conditional_df = as.numeric(found$df),
         caic = as.numeric(found$caic))
  })
}

for (reml in c(TRUE, FALSE)) {
  tag <- if (reml) "reml" else "ml"
  add(paste0("caic-sleepstudy-", tag), "sleepstudy.csv", "Subject", "cAIC4", models = criteria("sleepstudy.csv", "Subject",
    list(Reaction ~ Days + (1 | Subject), Reaction ~ Days + (1 | Subject) + (0 + Days | Subject), Reaction ~ Days + (Days | Subject)), reml))
  add(paste0("caic-pastes-", tag), "Pastes.csv", c("batch", "cask", "sample"), "cAIC4", models = criteria("Pastes.csv", c("batch", "cask", "sample"),
    list(strength ~ 1 + (1 | sample), strength ~ 1 + (1 | batch) + (1 | sample)), reml))
  add(paste0("caic-penicillin-", tag), "Penicillin.csv", c("plate", "sample"), "cAIC4", models = criteria("Penicillin.csv", c("plate", "sample"),
    list(diameter ~ 1 + (1 | plate) + (1 | sample)), reml))
}

conditional <- function(id, file, factors, formula, family) {
  data <- read(file, factors)
  fit <- glmer(formula, data, family = family, control = glmerControl(optimizer = "bobyqa", optCtrl = list(maxfun = 1e6, rhoend = 1e-9)))
  found <- cAIC(fit)
  add(id, file, factors, "cAIC4", models = list(list(formula = text(formula), family = family, conditional_loglik = as.numeric(found$loglikelihood),
    conditional_df = as.numeric(found$df), caic = as.numeric(found$caic))))
}
conditional("caic-epil-poisson", "epil.csv", c("subject", "trt"), y ~ lbase + trt + (1 | subject), "poisson")

rlrt <- function(id, file, factors, full, others, only) {
  data <- read(file, factors)
  m_all <- lmer(full, data, control = exact); m_only <- lmer(only, data, control = exact)
  found <- if (is.null(others)) exactRLRT(m_only, nsim = 200000) else
    exactRLRT(m_only, m_all, lmer(others, data, control = exact), nsim = 200000)
  add(id, file, factors, "RLRsim", full = text(full), others = if (is.null(others)) NULL else text(others), only = text(only),
      draws = 200000, statistic = as.numeric(found$statistic), p_value = as.numeric(found$p.value))
}
rlrt("rlrt-dyestuff", "Dyestuff.csv", "Batch", Yield ~ 1 + (1 | Batch), NULL, Yield ~ 1 + (1 | Batch))
rlrt("rlrt-pastes-batch", "Pastes.csv", c("batch", "cask", "sample"), strength ~ 1 + (1 | batch) + (1 | sample),
     strength ~ 1 + (1 | sample), strength ~ 1 + (1 | batch))
rlrt("rlrt-sleepstudy-slope", "sleepstudy.csv", "Subject", Reaction ~ Days + (1 | Subject) + (0 + Days | Subject),
     Reaction ~ Days + (1 | Subject), Reaction ~ Days + (0 + Days | Subject))

null <- function(id, file, factors, formula, shift) {  # tails of the null distribution itself
  data <- read(file, factors); fit <- lmer(formula, data, control = exact)
  X <- getME(fit, "X"); Z <- t(as.matrix(getME(fit, "Zt"))); found <- list()
  for (kind in c("reml", "ml")) {
    draws <- if (kind == "reml") RLRTSim(X, Z, qr(X), diag(ncol(Z)), nsim = 200000, seed = 1) else
      LRTSim(X, Z, 0, diag(ncol(Z)), nsim = 200000, seed = 1)
    found[[kind]] <- list(at = shift, p_value = sapply(shift, function(t) mean(draws >= t)), zero = mean(draws < 1e-8))
  }
  add(id, file, factors, "RLRsim", formula = text(formula), draws = 200000, null = found)
}
null("null-dyestuff", "Dyestuff.csv", "Batch", Yield ~ 1 + (1 | Batch), c(0.5, 1, 2, 4))
null("null-sleepstudy-slope", "sleepstudy.csv", "Subject", Reaction ~ Days + (0 + Days | Subject), c(0.5, 1, 2, 4))
null("null-cake", "cake.csv", c("recipe", "replicate"), angle ~ recipe * temp + (1 | replicate), c(0.5, 1, 2, 4))

glmm <- function(id, file, factors, fits) {
  data <- read(file, factors)
  models <- lapply(fits, function(f) {
    fit <- glmmTMB(f$formula, data, family = f$family, ziformula = if (is.null(f$zi)) ~0 else f$zi)
    list(formula = text(f$formula), family = f$family, zero_inflation = if (is.null(f$zi)) NULL else text(f$zi),
         loglik = as.numeric(logLik(fit)), df = attr(logLik(fit), "df"), aic = AIC(fit), bic = BIC(fit))
  })
  add(id, file, factors, "glmmTMB", models = models)
}
ticks <- c("YEAR", "BROOD", "LOCATION", "INDEX")
base <- TICKS ~ YEAR + scale(HEIGHT) + (1 | BROOD)
glmm("table-grouseticks", "grouseticks.csv", ticks, list(
  list(formula = base, family = "poisson"), list(formula = base, family = "nbinom2"), list(formula = base, family = "nbinom1"),
  list(formula = update(base, . ~ . + (1 | INDEX)), family = "poisson"),
  list(formula = update(base, . ~ . + (1 | INDEX)), family = "nbinom2")))
count <- count ~ mined + spp + (1 | site)
glmm("table-salamanders", "Salamanders.csv", c("mined", "spp", "site"), list(
  list(formula = count, family = "poisson"), list(formula = count, family = "poisson", zi = ~1),
  list(formula = count, family = "nbinom2"), list(formula = count, family = "nbinom2", zi = ~1)))

writeLines(c("[", paste(sapply(cases, toJSON, digits = NA, auto_unbox = TRUE, null = "null"), collapse = ",\n"), "]"), output)
