"""Where a service goes back to."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from runner.store import Activation
from runner.store.rollback import ROLLED_BACK, earlier

_BACK = -1


@pytest.mark.parametrize(
    ("switches", "expected"),
    [
        ([], []),
        ([1], []),
        ([1, 2], [1]),
        ([1, 1, 2, 2], [1]),
        ([1, 2, 3], [2, 1]),
        ([1, 2, 1], [2]),
        ([1, 2, 3, _BACK * 2], [1]),
        ([1, 2, 3, _BACK * 2, _BACK * 1], []),
        ([1, 2, 3, _BACK * 2, 4], [2, 1]),
        ([1, 2, 1, 3], [1, 2, 1]),
    ],
)
def test_earlier(switches: list[int], expected: list[int]) -> None:
    """Negative numbers are rollbacks: each takes back an activation, and the next goes further."""
    now = datetime.now(UTC)
    history = [
        Activation(at, "iris", now, "me", None, abs(to), ROLLED_BACK if to < 0 else "activated")
        for at, to in enumerate(switches)
    ]
    assert expected == earlier(history)
