"""Say whose process this is, for records."""

from __future__ import annotations

import getpass
import os


def caller() -> str:
    """Who runs this command or server: the login name, else the user's number."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"
