"""`runner usage`."""

from __future__ import annotations

import csv
import sys
from typing import Any

import click

from runner.cli.options import config_option, json_option

_EPILOG = """\b
Example:
  runner usage --by client,day --since 7d
  runner usage --by service,version --csv > usage.csv
  runner usage rebuild"""


@click.group("usage", invoke_without_command=True, epilog=_EPILOG)
@config_option
@click.option(
    "--by",
    default="service",
    show_default=True,
    help="Out of client, service, version, outcome, day or hour, joined by commas.",
)
@click.option("--since", metavar="SPAN", help="7d, 24h, 2w, or a date; default all.")
@click.option("--csv", "as_csv", is_flag=True, help="Print comma-separated values.")
@json_option
@click.pass_context
def command(
    ctx: click.Context, config: str | None, by: str, since: str | None, as_csv: bool, as_json: bool
) -> None:
    """Tell who predicted how much, counted from the audit log."""
    ctx.obj = config
    if ctx.invoked_subcommand is not None:
        return
    from runner import config as configs
    from runner.audit.projector import Projector
    from runner.audit.question import BadQuestion, Question
    from runner.audit.statistics import statistics
    from runner.cli.output import print_json
    from runner.store import Store

    if as_csv and as_json:
        raise click.UsageError("--csv or --json, not both")
    try:
        question = Question.of(by, since)
    except BadQuestion as ex:
        raise click.UsageError(f"--{ex}") from ex
    loaded = configs.load(config)
    path = loaded.audit_in_full.path
    assert path is not None
    with Store.open(loaded.store_url) as store:
        # What no server has counted yet; one that runs goes on behind it.
        Projector(path, store).finish()
        rows = statistics(store, question)
    if as_json:
        print_json({"by": question.by, "usage": rows})
    elif as_csv:
        _print_csv(question.by, rows)
    elif not rows:
        click.echo("No usage yet.")
    else:
        _print(question.by, rows)


@command.command("rebuild")
@click.option("--partial", is_flag=True, help="Count what is left of a log whose files are gone.")
@config_option
@json_option
@click.pass_context
def rebuild(ctx: click.Context, partial: bool, config: str | None, as_json: bool) -> None:
    """Count the whole audit log anew."""
    from runner import config as configs
    from runner.audit.projector import Projector
    from runner.cli.output import print_json
    from runner.store import Store

    loaded = configs.load(config or ctx.obj)
    path = loaded.audit_in_full.path
    assert path is not None
    with Store.open(loaded.store_url) as store:
        requests = Projector(path, store).rebuild(partial=partial)
    if as_json:
        print_json({"requests": requests})
    else:
        click.echo(f"Counted {requests} requests anew.")


def _print_csv(by: tuple[str, ...], rows: list[dict[str, Any]]) -> None:
    from runner.audit.statistics import TOLD

    writer = csv.DictWriter(sys.stdout, (*by, *TOLD), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)


def _print(by: tuple[str, ...], rows: list[dict[str, Any]]) -> None:
    from runner.cli.output import print_table

    titles = (*by, "requests", "rows", "errors", "mean ms", "p95 ms")
    cells = [
        (
            *(str(row[name]) or "–" for name in by),
            *(f"{row[name]:,}" for name in ("requests", "rows", "errors")),
            f"{row['mean_ms']:,.1f}",
            "over 10,000" if row["p95_ms"] is None else f"≤ {row['p95_ms']:,}",
        )
        for row in rows
    ]
    print_table(titles, cells, bars=[row["requests"] for row in rows])
