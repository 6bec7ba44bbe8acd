"""`runner audit`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from runner.cli.options import config_option, json_option

_EPILOG = """\b
Example:
  runner audit verify
  runner audit verify --partial            older files have been removed
  runner audit verify /archive/2026-03/*   these files instead of the config's, oldest first"""


@click.group("audit", epilog=_EPILOG)
def command() -> None:
    """Look after the audit log."""


@command.command("verify", epilog=_EPILOG)
@click.argument("files", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@config_option
@click.option("--partial", is_flag=True, help="Let the log begin later than its first record.")
@json_option
@click.pass_context
def verify(
    ctx: click.Context, files: tuple[Path, ...], config: str | None, partial: bool, as_json: bool
) -> None:
    """Find any record that was changed, removed, moved, doubled or cut off, and name the first.

    Rotated files beside the log are read, too. Exit code 1 if anything is wrong.
    """
    from runner import config as configs
    from runner.audit import reading
    from runner.audit.opening import log_name, read_key
    from runner.audit.verify import verify as check
    from runner.cli.output import print_json
    from runner.errors import NotFound
    from runner.store import Store

    loaded = configs.load(config)
    settings = loaded.audit_in_full
    assert settings.path is not None
    found = list(files) or reading.log_files(settings.path)
    if not found:
        raise NotFound(f"there is no audit log {settings.path}")
    with Store.open(loaded.store_url) as store:
        heads = store.usage.heads()
    log = log_name(settings.path)
    expected = [head.writer for head in heads.values() if head.log == log]
    if files or partial:
        expected = []
    report = check(
        found, heads, key=read_key(settings.key_file), expected=expected, partial=partial
    )
    if as_json:
        print_json(asdict(report))
    else:
        click.echo(
            f"{report.records} records of {report.writers} writers in {report.files} files, "
            f"{report.unanchored} of them newer than what the store knows."
        )
        if report.faults:
            more = len(report.faults) - 1
            click.echo(f"{report.faults[0]}{f' ({more} more)' if more else ''}", err=True)
    if report.faults:
        ctx.exit(1)
