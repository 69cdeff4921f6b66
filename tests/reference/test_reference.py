"""Every reference case: log-likelihood, estimates, standard errors, effects, predictions."""

from __future__ import annotations

import pytest

from . import tolerances
from .compare import compare
from .data import case, cases, fingerprints

pytestmark = pytest.mark.reference

IDENTIFIERS = [found["id"] for found in cases()]


@pytest.mark.parametrize("identifier", IDENTIFIERS)
def test_agrees_with_the_reference(identifier: str) -> None:
    checks = compare(case(identifier))
    failed = [check for check in checks if not check.passed]
    assert not failed, "\n".join(
        f"{check.quantity}: {check.deviation:.3g} is {check.ratio:.3g} times what is allowed"
        f" ({check.where})"
        for check in failed
    )


def test_the_files_are_the_recorded_ones() -> None:
    for name, (recorded, present) in fingerprints().items():
        assert recorded == present, name


def test_exceptions_have_reasons_and_existing_cases() -> None:
    for identifier, _ in tolerances.EXCEPTIONS:
        assert identifier in IDENTIFIERS
    for factor, reason in tolerances.EXCEPTIONS.values():
        assert factor > 1.0
        assert len(reason) > 20
    for identifier, (_, reason) in tolerances.STANDARD_ERRORS.items():
        assert identifier in IDENTIFIERS
        assert len(reason) > 20
    for identifier, reason in tolerances.HIGHER.items():
        assert identifier in IDENTIFIERS
        assert len(reason) > 20
