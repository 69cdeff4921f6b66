"""``ilk lint DATA FORMULA``: what looks unintended in a model, before it is fitted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from ilk.cli.files import read
from ilk.cli.options import chosen_family, model_options
from ilk.cli.progress import step

__all__ = ["lint"]


@click.command(short_help="Look for what is not meant in a model.")
@click.argument("data", type=click.Path(path_type=Path))
@click.argument("formula")
@model_options
@click.option("--strict", is_flag=True, help="Exit with code 1 if there is a warning.")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def lint(data: Path, formula: str, strict: bool, as_json: bool, **options: Any) -> None:
    """Look for what is probably not meant in the model FORMULA of the file DATA.

    Nothing is fitted. Each finding has an identifier, a sentence, and what to do.
    """
    import ilk

    family = chosen_family(options.pop("family"), options.pop("levels"), options.pop("baseline"))
    with step(f"reading {data.name}"):
        frame = read(data)
    answer = ilk.lint(formula, frame, family=family, **options)
    if as_json:
        names = ("code", "severity", "terms", "sentence", "fix")
        records = [{name: getattr(finding, name) for name in names} for finding in answer]
        click.echo(json.dumps(records, ensure_ascii=False))
    else:
        click.echo(answer.text)
    if strict and any(finding.severity == "warning" for finding in answer):
        click.get_current_context().exit(1)
