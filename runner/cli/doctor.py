"""`runner doctor`."""

from __future__ import annotations

from dataclasses import asdict

import click

from runner.cli.options import json_option

_EPILOG = """\b
Example:
  runner doctor
  runner doctor --json | jq '.languages[] | select(.works | not) | .mend'"""


@click.command("doctor", epilog=_EPILOG)
@json_option
@click.pass_context
def command(ctx: click.Context, as_json: bool) -> None:
    """Say which languages work here, and what mends those that do not.

    Each language's adapter is started for it. Exit code 5 if one does not work.
    """
    from runner import doctor
    from runner.cli.output import print_json, print_table
    from runner.workers.interpreter import LANGUAGES

    found = doctor.diagnose(LANGUAGES)
    if as_json:
        print_json({"languages": [asdict(diagnosis) for diagnosis in found]})
    else:
        titles = ("language", "works", "version", "executable")
        print_table(
            titles,
            [
                (d.language, "yes" if d.works else "no", d.version or "", d.executable or "")
                for d in found
            ],
        )
        for diagnosis in found:
            if diagnosis.note:
                click.echo(f"{diagnosis.language}: {diagnosis.note}")
            if not diagnosis.works:
                click.echo(f"{diagnosis.language}: {diagnosis.problem}")
                click.echo(f"  mend it with: {diagnosis.mend}")
    ctx.exit(0 if all(diagnosis.works for diagnosis in found) else 5)
