"""Entry point of the command line; each command has a file of its own.

An error of the package is printed as its one sentence, and the exit code is 2. Errors in the way a
command is called are click's, with the same exit code. Anything else is a fault of ours and ends in
a traceback.
"""

from __future__ import annotations

import warnings
from typing import Any

import click

from ilk.cli.demo import demo
from ilk.cli.fit import fit
from ilk.cli.lint import lint
from ilk.errors import IlkError, IlkWarning

__all__ = ["cli", "main"]


class Commands(click.Group):
    """A group of commands that prints errors of the package as one sentence."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; turn an error of the package into exit code 2."""
        with warnings.catch_warnings():
            warnings.showwarning = _show_warning
            warnings.simplefilter("always", IlkWarning)
            try:
                return super().invoke(ctx)
            except IlkError as error:
                click.echo(f"ilk: {error.message}", err=True)
                ctx.exit(2)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="ilk", message="ilk %(version)s")
def cli() -> None:
    """Generalized linear mixed models: fit a model to data in clusters and read the answers."""


cli.add_command(demo)
cli.add_command(fit)
cli.add_command(lint)


def _show_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    click.echo(f"ilk: warning: {message}", err=True)


def main() -> None:
    """Run the command line."""
    cli(prog_name="ilk")


if __name__ == "__main__":
    main()
