"""List every key of a config: where it stands, what it may be, what holds without it.

These tables are the reference: what is not in them is a fault, and a test holds them against the
settings that they fill.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from typing import Any

from contracts.table import MAX_LEVELS, Type
from runner.config.auth import AUTH, auth, scopes
from runner.config.cursor import Cursor, Faulty, Key, show, unknown
from runner.config.decorators import ENDING, LISTS, decorators
from runner.config.directives import FACTORY
from runner.config.grid_search import GRID_SEARCH, grid_search
from runner.config.log_handlers import LOGGING, log_handlers
from runner.config.palladium import SERVICE
from runner.config.persister import persister
from runner.config.places import STORE, store
from runner.config.quotas import LIMIT, limits
from runner.config.readers import (
    flag,
    one_of,
    place,
    seconds,
    secret_texts,
    service_name,
    size,
    text,
    texts,
    url_path,
    whole,
)
from runner.config.refit import REFIT, refit
from runner.config.settings import (
    AdapterSettings,
    AuditSettings,
    MappedField,
    Scorer,
    Scoring,
    ServerSettings,
    ServiceSettings,
    StoreSettings,
)
from runner.config.url_rules import url_rules

TYPES = {
    "float": Type.F64,
    "int": Type.I64,
    "str": Type.STR,
    "bool": Type.BOOL,
    "category": Type.CAT,
    "date": Type.DATE,
    "datetime": Type.DATETIME,
}
"""Names of types in a mapping; with a `?` behind it, the field may be missing."""

DAY = 86_400.0
_GIB = 1024**3


def mapping(cursor: Cursor) -> tuple[MappedField, ...]:
    """Read the fields of a request: a list of `[name, type]`, or of maps as in `_FIELD`."""
    found = cursor.value
    if not isinstance(found, list | tuple) or not found:
        raise Faulty(f"found {show(found)}", "a list of [name, type]")
    return _fields(cursor)


def parameters(cursor: Cursor) -> tuple[MappedField, ...]:
    """Read the request parameters that go to the model: as `mapping`, and may be empty."""
    if not isinstance(cursor.value, list | tuple):
        raise Faulty(f"found {show(cursor.value)}", "a list of [name, type]")
    return _fields(cursor)


def _fields(cursor: Cursor) -> tuple[MappedField, ...]:
    fields = [item.read(_field) for item in cursor.children()]
    seen: dict[str, int] = {}
    for at, mapped in enumerate(fields):
        if mapped is None:
            continue
        if mapped.name in seen:
            problem = f"{mapped.name!r} is the name of [{seen[mapped.name]}] too"
            cursor.child(at).fault(problem, "distinct names")
        seen.setdefault(mapped.name, at)
    return tuple(mapped for mapped in fields if mapped is not None)


def _field(cursor: Cursor) -> MappedField:
    found = cursor.value
    if isinstance(found, Mapping):
        read = cursor.section(_FIELD)
        type_, nullable = read["type"] or (Type.STR, False)
        if read["levels"] and type_ is not Type.CAT:
            cursor.fault_at("levels", f"levels of a {type_.value}", "type: category")
        return MappedField(read["name"], type_, nullable or read["nullable"], read["levels"])
    if isinstance(found, list | tuple) and len(found) == 2:
        name = cursor.child(0).read(text, f"[{cursor.path[-1]}]")
        type_, nullable = cursor.child(1).read(_type, (Type.STR, False))
        return MappedField(name, type_, nullable)
    what = f"a list of {len(found)}" if isinstance(found, list | tuple) else show(found)
    raise Faulty(f"found {what}", "[name, type], such as [sepal length, float]")


def _type(cursor: Cursor) -> tuple[Type, bool]:
    found = text(cursor)
    name = found.removesuffix("?")
    if name not in TYPES:
        problem, expected = unknown(name, TYPES, "type")
        raise Faulty(problem, expected)
    return TYPES[name], found.endswith("?")


def _levels(cursor: Cursor) -> tuple[str, ...]:
    found = texts(cursor)
    if len(set(found)) != len(found):
        twice = next(level for level in found if found.count(level) > 1)
        raise Faulty(f"{twice!r} is there twice", "distinct levels")
    if len(found) > MAX_LEVELS:
        raise Faulty(f"found {len(found)} levels", f"at most {MAX_LEVELS}; else type: str")
    return found


_FIELD = {
    "name": Key(text, "", required=True),
    "type": Key(_type, None, required=True),
    "nullable": Key(flag, False),
    "levels": Key(_levels, ()),
}


def _executable(cursor: Cursor) -> str:
    """Read a program: a path, relative ones beside the config first, or a name on PATH."""
    found = text(cursor)
    resolved = cursor.resolve(found)
    program = shutil.which(str(resolved)) or ("/" not in found and shutil.which(found)) or None
    if program is None:
        problem = "is not executable" if resolved.exists() else "does not exist"
        raise Faulty(f"program {show(found)} {problem}", f"a program on PATH, or {resolved}")
    return program


def _command(cursor: Cursor) -> tuple[str, ...]:
    words = texts(cursor)
    return (cursor.child(0).read(_executable, ""), *words[1:])


def _scoring(cursor: Cursor) -> Scoring:
    found = cursor.value
    if not isinstance(found, Mapping):
        return _scorer(cursor)
    if not found:
        raise Faulty("found an empty map", "names, each with a scorer")
    return {str(item.path[-1]): item.read(_scorer, "") for item in cursor.children()}


def _scorer(cursor: Cursor) -> Scorer:
    """Read a name, or a function (estimator, X, y) as a config in Python may give."""
    return cursor.value if callable(cursor.value) else text(cursor)


def _service_factory(cursor: Cursor) -> None:
    if cursor.value != SERVICE:
        raise Faulty(f"a predict service of one's own ({cursor.value}) has no place here", SERVICE)


def _required(cursor: Cursor) -> tuple[str, ...]:
    """Read what /alive waits for: a model, as it always does, or data, which no server holds."""
    found = texts(cursor)
    for at, name in enumerate(found):
        if name not in _AWAITED:
            problem, expected = unknown(name, _AWAITED, "entry")
            cursor.child(at).fault(problem, expected)
    return found


_AWAITED = ("model", "data")


SERVICE_METADATA = {
    "service_name": Key(service_name, "", required=True),
    "service_version": Key(text, "0"),
}
PREDICT_SERVICE = {
    FACTORY: Key(_service_factory),
    "mapping": Key(mapping),
    "predict_proba": Key(flag, False),
    "params": Key(parameters, ()),
    "unwrap_sample": Key(flag, False),
    "entry_point": Key(url_path),
    "replicas": Key(whole(1, 256), 1),
    "timeout": Key(seconds(3600.0), 30.0),
    "max_queue": Key(whole(1, 1_000_000), 1024),
    "max_queue_bytes": Key(size(1024, 1024 * _GIB), ServiceSettings.max_queue_bytes),
    "allow_clients": Key(texts, ()),
    "allow_scopes": Key(scopes, ()),
}
ADAPTER = {
    "executable": Key(_executable),
    "command": Key(_command, ()),
    "env": Key(secret_texts, {}),
    "memory_limit": Key(size(16 * 1024**2, 1024**4)),
    "start_timeout": Key(seconds(3600.0), 60.0),
    "fit_timeout": Key(seconds(30 * DAY)),
    "spare": Key(flag),
}
SERVER = {
    "max_body": Key(size(1024, 4 * _GIB), ServerSettings.max_body),
    "body_timeout": Key(seconds(3600.0), ServerSettings.body_timeout),
    "max_rows": Key(whole(1, 100_000_000), ServerSettings.max_rows),
    "max_head": Key(size(1024, 1024**2), ServerSettings.max_head),
    "head_timeout": Key(seconds(3600.0), ServerSettings.head_timeout),
    "keep_alive": Key(seconds(3600.0), ServerSettings.keep_alive),
    "graceful_timeout": Key(seconds(3600.0), ServerSettings.graceful_timeout),
    "actions": Key(flag),
    "jobs_at_once": Key(whole(1, 256), ServerSettings.jobs_at_once),
    "max_jobs": Key(whole(1, 100_000), ServerSettings.max_jobs),
}
ALIVE = {"process_store_required": Key(_required, ())}
AUDIT = {
    "to": Key(one_of("file", "stdout", "both", "none"), AuditSettings.to),
    "path": Key(place),
    "durability": Key(one_of("process", "disk"), AuditSettings.durability),
    "on_failure": Key(one_of("refuse", "continue"), AuditSettings.on_failure),
    "key_file": Key(place),
    "inputs": Key(flag, AuditSettings.inputs),
}


def service_metadata(cursor: Cursor) -> dict[str, Any]:
    """Read `service_metadata`; keys besides ours are the user's, and told by /alive."""
    return cursor.section(SERVICE_METADATA, open=True)


