"""The command line: ``ilk demo`` and ``ilk fit``."""
