"""Specification and data to matrices, and the same again on new data."""
