"""Covariance matrices of coefficients that hold though the random part is wrong."""
