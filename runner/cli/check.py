"""`runner check`."""

from __future__ import annotations

import click

from runner.cli.options import configs_option, json_option
from runner.errors import ConfigError

_EPILOG = """\b
Example:
  runner check
  runner check -c iris-r/runner.yaml -c iris-julia/runner.yaml"""


@click.command("check", epilog=_EPILOG)
@configs_option
@json_option
def command(configs: tuple[str, ...], as_json: bool) -> None:
    """Check configs without doing anything: every fault, with file and key.

    Factories are imported to see whether they are there; nothing is loaded, fitted or stored.
    """
    from runner import config as loading
    from runner.cli.output import print_json

    try:
        loaded = loading.load_all(configs, deep=True)
    except ConfigError as ex:
        if as_json:
            keys = ("file", "key", "problem", "expected")
            print_json({"faults": [{k: getattr(f, k) for k in keys} for f in ex.faults]})
            raise SystemExit(ex.exit_code) from ex
        raise
    if as_json:
        print_json({"faults": []})
        return
    for config in loaded:
        click.echo(f"{config.path}: service {config.service_name}: no faults.")
