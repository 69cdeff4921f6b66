"""A model from a formula and a data frame, without the facade."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import pytest

from ilk.covariance import covariance_structure
from ilk.design.build import build
from ilk.family import make_family
from ilk.formula import parse
from ilk.model import Model


def make(formula: str, data: pd.DataFrame, family: str = "gaussian", **options: object) -> Model:
    distribution = make_family(family)
    design = build(
        parse(formula, dispersion=options.pop("dispersion", None)),
        data,
        parameters=distribution.parameters,
        binomial=distribution.takes_trials,
        **options,
    )
    structures = tuple(covariance_structure(term.structure) for term in design.terms)
    return Model(design, distribution, structures)


@pytest.fixture
def model() -> Callable[..., Model]:
    return make
