# Sparse binary data, 300 clusters of 3 rows, SD 2.5, slope 1 (trap T1): writes
# tests/reference/quadrature.json with the data and the estimates of lme4 by number of nodes.
# Rscript validation/quadrature.R > tests/reference/quadrature.json
suppressMessages(library(lme4))
set.seed(7)
g <- rep(1:300, each = 3)
x <- rnorm(900)
u <- rnorm(300, 0, 2.5)
y <- rbinom(900, 1, plogis(-1 + x + u[g]))
num <- function(v) paste0("[", paste(formatC(v, digits = 17, format = "g"), collapse = ", "), "]")
control <- glmerControl(optimizer = "bobyqa", optCtrl = list(rhobeg = 1e-2, rhoend = 1e-9))
fits <- character()
for (k in c(1, 5, 11, 25)) {
  f <- glmer(y ~ x + (1 | g), family = binomial, nAGQ = k, control = control)
  # lme4 leaves out a constant of the likelihood when nAGQ > 1; differences to nAGQ = 25 are kept
  fits <- c(fits, sprintf('    {"nodes": %d, "fixed": %s, "sd": %s, "loglik": %s}', k,
    num(fixef(f)), num(getME(f, "theta")), num(as.numeric(logLik(f)))))
}
cat(sprintf('{\n  "provenance": "lme4 %s, R %s, validation/quadrature.R, %s",\n', packageVersion("lme4"),
  paste(R.version$major, R.version$minor, sep = "."), Sys.Date()))
cat(sprintf('  "y": %s,\n  "x": %s,\n  "fits": [\n%s\n  ]\n}\n', num(y), num(x), paste(fits, collapse = ",\n")))
