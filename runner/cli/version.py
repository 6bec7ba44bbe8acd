"""`runner version`."""

from __future__ import annotations

import platform

import click

import contracts
import runner
from runner.cli.options import json_option

_EPILOG = """\b
Example:
  runner version"""


@click.command("version", epilog=_EPILOG)
@json_option
def command(as_json: bool) -> None:
    """Print the runner's version, the contract's that it speaks, and Python's."""
    found = {
        "runner": runner.__version__,
        "contract": contracts.VERSION,
        "python": platform.python_version(),
    }
    if as_json:
        from runner.cli.output import print_json

        print_json(found)
    else:
        click.echo(
            f"polyglot-runner {found['runner']} (contract {found['contract']}, "
            f"Python {found['python']})"
        )
