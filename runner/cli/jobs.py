"""`runner jobs`."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING

import click

from runner.cli.options import config_option, json_option

if TYPE_CHECKING:
    from runner.store import Job

_EPILOG = """\b
Example:
  runner jobs
  runner jobs 3f2a…              its log and its result
  runner jobs 3f2a… --cancel"""


def _row(job: Job) -> tuple[str, ...]:
    times = (f"{at:%Y-%m-%d %H:%M:%S}" if at else "" for at in (job.created, job.ended))
    return job.id, job.kind, job.state, job.by, *times, job.reason


@click.command("jobs", epilog=_EPILOG)
@click.argument("job", required=False)
@config_option
@click.option("--cancel", is_flag=True, help="End JOB.")
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True)
@json_option
def command(job: str | None, config: str | None, cancel: bool, limit: int, as_json: bool) -> None:
    """Tell of the jobs that callers have begun over HTTP: all the newest, or one."""
    from runner import config as configs
    from runner.audit.record import CANCEL
    from runner.cli.output import print_json, print_table
    from runner.cli.recording import recording
    from runner.errors import NotFound
    from runner.store import BRIEFLY, Store

    if cancel and job is None:
        raise click.UsageError("--cancel needs the JOB to end.")
    loaded = configs.load(config)
    service = loaded.service_name
    with (
        Store.open(loaded.store_url, timeout=BRIEFLY) as store,
        recording(loaded, CANCEL) if cancel else nullcontext(),
    ):
        found = store.jobs.newest(service, limit) if job is None else [store.jobs.get(job)]
        if job is not None and found[0].service != service:
            raise NotFound(f"there is no job {job[:100]!r} of {service}")
        if cancel and job is not None:
            store.jobs.cancel(job)
            found = [store.jobs.get(job)]
    told = [each.to_json() for each in found]
    if as_json:
        print_json({"jobs": told} if job is None else told[0])
    elif job is None and not told:
        click.echo(f"No jobs of {service}.")
    else:
        titles = ("job", "kind", "state", "by", "created (UTC)", "ended (UTC)", "reason")
        print_table(titles, [_row(each) for each in found])
    if job is not None and not as_json:
        click.echo(f"\n{found[0].log}" if found[0].log else "")
        if cancel:
            click.echo("Its server ends it within a second or two.")
