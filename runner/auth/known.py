"""Remember verified tokens by their digest, so that the next request costs microseconds."""

from __future__ import annotations

from collections import OrderedDict

from runner.auth.caller import Caller
from runner.auth.clock import Clock

SECONDS = 60.0
"""That a token is remembered, at most."""
_SIZE = 10_000


class KnownTokens:
    """The callers of the tokens seen last, ``size`` of them at most."""

    def __init__(self, clock: Clock, size: int = _SIZE) -> None:
        self._wall, self._steady = clock.wall, clock.steady
        self._size = size
        self._known: OrderedDict[bytes, tuple[Caller, float, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._known)

    def get(self, digest: bytes) -> Caller | None:
        """Give the caller of a token that was verified, unless its time is over."""
        found = self._known.get(digest)
        if found is None:
            return None
        caller, over, until = found
        # Two clocks: a token ends by the wall's, and setting that back must not lengthen a memory.
        if self._wall() < over and self._steady() < until:
            self._known.move_to_end(digest)
            return caller
        del self._known[digest]
        return None

    def add(self, digest: bytes, caller: Caller, over: float, until: float) -> None:
        """Remember a caller until ``over`` (wall), and ``until`` (steady), and a minute at most."""
        self._known[digest] = caller, over, min(until, self._steady() + SECONDS)
        self._known.move_to_end(digest)
        if len(self._known) > self._size:
            self._known.popitem(last=False)
