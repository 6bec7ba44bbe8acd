"""The command line: `runner fit`, `runner serve`, …

Each command is a module of its own that is imported when it is called, so that `runner --help`
answers at once. Exit codes: 0 done, 1 failed, 2 usage, 3 not found, 5 unavailable.
"""

from runner.cli.main import main

__all__ = ["main"]
