"""Where artifacts lie outside the database: in a folder, in S3, or on a server that takes PUT.

A place writes an artifact under a name that nobody can guess before the transaction that makes it a
version's begins; a crash in between leaves a file that no version refers to, and that nobody reads.
Where the place's URL has a `{version}`, that file gets its final name within the transaction.

SECURITY: options are secrets. They go to locations of the place itself only, and no message tells
them.
"""

from __future__ import annotations

import os
import tempfile
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from runner.config.settings import VERSION, PlaceSettings
from runner.errors import Unavailable
from runner.store.artifact import CHUNK_BYTES

CONNECT_SECONDS = 10
READ_SECONDS = 30
WHOLE_SECONDS = 600
"""Bounds of what a place may take: to connect, between two bytes, and for one artifact."""

_SHORTEST_SECRET = 3


@dataclass(frozen=True)
class Staged:
    """An artifact that is written, and that no version refers to yet."""

    location: str
    """Where it lies now, under a name that is nobody else's."""
    settle: Callable[[int], str]
    """Give it the name of a version; return its location from then on."""
    discard: Callable[[], None]
    """Remove what lies at `location`, as far as that works."""


class Places:
    """Write to one place; read from, and remove in, whichever place a location tells of."""

    def __init__(self, settings: PlaceSettings) -> None:
        self._settings = settings
        self._systems: dict[str, Any] = {}

    def stage(self, service: str, chunks: Iterable[bytes]) -> Staged:
        """Write an artifact under a name of its own. Raises Unavailable."""
        token = uuid.uuid4().hex
        url = self._settings.url
        if VERSION in url:
            aside = url.replace(VERSION, f".{token}") + ".part"
        else:
            aside = f"{url.rstrip('/')}/{_folder(service)}/{token}"

        def settle(number: int) -> str:
            if VERSION not in url:
                return aside
            final = url.replace(VERSION, str(number))
            with self._explained("move", aside):
                self._move(aside, final)
            return final

        with self._explained("write", aside):
            try:
                self._write(aside, chunks)
            except BaseException:
                self._discard(aside)
                raise
        return Staged(aside, settle, lambda: self._discard(aside))

    def read(self, location: str, size: int) -> Iterator[bytes]:
        """Yield an artifact's bytes, and one more at the most than it should have.

        Raises Unavailable where it is not, or cannot be reached.
        """
        with self._explained("read", location):
            left = size + 1
            # With a size nobody is asked for it beforehand; without blocks it comes as a stream.
            options = {"block_size": 0, "size": left} if _is_http(location) else {}
            with self._open(location, options) as file:
                while left > 0 and (piece := file.read(min(CHUNK_BYTES, left))):
                    left -= len(piece)
                    yield bytes(piece)

    def remove(self, location: str) -> None:
        """Remove an artifact; one that is gone already is no error. Raises Unavailable."""
        with self._explained("remove", location), suppress(FileNotFoundError):
            if (path := _path(location)) is not None:
                path.unlink()
            elif _is_http(location):
                self._delete(location)
            else:
                self._system(location).rm_file(location)

    def _discard(self, location: str) -> None:
        with suppress(Unavailable):
            self.remove(location)

    def _open(self, location: str, options: dict[str, Any]) -> Any:
        path = _path(location)
        if path is not None:
            return path.open("rb")
        return self._system(location).open(location, "rb", **options)

    def _write(self, location: str, chunks: Iterable[bytes]) -> None:
        path = _path(location)
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            _write_file(path, chunks)
            return
        # From a file: what is cut off must not count as written, and a length is told beforehand.
        with tempfile.NamedTemporaryFile() as file:
            for chunk in chunks:
                file.write(chunk)
            file.flush()
            self._put(file.name, location)

    def _put(self, file: str, location: str) -> None:
        method = {"method": "put"} if _is_http(location) else {}
        self._system(location).put_file(file, location, **method)

    def _move(self, source: str, target: str) -> None:
        path = _path(source)
        if path is not None:
            os.replace(path, Path(target))
            _sync_folder(path.parent)
        elif _is_http(source):
            # HTTP has no word for it.
            with tempfile.NamedTemporaryFile() as file:
                self._system(source).get_file(source, file.name)
                self._put(file.name, target)
            self._delete(source)
        else:
            self._system(source).mv(source, target)

    def _delete(self, location: str) -> None:
        from fsspec.asyn import sync  # noqa: PLC0415

        system = self._system(location)

        async def delete() -> None:
            session = await system.set_session()
            async with session.delete(location, **system.kwargs) as response:
                if response.status not in (404, 410):
                    response.raise_for_status()

        sync(system.loop, delete, timeout=WHOLE_SECONDS)

    def _system(self, location: str) -> Any:
        """Give what speaks to a location; with the options only if it lies in the place itself."""
        import fsspec  # noqa: PLC0415  PERF: not of those whose artifacts lie in the database

        root = _root(location)
        if root not in self._systems:
            scheme = urlsplit(location).scheme
            own = self._settings.options if root == _root(self._settings.url) else {}
            options = {**_bounds(scheme), **own, "skip_instance_cache": True}
            self._systems[root] = fsspec.filesystem(scheme, **options)
        return self._systems[root]

    @contextmanager
    def _explained(self, what: str, location: str) -> Iterator[None]:
        """Turn whatever a place's library raises into one line without secrets."""
        try:
            yield
        except Unavailable:
            raise
        except ImportError as ex:
            scheme = urlsplit(location).scheme
            raise Unavailable(
                f"artifacts at {scheme}:// need a package more: pip install 'polyglot-runner[s3]'"
            ) from ex
        except FileNotFoundError as ex:
            raise Unavailable(f"cannot {what} the artifact at {location}: it is not there") from ex
        except Exception as ex:
            status = getattr(ex, "status", None)
            text = getattr(ex, "strerror", None) or getattr(ex, "message", None) or str(ex)
            reason = " ".join(str(text).split()) or type(ex).__name__
            if isinstance(status, int):
                reason = f"{status} {reason}"
            raise Unavailable(
                f"cannot {what} the artifact at {location}: {self._clean(reason)}"
            ) from (None)

    def _clean(self, text: str) -> str:
        for secret in _texts(self._settings.options):
            if len(secret) >= _SHORTEST_SECRET:
                text = text.replace(secret, "***")
        return text


