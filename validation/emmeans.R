# Marginal means by emmeans: writes the cases of tests/reference/emmeans.json that were made for ilk.
#
#     Rscript validation/emmeans.R OUTPUT.json        (from the root of the repository)
#
# Degrees of freedom are infinite throughout, as ilk's are; slopes are differences over 1e-5.

suppressMessages({library(lme4); library(glmmTMB); library(emmeans); library(jsonlite)})
emm_options(lmer.df = "asymptotic", msg.interaction = FALSE)
output <- commandArgs(trailingOnly = TRUE)[1]
cases <- list()

read <- function(file, factors) {
  data <- read.csv(file.path("tests/reference/data", file), na.strings = "NA")
  for (name in factors) data[[name]] <- factor(data[[name]])
  data
}

plain <- function(table) {
  table <- as.data.frame(table)
  for (name in names(table)) if (is.factor(table[[name]])) table[[name]] <- as.character(table[[name]])
  table
}

add <- function(id, fit, file, data, columns, engine, ...) {
  kinds <- lapply(columns, function(name)
    if (is.factor(data[[name]])) list(kind = "factor", levels = levels(data[[name]])) else list(kind = "numeric"))
  names(kinds) <- columns
  calls <- as.list(substitute(list(...)))[-1]
  tables <- lapply(list(...), plain)
  cases[[length(cases) + 1]] <<- list(
    id = id, kind = "emmeans", data = paste0("data/", file), columns = kinds,
    model = list(formula = paste(deparse(formula(fit), width.cutoff = 500), collapse = " "), family = family(fit)$family,
                 link = family(fit)$link, REML = inherits(fit, "lmerMod") && isREML(fit)),
    engine = list(package = "emmeans", version = as.character(packageVersion("emmeans")), fit = engine,
                  fit_version = as.character(packageVersion(engine)), R = paste(R.version$major, R.version$minor, sep = ".")),
    results = list(logLik = as.numeric(logLik(fit)), nobs = nobs(fit), calls = lapply(calls, function(x) paste(deparse(x, width.cutoff = 500), collapse = " ")),
                   emmeans = tables))
}

exact <- lmerControl(optimizer = "bobyqa", optCtrl = list(maxfun = 1e6, rhoend = 1e-10))

# An interaction, all kinds of contrasts, all adjustments; balanced.
d <- read("cake.csv", c("recipe", "temperature", "replicate"))
m <- lmer(angle ~ recipe * temperature + (1 | recipe:replicate), d, control = exact)
add("emm-cake-interaction", m, "cake.csv", d, c("angle", "recipe", "temperature", "replicate"), "lme4",
  means = summary(emmeans(m, df = Inf, ~ recipe | temperature)),
  pairs = summary(pairs(emmeans(m, df = Inf, ~ recipe | temperature), adjust = "none"), infer = TRUE),
  temperature = summary(emmeans(m, df = Inf, ~ temperature)),
  polynomial = summary(contrast(emmeans(m, df = Inf, ~ temperature), "poly"), infer = TRUE),
  sequential = summary(contrast(emmeans(m, df = Inf, ~ temperature), "consec", adjust = "none"), infer = TRUE),
  effect = summary(contrast(emmeans(m, df = Inf, ~ temperature), "eff", adjust = "none"), infer = TRUE),
  tukey = summary(pairs(emmeans(m, df = Inf, ~ temperature), adjust = "tukey"), infer = TRUE),
  holm = summary(pairs(emmeans(m, df = Inf, ~ temperature), adjust = "holm")),
  bh = summary(pairs(emmeans(m, df = Inf, ~ temperature), adjust = "fdr")),
  bonferroni = summary(pairs(emmeans(m, df = Inf, ~ temperature), adjust = "bonferroni"), infer = TRUE),
  scheffe = summary(pairs(emmeans(m, df = Inf, ~ temperature), adjust = "scheffe"), infer = TRUE),
  reference = summary(contrast(emmeans(m, df = Inf, ~ temperature), "trt.vs.ctrl", adjust = "mvt"), infer = TRUE))

