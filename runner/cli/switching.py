"""Make another version the active one, as `runner activate` and `runner rollback` do."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from runner.cli.options import config_option, json_option

if TYPE_CHECKING:
    from runner.store import Activation, Store


def switching_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Take what both commands take: the config, whether and how long to wait, `--json`."""
    timeout = click.option(
        "--timeout",
        type=click.FloatRange(0.0),
        default=120.0,
        show_default=True,
        help="Seconds to wait for them.",
    )
    no_wait = click.option("--no-wait", is_flag=True, help="Do not wait for running servers.")
    return config_option(no_wait(timeout(json_option(function))))


def switch(
    act: Callable[[Store, str], Activation],
    *,
    config: str | None,
    no_wait: bool,
    timeout: float,
    as_json: bool,
    number: int | None = None,
) -> None:
    """Do what ``act`` does with a store and a service, record it, wait for servers, and tell.

    ``number``: the version that the record of a failure names.
    """
    from runner import config as configs
    from runner.audit.record import ACTIVATE
    from runner.cli.output import print_json
    from runner.cli.recording import recording
    from runner.store import BRIEFLY, Store
    from runner.workers.acknowledged import to_json, wait

    loaded = configs.load(config)
    service = loaded.service_name
    with (
        Store.open(loaded.store_url, timeout=BRIEFLY) as store,
        recording(loaded, ACTIVATE) as entry,
    ):
        entry.version = number
        activation = act(store, service)
        assert activation.to_version is not None
        entry.version, entry.former = activation.to_version, activation.from_version
        servers = [] if no_wait else wait(store, service, activation.to_version, timeout)
    if as_json:
        told = [to_json(server) for server in servers]
        print_json({"from": activation.from_version, "to": activation.to_version, "servers": told})
    else:
        where = f", and serves on {len(servers)} running server(s)" if servers else ""
        click.echo(f"Version {activation.to_version} of {service} is active now{where}.")
