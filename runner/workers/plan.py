"""Say what a server is to run, and what of it another config changes."""

from __future__ import annotations

import socket as sockets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from runner.config import Config

Command = tuple[Sequence[str], Mapping[str, str]]

FrontEndCommand = Callable[[sockets.socket, Path], Command]
"""Give argv and environment of gunicorn for a listening socket and the control socket's path."""


@dataclass(frozen=True)
class Plan:
    """The services, in order, and how their front-ends are started."""

    configs: Sequence[Config]
    front_end: FrontEndCommand
    graceful_timeout: float
    """Seconds that requests under way get when front-ends stop."""
    reload: bool = False
    """Whether the configs are read again when one of their files changes."""
