# Deletion of clusters, hat values and variance inflation by lme4 and car: writes tests/reference/influence.json.
#
#     Rscript validation/influence.R OUTPUT.json        (from the root of the repository)
#
# Every model is refitted without each level of a factor ("refits"), and asked by influence() of lme4 ("influence").

suppressMessages({library(lme4); library(car); library(jsonlite)})
output <- commandArgs(trailingOnly = TRUE)[1]
cases <- list()
tight <- lmerControl(optimizer = "bobyqa", optCtrl = list(maxfun = 1e6, rhoend = 1e-10))
gtight <- glmerControl(optimizer = "bobyqa", tolPwrss = 1e-12, optCtrl = list(maxfun = 1e6, rhoend = 1e-8))

read <- function(file, factors) {
  data <- read.csv(file.path("tests/reference/data", file), na.strings = "NA")
  for (name in factors) data[[name]] <- factor(data[[name]])
  data
}

engine <- function(packages) list(
  packages = lapply(setNames(packages, packages), function(p) as.character(packageVersion(p))),
  R = paste(R.version$major, R.version$minor, sep = "."), date = as.character(Sys.Date()),
  script = "validation/influence.R")

spread <- function(fit) {
  v <- as.data.frame(VarCorr(fit))
  list(group = v$grp, first = v$var1, second = v$var2, sdcor = v$sdcor)
}

describe <- function(fit) list(
  fixef = as.list(fixef(fit)), se = unname(sqrt(diag(as.matrix(vcov(fit))))),
  covariance = unname(as.matrix(vcov(fit))), varcorr = spread(fit), loglik = as.numeric(logLik(fit)))

deletions <- function(id, fit, file, data, group, model, summaries = TRUE) {
  levels <- unique(as.character(data[[group]]))
  refits <- lapply(levels, function(l) {
    rest <- data[as.character(data[[group]]) != l, ]
    c(list(level = l, rows = sum(as.character(data[[group]]) == l)),
      describe(suppressWarnings(update(fit, data = rest))))
  })
  found <- NULL
  if (summaries) {
    all <- suppressMessages(suppressWarnings(influence(fit, groups = group, data = data, maxfun = 1e5)))
    found <- list(names = rownames(as.data.frame(dfbeta(all))), cook = unname(cooks.distance(all)),
                  dfbeta = unname(as.matrix(dfbeta(all))), dfbetas = if (length(fixef(fit)) > 1) unname(as.matrix(dfbetas(all))))
  }
  kinds <- lapply(data, function(x) if (is.factor(x)) list(kind = "factor", levels = levels(x)) else list(kind = "numeric"))
  cases[[length(cases) + 1]] <<- list(
    id = id, kind = "deletion", data = paste0("data/", file), columns = setNames(kinds, names(data)), model = model,
    group = group, engine = engine("lme4"), all = describe(fit), hat = unname(hatvalues(fit)),
    refits = refits, influence = found)
  cat(id, "\n")
}

d <- read("sleepstudy.csv", "Subject")[c("Reaction", "Days", "Subject")]
m <- lmer(Reaction ~ Days + (Days | Subject), d, control = tight)
deletions("sleepstudy-reml", m, "sleepstudy.csv", d, "Subject", list(formula = "Reaction ~ Days + (Days | Subject)", family = "gaussian", REML = TRUE))
m <- lmer(Reaction ~ Days + (Days | Subject), d, control = tight, REML = FALSE)
deletions("sleepstudy-ml", m, "sleepstudy.csv", d, "Subject", list(formula = "Reaction ~ Days + (Days | Subject)", family = "gaussian", REML = FALSE), FALSE)

d <- read("Penicillin.csv", c("plate", "sample"))[c("diameter", "plate", "sample")]
m <- lmer(diameter ~ 1 + (1 | plate) + (1 | sample), d, control = tight)
for (g in c("plate", "sample"))
  deletions(paste0("penicillin-", g), m, "Penicillin.csv", d, g, list(formula = "diameter ~ 1 + (1 | plate) + (1 | sample)", family = "gaussian", REML = TRUE))

