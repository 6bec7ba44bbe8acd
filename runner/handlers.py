"""Carry out a config's `logging`, and hand our own messages to the handlers that it names.

What the user's code logs goes where `logging` says. Our log stays what it is on stderr
(`runner.logs`), and comes to those handlers as well that do not write to the terminal themselves.
"""

from __future__ import annotations

import logging
import logging.config
import sys
from collections.abc import Mapping
from typing import Any

from runner.errors import ConfigError, Fault

_OWN = "runner_fields"
"""The attribute that marks a record as ours: a map of the message's fields."""

_applied = False


def apply(settings: Mapping[str, Any] | None) -> bool:
    """Carry out the dictionary; tell whether there is one. Raises ConfigError for what it is not.

    What is wrong beyond its form, such as a file that cannot be opened, is found only here.
    """
    global _applied  # noqa: PLW0603  # as the standard library's, it is the process's
    _applied = bool(settings)
    if not settings:
        return False
    try:
        logging.config.dictConfig(dict(settings))
    except (ValueError, TypeError, AttributeError, ImportError, OSError) as ex:
        told = f"{ex}: {ex.__cause__}" if ex.__cause__ else str(ex)
        raise ConfigError(
            [Fault(told, "what logging.config.dictConfig takes", key="logging")]
        ) from ex
    for logger in (logging.getLogger(), *_loggers()):
        for handler in logger.handlers:
            if getattr(handler, "stream", None) in (sys.stderr, sys.stdout):
                handler.addFilter(_is_theirs)
    return True


def hand_on(name: str, level: int, message: str, fields: Mapping[str, Any] | None = None) -> None:
    """Give one message of ours to the handlers, if `logging` was carried out."""
    if _applied:
        logging.getLogger(name).log(level, "%s", message, extra={_OWN: dict(fields or {})})


def is_ours(record: logging.LogRecord) -> bool:
    """Whether a record is one that `hand_on` made."""
    return hasattr(record, _OWN)


def _is_theirs(record: logging.LogRecord) -> bool:
    return not is_ours(record)


def _loggers() -> list[logging.Logger]:
    known = logging.root.manager.loggerDict.values()
    return [logger for logger in known if isinstance(logger, logging.Logger)]
