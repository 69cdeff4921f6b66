"""The criterion: marginal likelihood of a model as a function of its parameters."""

from __future__ import annotations