def predict_service(cursor: Cursor) -> ServiceSettings:
    """Read `predict_service`."""
    read = cursor.section(PREDICT_SERVICE)
    del read[FACTORY]
    return ServiceSettings(**read)


def adapter(cursor: Cursor) -> AdapterSettings:
    """Read `adapter`."""
    read = cursor.section(ADAPTER)
    if read["command"] and read["executable"]:
        cursor.fault_at("executable", "the command has a program already", "one of the two")
    return AdapterSettings(**read)


def server(cursor: Cursor) -> ServerSettings:
    """Read `server`."""
    return ServerSettings(**cursor.section(SERVER))


def audit(cursor: Cursor) -> AuditSettings:
    """Read `audit`."""
    read = cursor.section(AUDIT)
    if read["to"] in ("stdout", "none") and read["path"]:
        cursor.fault_at("path", f"nothing is written to it with to: {read['to']}", "file or both")
    if read["to"] in ("stdout", "both") and read["inputs"]:
        # Lines of several processes stay apart in a pipe up to a size only.
        cursor.fault_at("inputs", f"not with to: {read['to']}", "to: file")
    if read["key_file"] and not read["key_file"].is_file():
        cursor.fault_at("key_file", f"{read['key_file']} is no file", "a file with the key")
    return AuditSettings(**read)


