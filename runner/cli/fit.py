"""`runner fit`."""

from __future__ import annotations

import asyncio
import os
from typing import Any, Literal

import click

from runner.cli.options import config_option, json_option
from runner.config.settings import ACTIVE
from runner.login import caller

_EPILOG = """\b
Example:
  runner fit                                 fit, store, activate
  runner fit --evaluate --save-if-better-than 0.9
  runner fit --save-if-better-than active
  runner fit -c iris-r/runner.yaml --no-activate"""


class _Least(click.ParamType[Any]):
    """A score, or the word for the active version's."""

    name = "score"

    def convert(self, value: Any, param: Any, ctx: Any) -> float | Literal["active"]:
        if value == ACTIVE:
            return ACTIVE
        try:
            return float(value)
        except ValueError:
            self.fail(f"{value!r} is neither a number nor {ACTIVE!r}.", param, ctx)


@click.command("fit", epilog=_EPILOG)
@config_option
@click.option("--no-save", is_flag=True, help="Fit only; store nothing.")
@click.option("--no-activate", is_flag=True, help="Store, but serve the former version on.")
@click.option("--evaluate", is_flag=True, help="Score on training and test data, too.")
@click.option(
    "--save-if-better-than",
    type=_Least(),
    metavar="K",
    help="Save only with a test score of at least K; 'active': above the active version's.",
)
@json_option
def command(
    *,
    config: str | None,
    no_save: bool,
    no_activate: bool,
    evaluate: bool,
    save_if_better_than: float | Literal["active"] | None,
    as_json: bool,
) -> None:
    """Fit the model and store it as a new version, which is then the active one.

    All or nothing: if anything fails, the store is as it was.
    """
    from runner import config as configs
    from runner import handlers, training
    from runner.audit.record import FIT, OnBehalf
    from runner.cli.output import Steps, print_json, say
    from runner.cli.recording import recording
    from runner.store import Store

    loaded = configs.load(config, deep=True)
    handlers.apply(loaded.logging)
    # The store is opened first: a fit of hours must not end at a database that is not there.
    store = None if no_save else Store.open(loaded.store_url, place=loaded.place)

    def run(
        *,
        persist: bool = True,
        activate: bool = True,
        evaluate: bool = False,
        persist_if_better_than: float | Literal["active"] | None = None,
    ) -> training.FitResult:
        return asyncio.run(
            training.fit(
                loaded,
                store if persist else None,
                by=str(OnBehalf.of(os.environ) or caller()),
                activate=activate,
                evaluate=evaluate,
                if_better_than=persist_if_better_than,
                progress=Steps(),
            )
        )

    try:
        with recording(loaded, FIT) as entry:
            fit = configs.decorated(loaded, "fit", run, training.FitResult)
            result = fit(
                persist=not no_save,
                activate=not no_activate,
                evaluate=evaluate,
                persist_if_better_than=save_if_better_than,
            )
            entry.version, entry.rows = result.version, result.metadata.get("rows")
    finally:
        if store is not None:
            store.close()
    if as_json:
        print_json(
            {
                "version": result.version,
                "saved": result.version is not None,
                "activated": result.activated,
                "note": result.note,
                "metadata": result.metadata,
            }
        )
        return
    for which in ("train", "test"):
        if f"score_{which}" in result.metadata:
            say(f"Score on {which} data: {result.metadata[f'score_{which}']:.4f}")
    if result.version is None:
        say(f"Model {result.note}.")
    else:
        active = ", now active" if result.activated else ""
        say(f"Wrote model with version {result.version}{active}.")
