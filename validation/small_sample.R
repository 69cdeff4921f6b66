# Degrees of freedom, F tests and tests of terms by lme4, lmerTest, pbkrtest, emmeans and car.
# Output: tests/reference/small_sample.json.  Run from the root:  Rscript validation/small_sample.R
# pbkrtest leaves precision weights out of its covariance matrix, so the Kenward-Roger part of the
# case "weighted" is not compared.
suppressMessages({library(lme4); library(lmerTest); library(pbkrtest); library(emmeans); library(car); library(glmmTMB); library(jsonlite)})
emm_options(lmerTest.limit=1e5, pbkrtest.limit=1e5)
set.seed(20261130)
out <- list()
ctl <- lmerControl(optimizer="bobyqa", optCtrl=list(rhoend=1e-12, maxfun=100000), check.conv.singular="ignore")
tab <- function(m) { m <- as.data.frame(m); cbind(term=rownames(m), m) }
anov <- function(f, type, ddf) { a <- as.data.frame(anova(f, type=type, ddf=ddf)); data.frame(term=rownames(a), num_df=a$NumDF, den_df=a$DenDF, F=a$`F value`, p=a$`Pr(>F)`) }
coefs <- function(f, ddf) { s <- coef(summary(f, ddf=ddf)); data.frame(term=rownames(s), estimate=s[,1], se=s[,2], df=s[,3], t=s[,4], p=s[,5]) }
run <- function(id, formula, data, note, REML=TRUE, weights=NULL, L=NULL, emm=NULL, ddfs=c("Satterthwaite","Kenward-Roger"), drops=TRUE) {
  data$w__ <- if (is.null(weights)) rep(1, nrow(data)) else data[[weights]]
  f <- if (is.null(weights)) lmer(formula, data, REML=REML, control=ctl) else lmer(formula, data, REML=REML, weights=w__, control=ctl)
  data$w__ <- NULL
  r <- list(id=id, note=note, formula=paste(deparse(formula), collapse=" "), REML=REML, weights=weights,
    columns=lapply(data, function(x) if (is.factor(x)) as.character(x) else x),
    levels=Filter(Negate(is.null), lapply(data, function(x) if (is.factor(x)) levels(x))),
    theta=getME(f,"theta"), sigma=sigma(f), logLik=as.numeric(logLik(f)), singular=isSingular(f))
  for (ddf in ddfs) {
    one <- list(coefficients=coefs(f, ddf), anova2=anov(f,2,ddf), anova3=anov(f,3,ddf))
    if (drops) { d <- as.data.frame(drop1(f, ddf=ddf)); one$drop1 <- data.frame(term=rownames(d), num_df=d$NumDF, den_df=d$DenDF, F=d$`F value`, p=d$`Pr(>F)`) }
    if (!is.null(L)) { a <- contest(f, L, joint=TRUE, ddf=ddf); one$joint <- list(L=L, num_df=a$NumDF, den_df=a$DenDF, F=a$`F value`, p=a$`Pr(>F)`) }
    if (!is.null(emm)) {
      e <- emmeans(f, emm, lmer.df=tolower(ddf), data=data)
      one$emmeans <- list(by=emm, means=as.data.frame(e), pairs=as.data.frame(pairs(e, adjust="none")))
    }
    if (ddf == "Kenward-Roger") {
      one$vcov_adjusted <- as.matrix(vcovAdj(f))
      if (!is.null(L)) { k <- KRmodcomp(f, L)$test; one$KRmodcomp <- list(stat=k["Ftest","stat"], ddf=k["Ftest","ddf"], scaling=k["Ftest","F.scaling"], unscaled=k["FtestU","stat"], p=k["Ftest","p.value"]) }
    }
    r[[ddf]] <- one
  }
  out[[length(out)+1]] <<- r
  cat(id, isSingular(f), "\n")
}
# unbalanced slopes
s <- sleepstudy[sample(nrow(sleepstudy), 105),]; s$Subject <- factor(as.character(s$Subject)); s$late <- factor(ifelse(as.integer(s$Subject) %% 3 == 0, "b", "a"))
s <- s[order(s$Subject, s$Days),]; rownames(s) <- NULL
run("unbalanced-slopes", Reaction ~ Days * late + (Days | Subject), s, "lme4::sleepstudy, 105 rows drawn at random, a factor between subjects added", L=rbind(c(0,1,0,0),c(0,0,0,1)), emm="late")
run("unbalanced-diagonal", Reaction ~ Days + (Days || Subject), s[,c("Reaction","Days","Subject")], "the same rows, uncorrelated effects", L=rbind(c(1,0),c(0,1)))
run("unbalanced-ml", Reaction ~ Days * late + (Days | Subject), s, "the same rows by maximum likelihood", REML=FALSE, L=rbind(c(0,1,0,0),c(0,0,0,1)), ddfs="Satterthwaite", emm="late")
# nested
n <- 150; site <- sample(1:7, n, TRUE, prob=7:1); pat <- site*10 + sample(1:4, n, TRUE)
d <- data.frame(site=factor(paste0("s",site)), patient=factor(paste0("p",pat)), arm=factor(c("a","b","c")[1 + pat %% 3]), time=round(runif(n,0,4),1))
d$y <- round(3 + .5*(d$arm=="b") + .3*d$time + .4*(d$arm=="c")*d$time + rnorm(7,0,.8)[site] + rnorm(80,0,.6)[pat] + rnorm(n),3)
d <- d[order(d$site,d$patient),]
run("nested", y ~ arm * time + (1 | site/patient), d, "simulated, patients within sites, unbalanced", L=rbind(c(0,1,0,0,0,0),c(0,0,1,0,0,0),c(0,0,0,0,1,1)), emm="arm")
# crossed
n <- 140; su <- sample(1:15,n,TRUE); it <- sample(1:11,n,TRUE)
d <- data.frame(subj=factor(paste0("s",formatC(su,width=2,flag="0"))), item=factor(paste0("i",formatC(it,width=2,flag="0"))), A=factor(sample(c("lo","mid","hi"),n,TRUE,c(.5,.3,.2)),levels=c("lo","mid","hi")), B=factor(c("u","v")[1+it%%2]), x=round(rnorm(n),2))
d$y <- round(10 + (d$A=="hi") + .5*(d$B=="v") + .3*d$x + rnorm(15,0,1)[su] + rnorm(11,0,.7)[it] + rnorm(n,0,1.2),3)
run("crossed", y ~ A * B + x + (1 | subj) + (1 | item), d, "simulated, crossed, unbalanced", L=rbind(c(0,1,0,0,0,0,0),c(0,0,1,0,0,0,0),c(0,0,0,0,1,0,0)), emm="A")
run("crossed-slope", y ~ A + B + x + (1 + x | subj) + (1 | item), d, "the same rows, a slope in one factor", L=rbind(c(0,1,0,0,0),c(0,0,1,0,0)), emm="B")
d$w <- round(runif(n,.4,3),2)
run("weighted", y ~ A + x + (1 | subj), d[,c("y","A","x","subj","w")], "the same rows, precision weights", weights="w", L=rbind(c(0,1,0,0),c(0,0,1,0)))
# singular
run("singular-intercept", Yield ~ 1 + (1 | Batch), Dyestuff2, "lme4::Dyestuff2, variance zero", drops=FALSE)
g <- rep(1:9, each=5); x <- round(rnorm(45),2)
repeat { y <- round(1 + .5*x + rnorm(9,0,1)[g] + rnorm(45),3); d <- data.frame(y=y,x=x,g=factor(g)); th <- getME(lmer(y~x+(1+x|g),d,control=ctl),"theta"); if (abs(th[3]) < 1e-6 && th[2] != 0 && th[1] > .2 && abs(th[2])>.1) break }
run("singular-slope", y ~ x + (1 + x | g), d, "simulated, correlation of intercepts and slopes at its limit", L=rbind(c(1,0),c(0,1)))
repeat { y <- round(1 + .5*x + rnorm(9,0,1)[g] + rnorm(45),3); d <- data.frame(y=y,x=x,g=factor(g),h=factor(rep(1:5,9))); f <- lmer(y~x+(1|g)+(1|h),d,control=ctl); th <- getME(f,"theta"); if (th[2] < 1e-8 && th[1]>.3) break }
run("singular-crossed", y ~ x + (1 | g) + (1 | h), d, "simulated, crossed, one variance zero", L=rbind(c(1,0),c(0,1)))
# generalized models
set.seed(20261201)
n <- 300; g <- sample(1:40,n,TRUE,prob=1:40)
d <- data.frame(g=factor(paste0("g",formatC(g,width=2,flag="0"))), A=factor(sample(c("a1","a2","a3"),n,TRUE,c(.5,.3,.2))), B=factor(sample(c("b1","b2"),n,TRUE,c(.6,.4))), x=round(rnorm(n,.3),2))
eta <- .2 + .5*(d$A=="a2") - .4*(d$B=="b2") + .5*d$x + .6*(d$A=="a3")*(d$B=="b2") + rnorm(40,0,.8)[g]
d$y <- rbinom(n,1,plogis(eta)); d$k <- rpois(n, exp(.5*eta))
glmm <- list()
for (fam in c("binomial","poisson")) {
  fm <- if (fam=="binomial") y ~ A*B + A*x + (1|g) else k ~ A*B + A*x + (1|g)
  ctl <- glmerControl(optimizer="bobyqa", optCtrl=list(rhoend=1e-10,maxfun=1e5))
  f <- lme4::glmer(fm, d, family=fam, control=ctl)
  # Wald tests with the joint information of coefficients and variances, as glmmTMB has it
  exact <- glmmTMBControl(optCtrl=list(iter.max=1e4, eval.max=1e4, rel.tol=1e-14))
  ft <- glmmTMB(fm, d, family=fam, control=exact)
  options(contrasts=c("contr.sum","contr.poly")); fs <- glmmTMB(fm, d, family=fam, control=exact); options(contrasts=c("contr.treatment","contr.poly"))
  a2 <- Anova(ft, type=2); a3 <- Anova(fs, type=3); dr <- drop1(f, test="Chisq")
  glmm[[fam]] <- list(formula=paste(deparse(fm),collapse=""), family=fam, logLik=as.numeric(logLik(f)),
    anova2=data.frame(term=rownames(a2), chisq=a2$Chisq, df=a2$Df, p=a2[,3]),
    anova3=data.frame(term=rownames(a3), chisq=a3$Chisq, df=a3$Df, p=a3[,3]),
    drop1=data.frame(term=rownames(dr), npar=dr$npar, AIC=dr$AIC, LRT=dr$LRT, p=dr[,4]),
    lrt_A=local({ m1 <- glmer(update(fm, .~.-A:B-A:x), d, family=fam, control=ctl); m0 <- glmer(update(fm,.~.-A:B-A:x-A), d, family=fam, control=ctl); as.list(c(stat=2*as.numeric(logLik(m1)-logLik(m0)), df=2)) }))
}
write(toJSON(list(program=R.version.string, packages=as.list(sapply(c("lme4","lmerTest","pbkrtest","emmeans","car","glmmTMB"), function(p) as.character(packageVersion(p)))), date=as.character(Sys.Date()), command="Rscript validation/small_sample.R", cases=out, glmm=list(columns=lapply(d,function(x) if(is.factor(x)) as.character(x) else x), cases=glmm)), digits=NA, auto_unbox=TRUE, null="null"), "tests/reference/small_sample.json")
