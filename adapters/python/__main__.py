"""Run the Python adapter: ``python -m adapters.python --socket PATH``."""

import json
import logging.config
import os
import sys

from adapters.protocol import Adapter
from adapters.serve import main


def build() -> Adapter:
    """Make the adapter."""
    # Only now, as numpy reads the limits on threads when it is imported.
    from adapters.python.adapter import PythonAdapter  # noqa: PLC0415

    if told := os.environ.get("RUNNER_LOGGING"):
        logging.config.dictConfig(json.loads(told))  # a config's `logging`, for the model's own log
    return PythonAdapter()


if __name__ == "__main__":
    sys.exit(main(build))
