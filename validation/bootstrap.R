# Parametric-bootstrap and Bartlett-corrected likelihood-ratio tests by pbkrtest::PBmodcomp, and
# refits per second of lme4, for tests/reference/bootstrap.json and benchmarks/bootstrap.py.
#
#   Rscript validation/bootstrap.R > tests/reference/bootstrap.json

suppressPackageStartupMessages({library(lme4); library(pbkrtest); library(jsonlite)})
set.seed(20261130)
draws <- 2000

sleep <- read.csv("tests/reference/data/sleepstudy.csv")
sleep <- subset(sleep, Subject %in% unique(Subject)[1:8] & Days < 4)
cake <- read.csv("tests/reference/data/cake.csv")
cake$recipe <- factor(cake$recipe)
cbpp <- read.csv("tests/reference/data/cbpp.csv")
cbpp <- subset(cbpp, herd %in% 1:8)
cbpp$period <- factor(cbpp$period)

models <- list(
  sleepstudy = list(
    large = lmer(Reaction ~ Days + (1 | Subject), sleep, REML = FALSE),
    small = lmer(Reaction ~ 1 + (1 | Subject), sleep, REML = FALSE)),
  cake = list(
    large = lmer(angle ~ recipe + temp + (1 | recipe:replicate), cake, REML = FALSE),
    small = lmer(angle ~ temp + (1 | recipe:replicate), cake, REML = FALSE)),
  cbpp = list(
    large = glmer(cbind(incidence, size - incidence) ~ period + (1 | herd), cbpp, binomial),
    small = glmer(cbind(incidence, size - incidence) ~ 1 + (1 | herd), cbpp, binomial)))

cases <- lapply(models, function(m) {
  test <- suppressWarnings(suppressMessages(PBmodcomp(m$large, m$small, nsim = draws)))
  detail <- suppressWarnings(summary(test))$test
  reference <- as.numeric(test$ref)
  list(statistic = unname(test$test["LRT", "stat"]), df = unname(test$test["LRT", "df"]),
       p_asymptotic = unname(test$test["LRT", "p.value"]),
       p_bootstrap = unname(test$test["PBtest", "p.value"]),
       p_bartlett = unname(detail["Bartlett", "p.value"]),
       corrected = unname(detail["Bartlett", "stat"]),
       draws = length(reference), mean = mean(reference),
       sd = sd(reference))
})
provenance <- list(
  program = paste(R.version.string, "with lme4", packageVersion("lme4"), "and pbkrtest",
                  packageVersion("pbkrtest")),
  command = "PBmodcomp(large, small, nsim = 2000), Rscript validation/bootstrap.R",
  seed = 20261130, date = as.character(Sys.Date()))
cat(toJSON(list(provenance = provenance, cases = cases), digits = NA, auto_unbox = TRUE,
           pretty = TRUE), "\n")
