"""`runner list`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from runner.cli.options import config_option, json_option
from runner.workers.acknowledged import name, to_json

if TYPE_CHECKING:
    from runner.store import Server

_EPILOG = """\b
Example:
  runner list
  runner list --limit 10 --before 500
  runner list --json | jq '.properties["active-model"]'"""


@click.command("list", epilog=_EPILOG)
@config_option
@click.option(
    "--limit", type=click.IntRange(1, 1_000_000), help="The newest so many.  [default: 100]"
)
@click.option("--before", type=click.IntRange(min=1), help="Those with smaller numbers only.")
@click.option("--all", "every", is_flag=True, help="However many there are.")
@json_option
def command(
    config: str | None, limit: int | None, before: int | None, every: bool, as_json: bool
) -> None:
    """List the newest versions of the service, the active one marked, and what serves."""
    from runner import config as configs
    from runner.cli.output import print_json, print_table
    from runner.store import BRIEFLY, PAGE, Store, listing

    if every and limit is not None:
        raise click.UsageError("--all and --limit exclude one another.")
    loaded = configs.load(config)
    with Store.open(loaded.store_url, timeout=BRIEFLY) as store:
        wanted = None if every else limit or PAGE
        found = listing(store, loaded.service_name, limit=wanted, before=before)
        servers = store.servers.live(loaded.service_name)
    if as_json:
        print_json({**found, "servers": [to_json(server) for server in servers]})
    elif not found["models"]:
        click.echo(_nothing(loaded.service_name, before))
    else:
        titles = ("version", "active", "fitted", "language", "test score", "by", "size")
        print_table(titles, [_row(model) for model in found["models"]])
        _tell_of_others(found)
    if servers and not as_json:
        click.echo()
        print_table(
            ("server", "serves", "state", "reason"), [_server(server) for server in servers]
        )


def _nothing(service: str, before: int | None) -> str:
    if before is not None:
        return f"No versions of {service} before {before}."
    return f"No versions of {service} yet: 'runner fit' makes the first."


def _tell_of_others(found: dict[str, Any]) -> None:
    """Say on stderr, so that stdout has versions only, what the table does not show."""
    active = found["properties"].get("active-model")
    if active and not any(model["active"] for model in found["models"]):
        click.echo(f"Version {active} is active.", err=True)
    if "next" in found:
        before = found["next"]["before"]
        # Numbers have no gaps but deleted versions, which are not worth counting all the others.
        many = f"Up to {before - 1:,} older ones"
        click.echo(f"{many}: 'runner list --before {before}', or '--all'.", err=True)


def _server(server: Server) -> tuple[str, ...]:
    told = server.served
    version = "" if told.version is None else str(told.version)
    return name(server), version, told.state, " ".join(told.reason.split())


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
