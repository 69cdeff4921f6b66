# Refits per second of lme4: bootMer, and a plain loop of simulate and refit.
#   Rscript benchmarks/peers/bootstrap.R FOLDER DRAWS     # FOLDER holds CASE.csv
suppressPackageStartupMessages({library(lme4); library(jsonlite)})
arguments <- commandArgs(trailingOnly = TRUE)
folder <- arguments[1]
draws <- as.integer(arguments[2])
fits <- list(
  sleepstudy = function(d) lmer(Reaction ~ Days + (1 + Days | Subject), d),
  Penicillin = function(d) lmer(diameter ~ 1 + (1 | plate) + (1 | sample), d),
  cbpp = function(d) glmer(cbind(incidence, size - incidence) ~ factor(period) + (1 | herd), d,
                           binomial),
  simulated_linear = function(d) lmer(y ~ x + (1 + x | g), d),
  simulated_binary = function(d) glmer(event ~ x + (1 | g), d, binomial))
parameters <- function(m) c(fixef(m), as.data.frame(VarCorr(m))$sdcor)
rate <- function(work) { t <- system.time(work)[["elapsed"]]; draws / t }
out <- lapply(names(fits), function(case) suppressWarnings(suppressMessages({
  data <- read.csv(file.path(folder, paste0(case, ".csv")))
  fit <- fits[[case]](data)
  Y <- simulate(fit, draws, seed = 1)
  list(case = case, bootMer = rate(bootMer(fit, parameters, nsim = draws, seed = 1)),
       refit = rate(for (j in seq_len(draws)) parameters(refit(fit, Y[[j]]))))
})))
cat(toJSON(list(program = paste(R.version.string, "with lme4", packageVersion("lme4")), rates = out),
           auto_unbox = TRUE, digits = 5), "\n")
