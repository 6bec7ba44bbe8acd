"""Give tests the servers that benchmarks use, too."""

from benchmarks.serving.server import Server, serving, until

__all__ = ["Server", "serving", "until"]
