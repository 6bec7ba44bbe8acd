"""Write the log: for people on a terminal, one JSON object a line elsewhere, always to stderr.

`configure` once per process; `get_logger` anywhere, also before that. The standard library's
logging (gunicorn, uvicorn, alembic, warnings) comes out in the same form.

    RUNNER_LOG        console: for people, in colour on a terminal; plain: without colour; json
    RUNNER_LOG_LEVEL  debug, info (default), warning, error or critical

SECURITY: values of keys such as password or authorization, and passwords within URLs, are replaced
before anything is rendered, in nested maps, lists and tracebacks too.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import functools
import json
import logging
import os
import re
import select
import stat
import sys
from collections.abc import Callable, Mapping, MutableMapping
from datetime import UTC, datetime
from typing import Any

import orjson

from runner import handlers
from runner.errors import ConfigError, Fault

# PERF: structlog imports rich, if there is one, for tracebacks that we render in another way: a
# tenth of what a front-end would hold. None makes an import fail, as if rich were not installed.
_hides_rich = sys.modules.setdefault("rich", None) is None  # type: ignore[arg-type]
try:
    import structlog
    from structlog.typing import EventDict, FilteringBoundLogger, Processor, WrappedLogger
finally:
    if _hides_rich:
        del sys.modules["rich"]

BoundLoggerBase = structlog.BoundLoggerBase
"""For loggers of other methods than ours."""

FORMATS = ("console", "plain", "json")
LEVELS = ("debug", "info", "warning", "error", "critical")
REDACTED = "[redacted]"

_SECRET_ENDS = ("authorization", "password", "passwd", "token", "secret", "api_key", "cookie")
_URL_PASSWORD = re.compile(r"(?<=://)([^\s/@:]*):[^\s/]*@")
_CONTROLS = {code: None for code in range(32) if chr(code) not in "\n\t"} | {127: None}
_OWN_HANDLERS = ("gunicorn.error", "gunicorn.access", "uvicorn", "uvicorn.error", "uvicorn.access")
"""Loggers of libraries that bring handlers of their own, which would tell everything twice."""


def get_logger(name: str, **context: Any) -> FilteringBoundLogger:
    """Give a logger; `name` and `context` stand in each of its lines."""
    # `logger` itself is taken by structlog; ConsoleRenderer knows this key.
    logger: FilteringBoundLogger = structlog.get_logger(logger_name=name, **context)
    return logger


def get_plain_logger(name: str) -> FilteringBoundLogger:
    """Give a logger for lines that hold no secret and no exception: nothing looks for them.

    PERF: half the time of a line. It follows the `configure` before it, not a later one.
    """
    set_up = structlog.get_config()
    logger: FilteringBoundLogger = structlog.wrap_logger(
        set_up["logger_factory"](),
        processors=[structlog.processors.add_log_level, set_up["processors"][-1]],
        wrapper_class=set_up["wrapper_class"],
        logger_name=name,
    ).bind()
    return logger


def configure(
    environ: Mapping[str, str] = os.environ,
    *,
    by_turn: bool = False,
    also: Mapping[str, Any] | None = None,
) -> None:
    """Set up logging for this process, from the two variables. Raises ConfigError for a bad one.

    ``by_turn`` writes what is logged in one turn of the event loop in one go. ``also``: a config's
    `logging`, whose handlers get our messages as well; those of requests (`get_plain_logger`) not.
    """
    colours = sys.stderr.isatty() and not environ.get("NO_COLOR")
    form = _form(environ)
    level = getattr(logging, _choice(environ, "RUNNER_LOG_LEVEL", LEVELS, "info").upper())
    lines = (_TurnLines if by_turn else _Lines)(_descriptor())
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.format_exc_info,
            _redact,
            *([_hand_on] if also else []),
            *(_JSON if form == "json" else _console(colours and form == "console")),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: lines,
        cache_logger_on_first_use=True,
    )
    _route_standard_library(level)
    handlers.apply(also)


def for_people(environ: Mapping[str, str] = os.environ) -> bool:
    """Say whether lines are for people to read, not for programs. Raises as `configure` does."""
    return _form(environ) != "json"


def _form(environ: Mapping[str, str]) -> str:
    return _choice(environ, "RUNNER_LOG", FORMATS, "console" if sys.stderr.isatty() else "json")


def _choice(environ: Mapping[str, str], name: str, choices: tuple[str, ...], default: str) -> str:
    found = environ.get(name, "").lower() or default
    if found not in choices:
        problem = f"${name} is {found!r}"
        raise ConfigError([Fault(problem, f"one of {', '.join(choices)}")])
    return found


def _descriptor() -> int:
    try:
        return sys.stderr.fileno()
    except (OSError, ValueError):  # replaced by something without a file, as tests do
        return 2


class _Lines:
    """Write each line with one write(2), and never fail the caller for a log that is full.

    One write keeps lines of several processes apart in a file; structlog's own BytesLogger adds a
    lock and a flush, and raises.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def msg(self, line: bytes) -> None:
        """Write one line."""
        with contextlib.suppress(OSError):
            os.write(self._descriptor, line)

    debug = info = warning = warn = error = critical = fatal = exception = msg


