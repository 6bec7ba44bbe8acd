"""Run the R adapter: `python -m adapters.r --socket PATH`."""

from __future__ import annotations

import sys

from adapters import serve


def build():
    """Start R and build the adapter, after the process is prepared (`adapters.serve.main`)."""
    from adapters.r.adapter import RAdapter  # noqa: PLC0415
    from adapters.r.embedded import start  # noqa: PLC0415

    return RAdapter(start())


if __name__ == "__main__":
    sys.exit(serve.main(build))