def alive(cursor: Cursor) -> None:
    """Check `alive`: what it may ask for holds without it."""
    cursor.section(ALIVE)


SECTIONS: dict[str, Mapping[str, Key]] = {
    "service_metadata": SERVICE_METADATA,
    "predict_service": PREDICT_SERVICE,
    "adapter": ADAPTER,
    "server": SERVER,
    "auth": AUTH,
    "limits": LIMIT,
    "refit": REFIT,
    "store": STORE,
    "alive": ALIVE,
    "audit": AUDIT,
    "grid_search": GRID_SEARCH,
    "logging": LOGGING,
}
"""Sections by name: where a key belongs that was written at the top."""

TOP = {
    "service_metadata": Key(service_metadata, {"service_name": "", "service_version": "0"}, True),
    "predict_service": Key(predict_service, ServiceSettings()),
    "adapter": Key(adapter, AdapterSettings()),
    "server": Key(server, ServerSettings()),
    "auth": Key(auth),
    "limits": Key(limits, {}),
    "store": Key(store, StoreSettings()),
    "model_persister": Key(persister, StoreSettings()),
    "model_persister_export": Key(persister),
    "alive": Key(alive),
    "audit": Key(audit, AuditSettings()),
    "refit": Key(refit),
    "flask_add_url_rules": Key(url_rules, False),
    "scoring": Key(_scoring),
    "grid_search": Key(grid_search),
    "logging": Key(log_handlers),
    **{f"{name}{ENDING}": Key(decorators, ()) for name in LISTS},
}
"""Top-level keys, but for the model and the data loaders (runner.config.model)."""
