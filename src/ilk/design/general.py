"""Design columns by formulaic, for whatever has a basis or a coding of its own.

Splines, polynomials and contrasts other than treatment coding go this way. formulaic gets values
that `ilk.design.evaluate` has computed, as if they were columns; it evaluates nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ilk.design.levels import label_texts
from ilk.design.transforms import Coded
from ilk.errors import DataError, FormulaError
from ilk.formula.spec import Sum
from ilk.frame import Factor, listing, quote
from ilk.typing import FloatArray


def formulaic_matrix(
    terms: Sum, values: Mapping[str, Any], rows: int
) -> tuple[FloatArray, tuple[str, ...]]:
    """Design matrix of a sum by formulaic's materializer.

    Parameters
    ----------
    terms : Sum
        The sum.
    values : mapping
        Values of each factor by its text.
    rows : int
        Number n of rows.

    Returns
    -------
    X : (n, p) array
        Columns of the design, Fortran order.
    names : tuple of str
        Their names.
    """
    import pandas as pd
    from formulaic import ModelSpec, SimpleFormula
    from formulaic.errors import FormulaicError
    from formulaic.parser.types import Factor as FormulaicFactor
    from formulaic.parser.types import Term as FormulaicTerm

    formula = SimpleFormula(
        [
            FormulaicTerm(
                [FormulaicFactor(f.text, eval_method="lookup") for f in term.factors]
                or [FormulaicFactor("1", eval_method="literal")]
            )
            for term in terms.terms
        ],
        _ordering="none",
    )
    context = {text: _as_formulaic(text, value) for text, value in values.items()}
    spec = ModelSpec(formula=formula, output="numpy", na_action="ignore")
    data = pd.DataFrame(index=pd.RangeIndex(rows))
    try:
        matrix = spec.get_model_matrix(data, context=context)
    except (FormulaicError, ValueError, TypeError, KeyError) as error:
        raise FormulaError(
            f"The terms {terms.text[:80]!r} cannot be coded: {str(error).splitlines()[0]}",
            code="transform",
        ) from error
    names = tuple(str(name) for name in matrix.model_spec.column_names)
    return np.asfortranarray(np.asarray(matrix, dtype=np.float64).reshape(rows, len(names))), names


def _as_formulaic(text: str, value: Any) -> Any:
    """Values in the form in which formulaic knows them."""
    import pandas as pd
    from formulaic.transforms import C
    from formulaic.transforms.contrasts import ContrastsRegistry

    if isinstance(value, Factor):
        return pd.Series(pd.Categorical.from_codes(value.codes, categories=_index(value)))
    if not isinstance(value, Coded):
        return value
    name = value.contrast.removeprefix("contr.").lower()
    contrast = {
        "treatment": ContrastsRegistry.treatment,
        "sas": ContrastsRegistry.SAS,
        "sum": ContrastsRegistry.sum,
        "helmert": ContrastsRegistry.helmert,
        "diff": ContrastsRegistry.diff,
        "poly": ContrastsRegistry.poly,
    }[name]
    labels = _index(value.factor)
    made = contrast()
    if value.option is not None:
        if value.option not in value.factor.levels:
            raise DataError(
                f"{text}: there is no level {quote(value.option)}; the levels are "
                f"{listing(value.factor.levels)}.",
                code="unknown-level",
            )
        made = contrast(base=labels[value.factor.levels.index(value.option)])
    categories = pd.Categorical.from_codes(value.factor.codes, categories=labels)
    return C(pd.Series(categories), made)


def _index(factor: Factor) -> Any:
    """Levels as an index that keeps their types, or as texts if pandas cannot keep them apart."""
    import pandas as pd

    labels = pd.Index(list(factor.levels))
    if not labels.is_unique or any(
        type(made) is not type(given)
        for made, given in zip(labels.tolist(), factor.levels, strict=True)
    ):
        labels = pd.Index(label_texts(factor.levels))
    return labels
