"""Read `store`: the database, and where artifacts lie."""

from __future__ import annotations

from urllib.parse import urlsplit

from runner.config.cursor import Cursor, Faulty, Key
from runner.config.readers import free_map, text, url
from runner.config.settings import VERSION, PlaceSettings, StoreSettings

SCHEMES = ("s3", "http", "https")
_EXPECTED = "a folder, s3://bucket/prefix or https://host/path"


def location(cursor: Cursor) -> str:
    """Read where artifacts lie: a folder, given absolute, or a URL without any secret."""
    found = text(cursor)
    if "://" not in found:
        return str(cursor.resolve(found).absolute())
    return check_url(found)


def check_url(found: str) -> str:
    """Refuse a URL that is no place. SECURITY: no message repeats it."""
    try:
        parts = urlsplit(found)
        sound = parts.scheme in SCHEMES and bool(parts.netloc)
    except ValueError as ex:
        raise Faulty("the URL cannot be parsed", _EXPECTED) from ex
    if not sound:
        raise Faulty("the URL names no place of artifacts", _EXPECTED)
    if "@" in parts.netloc or parts.query or parts.fragment:
        # It is kept in the database and stands in messages.
        raise Faulty("the URL has a user, a query or a fragment", "what is secret in options")
    return found


def options(cursor: Cursor) -> dict[str, object]:
    """Read what the place's file system is made with; no message repeats a value."""
    return dict(free_map(cursor))


STORE = {"url": Key(url), "artifacts": Key(location), "options": Key(options, {})}


def store(cursor: Cursor) -> StoreSettings:
    """Read `store`."""
    read = cursor.section(STORE)
    place = read["artifacts"]
    if read["options"] and "://" not in (place or ""):
        cursor.fault_at("options", "only places in S3 or behind HTTP have options", "artifacts: …")
    return StoreSettings(read["url"], place and PlaceSettings(place, read["options"]))


def joined(top: Cursor, store: StoreSettings, persister: StoreSettings) -> StoreSettings:
    """Join what `store` and `model_persister` say; each thing may be said once."""
    if store.url and persister.url:
        top.fault_at("model_persister", "store.url names a database, too", "one of the two")
    if store.place and persister.place:
        top.fault_at("model_persister", "store.artifacts names a place, too", "one of the two")
    return StoreSettings(store.url or persister.url, store.place or persister.place)


def has_version(cursor: Cursor) -> str:
    """Read a persister's path, which tells where versions differ."""
    found = text(cursor)
    if VERSION not in found:
        raise Faulty(f"has no {VERSION}", f"such as model-{VERSION}.pickle")
    return found
