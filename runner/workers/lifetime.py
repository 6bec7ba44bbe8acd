"""Run a command that ends when its parent does: `python -m runner.workers.lifetime COMMAND…`.

gunicorn has no lifeline of its own: if the supervisor is killed, its front-ends would go on
answering for workers that are gone. So the kernel is asked to tell gunicorn's master
(PR_SET_PDEATHSIG, which survives exec; Linux only), and the master then ends its front-ends.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def follow(parent: int) -> None:
    """Have the kernel send SIGTERM when ``parent``, our parent, ends; exit if it has already."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # it died before the kernel knew our wish
        sys.exit(1)


def main(argv: list[str]) -> None:
    """Set the parent-death signal to SIGTERM and become the command."""
    follow(os.getppid())
    os.execvp(argv[0], argv)


if __name__ == "__main__":
    main(sys.argv[1:])
