# Exports the data sets of the benchmarks from R packages to scratch/data/*.csv.
#
#     Rscript benchmarks/export.R
#
# Needs lme4, mlmRev and glmmTMB (Debian: r-cran-lme4, r-cran-mlmrev, r-cran-glmmtmb).

here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)))
target <- file.path(here, "scratch", "data")
dir.create(target, recursive = TRUE, showWarnings = FALSE)

load_data <- function(package, name) {
  store <- new.env()
  data(list = name, package = package, envir = store)
  get(name, envir = store)
}

save_data <- function(frame, name) {
  # Levels and their order, so that readers make the same reference level.
  levels <- lapply(frame, function(column) if (is.factor(column)) levels(column))
  levels <- levels[!vapply(levels, is.null, TRUE)]
  write.csv(frame, file.path(target, paste0(name, ".csv")), row.names = FALSE, quote = TRUE)
  lines <- vapply(names(levels), function(column) {
    paste(c(column, levels[[column]]), collapse = "\t")
  }, "")
  writeLines(lines, file.path(target, paste0(name, ".levels")))
}

for (name in c("sleepstudy", "cbpp", "VerbAgg", "grouseticks", "InstEval")) {
  save_data(as.data.frame(load_data("lme4", name)), name)
}
for (name in c("Chem97", "Contraception")) {
  save_data(as.data.frame(load_data("mlmRev", name)), name)
}
for (name in c("Salamanders", "Owls")) {
  save_data(as.data.frame(load_data("glmmTMB", name)), name)
}
