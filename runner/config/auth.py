"""Read `auth`: who may ask a server, by OAuth 2.0 access tokens or by a trusted proxy's word."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from runner.config.cursor import Cursor, Faulty, Key, show
from runner.config.readers import flag, one_of, seconds, text, texts
from runner.config.settings import NO_AUTH, Auth, AuthSettings, IntrospectionSettings, ScopeSettings

ALGORITHMS = ("RS256", "PS256", "ES256", "EdDSA")
"""Those that a token may be signed with (RFC 8725 section 3.1); all of them by public keys."""

_FIELD_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,200}")
_LONGEST_INTROSPECTION = 60.0
_LARGEST_LEEWAY = 300.0
_DAY = 86_400.0


def _web_url(cursor: Cursor) -> str:
    """Read an https URL without query and fragment; http only of this very machine."""
    found = text(cursor)
    expected = "an https URL without query and fragment; http only of a loopback address"
    try:
        parts = urlsplit(found)
        host, _ = parts.hostname, parts.port
    except ValueError as ex:
        raise Faulty(f"found {show(found)}", expected) from ex
    plain = parts.scheme == "http" and is_loopback(host or "")
    strange = parts.query or parts.fragment or parts.username or not found.isascii()
    if not host or strange or not (plain or parts.scheme == "https") or re.search(r"[\s?#]", found):
        raise Faulty(f"found {show(found)}", expected)
    return found


def is_loopback(host: str) -> bool:
    """Whether a host, an address or `localhost`, is this very machine."""
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return host == "localhost"


def _one_or_more(cursor: Cursor) -> tuple[str, ...]:
    return (text(cursor),) if isinstance(cursor.value, str) else texts(cursor)


def scope(cursor: Cursor) -> str:
    """Read the name of a scope (RFC 6749 section 3.3): it goes into a header field."""
    found = text(cursor)
    if not _SCOPE.fullmatch(found):
        raise Faulty(f"found {show(found)}", "ASCII without spaces, quotes and backslashes")
    return found


def _each(read: Callable[[Cursor], str], what: str) -> Callable[[Cursor], tuple[str, ...]]:
    def read_all(cursor: Cursor) -> tuple[str, ...]:
        if not isinstance(cursor.value, list | tuple) or not cursor.value:
            raise Faulty(f"found {show(cursor.value)}", f"a list of {what}")
        return tuple(item.read(read, "") for item in cursor.children())

    return read_all


scopes = _each(scope, "scopes")
"""Read a list of scopes."""


def _network(cursor: Cursor) -> str:
    found = text(cursor)
    try:
        return str(ipaddress.ip_network(found))
    except ValueError as ex:
        raise Faulty(f"found {show(found)}", "an address, or a network such as 10.0.0.0/8") from ex


def _field_name(cursor: Cursor) -> str:
    found = text(cursor)
    if not _FIELD_NAME.fullmatch(found):
        raise Faulty(f"found {show(found)}", "the name of a header field")
    return found


def _leeway(cursor: Cursor) -> float:
    found = cursor.value
    is_number = isinstance(found, int | float) and not isinstance(found, bool)
    if is_number and 0 <= found <= _LARGEST_LEEWAY:
        return float(found)
    raise Faulty(f"found {show(found)}", f"seconds, 0 to {_LARGEST_LEEWAY:g}")


def _secret(cursor: Cursor) -> str:
    # SECURITY: no message repeats it.
    if isinstance(cursor.value, str) and cursor.value:
        return cursor.value
    raise Faulty("found no text", "a string; better {__env__: NAME}")


INTROSPECTION = {
    "client_id": Key(text, "", required=True),
    "client_secret": Key(_secret, "", required=True),
    "cache": Key(seconds(_LONGEST_INTROSPECTION), IntrospectionSettings.cache),
}
SCOPES = {
    "predict": Key(scope, ScopeSettings.predict),
    "read": Key(scope, ScopeSettings.read),
    "write": Key(scope, ScopeSettings.write),
}


def _introspection(cursor: Cursor) -> IntrospectionSettings:
    return IntrospectionSettings(**cursor.section(INTROSPECTION))


def _scopes(cursor: Cursor) -> ScopeSettings:
    return ScopeSettings(**cursor.section(SCOPES))


AUTH = {
    "issuer": Key(_web_url),
    "audience": Key(_one_or_more, ()),
    "resource": Key(_web_url),
    "algorithms": Key(_each(one_of(*ALGORITHMS), "algorithms"), ALGORITHMS),
    "leeway": Key(_leeway, AuthSettings.leeway),
    "require_at_jwt": Key(flag, AuthSettings.require_at_jwt),
    "client_claim": Key(text, AuthSettings.client_claim),
    "scope_claim": Key(text, AuthSettings.scope_claim),
    "key_cache": Key(seconds(_DAY), AuthSettings.key_cache),
    "introspection": Key(_introspection),
    "scopes": Key(_scopes, ScopeSettings()),
    "trusted_header": Key(_field_name),
    "from": Key(_each(_network, "addresses"), ()),
    "grant": Key(scopes),
}
_OF_TOKENS = set(AUTH) - {"scopes", "trusted_header", "from", "grant"}
_OF_PROXIES = ("from", "grant")


def auth(cursor: Cursor) -> Auth | None:
    """Read `auth`: a map with an issuer or a trusted header; or the word none."""
    if cursor.value == NO_AUTH:
        return NO_AUTH
    if not isinstance(cursor.value, Mapping):
        raise Faulty(f"found {show(cursor.value)}", "a map with an issuer, or the word none")
    read = cursor.section(AUTH)
    given = cursor.value
    if ("issuer" in given) == ("trusted_header" in given):
        found = "both" if "issuer" in given else "neither"
        raise Faulty(f"found {found} of issuer and trusted_header", "one of the two")
    proxy = "trusted_header" in given
    for key in given:
        if key in (_OF_TOKENS if proxy else _OF_PROXIES):
            other = "trusted_header" if proxy else "issuer"
            cursor.fault_at(key, f"has no meaning beside {other}", f"no {key}")
    for key in ("from",) if proxy else ("audience",):
        if key not in given:
            cursor.fault_at(key, "is missing")
    if not proxy:
        read["resource"] = read["resource"] or _resource(cursor, read["audience"])
    return _settings(read)


def _resource(cursor: Cursor, audience: tuple[str, ...]) -> str | None:
    """Give the audience that is the URL of this server, as RFC 8707 would have it."""
    for each in audience:
        if re.match(r"https?://\S+$", each):
            return each
    if audience:
        cursor.fault_at(
            "resource",
            "is missing, and no audience is a URL",
            "the URL at which clients reach this server",
        )
    return None


def _settings(read: dict[str, Any]) -> AuthSettings:
    trusted_from = read.pop("from")
    grant = read.pop("grant")
    named = read["scopes"]
    if grant is None:
        grant = (named.predict, named.read)
    return AuthSettings(**read, trusted_from=trusted_from, grant=grant)
