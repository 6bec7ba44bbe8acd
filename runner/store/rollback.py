"""Find the version that a service goes back to."""

from __future__ import annotations

from collections.abc import Iterable

from runner.store.records import Activation

ROLLED_BACK = "rolled back"
"""The reason of an activation that undid another."""


def earlier(history: Iterable[Activation]) -> list[int]:
    """Give the versions to go back to, the latest first; `history` is oldest first.

    As an editor undoes: a rollback takes back the activation before it, so that the next one goes
    back further instead of to where the first came from. The active version is not among them.
    """
    served: list[int] = []
    for activation in history:
        number = activation.to_version
        if number is None:
            continue
        if activation.reason == ROLLED_BACK and number in served:
            while served[-1] != number:
                served.pop()
        elif not served or served[-1] != number:
            served.append(number)
    return [number for number in reversed(served) if number != served[-1]]
