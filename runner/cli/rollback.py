"""`runner rollback`."""

from __future__ import annotations

from typing import Any

import click

from runner.cli.switching import switch, switching_options
from runner.login import caller

_EPILOG = """\b
Example:
  runner rollback
  runner history      what was active when"""


@click.command("rollback", epilog=_EPILOG)
@switching_options
def command(**options: Any) -> None:
    """Go back to the version that was active before, and wait until it serves.

    A second rollback goes back further. Versions that were deleted are passed over; if there is
    none to go back to, the exit code is 3. Waits as 'runner activate' does.
    """
    switch(lambda store, service: store.rollback(service, by=caller()), **options)
