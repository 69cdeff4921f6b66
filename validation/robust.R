# Cluster-robust covariance matrices by clubSandwich and sandwich: writes tests/reference/robust.json.
#
#     Rscript validation/robust.R OUTPUT.json        (from the root of the repository)

suppressMessages({library(lme4); library(clubSandwich); library(sandwich); library(jsonlite)})
output <- commandArgs(trailingOnly = TRUE)[1]
cases <- list()
exact <- lmerControl(optimizer = "bobyqa", optCtrl = list(maxfun = 1e6, rhoend = 1e-12))

read <- function(file, factors) {
  data <- read.csv(file.path("tests/reference/data", file), na.strings = "NA")
  for (name in factors) data[[name]] <- factor(data[[name]])
  data
}

record <- function(id, fit, file, columns, cluster, formula, results, packages, family = "gaussian") {
  data <- columns
  kinds <- lapply(data, function(x) if (is.factor(x)) list(kind = "factor", levels = levels(x)) else list(kind = "numeric"))
  names(kinds) <- names(data)
  cases[[length(cases) + 1]] <<- list(
    id = id, kind = "robust", data = paste0("data/", file), columns = kinds,
    model = list(formula = formula, family = family, REML = inherits(fit, "lmerMod") && isREML(fit), cluster = cluster),
    engine = list(packages = lapply(setNames(packages, packages), function(p) as.character(packageVersion(p))),
                  R = paste(R.version$major, R.version$minor, sep = "."), date = as.character(Sys.Date()),
                  script = "validation/robust.R"),
    coefficients = names(if (inherits(fit, "merMod")) fixef(fit) else coef(fit)), results = results)
}

club <- function(id, fit, file, columns, cluster, formula, types = c("CR0", "CR1", "CR2", "CR3"), family = "gaussian") {
  results <- list()
  for (type in types) {
    v <- vcovCR(fit, cluster = columns[[cluster]], type = type)
    tests <- coef_test(fit, vcov = v, test = "Satterthwaite")
    df <- if ("df_Satt" %in% names(tests)) tests$df_Satt else tests$df
    results[[type]] <- list(matrix = unname(as.matrix(v)), df = df)
  }
  record(id, fit, file, columns, cluster, formula, results, c("clubSandwich", "lme4"), family)
}

d <- read("sleepstudy.csv", "Subject")[c("Reaction", "Days", "Subject")]
f <- "Reaction ~ Days + (Days | Subject)"
club("sleepstudy-slope", lmer(as.formula(f), d, control = exact), "sleepstudy.csv", d, "Subject", f)

d <- read("Hsb82.csv.gz", c("school", "minrty", "sx", "sector"))
d <- d[c("mAch", "minrty", "sx", "ses_w", "sector", "school")]
d$sector <- relevel(d$sector, "Public"); d$minrty <- relevel(d$minrty, "No"); d$sx <- relevel(d$sx, "Female")
f <- "mAch ~ minrty + sx + ses_w * sector + (ses_w | school)"
club("hsb82-slope", lmer(as.formula(f), d, control = exact), "Hsb82.csv.gz", d, "school", f)

d <- read("dietox.csv", c("Pig", "Evit", "Litter"))[c("Weight", "Time", "Evit", "Pig", "Litter")]
f <- "Weight ~ Time * Evit + (Time | Pig)"
m <- lmer(as.formula(f), d, REML = FALSE, control = exact)
club("dietox-pig-ml", m, "dietox.csv", d, "Pig", f)
club("dietox-litter-ml", m, "dietox.csv", d, "Litter", f)
f <- "Weight ~ Time * Evit + (1 | Litter/Pig)"
club("dietox-nested", lmer(as.formula(f), d, control = exact), "dietox.csv", d, "Litter", f)
f <- "Weight ~ Time * Evit"
club("dietox-least-squares", lm(as.formula(f), d), "dietox.csv", d, "Pig", f)

d <- read("cake.csv", c("recipe", "replicate"))[c("angle", "recipe", "temp", "replicate")]
f <- "angle ~ recipe + temp + (1 | recipe:replicate)"
club("cake-replicate", lmer(as.formula(f), d, control = exact), "cake.csv", d, "replicate", f)

d <- read("bacteria.csv", c("y", "trt", "ID"))[c("y", "trt", "week", "ID")]
f <- "y ~ trt + week"
g <- glm(as.formula(f), binomial, d, control = glm.control(epsilon = 1e-14))
club("bacteria-glm", g, "bacteria.csv", d, "ID", f, c("CR0", "CR1", "CR3"), "binomial")

d <- read("cake.csv", c("recipe", "replicate"))[c("angle", "recipe", "temp", "replicate")]
f <- "angle ~ temp"
m <- lm(as.formula(f), d)
two <- lapply(list(CR0 = FALSE, CR1 = TRUE), function(adjust)
  list(matrix = unname(vcovCL(m, cluster = ~ replicate + recipe, type = "HC0", cadjust = adjust, multi0 = FALSE))))
record("cake-two-way", m, "cake.csv", d, c("replicate", "recipe"), f, two, "sandwich")
rows <- lapply(list(CR0 = "HC0", CR2 = "HC2", CR3 = "HC3"), function(type) list(matrix = unname(vcovHC(m, type = type))))
record("cake-rows", m, "cake.csv", d, NULL, f, rows, "sandwich")
d <- read("epil.csv", c("trt", "subject"))[c("y", "trt", "lbase", "subject", "period")]
f <- "y ~ trt + lbase"
g <- glm(as.formula(f), poisson, d, control = glm.control(epsilon = 1e-14))
two <- lapply(list(CR0 = FALSE, CR1 = TRUE), function(adjust)
  list(matrix = unname(vcovCL(g, cluster = ~ subject + period, type = "HC0", cadjust = adjust, multi0 = FALSE))))
record("epil-two-way", g, "epil.csv", d, c("subject", "period"), f, two, "sandwich", "poisson")

writeLines(toJSON(cases, digits = NA, auto_unbox = TRUE, null = "null"), output)
