# Multinomial logits by nnet and VGAM. Writes tests/reference/multinomial.json.
#
#     Rscript validation/multinomial.R > tests/reference/multinomial.json   (from the root)
suppressPackageStartupMessages({library(nnet); library(VGAM)})
out <- list()
number <- function(x) paste0("[", paste(sprintf("%.17g", x), collapse = ", "), "]")
words <- function(x) paste0("[", paste0('"', x, '"', collapse = ", "), "]")
add <- function(id, program, data, response, baseline, formula, loglik, coef, components, terms, se,
                probabilities) {
  out[[id]] <<- sprintf(paste0(
    '"%s": {"program": "%s", "data": "%s", "response": "%s", "baseline": "%s", "formula": "%s", ',
    '"loglik": %.17g, "components": %s, "terms": %s, "estimate": %s, "se": %s, ',
    '"first_row": %s}'),
    id, program, data, response, baseline, formula, loglik, words(components), words(terms),
    number(coef), number(se), number(probabilities))
}
by_nnet <- function(id, data, file, response, baseline, formula) {
  data[[response]] <- relevel(factor(data[[response]], ordered = FALSE), ref = baseline)
  fit <- multinom(as.formula(paste(response, "~", formula)), data = data, trace = FALSE,
                  reltol = 1e-16, abstol = 1e-14, maxit = 5000)
  beta <- coef(fit)
  errors <- summary(fit)$standard.errors
  p <- fitted(fit)[1, ]
  add(id, "nnet::multinom", file, response, baseline, formula, as.numeric(logLik(fit)),
      as.numeric(t(beta)), rep(rownames(beta), each = ncol(beta)),
      rep(colnames(beta), nrow(beta)), as.numeric(t(errors)), p[sort(names(p))])
}
by_vgam <- function(id, data, file, response, baseline, formula) {
  y <- relevel(factor(data[[response]], ordered = FALSE), ref = baseline)
  data[[response]] <- y
  fit <- vglm(as.formula(paste(response, "~", formula)), multinomial(refLevel = 1), data = data,
              control = vglm.control(epsilon = 1e-13, maxit = 200))
  beta <- coef(fit, matrix = TRUE)
  errors <- matrix(sqrt(diag(vcov(fit))), nrow(beta), byrow = TRUE)
  p <- fitted(fit)[1, ]
  add(id, "VGAM::vglm multinomial", file, response, baseline, formula, as.numeric(logLik(fit)),
      as.numeric(beta), rep(levels(y)[-1], each = nrow(beta)), rep(rownames(beta), ncol(beta)),
      as.numeric(errors), p[sort(names(p))])
}
wine <- read.csv("tests/reference/data/wine.csv")
wine$grade <- as.character(cut(as.integer(factor(wine$rating)), c(0, 2, 3, 5),
                               c("low", "middle", "high")))
aggression <- read.csv(gzfile("tests/reference/data/VerbAgg.csv.gz"))
for (make in list(by_nnet, by_vgam)) {
  name <- if (identical(make, by_nnet)) "nnet" else "vgam"
  make(paste0("wine-", name), wine, "wine.csv", "grade", "middle", "temp + contact")
  make(paste0("verbagg-", name), aggression, "VerbAgg.csv.gz", "resp", "no",
       "Anger + Gender + situ * mode")
}
cat("{\n", paste(out, collapse = ",\n"), "\n}\n", sep = "")
