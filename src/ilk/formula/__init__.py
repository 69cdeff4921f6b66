"""Words to specification: what a formula says, before it meets any data."""

from ilk.formula.parse import check_arguments, parse
from ilk.formula.spec import (
    MEAN,
    OLRE,
    Factor,
    FormulaSpec,
    PredictorSpec,
    RandomSpec,
    ResponseSpec,
    Sum,
    Term,
)

__all__ = [
    "MEAN",
    "OLRE",
    "Factor",
    "FormulaSpec",
    "PredictorSpec",
    "RandomSpec",
    "ResponseSpec",
    "Sum",
    "Term",
    "check_arguments",
    "parse",
]
