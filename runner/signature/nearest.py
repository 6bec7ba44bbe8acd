"""Find the name that was probably meant by one that is not known."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from itertools import islice
from typing import Any

_MOST = 50  # names that are looked at
_LONGEST = 100  # characters of one


def nearest(name: str, names: Iterable[Any]) -> str | None:
    """Give the one of ``names`` that is most like ``name``, or None if none is much like it.

    Case and punctuation do not count: R's ``Sepal.Length`` is ``sepal length``. ``names`` may be a
    caller's; of what is no text, too long or too much nothing is looked at.
    """
    texts = (text for text in names if type(text) is str and len(text) <= _LONGEST)
    plain = {_plain(text): text for text in islice(texts, _MOST)}
    near = difflib.get_close_matches(_plain(name), plain, n=1)
    return plain[near[0]] if near else None


def _plain(name: str) -> str:
    return "".join(filter(str.isalnum, name)).casefold() or name
