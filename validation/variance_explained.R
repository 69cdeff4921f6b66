# Shares of explained variance by performance::r2_nakagawa, ::icc and insight::get_variance.
# Run from the root: Rscript validation/variance_explained.R > tests/reference/variance_explained.json
suppressMessages({library(lme4); library(performance); library(insight); library(glmmTMB); library(jsonlite)})
rd <- function(f, fac) { d <- read.csv(file.path("tests/reference/data", f), stringsAsFactors=FALSE); for (x in fac) d[[x]] <- factor(d[[x]]); d }
cbpp <- rd("cbpp.csv", c("period","herd")); epil <- rd("epil.csv", c("trt","subject")); sl <- rd("sleepstudy.csv","Subject")
pen <- rd("Penicillin.csv", c("plate","sample")); pas <- rd("Pastes.csv", c("batch","cask","sample"))
tick <- rd("grouseticks.csv", c("INDEX","BROOD","LOCATION","YEAR")); diet <- rd("dietox.csv", c("Pig","Cu"))
sal <- rd("Salamanders.csv", c("site","spp","mined"))
epil$lbase <- log(epil$base/4); 
M <- list(
 sleepstudy_slope=quote(lmer(Reaction ~ Days + (Days|Subject), sl)),
 penicillin=quote(lmer(diameter ~ 1 + (1|plate) + (1|sample), pen)),
 pastes=quote(lmer(strength ~ 1 + (1|batch/cask), pas)),
 cbpp_logit=quote(glmer(cbind(incidence, size-incidence) ~ period + (1|herd), cbpp, family=binomial)),
 cbpp_probit=quote(glmer(cbind(incidence, size-incidence) ~ period + (1|herd), cbpp, family=binomial("probit"))),
 cbpp_cloglog=quote(glmer(cbind(incidence, size-incidence) ~ period + (1|herd), cbpp, family=binomial("cloglog"))),
 epil_poisson=quote(glmer(y ~ lbase + trt + (1|subject), epil, family=poisson)),
 ticks_poisson=quote(glmer(TICKS ~ YEAR + (1|BROOD) + (1|LOCATION), tick, family=poisson)),
 ticks_olre=quote(glmer(TICKS ~ YEAR + (1|BROOD) + (1|INDEX) + (1|LOCATION), tick, family=poisson)),
 salamanders_nb2=quote(glmmTMB(count ~ mined + (1|site), sal, family=nbinom2)),
 salamanders_nb1=quote(glmmTMB(count ~ mined + (1|site), sal, family=nbinom1)),
 dietox_gamma=quote(glmmTMB(Weight ~ Time + Cu + (1|Pig), diet, family=Gamma("log")))
)
out <- list()
for (n in names(M)) {
 m <- suppressMessages(suppressWarnings(eval(M[[n]])))
 r <- tryCatch(suppressWarnings(r2_nakagawa(m)), error=function(e) conditionMessage(e))
 i <- tryCatch(suppressWarnings(icc(m)), error=function(e) conditionMessage(e))
 b <- tryCatch(suppressWarnings(icc(m, by_group=TRUE)), error=function(e) conditionMessage(e))
 v <- tryCatch(suppressWarnings(get_variance(m)), error=function(e) conditionMessage(e))
 out[[n]] <- list(call=deparse1(M[[n]]), r2_marginal=unname(r$R2_marginal), r2_conditional=unname(r$R2_conditional),
  icc_adjusted=i$ICC_adjusted, icc_unadjusted=i$ICC_unadjusted, by_group=as.data.frame(b),
  variance=if(is.list(v)) lapply(v[setdiff(names(v),"cor.slope_intercept")], function(x) as.list(x)) else v,
  fixef= if(inherits(m,"glmmTMB")) as.list(fixef(m)$cond) else as.list(fixef(m)))
}
prov <- list(program="R", R=as.character(getRversion()), performance=as.character(packageVersion("performance")), insight=as.character(packageVersion("insight")), lme4=as.character(packageVersion("lme4")), glmmTMB=as.character(packageVersion("glmmTMB")), functions="performance::r2_nakagawa, performance::icc(by_group=TRUE), insight::get_variance", date=format(Sys.Date()))
writeLines(toJSON(list(provenance=prov, cases=out), auto_unbox=TRUE, digits=12, pretty=TRUE))
