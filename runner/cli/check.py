"""`runner check`."""

from __future__ import annotations

import click

from runner.cli.options import configs_option, json_option

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

    loaded = loading.load_all(configs, deep=True)
    if as_json:
        print_json({"faults": []})
        return
    for config in loaded:
        click.echo(f"{config.path}: service {config.service_name}: no faults.")