def _bounds(scheme: str) -> dict[str, Any]:
    """Give the options that keep a place from hanging."""
    if scheme in ("http", "https"):
        from aiohttp import ClientTimeout  # noqa: PLC0415

        timeout = ClientTimeout(
            total=WHOLE_SECONDS, sock_connect=CONNECT_SECONDS, sock_read=READ_SECONDS
        )
        return {"client_kwargs": {"timeout": timeout}}
    if scheme == "s3":
        bounds = {"connect_timeout": CONNECT_SECONDS, "read_timeout": READ_SECONDS}
        return {
            "config_kwargs": {**bounds, "retries": {"max_attempts": 2}},
            "use_listings_cache": False,
        }
    return {}


def _root(location: str) -> str:
    parts = urlsplit(location)
    return f"{parts.scheme}://{parts.netloc}"


def _is_http(location: str) -> bool:
    return location.startswith(("http://", "https://"))


def _path(location: str) -> Path | None:
    """Give the path of what lies in a folder; None for anything with a scheme."""
    return None if "://" in location else Path(location)


def _folder(service: str) -> str:
    """Give a name for a service's folder that leads nowhere else."""
    name = quote(service, safe="")
    return name.replace(".", "%2E") if name.strip(".") == "" else name


def _write_file(path: Path, chunks: Iterable[bytes]) -> None:
    """Write a new file that is on the disk when this returns: a version may soon refer to it."""
    with path.open("xb") as file:
        for chunk in chunks:
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _texts(value: Any) -> Iterator[str]:
    """Give every string within options."""
    if isinstance(value, str):
        yield value
        yield from (part for part in value.split() if part != value)
    elif isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item)
