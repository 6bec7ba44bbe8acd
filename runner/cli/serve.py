"""`runner serve`."""

from __future__ import annotations

import gc
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING

import click

from runner.cli.options import configs_option

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runner.config import Config
    from runner.config.settings import Auth
    from runner.errors import Fault

_EPILOG = """\b
Example:
  runner serve
  runner serve --reload
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
@click.option(
    "--certfile",
    type=click.Path(exists=True, dir_okay=False),
    help="TLS: the certificate with its chain, PEM; with the key in it, or",
)
@click.option("--keyfile", type=click.Path(exists=True, dir_okay=False), help="its key.")
@click.option(
    "--reload", is_flag=True, help="Read the configs again when they change; for work at the desk."
)
def command(
    configs: tuple[str, ...],
    host: str,
    port: int,
    workers: int,
    certfile: str | None,
    keyfile: str | None,
    reload: bool,
) -> None:
    """Answer predictions over HTTP until SIGTERM or Ctrl-C, which finish what has begun.

    A socket that systemd hands over is used instead of --host and --port.
    """
    gc.disable()  # PERF: what is imported stays: looking for garbage in it delays the start
    from runner import config as loading
    from runner import logs
    from runner.config import decorators
    from runner.errors import ConfigError
    from runner.web import server
    from runner.web.activation import inherited
    from runner.web.limits import Limits
    from runner.workers.plan import Plan
    from runner.workers.supervisor import serve

    gc.enable()
    gc.freeze()
    if certfile is not None:
        server.check_tls(certfile, keyfile)
    elif keyfile is not None:
        raise click.UsageError("--keyfile is the key of --certfile, which is missing.")
    loaded = loading.load_all(configs)
    logs.configure(also=loading.logging_of(loaded))
    log = logs.get_logger("runner")
    audit = loaded[0].audit_in_full  # to the end: what counts usage follows this file
    with inherited() or server.listen(host, port) as listener:

        def plan(loaded: Sequence[Config]) -> Plan:
            auth, auth_from = loading.auth_of(loaded)
            if auth is None:
                if not server.is_private(listener):
                    raise ConfigError([_nobody_known(host, loaded[0])])
                log.warning("no authentication: only this machine can ask, and anybody on it")
            else:
                log.info("authentication", **_told(auth), read_from=str(auth_from))
            decorators.rehearse(loaded)
            settings = loaded[0].server
            front_end = partial(
                server.command,
                workers=workers,
                graceful_timeout=settings.graceful_timeout,
                within=Limits(**asdict(settings)),
                audit=audit,
                quotas=loading.limits_of(loaded),
                decorators=decorators.FrontEndDecorators.of(loaded),
                logging=loading.logging_of(loaded),
                auth=None if auth == loading.NO_AUTH else auth,
                certfile=certfile,
                keyfile=keyfile,
            )
            return Plan(loaded, front_end, settings.graceful_timeout, reload)

        first = plan(loaded)
        log.info(
            "serving",
            url=server.url(listener, "https" if certfile else "http"),
            services=[config.service_name for config in loaded],
            workers=workers,
        )
        serve(first, listener, lambda: plan(loading.load_all(configs)))


def _nobody_known(host: str, config: Config) -> Fault:
    """Say why a server that knows nobody does not listen to everybody."""
    from runner.errors import Fault

    return Fault(
        f"is missing, and with --host {host} anybody could ask",
        "auth: {issuer: …, audience: …}, or auth: none where a proxy in front sees to it",
        str(config.path),
        "auth",
    )


def _told(auth: Auth) -> dict[str, str]:
    """Say in a log by what callers are known; nothing of it is secret."""
    if isinstance(auth, str):
        return {"by": "nobody here: the config says none"}
    if auth.issuer is not None:
        return {"by": "access tokens", "issuer": auth.issuer, "audience": " ".join(auth.audience)}
    return {"by": f"the header {auth.trusted_header}", "from": " ".join(auth.trusted_from)}
