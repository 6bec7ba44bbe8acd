"""Read `model_persister`: Palladium's names for the one store and its places.

`palladium.persistence.File` and `runner.persistence.File` mean the same, and so do the others.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping

from runner.config.cursor import Cursor, Faulty, Key, show, unknown
from runner.config.directives import FACTORY
from runner.config.places import check_url, has_version
from runner.config.readers import flag, free_map, text, url, whole
from runner.config.schedule import rrule
from runner.config.settings import PlaceSettings, StoreSettings

_ROOMS = ("palladium.persistence.", "runner.persistence.")
_HOW = f'{{"{FACTORY}": runner.persistence.File, path: "model-{{version}}"}}'


def persister(cursor: Cursor) -> StoreSettings:
    """Read a persister, and those within it."""
    return _view(cursor, PERSISTERS)


def _view(cursor: Cursor, views: Mapping[str, Callable[[Cursor], StoreSettings]]) -> StoreSettings:
    found = cursor.value
    if not isinstance(found, Mapping) or FACTORY not in found:
        raise Faulty(f"found {show(found)}", _HOW)
    name = cursor.child(FACTORY).read(text, "")
    room, short = name[: name.rfind(".") + 1], name[name.rfind(".") + 1 :]
    if room in _ROOMS and short in views:
        return views[short](cursor)
    cursor.fault_at(FACTORY, *unknown(name, [f"{_ROOMS[1]}{each}" for each in views], "persister"))
    return StoreSettings()


def _file(cursor: Cursor) -> StoreSettings:
    path = cursor.section(FILE)["path"]
    if not path:
        return StoreSettings()
    return StoreSettings(place=PlaceSettings(str(cursor.resolve(path).absolute())))


def _rest(cursor: Cursor) -> StoreSettings:
    read = cursor.section(REST)
    return StoreSettings(place=PlaceSettings(read["url"], read["auth"]))


def _s3(cursor: Cursor) -> StoreSettings:
    read = cursor.section(S3)
    return StoreSettings(place=PlaceSettings(f"s3://{read['path']}", read["options"]))


def _file_like(cursor: Cursor) -> StoreSettings:
    """Read a path and an `io`, which says how it is got at."""
    read = cursor.section(FILE_LIKE)
    if read["io"] is None or not read["path"]:
        return StoreSettings()
    kind, auth = read["io"]
    if kind == "FileIO":
        found = str(cursor.resolve(read["path"]).absolute())
    elif kind == "RestIO":
        found = cursor.child("path").read(_address, "")
    else:
        found = f"s3://{read['path']}"
    return StoreSettings(place=PlaceSettings(found, auth))


def _io(cursor: Cursor) -> tuple[str, dict[str, object]]:
    found = cursor.value
    name = found.get(FACTORY) if isinstance(found, Mapping) else found
    room, _, short = str(name).rpartition(".")
    if f"{room}." not in _ROOMS or short not in IOS:
        raise Faulty(f"found {show(name)}", f"one of {', '.join(_ROOMS[1] + io for io in IOS)}")
    return short, cursor.section(IOS[short]).get("auth") or {}


def _database(cursor: Cursor) -> StoreSettings:
    return StoreSettings(url=cursor.section(DATABASE)["url"])


def _cached(cursor: Cursor) -> StoreSettings:
    """Read what is cached; a server's workers are the cache, and look at the store all the time.

    So the rule is checked, and then there is nothing left that it could bring about.
    """
    found: StoreSettings = cursor.section(CACHED)["impl"]
    return found


def _address(cursor: Cursor) -> str:
    found = has_version(cursor)
    if not found.startswith(("http://", "https://")):
        raise Faulty("found no address of HTTP", "https://host/path-{version}")
    return check_url(found)


def _basic(cursor: Cursor) -> dict[str, object]:
    """Read user and password into what HTTP calls basic authentication; no message repeats them."""
    found = cursor.value
    if found is None:
        return {}
    if not isinstance(found, list | tuple) or len(found) != 2:
        # SECURITY: a string may be a password.
        raise Faulty(f"found a {type(found).__name__}", "[user, password]")
    if not all(isinstance(each, str) for each in found):
        raise Faulty("user or password is no string", "[user, password], in quotes")
    token = base64.b64encode(":".join(found).encode()).decode()
    return {"headers": {"Authorization": f"Basic {token}"}}


def _any(cursor: Cursor) -> object:
    """Take whatever Palladium takes, and what the store has no need of."""
    return cursor.value


def _bucket(cursor: Cursor) -> str:
    return check_url(f"s3://{has_version(cursor)}").removeprefix("s3://")


_NAME = {FACTORY: Key(text, required=True)}
FILE = {**_NAME, "path": Key(has_version, "", required=True)}
FILE_LIKE = {**FILE, "io": Key(_io, required=True)}
REST = {**_NAME, "url": Key(_address, "", required=True), "auth": Key(_basic, {})}
S3 = {**_NAME, "path": Key(_bucket, "", required=True), "options": Key(free_map, {})}
DATABASE = {
    **_NAME,
    "url": Key(url, required=True),
    "poolclass": Key(_any),
    "chunk_size": Key(whole(1, 2**40)),
    "table_postfix": Key(_any),
}
CACHED = {
    **_NAME,
    "impl": Key(persister, StoreSettings(), required=True),
    "update_cache_rrule": Key(rrule),
    "check_version": Key(flag, True),
}
IOS: dict[str, Mapping[str, Key]] = {
    "FileIO": _NAME,
    "RestIO": {**_NAME, "auth": Key(_basic, {})},
    "S3IO": _NAME,
}
PERSISTERS: dict[str, Callable[[Cursor], StoreSettings]] = {
    "File": _file,
    "FileLike": _file_like,
    "Rest": _rest,
    "S3": _s3,
    "Database": _database,
    "DatabaseCLOB": _database,
    "CachedUpdatePersister": _cached,
}
"""Palladium's persisters by name."""
