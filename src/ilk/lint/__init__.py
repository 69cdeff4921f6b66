"""Findings about a model before it is fitted: what users may not have meant.

Each rule is one function in `ilk.lint.rules`; `ilk.lint.registry` lists them, `ilk.lint.run` asks
them all.
"""
