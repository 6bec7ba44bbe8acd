"""Run the Julia adapter: `python -m adapters.julia --socket PATH`."""

from __future__ import annotations

import sys
from importlib.util import find_spec

from adapters import serve
from adapters.protocol import Adapter, CannotStart


def build() -> Adapter:
    """Start Julia and build the adapter, after the process is prepared (`adapters.serve.main`)."""
    if find_spec("julia") is None:
        raise CannotStart("pyjulia, the Python package julia, is not installed")
    from adapters.julia.adapter import JuliaAdapter  # noqa: PLC0415
    from adapters.julia.bridge import Bridge, find  # noqa: PLC0415

    return JuliaAdapter(Bridge(find()))


if __name__ == "__main__":
    sys.exit(serve.main(build))
