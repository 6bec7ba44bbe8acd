"""Say what is being done to those who wait for it."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Protocol


class Tally(Protocol):
    """How much of many equal pieces of work is done."""

    def expect(self, count: int) -> None:
        """Tell that so many pieces more are to come."""
        ...

    def done(self, count: int) -> None:
        """Tell that so many more are done; from any thread."""
        ...


class Progress(Protocol):
    """What a fit or a test tells while it works."""

    def step(self, what: str) -> AbstractContextManager[None]:
        """Tell that ``what`` begins, and at the end of the context how long it took."""
        ...

    def tally(self, what: str) -> AbstractContextManager[Tally]:
        """Tell of a step of many pieces, and while it lasts how many of them are done."""
        ...

    def line(self, text: str) -> None:
        """Pass on a line that the model, or its adapter, printed."""
        ...


class Silent:
    """Tell nothing."""

    def step(self, what: str) -> AbstractContextManager[None]:
        """Do nothing."""
        return nullcontext()

    def tally(self, what: str) -> AbstractContextManager[Tally]:
        """Do nothing."""
        return nullcontext(_Uncounted())

    def line(self, text: str) -> None:
        """Do nothing."""


class _Uncounted:
    def expect(self, count: int) -> None:
        pass

    def done(self, count: int) -> None:
        pass
