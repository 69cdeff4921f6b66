# Rates with an offset, by stats, lme4, glmmTMB and emmeans: writes tests/reference/rates.json.
#
#     Rscript validation/rates.R tests/reference/rates.json        (from the root of the repository)

suppressMessages({library(lme4); library(glmmTMB); library(emmeans); library(jsonlite)})
output <- commandArgs(trailingOnly = TRUE)[1]
data <- read.csv("src/ilk/datasets/data/counseling_rates.csv")
data$clinician <- factor(data$clinician)
exact <- glmerControl(optimizer = "bobyqa", optCtrl = list(maxfun = 1e6, rhoend = 1e-9))
fixed <- function(fit) if (inherits(fit, "glm")) coef(fit) else if (inherits(fit, "glmmTMB")) fixef(fit)$cond else fixef(fit)
covariance <- function(fit) if (inherits(fit, "glmmTMB")) vcov(fit)$cond else as.matrix(vcov(fit))

summarize <- function(fit) {
  b <- fixed(fit); se <- sqrt(diag(covariance(fit)))
  list(loglik = as.numeric(logLik(fit)), aic = AIC(fit), names = names(b), estimate = unname(b), std_error = unname(se),
       ratio = unname(exp(b)), ratio_low = unname(exp(b - qnorm(.975) * se)), ratio_high = unname(exp(b + qnorm(.975) * se)))
}

rates <- function(fit) {
  lapply(c(1, 1000), function(per) {
    grid <- as.data.frame(summary(emmeans(fit, ~ training, at = list(training = c(0, 1)), offset = log(per)), type = "response"))
    low <- grep("LCL|lower.CL", names(grid)); high <- grep("UCL|upper.CL", names(grid))
    list(per = per, rate = grid[[intersect(c("rate", "response"), names(grid))]], std_error = grid$SE, conf_low = grid[[low]], conf_high = grid[[high]])
  })
}

fits <- list(
  glm = list(package = "stats", family = "poisson", random = "",
    fit = function(f) glm(f, poisson, data, epsilon = 1e-14)),
  glmer = list(package = "lme4", family = "poisson", random = " + (1 | clinician)",
    fit = function(f) glmer(f, data, poisson, control = exact)),
  slopes = list(package = "glmmTMB", family = "poisson", random = " + (1 + month | clinician)",
    fit = function(f) glmmTMB(f, data, family = poisson)),
  nb2 = list(package = "glmmTMB", family = "negative_binomial_2", random = " + (1 | clinician)",
    fit = function(f) glmmTMB(f, data, family = nbinom2)))
cases <- list()
for (id in names(fits)) {
  case <- fits[[id]]
  formula <- paste0("counseled ~ training + month", case$random)
  offset <- case$fit(as.formula(paste(formula, "+ offset(log(opportunities))")))
  free <- case$fit(as.formula(paste(formula, "+ log(opportunities)")))
  plain <- case$fit(as.formula(paste(formula, "+ opportunities")))
  ratio <- 2 * as.numeric(logLik(free) - logLik(offset))
  cases[[id]] <- list(id = id, formula = formula, family = case$family,
    engine = list(package = case$package, version = as.character(packageVersion(case$package)),
                  emmeans = as.character(packageVersion("emmeans")), R = paste(R.version$major, R.version$minor, sep = "."),
                  date = as.character(Sys.Date()), script = "validation/rates.R"),
    offset = summarize(offset), free = summarize(free), covariate = summarize(plain),
    ratio = ratio, ratio_p = pchisq(ratio, 1, lower.tail = FALSE), rates = rates(offset))
}
write(toJSON(unname(cases), digits = NA, auto_unbox = TRUE, pretty = 1), output)
