"""`runner activate`."""

from __future__ import annotations

from typing import Any

import click

from runner.cli.switching import switch, switching_options
from runner.login import caller

_EPILOG = """\b
Example:
  runner activate 3"""


@click.command("activate", epilog=_EPILOG)
@click.argument("number", type=click.IntRange(min=1))
@switching_options
def command(number: int, **options: Any) -> None:
    """Make version NUMBER the one that is served, and wait until it is.

    Running servers start and warm it beside the former one, then switch without losing a request.
    When this command is done, every answer is the new version's. If a server cannot start it, the
    exit code is 1 and the former version serves on there; the activation stands.
    """
    switch(
        lambda store, service: store.activate(service, number, by=caller()),
        number=number,
        **options,
    )
