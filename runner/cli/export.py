"""`runner export`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from runner.cli.options import config_option, json_option
from runner.login import caller

_EPILOG = """\b
Example:
  runner export --to iris-3.zip --version 3     a file, for `runner import`
  runner export --to ../production/runner.yaml  into another config's store
  runner export --attachment report.html        a file that is kept with it
  runner export                                 as model_persister_export says"""

CONFIGS = (".yaml", ".yml", ".json", ".py")


@click.command("export", epilog=_EPILOG)
@config_option
@click.option("--version", type=click.IntRange(min=1), help="Version; default the active one.")
@click.option("--to", metavar="FILE|CONFIG|URL", help="A file, a config or a store's URL.")
@click.option("--no-activate", is_flag=True, help="Do not activate it in the other store.")
@click.option("--attachment", metavar="NAME", help="Write this attachment of it to FILE alone.")
@json_option
def command(
    *,
    config: str | None,
    version: int | None,
    to: str | None,
    no_activate: bool,
    attachment: str | None,
    as_json: bool,
) -> None:
    """Copy a version into a portable file, or into another store, where it is activated.

    Metadata, format and artifact travel; the artifact is compared with its digest on the way.
    """
    from runner import config as configs
    from runner.audit.record import IMPORT
    from runner.cli.output import print_json
    from runner.cli.recording import recording
    from runner.errors import NotFound
    from runner.store import Store
    from runner.store.archive import portable, write_archive
    from runner.store.attachments import write_attachment

    loaded = configs.load(config)
    service = loaded.service_name
    if to is None and loaded.export_to is None and attachment is None:
        raise click.UsageError(
            "Missing option '--to', and the config has no model_persister_export."
        )
    with Store.open(loaded.store_url, place=loaded.place) as store:
        found = store.version(service, version) if version else store.active(service)
        if found is None:
            raise NotFound(f"{service} has no active version: name one with --version")
        if attachment is not None:
            written = write_attachment(found, attachment, Path(to or attachment))
            told: dict[str, Any] = {"version": found.number, "file": str(written)}
            to = str(written)
        elif to is not None and "://" not in to and Path(to).suffix not in CONFIGS:
            write_archive(Path(to), store, found)
            told = {"version": found.number, "file": to}
        else:
            other = loaded
            if to is None:
                assert loaded.export_to is not None
                url, place = loaded.export_to.url or "", loaded.export_to.place
            elif "://" in to:
                url, place = to, None
            else:
                other = configs.load(to)
                url, place = other.storage
            if (url, place) == loaded.storage and other.service_name == service:
                raise click.UsageError("The version is in that store already.")
            with Store.open(url, place=place) as target, recording(other, IMPORT) as entry:
                leaving = portable(store, found)
                added = leaving.add_to(
                    target, other.service_name, activate=not no_activate, by=caller()
                )
                entry.version = added.number
            told = {"version": found.number, "as": added.number, "activated": not no_activate}
    if as_json:
        print_json(told)
    elif "file" in told:
        what = f"{attachment} of version" if attachment else "version"
        click.echo(f"Wrote {what} {found.number} of {service} to {to}.")
    else:
        active = "" if no_activate else ", now active there"
        click.echo(f"Exported version {found.number} of {service} as version {told['as']}{active}.")
