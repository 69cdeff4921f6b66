# Bootstrap intervals by boot::boot.ci, for tests/reference/boot_intervals.json.
#
#   Rscript validation/boot_intervals.R > tests/reference/boot_intervals.json

suppressPackageStartupMessages({library(boot); library(jsonlite)})
set.seed(1)
x <- round(rexp(30), 4)                      # 30 clusters of one row
t0 <- mean(x)
ratio <- function(d, i) mean(d[i])^2
b <- boot(x, ratio, R = 999)
L <- empinf(b, type = "jack")
ci <- boot.ci(b, conf = c(0.9, 0.95), type = c("norm", "basic", "perc", "bca"), L = L)
cat(toJSON(list(
  provenance = list(program = paste(R.version.string, "with boot", packageVersion("boot")),
    command = "boot.ci(boot(x, function(d, i) mean(d[i])^2, R = 999), c(0.9, 0.95), c('norm', 'basic', 'perc', 'bca'), L = empinf(b, type = 'jack'))",
    seed = 1, date = as.character(Sys.Date())),
  x = x, t0 = b$t0, t = b$t[, 1], normal = ci$normal[, 2:3], basic = ci$basic[, 4:5],
  percentile = ci$percent[, 4:5], bca = ci$bca[, 4:5]), digits = NA, auto_unbox = TRUE), "\n")