class _TurnLines(_Lines):
    """Write the lines of one turn of an event loop together, at its end.

    PERF: a write(2) costs more than all else of a line. Without a running loop, or with one that
    has no further turn, lines are written at once, or at exit.
    """

    def __init__(self, descriptor: int) -> None:
        super().__init__(descriptor)
        self._lines: list[bytes] = []
        # Several processes write here. A write to a pipe stays in one piece up to PIPE_BUF only.
        piped = stat.S_ISFIFO(os.fstat(descriptor).st_mode)
        self._at_once = select.PIPE_BUF if piped else 2**20
        atexit.register(self._flush)

    def msg(self, line: bytes) -> None:
        """Take one line."""
        if not self._lines:
            try:
                asyncio.get_running_loop().call_soon(self._flush)
            except RuntimeError:
                super().msg(line)
                return
        self._lines.append(line)

    def _flush(self) -> None:
        lines, self._lines = self._lines, []
        together = b""
        for line in lines:
            if together and len(together) + len(line) > self._at_once:
                super().msg(together)
                together = b""
            together += line
        if together:
            super().msg(together)

    debug = info = warning = warn = error = critical = fatal = exception = msg


def _redact(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    for key, value in event.items():
        if value.__class__ is str:
            if "://" in value:
                event[key] = _URL_PASSWORD.sub(rf"\1:{REDACTED}@", value)
            if _is_secret(key):
                event[key] = REDACTED
        elif value.__class__ not in _HARMLESS:
            event[key] = REDACTED if _is_secret(key) else _redacted(value)
        elif value is not None and _is_secret(key):
            event[key] = REDACTED
    return event


def _hand_on(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    level = getattr(logging, str(event["level"]).upper())
    hidden = ("level", "event", "logger_name")
    fields = {key: value for key, value in event.items() if key not in hidden}
    told = "".join(f" {key}={value}" for key, value in fields.items() if value is not None)
    name = str(event.get("logger_name") or "runner")
    handlers.hand_on(name, level, f"{event['event']}{told}", fields)
    return event


_HARMLESS = frozenset({int, float, bool, type(None)})


def _redacted(value: Any) -> Any:
    if isinstance(value, str):
        return _URL_PASSWORD.sub(rf"\1:{REDACTED}@", value)
    if isinstance(value, Mapping):
        return {k: REDACTED if _is_secret(str(k)) else _redacted(v) for k, v in value.items()}
    if isinstance(value, list | tuple | set):
        return [_redacted(item) for item in value]
    if isinstance(value, bool | int | float) or value is None:
        return value
    return _redacted(str(value))


@functools.lru_cache(1024)
def _is_secret(key: str) -> bool:
    return key.lower().replace("-", "_").endswith(_SECRET_ENDS)


def _render_json(_: WrappedLogger, __: str, event: MutableMapping[str, Any]) -> bytes:
    line = {
        "@timestamp": datetime.now(UTC).isoformat(timespec="microseconds"),
        "level": event.pop("level"),
        "event": event.pop("event"),
        "logger": event.pop("logger_name", None),
        **event,
    }
    try:
        return orjson.dumps(line, default=str, option=_JSON_OPTIONS)
    except TypeError:  # half a character, or an integer of more than 64 bits
        return json.dumps(line, default=str).encode() + b"\n"


_JSON_OPTIONS = orjson.OPT_APPEND_NEWLINE | orjson.OPT_NON_STR_KEYS
_JSON: tuple[Processor, ...] = (_render_json,)


def _console(colours: bool) -> tuple[Processor, ...]:
    renderer = structlog.dev.ConsoleRenderer(
        colors=colours, exception_formatter=structlog.dev.plain_traceback, pad_event_to=0
    )

    def render(logger: WrappedLogger, method: str, event: EventDict) -> bytes:
        # PERF does not count here, people do: no empty fields, tracebacks as they are known.
        shown = {key: _printable(key, value) for key, value in event.items() if value is not None}
        if traceback := shown.pop("traceback", None):
            shown.setdefault("exception", traceback)
        shown["timestamp"] = datetime.now().astimezone().isoformat(" ", "seconds")[:19]
        return f"{renderer(logger, method, shown)}\n".encode(errors="backslashreplace")

    return (render,)


def _printable(key: str, value: Any) -> Any:
    """SECURITY: a line that a model or a caller wrote must not move the cursor of a terminal."""
    if not isinstance(value, str) or value.isprintable():
        return value
    return value.translate(_CONTROLS) if key in ("exception", "traceback") else repr(value)


class _Route(logging.Handler):
    """Hand records of the standard library to structlog, under the same names of levels."""

    def emit(self, record: logging.LogRecord) -> None:
        if handlers.is_ours(record):  # told already
            return
        level = max(10, min(50, record.levelno // 10 * 10))
        try:
            log: Callable[..., Any] = get_logger(record.name).log
            log(level, record.getMessage().rstrip(), exc_info=record.exc_info)
        except Exception:
            self.handleError(record)


def _route_standard_library(level: int) -> None:
    root = logging.getLogger()
    root.handlers = [_Route()]
    root.setLevel(level)
    for name in _OWN_HANDLERS:
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True
    # Alembic tells at INFO what it is about to look at, at every start.
    logging.getLogger("alembic").setLevel(max(level, logging.WARNING) if level > 10 else level)
    logging.captureWarnings(True)
