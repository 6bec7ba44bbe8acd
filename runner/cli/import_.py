"""`runner import`."""

from __future__ import annotations

from pathlib import Path

import click

from runner.cli.options import config_option, json_option
from runner.login import caller

_EPILOG = """\b
Example:
  runner import iris-3.zip
  runner import iris-3.zip --no-activate -c production/runner.yaml"""


@click.command("import", epilog=_EPILOG)
@click.argument("file", type=click.Path(path_type=Path))
@config_option
@click.option("--no-activate", is_flag=True, help="Store it only; serve the former version on.")
@json_option
def command(file: Path, config: str | None, no_activate: bool, as_json: bool) -> None:
    """Store the version in FILE, which `runner export` wrote, as this service's next version.

    Its digest is checked before anything is stored. An artifact is code: import what you trust.
    """
    from runner import config as configs
    from runner.audit.record import IMPORT
    from runner.cli.output import print_json
    from runner.cli.recording import recording
    from runner.errors import Refused
    from runner.store import Store
    from runner.store.archive import opened_archive

    loaded = configs.load(config)
    with (
        Store.open(loaded.store_url, place=loaded.place) as store,
        recording(loaded, IMPORT) as entry,
        opened_archive(file) as coming,
    ):
        language = coming.metadata.get("language", loaded.model.language)
        if language != loaded.model.language:
            raise Refused(
                f"{file} is a model in {language}, the config's is {loaded.model.language}"
            )
        added = coming.add_to(store, loaded.service_name, activate=not no_activate, by=caller())
        entry.version = added.number
    if as_json:
        print_json({"version": added.number, "activated": not no_activate, "origin": coming.origin})
    else:
        active = "" if no_activate else ", now active"
        what = f"version {coming.number} of {coming.service}"
        click.echo(f"Imported {what} as version {added.number}{active}.")
