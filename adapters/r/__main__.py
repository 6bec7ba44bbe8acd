"""Run the R adapter: `python -m adapters.r --socket PATH`."""

from __future__ import annotations

import os
import shutil
import sys

from adapters import serve
from adapters.protocol import Adapter, CannotStart


def build() -> Adapter:
    """Start R and build the adapter, after the process is prepared (`adapters.serve.main`)."""
    if not os.environ.get("R_HOME") and shutil.which("R") is None:
        raise CannotStart("R is not here: no R on PATH, and R_HOME is not set")
    try:
        import rpy2.rinterface  # noqa: F401, PLC0415
    except (ImportError, OSError, RuntimeError) as ex:
        raise CannotStart(f"rpy2 cannot be imported: {ex}") from ex
    from adapters.r.adapter import RAdapter  # noqa: PLC0415
    from adapters.r.embedded import start  # noqa: PLC0415

    return RAdapter(start())


if __name__ == "__main__":
    sys.exit(serve.main(build))
