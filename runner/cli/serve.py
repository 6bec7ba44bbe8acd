"""`runner serve`."""

from __future__ import annotations

from dataclasses import fields
from functools import partial

import click

from runner.cli.options import configs_option

_EPILOG = """\b
Example:
  runner serve
  runner serve -c iris-r/runner.yaml -c iris-julia/runner.yaml --port 8080
  curl 'http://127.0.0.1:5000/predict?sepal%20length=5.2&…'"""


@click.command("serve", epilog=_EPILOG)
@configs_option
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", default=5000, show_default=True, type=click.IntRange(0, 65535), help="0: any free."
)
@click.option(
    "--workers",
    default=1,
    show_default=True,
    type=click.IntRange(1, 64),
    help="Front-ends. A service's adapter processes are its `replicas:` in the config.",
)
def command(configs: tuple[str, ...], host: str, port: int, workers: int) -> None:
    """Answer predictions over HTTP until SIGTERM or Ctrl-C, which finish what has begun."""
    from runner import config as loading
    from runner import logs
    from runner.web import server
    from runner.web.limits import Limits
    from runner.workers.supervisor import serve

    loaded = loading.load_all(configs)
    logs.configure()
    settings = loaded[0].server
    within = Limits(**{limit.name: getattr(settings, limit.name) for limit in fields(Limits)})
    with server.listen(host, port) as listener:
        logs.get_logger("runner").info(
            "serving",
            url=server.url(listener),
            services=[config.service_name for config in loaded],
            workers=workers,
        )
        front_end = partial(
            server.command,
            workers=workers,
            graceful_timeout=settings.graceful_timeout,
            within=within,
            audit=loaded[0].audit_in_full,
        )
        serve(loaded, listener, front_end, settings.graceful_timeout)
