# Standard errors that ignore clusters, are robust to them, or model them, with intraclass
# correlations: writes tests/reference/cluster_report.json.
#
#     Rscript validation/cluster_report.R OUTPUT.json        (from the root of the repository)

suppressMessages({
  library(lme4); library(geepack); library(clubSandwich); library(performance); library(glmmTMB); library(jsonlite)
})
output <- commandArgs(trailingOnly = TRUE)[1]
cases <- list()
packages <- c("lme4", "geepack", "clubSandwich", "performance", "glmmTMB")

read <- function(file, factors) {
  data <- read.csv(file.path("tests/reference/data", file), na.strings = "NA")
  for (name in factors) data[[name]] <- factor(data[[name]])
  data
}

report <- function(id, file, data, fixed, random, cluster, family, type) {
  data <- data[order(data[[cluster]]), ]
  kinds <- lapply(data, function(x) if (is.factor(x)) list(kind = "factor", levels = levels(x)) else list(kind = "numeric"))
  both <- as.formula(paste(fixed, "+", random))
  if (family == "gaussian") {
    plain <- lm(as.formula(fixed), data)
    mixed <- lmer(both, data, control = lmerControl(optimizer = "bobyqa", optCtrl = list(maxfun = 1e6, rhoend = 1e-12)))
  } else {
    plain <- glm(as.formula(fixed), family, data, control = glm.control(epsilon = 1e-14))
    mixed <- glmer(both, data, family, control = glmerControl(optimizer = "bobyqa", optCtrl = list(maxfun = 1e6, rhoend = 1e-10)))
  }
  # lme4 has standard errors of generalized models by coarse differences, glmmTMB the exact ones
  exact <- if (family == "gaussian") list(fixef(mixed), vcov(mixed)) else {
    m <- glmmTMB(both, data, family, control = glmmTMBControl(optCtrl = list(rel.tol = 1e-14, eval.max = 1e5, iter.max = 1e5)))
    list(fixef(m)$cond, vcov(m)$cond)
  }
  data$code <- as.integer(data[[cluster]])
  marginal <- geeglm(as.formula(fixed), family = get(family)(), data = data, id = code, corstr = "exchangeable",
                     control = geese.control(epsilon = 1e-12, maxit = 200))
  robust <- vcovCR(plain, cluster = data[[cluster]], type = type)
  sizes <- as.numeric(table(data[[cluster]]))
  found <- icc(mixed, by_group = TRUE)
  one <- icc(mixed)
  cases[[length(cases) + 1]] <<- list(
    id = id, kind = "cluster_report", data = paste0("data/", file), columns = kinds,
    model = list(fixed = fixed, random = random, cluster = cluster, family = family, robust = type),
    engine = list(packages = lapply(setNames(packages, packages), function(p) as.character(packageVersion(p))),
                  R = paste(R.version$major, R.version$minor, sep = "."), date = as.character(Sys.Date()),
                  script = "validation/cluster_report.R"),
    results = list(
      plain = list(estimate = unname(coef(plain)), std_error = unname(sqrt(diag(vcov(plain))))),
      robust = list(std_error = unname(sqrt(diag(as.matrix(robust))))),
      gee = list(estimate = unname(coef(marginal)), std_error = unname(summary(marginal)$coefficients[, "Std.err"])),
      mixed = list(estimate = unname(exact[[1]]), std_error = unname(sqrt(diag(as.matrix(exact[[2]]))))),
      lme4 = list(estimate = unname(fixef(mixed)), std_error = unname(sqrt(diag(as.matrix(vcov(mixed)))))),
      icc = list(group = found$Group, by_group = found$ICC, adjusted = one$ICC_adjusted),
      sizes = list(clusters = length(sizes), quantiles = unname(quantile(sizes)), mean = mean(sizes),
                   cv = sqrt(mean((sizes - mean(sizes))^2)) / mean(sizes), singletons = sum(sizes == 1),
                   self_weighted = sum(sizes^2) / sum(sizes))))
}

d <- read("Hsb82.csv.gz", c("school", "minrty", "sx", "sector"))
d <- d[c("mAch", "minrty", "ses_w", "sector", "school")]
d$sector <- relevel(d$sector, "Public"); d$minrty <- relevel(d$minrty, "No")
report("hsb82", "Hsb82.csv.gz", d, "mAch ~ sector + minrty + ses_w", "(1 | school)", "school", "gaussian", "CR2")

d <- read("Pastes.csv", c("batch", "sample", "cask"))
report("pastes", "Pastes.csv", d[c("strength", "cask", "batch", "sample")], "strength ~ cask", "(1 | batch)", "batch", "gaussian", "CR2")

d <- read("bacteria.csv", c("y", "trt", "ID"))[c("y", "trt", "week", "ID")]
d$y <- as.numeric(as.character(d$y))
report("bacteria", "bacteria.csv", d, "y ~ trt + week", "(1 | ID)", "ID", "binomial", "CR1")

d <- read("epil.csv", c("trt", "subject"))[c("y", "trt", "lbase", "visit", "subject")]
report("epil", "epil.csv", d, "y ~ trt + lbase + visit", "(1 | subject)", "subject", "poisson", "CR1")

write(toJSON(cases, digits = NA, auto_unbox = TRUE), output)
