"""`runner stream`."""

from __future__ import annotations

import asyncio

import click

from runner.cli.options import config_option
from runner.login import caller

_TERMINATED = 143
_EPILOG = """\b
Example:
  echo '[{"sepal length": 5.2, …}, {"sepal length": 6.1, …}]' | runner stream
  runner stream --replicas 2 <rows.jsonl >predictions.jsonl
  runner stream --keys <keyed.txt      # a key, a tab, a list of objects on each line"""


@click.command("stream", epilog=_EPILOG)
@config_option
@click.option("--model-version", type=click.IntRange(min=1), help="Default: the active one.")
@click.option(
    "--replicas",
    type=click.IntRange(1, 64),
    help="Adapter processes; default: the config's `replicas`.",
)
@click.option(
    "--keys",
    is_flag=True,
    help="Lines begin with a key and a tab, which their answers begin with, too.",
)
def command(
    config: str | None, model_version: int | None, replicas: int | None, keys: bool
) -> None:
    """Answer each line of standard input, a JSON list of objects, with a list of predictions.

    A line that cannot be answered gets [], and its error goes to standard error. The end of the
    input, or the line `exit`, ends it.
    """
    from contracts.memory import keep_freed_memory
    from runner import config as configs
    from runner import logs
    from runner.store import Store
    from runner.streaming import stream

    keep_freed_memory()
    loaded = configs.load(config)
    logs.configure(also=loaded.logging)
    with Store.open(loaded.store_url, place=loaded.place) as store:
        try:
            asyncio.run(stream(loaded, store, caller(), model_version, replicas, keys))
        except asyncio.CancelledError:
            raise SystemExit(_TERMINATED) from None
