"""`runner activate`."""

from __future__ import annotations

import click

from runner.cli.options import caller, config_option, json_option

_EPILOG = """\b
Example:
  runner activate 3"""


@click.command("activate", epilog=_EPILOG)
@click.argument("number", type=click.IntRange(min=1))
@config_option
@json_option
def command(number: int, config: str | None, as_json: bool) -> None:
    """Make version NUMBER the one that is served.

    A running server starts and warms it beside the former one, then switches without losing a
    request: within about two seconds, longer for a model that is slow to load.
    """
    from runner import config as configs
    from runner.audit.record import ACTIVATE
    from runner.cli.output import print_json
    from runner.cli.recording import recording
    from runner.store import Store

    loaded = configs.load(config)
    with Store.open(loaded.store_url) as store, recording(loaded, ACTIVATE) as entry:
        entry.version = number
        activation = store.activate(loaded.service_name, number, by=caller())
        entry.former = activation.from_version
    if as_json:
        print_json({"from": activation.from_version, "to": activation.to_version})
    else:
        click.echo(f"Version {number} of {loaded.service_name} is active now.")
