"""Read `flask_add_url_rules`: by it Palladium's configs ask for changes over HTTP."""

from __future__ import annotations

from runner.config.cursor import Cursor, Faulty, Key, show, unknown
from runner.config.directives import FACTORY
from runner.config.readers import one_of, text

VIEWS = {
    "fit": "/fit",
    "update_model_cache": "/update-model-cache",
    "activate": "/activate",
}
"""Palladium's view functions that are optional there, and where ours answers."""

_ROOMS = ("palladium.server.", "runner.server.")


def url_rules(cursor: Cursor) -> bool:
    """Read the rules; tell whether any of them asks for what `server: {actions: true}` does."""
    if not isinstance(cursor.value, list | tuple):
        raise Faulty(f"found {show(cursor.value)}", "a list of rules, or server: {actions: true}")
    asked = [rule.read(_rule, False) for rule in cursor.children()]
    return any(asked)


def _rule(cursor: Cursor) -> bool:
    read = cursor.section(RULE)
    name = read["view_func"]
    if not name:
        return False
    view = next((name.removeprefix(room) for room in _ROOMS if name.startswith(room)), "")
    if view not in VIEWS:
        problem, expected = unknown(name, [f"{_ROOMS[0]}{each}" for each in VIEWS], "view function")
        cursor.fault_at("view_func", problem, expected)
    elif read["rule"] and read["rule"] != VIEWS[view]:
        cursor.fault_at("rule", f"{name} answers at another path here", VIEWS[view])
    return True


def _any(cursor: Cursor) -> object:
    """Take what Flask takes and ours has no need of."""
    return cursor.value


RULE = {
    FACTORY: Key(one_of(*(f"{room}add_url_rule" for room in _ROOMS))),
    "rule": Key(text, "", required=True),
    "view_func": Key(text, "", required=True),
    "endpoint": Key(_any),
    "methods": Key(_any),
}
