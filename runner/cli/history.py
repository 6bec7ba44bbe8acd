"""`runner history`."""

from __future__ import annotations

import click

from runner.cli.options import config_option, json_option

_EPILOG = """\b
Example:
  runner history
  runner history --limit 5 --json"""


@click.command("history", epilog=_EPILOG)
@config_option
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=20,
    show_default=True,
    help="So many of the newest activations.",
)
@json_option
def command(config: str | None, limit: int, as_json: bool) -> None:
    """Tell which version was active when, and who made it so; the newest last."""
    from runner import config as configs
    from runner.cli.output import print_json, print_table
    from runner.store import BRIEFLY, Store

    loaded = configs.load(config)
    with Store.open(loaded.store_url, timeout=BRIEFLY) as store:
        found = store.history(loaded.service_name, limit=limit)
    if as_json:
        print_json(
            {
                "activations": [
                    {
                        "at": each.at.isoformat(),
                        "from": each.from_version,
                        "to": each.to_version,
                        "by": each.by,
                        "reason": each.reason,
                    }
                    for each in found
                ]
            }
        )
    elif not found:
        click.echo(f"No version of {loaded.service_name} was active yet.")
    else:
        rows = [
            (
                f"{each.at:%Y-%m-%d %H:%M:%S}",
                "" if each.from_version is None else str(each.from_version),
                str(each.to_version),
                each.by,
                each.reason,
            )
            for each in found
        ]
        print_table(("at (UTC)", "from", "to", "by", "reason"), rows)
