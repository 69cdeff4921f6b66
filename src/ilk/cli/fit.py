"""``ilk fit DATA FORMULA``: fit a model to a file, print the summary, write a report."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, Literal

import click

from ilk.cli.covariance import covariances, read_structure
from ilk.cli.files import read
from ilk.cli.options import chosen_family, model_options
from ilk.cli.progress import step
from ilk.errors import DataError

__all__ = ["fit"]


def nodes(
    context: click.Context, option: click.Parameter, value: str
) -> int | dict[str, int] | Literal["auto"]:
    """Read a number of quadrature nodes, numbers by factor (``ward=11``), or ``auto``."""
    if value == "auto":
        return "auto"
    if "=" in value:
        pairs = (part.rpartition("=") for part in value.split(","))
        return {name.strip(): _count(number.strip()) for name, _, number in pairs}
    return _count(value)


def _count(value: str) -> int:
    if value.isdecimal() and int(value) > 0:
        return int(value)
    raise click.BadParameter(f"{value!r} is neither a positive number nor 'auto'.")


@click.command(short_help="Fit a model to a data file.")
@click.argument("data", type=click.Path(path_type=Path))
@click.argument("formula")
@model_options
@click.option(
    "--covariance",
    metavar="FACTOR=KIND:SOURCE",
    multiple=True,
    callback=covariances,
    help="How levels of a factor depend on each other, as in cell=tree:lineage.nwk, "
    "animal=pedigree:ped.csv, area=neighbors:borders.csv, site=spatial:x,y; settings after "
    "commas (model=pagel); may be repeated.",
)
@click.option(
    "--quadrature",
    metavar="NODES",
    callback=nodes,
    default="1",
    show_default=True,
    help="Quadrature nodes per random effect, also by factor (ward=11); 1 is Laplace; or auto.",
)
@click.option(
    "--reml/--no-reml",
    default=None,
    help="Restricted likelihood or not.  [default: for linear mixed models]",
)
@click.option(
    "--penalty",
    metavar="NAME",
    help="firth or log_f: keeps coefficients finite where the data are separated.",
)
@click.option(
    "--cov",
    metavar="KIND",
    default="model",
    show_default=True,
    help="Standard errors of coefficients: model, conditional, or robust (CR0, CR1, CR2, CR3).",
)
@click.option(
    "--df",
    metavar="METHOD",
    help="Degrees of freedom: satterthwaite, kenward_roger, residual, normal.",
)
@click.option(
    "--design",
    type=click.Choice(["observational", "randomized"]),
    help="How the data came about: what the footer says of association and causation.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write a report to this HTML file.",
)
@click.option("--json", "as_json", is_flag=True, help="Print all results as JSON.")
def fit(
    data: Path,
    formula: str,
    cov: Any,
    df: Any,
    design: Literal["observational", "randomized"] | None,
    out: Path | None,
    as_json: bool,
    covariance: dict[str, str] | None,
    **options: Any,
) -> None:
    """Fit the model FORMULA to the file DATA and print its summary.

    DATA is a CSV, TSV or parquet file; FORMULA is, for example, "infections ~ policy + (1 +
    month | hospital)". Formulas are not code: they can name columns and call a closed list of
    functions, nothing else.
    """
    import ilk
    from ilk.report import collect, render

    check_target(out)
    family = chosen_family(options.pop("family"), options.pop("levels"), options.pop("baseline"))
    with step(f"reading {data.name}"):
        frame = read(data)
    if covariance is not None:
        with step("reading structures"):
            options["covariance"] = {
                name: read_structure(text) for name, text in covariance.items()
            }
    with step("fitting"):
        result = ilk.fit(formula, frame, family=family, **options)
    report = None
    if out is not None or as_json:
        with step("collecting the report"):
            report = collect(result, frame, design=design, cov=cov, df=df)
    if out is not None and report is not None:
        with step("drawing"):
            out.write_text(render(report), encoding="utf-8")
    if as_json:
        click.echo(json.dumps(finite(report), ensure_ascii=False, allow_nan=False))
    else:
        click.echo(result.summary(design=design, cov=cov, df=df).text)
    if out is not None:
        click.echo(f"Report: {out}", err=as_json)


def check_target(out: Path | None) -> None:
    """Refuse a report file whose folder does not exist, before the work rather than after it.

    Parameters
    ----------
    out : Path or None
        The file.
    """
    if out is not None and not out.resolve().parent.is_dir():
        raise DataError(
            f"the folder of {str(out)!r} does not exist; make it or choose another file.",
            code="no-folder",
        )


def finite(value: Any) -> Any:
    """Replace numbers that JSON does not know (nan, infinity) by null.

    Parameters
    ----------
    value : object
        Plain data.

    Returns
    -------
    object
        The same with None in their place.
    """
    if isinstance(value, dict):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
