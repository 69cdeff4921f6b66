"""Fitted models of established R packages, and the comparison of ilk with them.

``python -m tests.reference`` prints one table: for each case the worst deviation of each quantity.
The numbers' origin is in README.md; how close is close enough, in tolerances.py.
"""
