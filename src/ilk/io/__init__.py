"""Fits on disk: one file of JSON and arrays; reading one runs no code."""
