# Probabilities of categories, mean categories and their contrasts on a reference grid, by emmeans
# from cumulative models of ordinal. Writes tests/reference/ordinal_means.json.
#
#     Rscript validation/ordinal_means.R > tests/reference/ordinal_means.json   (from the root)
suppressPackageStartupMessages({library(ordinal); library(emmeans)})
out <- list()
quoted <- function(x) paste0("[", paste0('"', x, '"', collapse = ", "), "]")
number <- function(x) paste0("[", paste(sprintf("%.17g", x), collapse = ", "), "]")
add <- function(id, fit, mode, estimate, labels) {
  table <- as.data.frame(estimate)
  value <- intersect(c("prob", "cumprob", "exc.prob", "mean.class", "estimate", "emmean"),
                     names(table))[1]
  columns <- sapply(labels, function(name) sprintf('"%s": %s', name, quoted(table[[name]])))
  out[[length(out) + 1]] <<- sprintf(
    '{"id": "%s", "model": "%s", "mode": "%s", %s, "estimate": %s, "se": %s}', id, fit, mode,
    paste(columns, collapse = ", "), number(table[[value]]), number(table$SE))
}
wine <- read.csv("tests/reference/data/wine.csv")
wine$rating <- factor(wine$rating, ordered = TRUE)
wine$judge <- factor(wine$judge)
control <- clm.control(gradTol = 1e-12, maxIter = 200)
fits <- list(
  "clm-logit" = clm(rating ~ temp * contact, data = wine, control = control),
  "clm-cloglog" = clm(rating ~ temp + contact, data = wine, link = "cloglog", control = control),
  "clm-scale" = clm(rating ~ temp + contact, scale = ~ temp, data = wine, control = control),
  "clmm-probit" = clmm(rating ~ temp + contact + (1 | judge), data = wine, link = "probit",
                       nAGQ = 9, control = clmm.control(gradTol = 1e-8)))
for (name in names(fits)) {
  fit <- fits[[name]]
  for (mode in c("prob", "cum.prob", "exc.prob", "mean.class", "latent")) {
    if (name == "clm-scale" && mode == "latent") next  # emmeans divides by the mean of the scales
    cut <- switch(mode, prob = "rating", cum.prob = "cut", exc.prob = "cut", NULL)
    by <- if (is.null(cut)) NULL else cut
    specs <- as.formula(paste("~ temp", if (!is.null(by)) paste("|", by)))
    grid <- emmeans(fit, specs, mode = mode)
    if (mode != "latent") add(paste(name, mode, sep = "-"), name, mode, grid, c(by, "temp"))
    add(paste(name, mode, "contrast", sep = "-"), name, mode,
        contrast(grid, "revpairwise", adjust = "none"), c(by, "contrast"))
  }
}
cat("[\n", paste(out, collapse = ",\n"), "\n]\n", sep = "")
cat(sprintf("ordinal %s, emmeans %s, %s\n", packageVersion("ordinal"), packageVersion("emmeans"),
            R.version.string), file = stderr())
