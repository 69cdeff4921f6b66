# Expected ranks by merTools on fits of lme4: writes tests/reference/expected_ranks.json.
#
#     Rscript validation/expected_ranks.R tests/reference/expected_ranks.json        (from the root of the repository)

suppressMessages({library(lme4); library(merTools); library(jsonlite)})
output <- commandArgs(trailingOnly = TRUE)[1]
hospitals <- read.csv("src/ilk/datasets/data/hospital_infections.csv")
hospitals$hospital <- factor(hospitals$hospital)
exact <- glmerControl(optimizer = "bobyqa", optCtrl = list(maxfun = 1e6, rhoend = 1e-9))
fits <- list(
  sleepstudy = lmer(Reaction ~ Days + (Days | Subject), sleepstudy, control = lmerControl(optCtrl = list(ftol_abs = 1e-14, xtol_abs = 1e-12))),
  cbpp = glmer(cbind(incidence, size - incidence) ~ period + (1 | herd), cbpp, binomial, control = exact),
  ticks = glmer(TICKS ~ YEAR + (1 | BROOD) + (1 | LOCATION), grouseticks, poisson, control = exact),
  hospitals = glmer(infections ~ policy + severity + offset(log(patient_days)) + (1 | hospital), hospitals, poisson, control = exact))
cases <- list()
for (id in names(fits)) {
  table <- expectedRank(fits[[id]])
  for (key in unique(paste(table$groupFctr, table$term))) {
    some <- table[paste(table$groupFctr, table$term) == key, ]
    cases[[length(cases) + 1]] <- list(
      id = id, formula = deparse1(formula(fits[[id]])), group = as.character(some$groupFctr[1]), term = as.character(some$term[1]),
      level = as.character(some$groupLevel), estimate = some$estimate, variance = some$std.error,
      expected_rank = some$ER, percentile = some$pctER)
  }
}
record <- list(
  program = R.version.string, packages = list(lme4 = as.character(packageVersion("lme4")), merTools = as.character(packageVersion("merTools"))),
  date = as.character(Sys.Date()), command = "Rscript validation/expected_ranks.R tests/reference/expected_ranks.json",
  note = "merTools reports the conditional variance of an effect as std.error; it is called variance here", cases = cases)
write(toJSON(record, digits = NA, auto_unbox = TRUE), output)
