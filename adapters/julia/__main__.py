"""Run the Julia adapter: `python -m adapters.julia --socket PATH`."""

from __future__ import annotations

import sys

from adapters import serve
from adapters.protocol import Adapter


def build() -> Adapter:
    """Start Julia and build the adapter, after the process is prepared (`adapters.serve.main`)."""
    from adapters.julia.adapter import JuliaAdapter  # noqa: PLC0415
    from adapters.julia.bridge import Bridge, JuliaNotFound, find  # noqa: PLC0415

    try:
        return JuliaAdapter(Bridge(find()))
    except JuliaNotFound as ex:
        sys.exit(str(ex))


if __name__ == "__main__":
    sys.exit(serve.main(build))