# Unbalanced, binary, covariates: weights of the average, what is averaged, at=, odds ratios.
d <- read("Contraception.csv.gz", c("livch", "urban", "district"))
m <- glmmTMB(y ~ age + I(age^2) + urban * livch + (1 | district), d, family = binomial)
add("emm-contraception", m, "Contraception.csv.gz", d, c("y", "age", "urban", "livch", "district"), "glmmTMB",
  equal = summary(emmeans(m, df = Inf, ~ livch, weights = "equal")),
  proportional = summary(emmeans(m, df = Inf, ~ livch, weights = "proportional")),
  cells = summary(emmeans(m, df = Inf, ~ livch, weights = "cells")),
  response = summary(emmeans(m, df = Inf, ~ livch, weights = "proportional", type = "response")),
  average_mean = summary(emmeans(regrid(ref_grid(m, df = Inf)), ~ livch)),
  average_mean_pairs = summary(pairs(emmeans(regrid(ref_grid(m, df = Inf)), ~ livch), adjust = "none"), infer = TRUE),
  difference = summary(pairs(regrid(emmeans(m, df = Inf, ~ livch)), adjust = "none"), infer = TRUE),
  odds_ratio = summary(pairs(emmeans(m, df = Inf, ~ livch | urban), type = "response", adjust = "mvt"), infer = TRUE),
  reference = summary(contrast(emmeans(m, df = Inf, ~ livch), "trt.vs.ctrl", type = "response", adjust = "mvt"), infer = TRUE),
  at = summary(emmeans(m, df = Inf, ~ livch, at = list(age = c(-5, 10)))),
  at_by = summary(emmeans(m, df = Inf, ~ age | urban, at = list(age = c(-5, 10)))),
  slopes = summary(emtrends(m, df = Inf, ~ urban, var = "age", at = list(age = 4), delta.var = 1e-5)))

# Counts with an offset of the formula: means at its mean, rates, ratios.
d <- read("Owls.csv", c("FoodTreatment", "SexParent", "Nest"))
m <- glmmTMB(SiblingNegotiation ~ FoodTreatment * SexParent + ArrivalTime + offset(logBroodSize) + (1 | Nest), d, family = nbinom2)
add("emm-owls-offset", m, "Owls.csv", d, c("SiblingNegotiation", "FoodTreatment", "SexParent", "ArrivalTime", "logBroodSize", "Nest"), "glmmTMB",
  means = summary(emmeans(m, df = Inf, ~ FoodTreatment | SexParent, type = "response")),
  rate = summary(emmeans(m, df = Inf, ~ FoodTreatment, offset = 0, type = "response")),
  ratio = summary(pairs(emmeans(m, df = Inf, ~ FoodTreatment | SexParent), type = "response", adjust = "none"), infer = TRUE),
  all = summary(pairs(emmeans(m, df = Inf, ~ FoodTreatment * SexParent), type = "response", adjust = "mvt"), infer = TRUE))

# Slopes through orthogonal polynomials and an interaction; random slopes.
d <- read("dietox.csv", c("Cu", "Evit", "Pig"))
m <- lmer(Weight ~ poly(Time, 2) * Cu + Evit + Start + (1 + Time | Pig), d, control = exact)
add("emm-dietox-slopes", m, "dietox.csv", d, c("Weight", "Time", "Cu", "Evit", "Start", "Pig"), "lme4",
  slopes = summary(emtrends(m, df = Inf, ~ Cu, var = "Time", delta.var = 1e-5, at = list(Time = 3))),
  slopes_at = summary(emtrends(m, df = Inf, ~ Cu | Time, var = "Time", delta.var = 1e-5, at = list(Time = c(2, 10)))),
  slope_pairs = summary(pairs(emtrends(m, df = Inf, ~ Cu, var = "Time", delta.var = 1e-5, at = list(Time = 3)), adjust = "mvt"), infer = TRUE),
  means = summary(emmeans(m, df = Inf, ~ Cu, at = list(Time = 6))),
  means_at_mean = summary(emmeans(m, df = Inf, ~ Evit)))

# An empty cell in an interaction: means that are not estimable.
d <- droplevels(subset(read("Contraception.csv.gz", c("livch", "urban", "district")), !(urban == "Y" & livch == "3+")))
m <- lmer(age ~ urban * livch + y + (1 | district), d, REML = FALSE, control = exact)
add("emm-empty-cell", m, "Contraception.csv.gz", d, c("age", "urban", "livch", "y", "district"), "lme4",
  urban = summary(emmeans(m, df = Inf, ~ urban)),
  livch = summary(emmeans(m, df = Inf, ~ livch)),
  cells = summary(emmeans(m, df = Inf, ~ urban, weights = "cells")),
  flat = summary(emmeans(m, df = Inf, ~ urban, weights = "flat")),
  pairs = summary(pairs(emmeans(m, df = Inf, ~ livch | urban), adjust = "none"), infer = TRUE))

write(toJSON(cases, digits = NA, auto_unbox = TRUE, na = "null", dataframe = "rows", pretty = FALSE), output)
