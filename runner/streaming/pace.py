"""Choose how many lines go to the model at once."""

from __future__ import annotations

MOST = 4096
_FIRST = 64
_QUICK, _SLOW = 0.1, 0.5  # seconds


class Pace:
    """Let batches grow while they are answered quickly, and shrink where a model takes its time.

    So a batch of a slow model is never so large that it alone exceeds the service's timeout, and
    its first answers are not kept until the last.
    """

    def __init__(self) -> None:
        self.lines = _FIRST

    def took(self, lines: int, seconds: float) -> None:
        """Learn from a batch."""
        if seconds > _SLOW:
            self.lines = max(1, min(self.lines, int(lines * _SLOW / seconds)))
        elif seconds < _QUICK and lines >= self.lines:
            self.lines = min(MOST, self.lines * 4)
