"""Generalized estimating equations: models of the population's mean for data in clusters.

A generalized estimating equation (GEE) models the mean of the response over all clusters, with no
random effects; how the rows of a cluster hang together is a working assumption, and standard errors
that do not rest on it come from the clusters themselves.  `clusters` arranges the rows, `working`
and `waves` hold the working correlations and their moment estimators, `solve` the scoring
iteration, `sandwich` the covariance matrices, `criteria` the quasi-likelihood criteria and `run`
the way from a design to the frozen record `GeeFitted`.
"""
