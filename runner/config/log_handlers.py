"""Read `logging`: a dictionary for Python's own logging.config.dictConfig, as in Palladium."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from runner.config import factory
from runner.config.cursor import Cursor, Faulty, Key, show, unknown
from runner.config.readers import flag, free_map, one_of, text, texts

_LEVELS = ("DEBUG", "INFO", "WARN", "WARNING", "ERROR", "CRITICAL", "FATAL", "NOTSET")
_OURS, _THEIRS = "runner", "palladium"


def log_handlers(cursor: Cursor) -> Mapping[str, Any]:
    """Read the dictionary, and check what of it is the same for all: names, levels, references.

    Messages that Palladium's logger would get come from ours.
    """
    read = cursor.section(LOGGING)
    _check_references(cursor, read)
    found = _resolved(cursor)
    try:
        json.dumps(found)
    except (TypeError, ValueError) as ex:
        # It is carried out in processes that can only be told what JSON has.
        raise Faulty(f"{ex}", "strings, numbers, lists and maps; classes by name") from ex
    loggers = dict(found.get("loggers", {}))
    if _THEIRS in loggers:
        loggers.setdefault(_OURS, loggers[_THEIRS])
        found["loggers"] = loggers
    # Palladium sets this up before anybody logs; here loggers are there already.
    return {"disable_existing_loggers": False, **found}


def _resolved(cursor: Cursor) -> dict[str, Any]:
    """Give the dictionary with the names of files made absolute."""
    found = dict(cursor.value)
    handlers = found.get("handlers")
    if isinstance(handlers, Mapping):
        found["handlers"] = placed = dict(handlers)
        for name, handler in handlers.items():
            if isinstance(handler, Mapping) and isinstance(file := handler.get("filename"), str):
                placed[name] = {**handler, "filename": str(cursor.resolve(file).absolute())}
    return found


def _check_references(cursor: Cursor, read: Mapping[str, Any]) -> None:
    """Note each name of a handler, formatter or filter that the dictionary does not have."""
    for part, kinds in (
        ("handlers", ("formatter", "filters")),
        ("loggers", ("handlers", "filters")),
        ("root", ("handlers", "filters")),
    ):
        if not isinstance(cursor.value.get(part), Mapping):
            continue
        holder = cursor.child(part)
        for at in [holder] if part == "root" else holder.children():
            for kind in kinds if isinstance(at.value, Mapping) else ():
                names = at.value.get(kind, ())
                known = read[kind if kind.endswith("s") else f"{kind}s"] or {}
                for name in [names] if isinstance(names, str) else names or ():
                    if name not in known:
                        at.fault_at(kind, *unknown(name, known, kind.removesuffix("s")))


def _level(cursor: Cursor) -> str | int:
    found = cursor.value
    if isinstance(found, int) and not isinstance(found, bool) and found >= 0:
        return found
    return one_of(*_LEVELS)(cursor)


def _entries(keys: Mapping[str, Key] | None = None, *, open: bool = True) -> Any:
    """Make a reader of named maps, each of them with these keys and, if ``open``, more."""

    def read(cursor: Cursor) -> Mapping[str, Any]:
        free_map(cursor)
        for item in cursor.children():
            item.read(lambda at: at.section(keys or {}, open=open), {})
        found: Mapping[str, Any] = cursor.value
        return found

    return read


def _class(cursor: Cursor) -> str:
    name = text(cursor)
    if problem := factory.missing(name):
        raise Faulty(problem)
    return name


def _listed(cursor: Cursor) -> tuple[str, ...]:
    return texts(cursor) if cursor.value else ()


def _version(cursor: Cursor) -> int:
    if cursor.value != 1:
        raise Faulty(f"found {show(cursor.value)}", "1")
    return 1


_LOGGER = {
    "level": Key(_level),
    "handlers": Key(_listed, ()),
    "filters": Key(_listed, ()),
    "propagate": Key(flag),
}
_HANDLER = {"class": Key(_class), "()": Key(_class), "level": Key(_level)}
LOGGING = {
    "version": Key(_version, required=True),
    "disable_existing_loggers": Key(flag),
    "incremental": Key(flag),
    "formatters": Key(_entries({"class": Key(_class), "()": Key(_class)})),
    "filters": Key(_entries({"()": Key(_class)})),
    "handlers": Key(_entries(_HANDLER)),
    "loggers": Key(_entries(_LOGGER, open=False)),
    "root": Key(lambda cursor: cursor.section(_LOGGER)),
}


def environment(found: Mapping[str, Any] | None) -> dict[str, str]:
    """Give what to set for a process that is to log so."""
    return {VARIABLE: json.dumps(found)} if found else {}


VARIABLE = "RUNNER_LOGGING"
"""The environment variable in which front-ends and workers in Python are told of it."""
