"""Numbers: jets, stable special functions, triangular matrices, quadrature, differences."""
