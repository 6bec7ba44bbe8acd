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
@click.option("--no-wait", is_flag=True, help="Do not wait for running servers.")
@click.option(
    "--timeout",
    type=click.FloatRange(0.0),
    default=120.0,
    show_default=True,
    help="Seconds to wait for them.",
)
@json_option
def command(number: int, config: str | None, no_wait: bool, timeout: float, as_json: bool) -> None:
    """Make version NUMBER the one that is served, and wait until it is.

    Running servers start and warm it beside the former one, then switch without losing a request.
    When this command is done, every answer is the new version's. If a server cannot start it, the
    exit code is 1 and the former version serves on there; the activation stands.
    """
    from runner import config as configs
    from runner.audit.record import ACTIVATE
    from runner.cli.output import print_json
    from runner.cli.recording import recording
    from runner.store import BRIEFLY, Store
    from runner.workers.acknowledged import to_json, wait

    loaded = configs.load(config)
    with (
        Store.open(loaded.store_url, timeout=BRIEFLY) as store,
        recording(loaded, ACTIVATE) as entry,
    ):
        entry.version = number
        activation = store.activate(loaded.service_name, number, by=caller())
        entry.former = activation.from_version
        servers = [] if no_wait else wait(store, loaded.service_name, number, timeout)
    if as_json:
        told = [to_json(server) for server in servers]
        print_json({"from": activation.from_version, "to": activation.to_version, "servers": told})
    else:
        where = f", and serves on {len(servers)} running server(s)" if servers else ""
        click.echo(f"Version {number} of {loaded.service_name} is active now{where}.")
