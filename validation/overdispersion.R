# Counts of four data sets with each answer to overdispersion, by glmmTMB's Laplace approximation.
# Writes tests/reference/overdispersion.json.
#
#     Rscript validation/overdispersion.R > tests/reference/overdispersion.json
#                                                     (from the root of the repository)
suppressPackageStartupMessages(library(glmmTMB))
read <- function(name) {
  data <- read.csv(paste0("tests/reference/data/", name, ".csv"))
  data$row_ <- factor(seq_len(nrow(data)))
  data
}
sets <- list(
  Owls = SiblingNegotiation ~ FoodTreatment * SexParent + (1 | Nest),
  Salamanders = count ~ spp + mined + (1 | site),
  grouseticks = TICKS ~ factor(YEAR) + cHEIGHT + (1 | BROOD) + (1 | LOCATION),
  epil = y ~ trt + (1 | subject)
)
out <- character()
for (name in names(sets)) {
  data <- read(name)
  formula <- sets[[name]]
  models <- list(
    "Poisson" = glmmTMB(formula, data, family = poisson),
    "negative binomial 1" = glmmTMB(formula, data, family = nbinom1),
    "negative binomial 2" = glmmTMB(formula, data, family = nbinom2),
    "Poisson + olre()" = glmmTMB(update(formula, . ~ . + (1 | row_)), data, family = poisson),
    "zero-inflated Poisson" = glmmTMB(formula, data, family = poisson, ziformula = ~ 1),
    "zero-inflated negative binomial 1" =
      glmmTMB(formula, data, family = nbinom1, ziformula = ~ 1),
    "zero-inflated negative binomial 2" =
      glmmTMB(formula, data, family = nbinom2, ziformula = ~ 1))
  residual <- residuals(models[[1]], type = "pearson")
  logliks <- sprintf('"%s": %.10g', names(models), sapply(models, function(m) -m$fit$objective))
  out <- c(out, sprintf('"%s": {"pearson": %.10g, "loglik": {%s}}', name,
    sum(residual^2) / df.residual(models[[1]]), paste(logliks, collapse = ", ")))
}
cat("{\n", sprintf('"program": "R %s, glmmTMB %s", "script": "validation/overdispersion.R", "date": "%s",\n',
  getRversion(), packageVersion("glmmTMB"), Sys.Date()), paste(out, collapse = ",\n"), "\n}\n", sep = "")
