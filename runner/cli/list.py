"""`runner list`."""

from __future__ import annotations

from typing import Any

import click

from runner.cli.options import config_option, json_option

_EPILOG = """\b
Example:
  runner list
  runner list --json | jq '.properties["active-model"]'"""


@click.command("list", epilog=_EPILOG)
@config_option
@json_option
def command(config: str | None, as_json: bool) -> None:
    """List the stored versions of the service, the active one marked."""
    from runner import config as configs
    from runner.cli.output import print_json, print_table
    from runner.store import Store, listing

    loaded = configs.load(config)
    with Store.open(loaded.store_url) as store:
        found = listing(store, loaded.service_name)
    if as_json:
        print_json(found)
    elif not found["models"]:
        click.echo(f"No versions of {loaded.service_name} yet: 'runner fit' makes the first.")
    else:
        titles = ("version", "active", "fitted", "language", "test score", "by", "size")
        print_table(titles, [_row(model) for model in found["models"]])


def _row(model: dict[str, Any]) -> tuple[str, ...]:
    score = model.get("score_test")
    language = f"{model.get('language', '')} {model.get('language_version', '')}".strip()
    return (
        str(model["version"]),
        "*" if model["active"] else "",
        model["created"][:19].replace("T", " "),
        language,
        "" if score is None else f"{score:.4f}",
        str(model.get("user", "")),
        f"{model['artifact_size']:,}",
    )
