"""Say what is being done to those who wait for it."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Protocol


class Progress(Protocol):
    """What a fit or a test tells while it works."""

    def step(self, what: str) -> AbstractContextManager[None]:
        """Tell that ``what`` begins, and at the end of the context how long it took."""
        ...

    def line(self, text: str) -> None:
        """Pass on a line that the model, or its adapter, printed."""
        ...


class Silent:
    """Tell nothing."""

    def step(self, what: str) -> AbstractContextManager[None]:
        """Do nothing."""
        return nullcontext()

    def line(self, text: str) -> None:
        """Do nothing."""