d <- read("cbpp.csv", c("herd", "period"))[c("incidence", "size", "period", "herd")]
m <- glmer(cbind(incidence, size - incidence) ~ period + (1 | herd), d, family = binomial, control = gtight)
deletions("cbpp", m, "cbpp.csv", d, "herd", list(formula = "incidence ~ period + (1 | herd)", family = "binomial", trials = "size"))

d <- read("grouseticks.csv", c("YEAR", "BROOD", "LOCATION", "INDEX"))
d <- d[c("TICKS", "YEAR", "cHEIGHT", "BROOD", "INDEX", "LOCATION")]
m <- glmer(TICKS ~ YEAR + cHEIGHT + (1 | BROOD) + (1 | INDEX) + (1 | LOCATION), d, family = poisson, control = gtight)
deletions("grouseticks", m, "grouseticks.csv", d, "LOCATION", list(formula = "TICKS ~ YEAR + cHEIGHT + (1 | BROOD) + (1 | INDEX) + (1 | LOCATION)", family = "poisson"), FALSE)

rows <- function(id, fit, file, formula, family) {
  cases[[length(cases) + 1]] <<- list(
    id = id, kind = "rows", data = paste0("data/", file), model = list(formula = formula, family = family),
    engine = engine("stats"), hat = unname(hatvalues(fit)), cook = unname(cooks.distance(fit)),
    dfbeta = unname(dfbeta(fit)), covratio = unname(covratio(fit)))
}
d <- read("sleepstudy.csv", "Subject")
rows("sleepstudy-lm", lm(Reaction ~ Days + I(Days^2), d), "sleepstudy.csv", "Reaction ~ Days + I(Days**2)", "gaussian")
d <- read("grouseticks.csv", c("YEAR", "BROOD", "LOCATION", "INDEX"))
rows("grouseticks-glm-rows", glm(TICKS ~ YEAR + cHEIGHT, poisson, d), "grouseticks.csv", "TICKS ~ C(YEAR) + cHEIGHT", "poisson")

inflation <- function(id, fit, file, formula, family, trials = NULL) {
  v <- vif(fit)
  v <- if (is.matrix(v)) v else cbind(GVIF = v, Df = 1, `GVIF^(1/(2*Df))` = sqrt(v))
  cases[[length(cases) + 1]] <<- list(
    id = id, kind = "vif", data = paste0("data/", file), model = list(formula = formula, family = family, trials = trials),
    engine = engine(c("car", "lme4")), terms = rownames(v), gvif = unname(v[, 1]), df = unname(v[, 2]), scaled = unname(v[, 3]))
}

d <- read("dietox.csv", c("Pig", "Evit", "Cu", "Litter"))
inflation("dietox-lm", lm(Weight ~ Time + Feed + Evit + Cu, d), "dietox.csv", "Weight ~ Time + Feed + C(Evit) + C(Cu)", "gaussian")
inflation("dietox-lmer", lmer(Weight ~ Time + Feed + Evit + Cu + (Time | Pig), d, control = tight), "dietox.csv", "Weight ~ Time + Feed + C(Evit) + C(Cu) + (Time | Pig)", "gaussian")
d <- read("grouseticks.csv", c("YEAR", "BROOD", "LOCATION", "INDEX"))
inflation("grouseticks-glm", glm(TICKS ~ YEAR + cHEIGHT + I(cHEIGHT^2), poisson, d), "grouseticks.csv", "TICKS ~ C(YEAR) + cHEIGHT + I(cHEIGHT**2)", "poisson")

writeLines(toJSON(list(about = "deletion of clusters, hat values, variance inflation", cases = cases), auto_unbox = TRUE, digits = NA, na = "string"), output)
