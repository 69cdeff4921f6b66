"""All rules, in the order in which their findings are shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ilk.errors import ModelError, did_you_mean
from ilk.lint.rule import Rule
from ilk.lint.rules import (
    exposure,
    grouping,
    identifiers,
    levels,
    nesting,
    response,
    slopes,
    terms,
    treatment,
    weights,
)

__all__ = ["CODES", "REFUSED", "RULES", "check_silence"]

RULES: tuple[Rule, ...] = (
    Rule("two-valued-response", "warning", response.two_valued_response),
    Rule("proportion-without-trials", "warning", response.proportion_without_trials),
    Rule("percentage-response", "warning", response.percentage_response),
    Rule("not-a-count", "warning", response.not_a_count),
    Rule("count-as-continuous", "note", response.count_as_continuous),
    Rule("exposure-as-covariate", "warning", exposure.exposure_as_covariate),
    Rule("unused-exposure", "note", exposure.unused_exposure),
    Rule("offset-not-logged", "warning", exposure.offset_not_logged),
    Rule("identifier-as-number", "warning", identifiers.identifier_as_number),
    Rule("ignored-clusters", "warning", identifiers.ignored_clusters),
    Rule("nested-ids-reused", "warning", nesting.nested_ids_reused),
    Rule("grouping-also-fixed", "warning", grouping.grouping_also_fixed),
    Rule("same-groups-twice", "warning", grouping.same_groups_twice),
    Rule("one-row-per-level", "warning", grouping.one_row_per_level),
    Rule("olre-with-dispersion", "warning", grouping.olre_with_dispersion),
    Rule("few-levels", "note", grouping.few_levels),
    Rule("slope-without-variation", "warning", slopes.slope_without_variation),
    Rule("slope-without-fixed", "warning", slopes.slope_without_fixed),
    Rule("zero-far-from-data", "note", slopes.zero_far_from_data),
    Rule("cluster-level-treatment", "note", treatment.cluster_level_treatment),
    Rule("within-treatment-without-slope", "note", treatment.within_treatment_without_slope),
    Rule("constant-covariate", "warning", terms.constant_covariate),
    Rule("interaction-without-main", "note", terms.interaction_without_main),
    Rule("many-fixed-levels", "warning", terms.many_fixed_levels),
    Rule("unused-levels", "note", levels.unused_levels),
    Rule("lost-levels", "warning", levels.lost_levels),
    Rule("weights-like-frequencies", "note", weights.weights_like_frequencies),
    Rule("fractional-frequencies", "warning", weights.fractional_frequencies),
)

CODES: tuple[str, ...] = tuple(rule.code for rule in RULES)
"""Identifiers of all rules."""

REFUSED: frozenset[str] = frozenset(
    ("two-valued-response", "proportion-without-trials", "percentage-response", "not-a-count")
)
"""Findings that say why a response does not suit its family, where a fit is refused."""


def check_silence(silence: Any) -> tuple[str, ...]:
    """Read ``silence=``: identifiers of rules not to ask.

    Parameters
    ----------
    silence : str or sequence of str
        What the user wrote.

    Raises
    ------
    ModelError
        There is no rule of that name.
    """
    given: Sequence[Any] = (silence,) if isinstance(silence, str) else silence
    if not isinstance(given, (list, tuple, set, frozenset)):
        raise ModelError(
            f"silence= takes identifiers of findings, such as ('few-levels',), not "
            f"{type(silence).__name__}.",
            code="silence",
        )
    for code in given:
        if code not in CODES:
            hint = did_you_mean(str(code), CODES)
            raise ModelError(
                f"silence={code!r:.60}: there is no finding of this identifier."
                + (hint or " They are listed in docs/reference/findings.md."),
                code="silence",
            )
    return tuple(given)
