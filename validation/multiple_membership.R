# Multiple membership by lme4 (outputs only): the modular functions with the transposed design of
# the random effects replaced.
#
#   Rscript validation/multiple_membership.R > tests/reference/multiple_membership.json
#
# lme4 has no syntax for rows that belong to several levels. A factor of as many levels stands in
# for them, and Zt is then filled with the weights (times the covariate, for slopes).

suppressMessages({library(lme4); library(jsonlite)})

set.seed(20261201)
n <- 240; L <- 18
first <- sample(L, n, TRUE)
second <- sample(L, n, TRUE)
third <- sample(L, n, TRUE)
w1 <- round(runif(n, 0.2, 0.7), 3)
w2 <- round(runif(n, 0, 0.5) * (runif(n) < 0.8), 3)
w3 <- round(ifelse(runif(n) < 0.5, 0, runif(n, 0, 0.4)), 3)
x <- round(rnorm(n), 3)
b <- cbind(rnorm(L, 0, 1.2), rnorm(L, 0, 0.6))
pull <- function(j) w1 * b[first, j] + w2 * b[second, j] + w3 * b[third, j]
y <- round(1 + 0.5 * x + pull(1) + x * pull(2) + rnorm(n, 0, 0.5), 4)
counts <- rpois(n, exp(0.4 + 0.3 * x + 0.7 * pull(1)))
hits <- rbinom(n, 6, plogis(-0.2 + 0.5 * x + 0.9 * pull(1)))
label <- function(i) sprintf("t%02d", i)
data <- data.frame(first = label(first), second = label(second), third = label(third),
                   w1, w2, w3, x, y, counts, hits)

M <- matrix(0, L, n)
for (i in seq_len(n)) {
  M[first[i], i] <- M[first[i], i] + w1[i]
  M[second[i], i] <- M[second[i], i] + w2[i]
  M[third[i], i] <- M[third[i], i] + w3[i]
}
data$stand_in <- factor(label(rep(seq_len(L), length.out = n)))
slopes <- matrix(0, 2 * L, n)
slopes[seq(1, 2 * L, 2), ] <- M
slopes[seq(2, 2 * L, 2), ] <- sweep(M, 2, x, "*")

fill <- function(parts, Z) {
  parts$reTrms$Zt <- as(as(Z, "CsparseMatrix"), "dgCMatrix")
  parts
}
describe <- function(fit, linear) {
  G <- VarCorr(fit)$stand_in
  list(loglik = as.numeric(logLik(fit)), beta = unname(fixef(fit)),
       std_error = unname(sqrt(diag(as.matrix(vcov(fit))))), G = unname(as.matrix(G[, ])),
       sigma = if (linear) sigma(fit) else NULL,
       effects = unname(as.matrix(ranef(fit)$stand_in)))
}
linear <- function(formula, Z, REML) {
  parts <- fill(lFormula(formula, data, REML = REML), Z)
  devfun <- do.call(mkLmerDevfun, parts)
  best <- optimizeLmer(devfun, optimizer = "bobyqa",
                       control = list(rhoend = 1e-10, maxfun = 100000))
  describe(mkMerMod(environment(devfun), best, parts$reTrms, fr = parts$fr), TRUE)
}
general <- function(formula, Z, family) {
  parts <- fill(glFormula(formula, data, family), Z)
  devfun <- do.call(mkGlmerDevfun, c(parts, list(control = glmerControl(tolPwrss = 1e-12))))
  best <- optimizeGlmer(devfun, optimizer = "bobyqa")
  devfun <- updateGlmerDevfun(devfun, parts$reTrms)
  best <- optimizeGlmer(devfun, stage = 2, optimizer = "bobyqa",
                        control = list(rhoend = 1e-10, maxfun = 100000))
  describe(mkMerMod(environment(devfun), best, parts$reTrms, fr = parts$fr), FALSE)
}

mm <- "mm(first, second, third, weights=[w1, w2, w3])"
cases <- list(
  list(name = "reml", formula = sprintf("y ~ x + (1 | %s)", mm), reml = TRUE,
       results = linear(y ~ x + (1 | stand_in), M, TRUE)),
  list(name = "ml-slopes", formula = sprintf("y ~ x + (1 + x | %s)", mm), reml = FALSE,
       results = linear(y ~ x + (1 + x | stand_in), slopes, FALSE)),
  list(name = "poisson", formula = sprintf("counts ~ x + (1 | %s)", mm), family = "poisson",
       results = general(counts ~ x + (1 | stand_in), M, poisson)),
  list(name = "binomial", formula = sprintf("hits / 6 ~ x + (1 | %s)", mm), family = "binomial",
       results = general(cbind(hits, 6 - hits) ~ x + (1 | stand_in), M, binomial)))

origin <- sprintf("%s, lme4 %s", R.version.string, packageVersion("lme4"))
cat(toJSON(list(origin = origin, script = "validation/multiple_membership.R",
                date = format(Sys.Date()), data = data[setdiff(names(data), "stand_in")],
                cases = cases), digits = 12, auto_unbox = TRUE, dataframe = "columns"))
cat("\n")
