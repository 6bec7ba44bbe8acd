"""Read and write strict JSON: no NaN, no infinity, times with their zone."""

from __future__ import annotations

import re
from typing import Any

import orjson

# What other languages write for a missing number; behind a minus, that is where the place is told.
_NAN = re.compile("-?(NaN|NA|nan|None|Infinity)")
_NO_NULL = "; JSON has no such value, a missing one is null"

# Times of a model are UTC without saying so; a client should not have to know that. NaN and
# infinities, which JSON has not, become null.
_OPTIONS = orjson.OPT_NAIVE_UTC | orjson.OPT_UTC_Z


def load(text: bytes) -> Any:
    """Read a JSON text. Raises ValueError with what is wrong and where."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as ex:
        hint = _NO_NULL if _NAN.match(ex.doc, ex.pos) else ""
        raise ValueError(f"no JSON: {ex}{hint}") from ex


def dump(content: Any) -> bytes:
    """Encode as strict JSON."""
    return orjson.dumps(content, option=_OPTIONS)


def has_over(most: int, text: bytes) -> bool:
    """Say whether a text may have over ``most`` objects and lists, without reading it.

    Decoding it may take as many. Counts those in texts too, but no honest body has so many.
    """
    return len(text) > most and text.count(b"{") + text.count(b"[") > most
