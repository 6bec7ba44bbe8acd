"""`runner test`."""

from __future__ import annotations

import asyncio

import click

from runner.cli.options import config_option, json_option

_EPILOG = """\b
Example:
  runner test
  runner test --model-version 3 --json"""


@click.command("test", epilog=_EPILOG)
@config_option
@click.option("--model-version", type=click.IntRange(min=1), help="Default: the active one.")
@json_option
def command(config: str | None, model_version: int | None, as_json: bool) -> None:
    """Score a stored version on the test data.

    The config's `scoring` names scikit-learn's scorers; default accuracy or R².
    """
    from runner import config as configs
    from runner import handlers, training
    from runner.cli.output import Steps, print_json, say
    from runner.store import Store

    loaded = configs.load(config, deep=True)
    handlers.apply(loaded.logging)
    with Store.open(loaded.store_url, place=loaded.place) as store:
        result = asyncio.run(training.evaluate(loaded, store, model_version, Steps()))
    if as_json:
        print_json({"version": result.version, "scores": result.scores})
        return
    for name, score in result.scores.items():
        label = "Score" if name == "score" else f"Score ({name})"
        say(f"{label} of version {result.version}: {score:.4f}")
