"""Run the Python adapter: ``python -m adapters.python --socket PATH``."""

import sys

from adapters.protocol import Adapter
from adapters.serve import main


def build() -> Adapter:
    """Make the adapter."""
    # Only now, as numpy reads the limits on threads when it is imported.
    from adapters.python.adapter import PythonAdapter  # noqa: PLC0415

    return PythonAdapter()


if __name__ == "__main__":
    sys.exit(main(build))
