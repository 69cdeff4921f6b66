"""Comparisons of models: criteria, nesting, likelihood ratios on the boundary."""
