# Ordered and unordered categories: cumulative models with structured thresholds, scale and
# category-specific effects by ordinal, adjacent categories and continuation ratios by VGAM,
# multinomial logits by nnet. Writes tests/reference/ordinal.json, whose
# mixed models are those of clmm in the suite of cases.
#
#     Rscript validation/ordinal.R > tests/reference/ordinal.json   (from the root of the repository)
suppressPackageStartupMessages({library(ordinal); library(VGAM); library(nnet)})
out <- list()
number <- function(x) paste0("[", paste(sprintf("%.17g", x), collapse = ", "), "]")
add <- function(id, program, loglik, coef, names, se) {
  out[[id]] <<- sprintf(
    '"%s": {"program": "%s", "loglik": %.17g, "names": [%s], "estimate": %s, "se": %s}',
    id, program, loglik, paste0('"', names, '"', collapse = ", "), number(coef), number(se))
}
wine <- read.csv("tests/reference/data/wine.csv")
wine$rating <- factor(wine$rating, ordered = TRUE)
control <- clm.control(gradTol = 1e-12, maxIter = 200)
for (link in c("logit", "probit", "cloglog", "loglog", "cauchit")) for (threshold in
    c("flexible", "symmetric", "equidistant")) {
  fit <- clm(rating ~ temp + contact, data = wine, link = link, threshold = threshold,
             control = control)
  add(paste("cumulative", link, threshold, sep = "-"), "ordinal::clm", as.numeric(logLik(fit)),
      coef(fit), names(coef(fit)), sqrt(diag(vcov(fit))))
}
fit <- clm(rating ~ temp + contact, scale = ~ temp, data = wine, control = control)
add("scale", "ordinal::clm", as.numeric(logLik(fit)), coef(fit), names(coef(fit)),
    sqrt(diag(vcov(fit))))
fit <- clm(rating ~ temp, nominal = ~ contact, data = wine, control = control)
add("nominal", "ordinal::clm", as.numeric(logLik(fit)), coef(fit), names(coef(fit)),
    sqrt(diag(vcov(fit))))
tight <- vglm.control(epsilon = 1e-13, maxit = 200)
fit <- vglm(rating ~ temp + contact, acat(parallel = TRUE), data = wine, control = tight)
add("adjacent", "VGAM::vglm acat", as.numeric(logLik(fit)), coef(fit), names(coef(fit)),
    sqrt(diag(vcov(fit))))
ratios <- list(
  logit = sratio(link = "logitlink", parallel = TRUE),
  probit = sratio(link = "probitlink", parallel = TRUE),
  cloglog = sratio(link = "clogloglink", parallel = TRUE))
for (link in names(ratios)) {
  fit <- vglm(rating ~ temp + contact, ratios[[link]], data = wine, control = tight)
  add(paste("continuation", link, sep = "-"), "VGAM::vglm sratio", as.numeric(logLik(fit)),
      coef(fit), names(coef(fit)), sqrt(diag(vcov(fit))))
}
wine$grade <- cut(as.integer(wine$rating), c(0, 2, 3, 5), c("low", "middle", "high"))
fit <- multinom(grade ~ temp + contact, data = wine, trace = FALSE, reltol = 1e-15, maxit = 2000)
add("multinomial", "nnet::multinom", as.numeric(logLik(fit)), as.numeric(t(coef(fit))),
    paste(rep(rownames(coef(fit)), each = 3), colnames(coef(fit)), sep = ":"),
    as.numeric(t(summary(fit)$standard.errors)))
cat("{\n", paste(out, collapse = ",\n"), "\n}\n", sep = "")
