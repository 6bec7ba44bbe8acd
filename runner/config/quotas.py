"""Read `limits`: how much each client may ask for."""

from __future__ import annotations

from collections.abc import Mapping

from runner.config.cursor import Cursor, Faulty, Key, show
from runner.config.readers import whole
from runner.config.settings import EVERYBODY, QuotaSettings

_MOST = 10**15

LIMIT = {
    "requests_per_minute": Key(whole(1, _MOST)),
    "rows_per_day": Key(whole(1, _MOST)),
}


def limits(cursor: Cursor) -> dict[str, QuotaSettings]:
    """Read a map of clients, by their ids; `EVERYBODY` is each that has no limits of its own."""
    if not isinstance(cursor.value, Mapping):
        expected = f"a map of clients; {EVERYBODY!r} is each client that is not named"
        raise Faulty(f"found {show(cursor.value)}", expected)
    found = {}
    for client in cursor.children():
        name = client.path[-1]
        if not isinstance(name, str):
            client.fault(f"{show(name)} is no client's id", "a string (in quotes)")
            continue
        found[name] = client.read(_limit, QuotaSettings())
    return found


def _limit(cursor: Cursor) -> QuotaSettings:
    read = QuotaSettings(**cursor.section(LIMIT))
    if read == QuotaSettings():
        raise Faulty("limits nothing", f"at least one of {', '.join(LIMIT)}")
    return read
