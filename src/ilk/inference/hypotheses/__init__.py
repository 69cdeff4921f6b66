"""Linear hypotheses about coefficients, and tests of the terms of a formula."""
