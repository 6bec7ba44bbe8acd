"""`runner grid-search`."""

from __future__ import annotations

from pathlib import Path

import click

from runner.cli.options import config_option, json_option
from runner.login import caller

_EPILOG = """\b
Example:
  runner grid-search                          try what the config's grid_search says
  runner grid-search --save-results scores.csv --persist-best"""


@click.command("grid-search", epilog=_EPILOG)
@config_option
@click.option(
    "--save-results",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="CSV",
    help="Write the scores of all folds there.",
)
@click.option(
    "--persist-best", is_flag=True, help="Fit the best on all training data, store, activate it."
)
@click.option("--no-activate", is_flag=True, help="Store the best, but serve the former on.")
@json_option
def command(
    *,
    config: str | None,
    save_results: Path | None,
    persist_best: bool,
    no_activate: bool,
    as_json: bool,
) -> None:
    """Search the model's parameters by cross-validation on the training data.

    The config's `grid_search` says what to try. Fits run side by side, each in a process of the
    model's own language.
    """
    from runner import config as configs
    from runner import handlers
    from runner.audit.record import GRID_SEARCH
    from runner.cli.output import Steps, print_json, print_table, say
    from runner.cli.recording import recording
    from runner.store import Store
    from runner.training import candidates
    from runner.training.search import grid_search

    if no_activate and not persist_best:
        raise click.UsageError("--no-activate is for what --persist-best stores.")
    if save_results is not None and not save_results.absolute().parent.is_dir():
        raise click.UsageError(f"--save-results: there is no folder {save_results.parent}.")
    loaded = configs.load(config, deep=True)
    handlers.apply(loaded.logging)
    # Both are opened first: a search of hours must not end at what is not there.
    store = Store.open(loaded.store_url, place=loaded.place) if persist_best else None
    try:
        with recording(loaded, GRID_SEARCH) as entry:
            result = grid_search(
                loaded, store, by=caller(), activate=not no_activate, progress=Steps()
            )
            entry.rows = result.rows
            entry.version = result.stored.version if result.stored else None
    finally:
        if store is not None:
            store.close()
    if save_results is not None:
        candidates.write_csv(result.candidates, save_results)
    for failure in result.failed:
        click.echo(f"runner: {failure}", err=True)
    version = result.stored.version if result.stored else None
    if as_json:
        print_json(
            {
                "best": {"params": result.best, "score": result.score},
                "candidates": result.candidates,
                "failed": result.failed,
                "version": version,
                "activated": bool(result.stored and result.stored.activated),
            }
        )
        return
    print_table(*candidates.table(result.candidates))
    if version is not None:
        active = ", now active" if result.stored and result.stored.activated else ""
        say(f"Wrote best model with version {version}{active}.")
