"""Covariance over the levels of a factor: relatives, lineages, places."""
