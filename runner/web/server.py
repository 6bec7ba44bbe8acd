"""Bind the listening socket, and say how gunicorn is started on it."""

from __future__ import annotations

import json
import os
import socket
import ssl
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from types import MappingProxyType
from typing import Any

from runner.audit.opening import Audit, open_audit
from runner.config import AuthSettings, QuotaSettings, is_loopback
from runner.config.decorators import NO_DECORATORS, FrontEndDecorators
from runner.config.log_handlers import VARIABLE as LOGGING
from runner.config.settings import AuditSettings
from runner.errors import ConfigError, Fault, Unavailable
from runner.web.limits import Limits

CONTROL = "RUNNER_CONTROL"
HTTP = "RUNNER_HTTP"
AUDIT = "RUNNER_AUDIT"
AUTH = "RUNNER_AUTH"
LIMITS = "RUNNER_LIMITS"
DECORATORS = "RUNNER_DECORATORS"

BACKLOG = 2048
_HEARTBEAT = 30  # seconds that a front-end's loop may stand still before gunicorn replaces it


def listen(host: str, port: int) -> socket.socket:
    """Give a listening socket; port 0 takes one that is free.

    Bound here and not by gunicorn, so that a port in use is told before anything is started.
    Raises runner.errors.Unavailable.
    """
    if not 0 <= port <= 65_535:
        raise Unavailable(f"cannot listen on {host}:{port}: a port is 0 to 65535")
    try:
        found = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        family, _, _, _, address = found[0]
        return socket.create_server(address, family=family, backlog=BACKLOG)
    except OSError as ex:
        # socket.create_server adds the address to the reason, which we tell ourselves.
        reason = os.strerror(ex.errno) if ex.errno and ex.errno > 0 else ex.strerror
        raise Unavailable(f"cannot listen on {host}:{port}: {reason}") from ex


def url(listener: socket.socket, scheme: str = "http") -> str:
    """Give the address to ask at."""
    host, port = listener.getsockname()[:2]
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


def is_private(listener: socket.socket) -> bool:
    """Whether only this very machine can reach a listening socket."""
    return is_loopback(str(listener.getsockname()[0]))


def check_tls(certfile: str, keyfile: str | None) -> None:
    """Check that a certificate and its key can be used. Raises ConfigError.

    gunicorn would start its workers and see them die of it.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        # A key with a password would be asked for at a terminal.
        context.load_cert_chain(certfile, keyfile, password=lambda: "")
    except (OSError, ValueError) as ex:
        problem = f"cannot be used with the key in {keyfile or certfile}: {ex}"
        raise ConfigError([Fault(problem, "a PEM certificate and its key", certfile)]) from ex


def command(
    listener: socket.socket,
    control: Path,
    *,
    workers: int = 1,
    graceful_timeout: float = 30.0,
    within: Limits | None = None,
    audit: AuditSettings | None = None,
    auth: AuthSettings | None = None,
    quotas: Mapping[str, QuotaSettings] = MappingProxyType({}),
    decorators: FrontEndDecorators = NO_DECORATORS,
    logging: Mapping[str, Any] | None = None,
    certfile: str | None = None,
    keyfile: str | None = None,
    application: str = "runner.web.frontend:app()",
) -> tuple[Sequence[str], Mapping[str, str]]:
    """Give argv and the whole environment of gunicorn; it inherits ``listener``'s descriptor."""
    argv = [
        *(sys.executable, "-m", "gunicorn", application),
        *("--bind", f"fd://{listener.fileno()}"),
        *("--workers", str(workers)),
        *("--worker-class", "runner.web.worker.Worker"),
        *("--graceful-timeout", str(max(1, round(graceful_timeout)))),
        *("--timeout", str(_HEARTBEAT)),
        *("--log-level", "warning"),
        # A second way in, to whoever may write to a folder, is not needed.
        "--no-control-socket",
    ]
    if certfile is not None:
        argv += ["--certfile", certfile, *(("--keyfile", keyfile) if keyfile else ())]
    if os.access("/dev/shm", os.W_OK | os.X_OK):
        # The heartbeat is a file whose time changes: not on a disk that may stall.
        argv += ["--worker-tmp-dir", "/dev/shm"]
    env = {
        CONTROL: str(control),
        HTTP: (within or Limits()).to_json(),
        AUTH: auth.to_json() if auth else "",
        LIMITS: json.dumps({client: asdict(quota) for client, quota in quotas.items()}),
        DECORATORS: decorators.to_json(),
        LOGGING: json.dumps(logging) if logging else "",
    }
    if audit is not None:
        env[AUDIT] = json.dumps(asdict(audit), default=str)
    return argv, {**os.environ, **env}


def limits() -> Limits:
    """Give the limits that `command` has set for this process's environment."""
    told = os.environ.get(HTTP)
    return Limits.from_json(told) if told else Limits()


def audit() -> Audit | None:
    """Open the trail that `command` has set for this process's environment, if there is one."""
    told = os.environ.get(AUDIT)
    if not told:
        return None
    read = json.loads(told)
    for name in ("path", "key_file"):
        read[name] = read[name] and Path(read[name])
    return open_audit(AuditSettings(**read))


def auth() -> AuthSettings | None:
    """Give how callers are recognised, as `command` has set it for this process's environment."""
    told = os.environ.get(AUTH)
    return AuthSettings.from_json(told) if told else None


def quotas() -> dict[str, QuotaSettings]:
    """Give the clients' limits that `command` has set for this process's environment."""
    told = json.loads(os.environ.get(LIMITS) or "{}")
    return {client: QuotaSettings(**quota) for client, quota in told.items()}


def decorators() -> FrontEndDecorators:
    """Give the decorators that `command` has set for this process's environment."""
    return FrontEndDecorators.from_json(os.environ.get(DECORATORS, ""))


def logging() -> Mapping[str, Any] | None:
    """Give the `logging` that `command` has set for this process's environment."""
    told = os.environ.get(LOGGING)
    return dict(json.loads(told)) if told else None
