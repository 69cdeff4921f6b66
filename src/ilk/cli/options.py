"""Options that say which model is meant, shared by the commands that take a model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

__all__ = ["model_options"]

F = TypeVar("F", bound=Callable[..., Any])

_OPTIONS = (
    click.option("--family", default="gaussian", show_default=True, help="Family of the response."),
    click.option("--link", default=None, help="Link of the mean.  [default: the family's]"),
    click.option("--dispersion", metavar="FORMULA", help="Formula of the log dispersion."),
    click.option("--shape", metavar="FORMULA", help="Formula of the shape of the distribution."),
    click.option("--zero-inflation", metavar="FORMULA", help="Formula of the logit of a zero."),
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
