"""Keep what a loader gave in a file, for the next time: Palladium's `diskcache`.

It goes around loaders, by `load_data_decorators`, while data that come slowly do not change.
"""

from __future__ import annotations

import functools
import hashlib
import os
import pickle
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

_KEY = "{key}"


class diskcache:  # Palladium's name: a decorator
    """A decorator that calls a function once for each key, and then reads what it gave.

    ``compute_key``: a function of the same arguments that gives the key; without one it is made of
    the loader's settings, and of the time and size of the file that it reads, if it reads one.
    ``ignore``: whether, or a function that says whether, to go past the cache. ``filename_tmpl``:
    where the files are, with ``{key}`` and, if you like, ``{module}`` and ``{func}``; default
    ``$XDG_CACHE_HOME/runner``, or ``~/.cache/runner``.

    SECURITY: the files are pickles: whoever may write them runs code here.
    """

    def __init__(
        self,
        compute_key: Callable[..., Any] | None = None,
        ignore: bool | Callable[[], bool] = False,
        *,
        filename_tmpl: str | None = None,
    ) -> None:
        if filename_tmpl is not None and _KEY not in filename_tmpl:
            raise ValueError(f"filename_tmpl has no {_KEY}, such as cache-{_KEY}.pickle")
        self._compute_key = compute_key or _settings
        self._ignore = ignore
        self._template = filename_tmpl or str(_home() / f"cache-{{module}}.{{func}}-{_KEY}.pickle")

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Give what reads the file if there is one, and calls ``function`` and writes it if not."""

        @functools.wraps(function)
        def cached(*args: Any, **keywords: Any) -> Any:
            if self._ignore() if callable(self._ignore) else self._ignore:
                return function(*args, **keywords)
            file = self._file(function, self._compute_key(*args, **keywords))
            try:
                return pickle.loads(file.read_bytes())
            except FileNotFoundError:
                found = function(*args, **keywords)
            _write(file, pickle.dumps(found, pickle.HIGHEST_PROTOCOL))
            return found

        return cached

    def _file(self, function: Callable[..., Any], key: Any) -> Path:
        digest = hashlib.sha256(str(key).encode()).hexdigest()[:32]
        names = {"module": function.__module__, "func": function.__name__, "key": digest}
        return Path(self._template.format(**names))


picklediskcache = diskcache
"""The same: ours always pickles."""


def _settings(*args: Any, **keywords: Any) -> str:
    """Give a key of all arguments: of a loader, what it was made with and the file as it is now."""
    try:
        told = pickle.dumps((args, keywords))
    except Exception as ex:  # an object may raise anything when it is pickled
        raise TypeError(f"no key can be made of what is called, give a compute_key: {ex}") from ex
    file = getattr(args[0], "_location", None) if args else None
    changed = None
    if isinstance(file, str) and os.path.exists(file):
        status = os.stat(file)
        changed = status.st_mtime_ns, status.st_size
    return f"{hashlib.sha256(told).hexdigest()} {changed}"


def _home() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "runner"


def _write(file: Path, content: bytes) -> None:
    """Write a file as a whole, or not at all."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=file.parent)
    try:
        with os.fdopen(descriptor, "wb") as out:
            out.write(content)
        os.replace(name, file)
    except BaseException:
        os.unlink(name)
        raise
