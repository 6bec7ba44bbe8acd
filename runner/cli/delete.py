"""`runner delete`."""

from __future__ import annotations

import click

from runner.cli.options import config_option, json_option
from runner.login import caller

_EPILOG = """\b
Example:
  runner delete 2"""


@click.command("delete", epilog=_EPILOG)
@click.argument("number", type=click.IntRange(min=1))
@config_option
@json_option
def command(number: int, config: str | None, as_json: bool) -> None:
    """Delete version NUMBER. Its number is not used again; the active one cannot be deleted."""
    from runner import config as configs
    from runner.audit.record import DELETE
    from runner.cli.output import print_json
    from runner.cli.recording import recording
    from runner.store import BRIEFLY, Store

    loaded = configs.load(config)
    with (
        Store.open(loaded.store_url, place=loaded.place, timeout=BRIEFLY) as store,
        recording(loaded, DELETE) as entry,
    ):
        entry.version = number
        store.delete(loaded.service_name, number, by=caller())
    if as_json:
        print_json({"deleted": number})
    else:
        click.echo(f"Version {number} of {loaded.service_name} is deleted.")
