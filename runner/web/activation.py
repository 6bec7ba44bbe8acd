"""Take over the listening socket that systemd has opened (sd_listen_fds(3)).

systemd keeps it open while the server is stopped and started again, so that connections wait
meanwhile instead of being refused.
"""

from __future__ import annotations

import os
import socket
from collections.abc import MutableMapping

from runner.errors import Unavailable

_FIRST = 3
"""SD_LISTEN_FDS_START."""

_NAMES = ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES")


def inherited(environ: MutableMapping[str, str] = os.environ) -> socket.socket | None:
    """Give the socket that was handed to this very process, if one was.

    What says so is removed from the environment: it is not for processes that this one starts.
    Raises Unavailable for anything but one listening socket of TCP.
    """
    pid, count, _ = (environ.pop(name, "") for name in _NAMES)
    if pid != str(os.getpid()) or count in ("", "0"):
        return None
    if count != "1":
        raise Unavailable(f"systemd hands over {count} sockets; expected one ListenStream=")
    try:
        found = socket.socket(fileno=_FIRST)
        listens = bool(found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))
    except OSError as ex:
        raise Unavailable(f"descriptor {_FIRST} of systemd is no socket: {ex.strerror}") from ex
    tcp = found.family in (socket.AF_INET, socket.AF_INET6) and found.type == socket.SOCK_STREAM
    if not (tcp and listens):
        found.detach()  # not ours to close
        raise Unavailable("systemd's socket does not listen for TCP: expected ListenStream=PORT")
    found.set_inheritable(False)
    return found
