# Rscript benchmarks/peers/worker.R PEER CASE.json
#
# The R side of the protocol in worker.py: one JSON object per line in, one out.

suppressPackageStartupMessages({
  library(jsonlite)
})
arguments <- commandArgs(TRUE)
peer <- arguments[[1]]
case <- fromJSON(arguments[[2]])
suppressPackageStartupMessages(library(peer, character.only = TRUE))

read_table <- function(path, factors) {
  frame <- read.csv(path)
  for (name in names(factors)) frame[[name]] <- factor(frame[[name]], levels = factors[[name]])
  frame
}
frame <- read_table(case$path, case$factors)
if (peer == "ordinal") {
  response <- all.vars(as.formula(case$formula))[[1]]
  frame[[response]] <- factor(frame[[response]], ordered = TRUE)
}

families <- list(binomial = binomial(), poisson = poisson())

fit_lme4 <- function() {
  formula <- as.formula(case$formula)
  if (case$family == "gaussian") {
    model <- lmer(formula, frame, REML = isTRUE(case$reml))
  } else if (case$family == "negative_binomial_2") {
    model <- glmer.nb(formula, frame)
  } else {
    model <- glmer(formula, frame, family = families[[case$family]])
  }
  list(loglik = as.numeric(logLik(model)), coefficients = unname(fixef(model)))
}

tmb_families <- function() {
  list(
    gaussian = gaussian(), binomial = binomial(), poisson = poisson(), negative_binomial_1 = nbinom1(),
    negative_binomial_2 = nbinom2(), truncated_poisson = truncated_poisson(),
    truncated_negative_binomial_2 = truncated_nbinom2(), hurdle_poisson = truncated_poisson(),
    generalized_poisson = genpois(), conway_maxwell_poisson = compois(), tweedie = tweedie(),
    gamma = Gamma("log"), student = t_family(), beta = beta_family(), ordered_beta = ordbeta(),
    beta_binomial = betabinomial()
  )
}

fit_ordinal <- function() {
  formula <- as.formula(case$formula)
  model <- clmm(formula, frame)
  list(loglik = as.numeric(logLik(model)), coefficients = unname(model$beta))
}

fit_glmmTMB <- function() {
  formula <- as.formula(case$formula)
  family <- tmb_families()[[case$family]]
  zero <- if (is.null(case$zero_inflation)) ~0 else as.formula(case$zero_inflation)
  model <- glmmTMB(formula, frame, family = family, ziformula = zero, REML = isTRUE(case$reml))
  list(loglik = as.numeric(logLik(model)), coefficients = unname(fixef(model)$cond))
}
fit <- get(paste0("fit_", peer))

say <- function(answer) {
  cat(toJSON(answer, auto_unbox = TRUE, digits = NA), "\n", sep = "")
  flush(stdout())
}
say(list(ready = TRUE, version = as.character(packageVersion(peer))))

input <- file("stdin", "r")
while (length(line <- readLines(input, n = 1)) > 0) {
  command <- fromJSON(line)
  if (command$do == "quit") break
  if (command$do == "warm_up") {
    say(list(done = TRUE))
    next
  }
  answer <- tryCatch({
    cpu <- wall <- numeric(0)
    for (i in seq_len(command$times)) {
      time <- system.time(outcome <- suppressMessages(suppressWarnings(fit())), gcFirst = FALSE)
      cpu <- c(cpu, time[["user.self"]] + time[["sys.self"]])
      wall <- c(wall, time[["elapsed"]])
    }
    list(cpu = I(cpu), wall = I(wall), loglik = outcome$loglik, coefficients = I(outcome$coefficients))
  }, error = function(problem) list(error = conditionMessage(problem)))
  say(answer)
}
