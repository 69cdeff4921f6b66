"""What names of columns say: an identifier, a unit that is sampled, a treatment, a time."""

from __future__ import annotations

import re

__all__ = ["crossed_name", "identifier_name", "nested_rank", "treatment_name", "words"]


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


_RANKS: dict[str, int] = {
    word: rank
    for rank, text in (
        (5, "country nation continent region province state county district"),
        (4, "city town village municipality island forest lake river catchment"),
        (
            3,
            """
            hospital school clinic site center centre farm company firm practice university trust
            institution nursery zoo colony field orchard lab laboratory facility factory plant
            location provider
            """,
        ),
        (
            2,
            """
            ward class classroom room department dept teacher doctor surgeon physician herd litter
            household family house nest brood plot tank cage pen aquarium section team unit line
            court judge therapist clinician counselor counsellor quadrat transect batch flock
            """,
        ),
        (
            1,
            """
            patient person student pupil child kid participant subject animal mother individual
            tree cow bird respondent employee worker client donor rat mouse dog pig fish leaf seed
            chick gull sample specimen cask replicate rep
            """,
        ),
    )
    for word in text.split()
}
"""Units by how large they usually are: a unit of lower rank may lie within one of higher rank."""

_UNITS = frozenset(_RANKS) - _set("class section unit line plant fish sample rep replicate field")
"""Units whose numbers are labels; without words that name other things as well."""

_MORE_UNITS = _set("subj ppt cluster psu")

_LABEL = _set("id ids identifier uid guid pid sid code no nr num number key label")
"""Words behind a unit that say label."""

_ALONE = _set(
    """
    id ids uid guid pid identifier zip zipcode postcode postalcode fips subjid patid ptid ssn mrn
    usubjid studyid
    """
)

_COUNTS = _set("n number num count total mean sum size rate share prop age per max min years days")
"""Words before a unit that say an amount."""

_TREATMENT = _set(
    """
    treatment treatments treat treated treatmentarm trt trtment trtgrp arm intervention policy
    program programme drug therapy vaccine vaccinated vaccination condition cond manipulation method
    placebo regimen
    """
)

_CROSSED = _set(
    """
    time visit visits wave session period occasion round week weeks day days month months year years
    quarter hour date season trial trials order position block item items question stimulus word
    sentence picture age phase stage step test rater judge line family
    """
)
"""Names of what repeats in each unit, and is the same thing each time."""


def words(name: str) -> list[str]:
    """Words of a name in lower case: split at separators and at capitals.

    Parameters
    ----------
    name : str
        A name.

    Examples
    --------
    >>> words("patientID"), words("school_no.2")
    (['patient', 'id'], ['school', 'no'])
    """
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    return re.findall(r"[a-z]+", spaced.lower())


def identifier_name(name: str) -> bool:
    """Whether a name is that of an identifier or a sampled unit: a label, whatever its type.

    Parameters
    ----------
    name : str
        A name.

    Examples
    --------
    >>> [identifier_name(name) for name in ("hospital", "subject_id", "SchoolNo", "id")]
    [True, True, True, True]
    >>> [identifier_name(name) for name in ("age", "year", "patients", "school_size", "n_school")]
    [False, False, False, False, False]
    """
    found = words(name)
    if not found:
        return False
    if "".join(found) in _ALONE:
        return True
    if found[0] in _COUNTS:
        return False
    last, first = found[-1], found[:-1]
    if last in ("id", "identifier", "uid", "guid"):
        return True
    if last in _LABEL and first and first[-1] in _RANKS:
        return True
    if last in _UNITS | _MORE_UNITS and not set(first) & (_COUNTS | {"in", "of"}):
        return len(found) <= 2
    stem = last.removesuffix("id")
    return len(found) == 1 and stem != last and stem in _RANKS


def nested_rank(name: str) -> int | None:
    """Rank of the unit that a name is of, from persons (1) to countries (5); None if it is none.

    Parameters
    ----------
    name : str
        A name.

    Examples
    --------
    >>> nested_rank("class"), nested_rank("school_id"), nested_rank("item")
    (2, 3, None)
    """
    found = [word for word in words(name) if word not in _LABEL]
    if not found:
        return None
    if found[-1] in _RANKS:
        return _RANKS[found[-1]]
    return _RANKS.get(found[-1].removesuffix("id"))


def treatment_name(name: str) -> bool:
    """Whether a name is that of something that was done to units.

    Parameters
    ----------
    name : str
        A name.

    Examples
    --------
    >>> treatment_name("treatment_arm"), treatment_name("policy"), treatment_name("treatments_n")
    (True, True, False)
    """
    found = words(name)
    return bool(found) and found[-1] in _TREATMENT


def crossed_name(name: str) -> bool:
    """Whether a name is that of a time, an item or a breeding line: the same one in each unit.

    Parameters
    ----------
    name : str
        A name.
    """
    return bool(set(words(name)) & _CROSSED)
