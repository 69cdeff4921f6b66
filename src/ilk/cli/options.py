"""Options that say which model is meant, shared by the commands that take a model."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any, TypeVar

import click

__all__ = ["chosen_family", "model_options"]

F = TypeVar("F", bound=Callable[..., Any])


def _formulas(
    context: click.Context, option: click.Parameter, given: Sequence[str]
) -> dict[str, str] | None:
    """Formulas by parameter, from texts NAME=FORMULA."""
    found: dict[str, str] = {}
    for text in given:
        name, sign, formula = text.partition("=")
        if not sign or not name.strip() or not formula.strip():
            raise click.BadParameter(
                f'{text!r} is not NAME=FORMULA, as in "threshold_2=~ age".', context, option
            )
        found[name.strip()] = formula.strip()
    return found or None


def _labels(
    context: click.Context, option: click.Parameter, given: str | None
) -> tuple[Hashable, ...] | None:
    """Categories between commas; numbers if all are."""
    del context, option
    if given is None:
        return None
    labels = [label.strip() for label in given.split(",")]
    try:
        return tuple(map(int, labels))
    except ValueError:
        return tuple(labels)


def chosen_family(
    family: str, levels: tuple[Hashable, ...] | None, baseline: tuple[Hashable, ...] | None
) -> Any:
    """Family as `ilk.fit` takes it: its name, or an object that knows its categories.

    Parameters
    ----------
    family : str
        Name of the family.
    levels : tuple or None
        Categories in order.
    baseline : tuple of one label, or None
        Category that the others are compared with.
    """
    if levels is None and baseline is None:
        return family
    from ilk import families
    from ilk.family import make_family

    made = make_family(family)
    given: dict[str, Any] = {}
    if levels is not None:
        given["levels"] = levels
        if not made.categorical:
            raise click.UsageError(
                f"--levels is for families of categories, such as cumulative and multinomial; "
                f"{made.name} has none."
            )
    if baseline is not None:
        given["baseline"] = baseline[0]
        if not made.categorical or getattr(made, "ordered", True):
            raise click.UsageError("--baseline is for the family multinomial.")
    return getattr(families, made.name)(**given)


_OPTIONS = (
    click.option("--family", default="gaussian", show_default=True, help="Family of the response."),
    click.option("--link", default=None, help="Link of the mean.  [default: the family's]"),
    click.option("--dispersion", metavar="FORMULA", help="Formula of the log dispersion."),
    click.option("--shape", metavar="FORMULA", help="Formula of the shape of the distribution."),
    click.option("--zero-inflation", metavar="FORMULA", help="Formula of the logit of a zero."),
    click.option(
        "--parameter",
        "parameters",
        metavar="NAME=FORMULA",
        multiple=True,
        callback=_formulas,
        help="Formula of a threshold or of a category; may be repeated.",
    ),
    click.option(
        "--levels",
        metavar="A,B,...",
        callback=_labels,
        help="Categories of the response, in order.",
    ),
    click.option(
        "--baseline",
        metavar="A",
        callback=_labels,
        help="Category that the others are compared with (multinomial).",
    ),
    click.option("--exposure", metavar="COLUMN", help="Exposure; enters as offset log(exposure)."),
    click.option("--trials", metavar="COLUMN", help="Number of trials of a binomial count."),
    click.option("--offset", metavar="COLUMN", help="Known part of the linear predictor."),
    click.option(
        "--missing",
        type=click.Choice(["drop", "error"]),
        default="drop",
        show_default=True,
        help="What to do with rows that lack a value.",
    ),
    click.option(
        "--silence",
        metavar="IDENTIFIER",
        multiple=True,
        help="A finding that is not wanted; may be repeated.",
    ),
)


def model_options(command: F) -> F:
    """Add the options of a model to a command.

    Parameters
    ----------
    command : function
        The command.
    """
    for option in reversed(_OPTIONS):
        command = option(command)
    return command
