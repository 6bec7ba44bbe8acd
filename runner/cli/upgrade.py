"""`runner upgrade`."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from runner.cli.options import config_option, json_option
from runner.login import caller

_EPILOG = """\b
Example:
  runner upgrade                                   what model_persister names
  runner upgrade --from 'iris-model-{version}.pickle'
  runner upgrade --from sqlite:///palladium.db --to new.yaml"""


@click.command("upgrade", epilog=_EPILOG)
@config_option
@click.option("--from", "source", metavar="PATH|URL", help="Palladium's path or database.")
@click.option("--to", metavar="CONFIG", help="Config of the service that takes them; default -c.")
@json_option
@click.pass_context
def command(
    ctx: click.Context, config: str | None, source: str | None, to: str | None, as_json: bool
) -> None:
    """Take over the models that Palladium stored, as versions of this service.

    What Palladium stored is left untouched. Pickles are code, and are opened in a worker process.
    The signature is learned from the training data. If one model cannot be taken over, it is said
    why, the others are, and the exit code is 1.
    """
    from dataclasses import asdict

    from runner import config as configs
    from runner.audit.record import IMPORT
    from runner.cli.output import Steps, print_json
    from runner.cli.recording import recording
    from runner.errors import Refused
    from runner.store import Store
    from runner.store.palladium import in_the_way, read_database, read_folder
    from runner.training.upgrade import upgrade

    own = configs.load(config)
    loaded = configs.load(to, deep=True) if to else configs.load(config, deep=True)
    if source is None:
        in_place = own.place is not None and "://" not in own.place.url
        source = own.place.url if own.place is not None and in_place else own.store_url
    found = read_database(source) if "://" in source else read_folder(source)
    if loaded.place is not None and Path(loaded.place.url) == Path(source).absolute():
        for file in in_the_way(source, found):
            raise Refused(
                f"{file} is Palladium's, and a new version would be written over it: "
                "have them stored elsewhere, --to a config with another model_persister or store"
            )
    with (
        Store.open(loaded.store_url, place=loaded.place) as store,
        recording(loaded, IMPORT) as entry,
    ):
        results = asyncio.run(upgrade(loaded, found, store, by=caller(), progress=Steps()))
        entry.version = max((each.version or 0 for each in results), default=0) or None
    if as_json:
        print_json({"upgraded": [asdict(each) for each in results]})
    else:
        for each in results:
            if each.version is None:
                click.echo(f"Version {each.old} cannot be taken over: {each.note}", err=True)
            else:
                more = f", {each.note}" if each.note else ", now active" if each.active else ""
                click.echo(f"Version {each.old} is version {each.version}{more}.")
        if not results:
            click.echo("Palladium has stored no versions there.")
    ctx.exit(1 if any(each.version is None for each in results) else 0)
