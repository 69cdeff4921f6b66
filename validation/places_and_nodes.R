# Ancestral states by ape and kriging by gstat: writes tests/reference/places_and_nodes.json.
#
#     Rscript validation/places_and_nodes.R tests/reference/places_and_nodes.json    (from the root of the repository)

suppressMessages({library(ape); library(gstat); library(sp); library(jsonlite)})
output <- commandArgs(trailingOnly = TRUE)[1]

# Brownian motion along a tree with inner nodes named n1, ..., no residual
set.seed(20261201)
newick <- "((((a:0.3,b:0.3)n4:0.5,c:0.6)n3:0.2,(d:0.4,e:0.7)n5:0.3)n2:0.4,((f:0.2,g:0.2)n7:0.9,(h:0.5,(i:0.1,j:0.4)n9:0.3)n8:0.5)n6:0.3)n1;"
tree <- read.tree(text = newick)
x <- round(rTraitCont(tree, sigma = 1.3, root.value = 2), 3)
found <- ace(x, tree, type = "continuous", method = "REML", CI = TRUE)
ancestors <- list(node = tree$node.label, estimate = unname(found$ace), low = unname(found$CI95[, 1]), high = unname(found$CI95[, 2]),
  sigma2 = unname(found$sigma2[1]))

# universal kriging with measurement error, exponential covariance of known parameters
places <- data.frame(u = round(runif(60, 0, 10), 3), v = round(runif(60, 0, 10), 3))
places$slope <- round(places$u / 10 + rnorm(60, 0, 0.2), 3)
R <- exp(-as.matrix(dist(places[, 1:2])) / 1.8)
places$y <- round(1 + 0.7 * places$slope + drop(t(chol(R)) %*% rnorm(60)) + 0.4 * rnorm(60), 4)
new <- data.frame(u = c(2.5, 5, 9.1, 14), v = c(2.5, 7.25, 0.3, 14), slope = c(0.2, 0.5, 0.9, 1.4))
kriged <- function(sill, range, error) {
  data <- places; at <- new; coordinates(data) <- ~ u + v; coordinates(at) <- ~ u + v
  found <- krige(y ~ slope, data, at, vgm(error, "Err", 0, add.to = vgm(sill, "Exp", range)), debug.level = 0)
  list(sill = sill, range = range, error = error, estimate = found$var1.pred, variance = found$var1.var)
}
kriging <- list(kriged(1.1, 1.8, 0.16), kriged(0.6, 4.5, 0.3))

versions <- sapply(c("ape", "gstat", "sp"), function(p) as.character(packageVersion(p)))
record <- list(program = R.version.string, packages = as.list(versions), date = as.character(Sys.Date()),
  command = "Rscript validation/places_and_nodes.R tests/reference/places_and_nodes.json", newick = newick, tips = names(x), x = unname(x),
  ancestors = ancestors, places = places, new = new, kriging = kriging)
write(toJSON(record, digits = NA, auto_unbox = TRUE), output)
