"""Write log lines for people and for programs, and hold what is never in them."""

from __future__ import annotations

import asyncio
import logging
import os
import pty
import select
import socket
import subprocess
import sys
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
import structlog

from runner import logs
from runner.errors import ConfigError


@pytest.fixture(autouse=True)
def _untouched() -> Iterator[None]:
    """Leave structlog and the root logger as they were."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    structlog.reset_defaults()
    logging.captureWarnings(False)
    root.handlers, root.level = handlers, level


@pytest.fixture
def lines(capfd: pytest.CaptureFixture[str]) -> Any:
    """Configure, and give a function that reads what was written to stderr."""

    def configure(**environ: str) -> Any:
        logs.configure(environ)

        def read() -> list[str]:
            out, err = capfd.readouterr()
            assert not out
            return err.splitlines()

        return read

    return configure


def test_json(lines: Any) -> None:
    """A line is one JSON object: time in UTC with microseconds, level, event, then the fields."""
    read = lines(RUNNER_LOG="json")

    logs.get_logger("runner.web", service="iris").warning("request", rows=1, client=None)

    (line,) = map(orjson.loads, read())
    at = datetime.fromisoformat(line.pop("@timestamp"))
    assert UTC.utcoffset(None) == at.utcoffset()
    assert {
        "level": "warning",
        "event": "request",
        "logger": "runner.web",
        "service": "iris",
        "rows": 1,
        "client": None,
    } == line


def test_timestamp_has_microseconds(lines: Any) -> None:
    """Every time has its six digits, so that lines sort as text."""
    read = lines(RUNNER_LOG="json")

    logs.get_logger("a").info("b")

    assert 32 == len(orjson.loads(read()[0])["@timestamp"])


def test_json_is_the_default_without_a_terminal(lines: Any) -> None:
    """Where nobody looks, lines are for programs."""
    read = lines()

    logs.get_logger("a").info("b")

    assert "b" == orjson.loads(read()[0])["event"]


def test_terminal() -> None:
    """On a terminal lines are for people, in colour unless $NO_COLOR says otherwise."""
    code = "from runner import logs; logs.configure(); logs.get_logger('a').info('hello', b=None)"
    told = {}
    for name, value in {"": "", "NO_COLOR": "1", "RUNNER_LOG": "plain"}.items():
        ours, theirs = pty.openpty()
        environ = {"PATH": os.environ["PATH"], "TERM": "xterm"} | ({name: value} if name else {})
        subprocess.run([sys.executable, "-c", code], stderr=theirs, env=environ, check=True)
        os.close(theirs)
        told[name] = os.read(ours, 4096).decode()
        os.close(ours)

    assert all("hello" in text and "{" not in text and "b=" not in text for text in told.values())
    assert {"": True, "NO_COLOR": False, "RUNNER_LOG": False} == {
        name: "\x1b[" in text for name, text in told.items()
    }


def test_level(lines: Any) -> None:
    """Lines below the level are not written, neither ours nor the standard library's."""
    read = lines(RUNNER_LOG="json", RUNNER_LOG_LEVEL="error")

    logs.get_logger("a").warning("no")
    logging.getLogger("b").warning("no")
    logs.get_logger("a").error("yes")
    logging.getLogger("b").error("yes")

    assert ["a", "b"] == [orjson.loads(line)["logger"] for line in read()]


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("RUNNER_LOG", "yaml", "$RUNNER_LOG is 'yaml'; expected one of console, plain, json"),
        (
            "RUNNER_LOG_LEVEL",
            "loud",
            "$RUNNER_LOG_LEVEL is 'loud'; expected one of debug, info, warning, error, critical",
        ),
    ],
)
def test_bad_variable(name: str, value: str, message: str) -> None:
    """A variable with an unknown value is refused by name."""
    with pytest.raises(ConfigError) as caught:
        logs.configure({name: value})

    assert message == str(caught.value)


SECRETS: dict[str, tuple[Any, Any]] = {
    "password": ("hunter2", logs.REDACTED),
    "DB_PASSWORD": ("hunter2", logs.REDACTED),
    "Authorization": ("Bearer hunter2", logs.REDACTED),
    "client-secret": ("hunter2", logs.REDACTED),
    "access_token": (b"hunter2", logs.REDACTED),
    "token": (12345, logs.REDACTED),
    "url": ("postgresql://me:hunter2@host/db", f"postgresql://me:{logs.REDACTED}@host/db"),
    "text": (
        "cannot reach redis://:hunter@2@h:1/0, nor http://h:80/a",
        f"cannot reach redis://:{logs.REDACTED}@h:1/0, nor http://h:80/a",
    ),
    "headers": (
        {"Authorization": "hunter2", "Host": "h", "n": [1, None]},
        {"Authorization": logs.REDACTED, "Host": "h", "n": [1, None]},
    ),
    "nested": ([{"deep": ("a://u:hunter2@h",)}], [{"deep": [f"a://u:{logs.REDACTED}@h"]}]),
    "harmless": ("the password is long", "the password is long"),
    "none_password": (None, None),
}


@pytest.mark.parametrize("key", SECRETS)
@pytest.mark.parametrize("form", logs.FORMATS)
def test_secrets(lines: Any, form: str, key: str) -> None:
    """What is secret by its key or its place in a URL is in no line of any form."""
    read = lines(RUNNER_LOG=form)
    value, expected = SECRETS[key]

    logs.get_logger("a").info("event", **{key: value})

    (line,) = read()
    assert "hunter" not in line
    if form == "json":
        assert expected == orjson.loads(line)[key]


def test_secret_in_an_exception(lines: Any) -> None:
    """A traceback is told without the password that the exception quotes."""
    read = lines(RUNNER_LOG="json")

    try:
        raise OSError("cannot reach postgresql://me:hunter2@host/db")
    except OSError:
        logs.get_logger("a").exception("failed")

    (line,) = map(orjson.loads, read())
    assert "error" == line["level"]
    assert line["exception"].startswith("Traceback")
    assert line["exception"].endswith(
        f"OSError: cannot reach postgresql://me:{logs.REDACTED}@host/db"
    )


def test_standard_library(lines: Any) -> None:
    """What libraries log comes out in the same form, under their own names."""
    logging.getLogger("gunicorn.error").addHandler(logging.StreamHandler())
    read = lines(RUNNER_LOG="json")

    logging.getLogger("gunicorn.error").info("listening at %s", "http://h")
    logging.getLogger("x").log(logging.WARNING + 5, "100%")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(True)
        warnings.warn("old", DeprecationWarning, stacklevel=1)

    found = [orjson.loads(line) for line in read()]
    assert [
        ("gunicorn.error", "info", "listening at http://h"),
        ("x", "warning", "100%"),
    ] == [(line["logger"], line["level"], line["event"]) for line in found[:2]]
    assert ("py.warnings", True) == (
        found[2]["logger"],
        "DeprecationWarning: old" in found[2]["event"],
    )


@pytest.mark.parametrize("value", ["\ud800", 2**70, object(), {1: 2}, float("nan"), b"\xff"])
@pytest.mark.parametrize("form", logs.FORMATS)
def test_any_value(lines: Any, form: str, value: object) -> None:
    """A value that no form has never fails the caller: a line is written all the same."""
    read = lines(RUNNER_LOG=form)

    logs.get_logger("a").info("event", value=value)

    assert 1 == len(read())


def test_terminal_sequences(lines: Any) -> None:
    """What a model prints cannot move the cursor, nor forge a line of its own."""
    read = lines(RUNNER_LOG="console")

    logs.get_logger("a").info("model\noutput", line="a\x1b[2Jb\nforged")
    logs.get_logger("a").info("b", traceback="one\n\x1b[2Jtwo")

    found = read()
    assert "\x1b" not in "".join(found)
    assert ["one", "[2Jtwo"] == found[2:]


def test_full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """A log that cannot be written fails nobody's request."""
    with open("/dev/full", "w") as full:
        monkeypatch.setattr(sys, "stderr", full)
        logs.configure({"RUNNER_LOG": "json"})

        logs.get_logger("a").info("lost")


def test_logger_before_configure(lines: Any) -> None:
    """A logger that a module made for itself is configured later with the others."""
    early = logs.get_logger("early", a=1)
    read = lines(RUNNER_LOG="json")

    early.info("b")
    early.bind(c=2).info("d")

    found = [orjson.loads(line) for line in read()]
    assert [("early", 1, None), ("early", 1, 2)] == [
        (line["logger"], line["a"], line.get("c")) for line in found
    ]


async def test_lines_of_one_turn_are_written_together() -> None:
    """Lines of one turn of the loop leave in one write, in order, each whole."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)  # a write, a datagram
    with ours, theirs:
        ours.setblocking(False)
        lines = logs._TurnLines(theirs.fileno())
        told = [b"%d %s\n" % (number, b"x" * 190) for number in range(30)]
        for line in told:
            lines.msg(line)
        with pytest.raises(BlockingIOError):
            ours.recv(65536)
        await asyncio.sleep(0)
        assert ours.recv(65536) == b"".join(told)


async def test_writes_to_a_pipe_are_short_enough_to_stay_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Several processes write to one pipe: none writes more at once than stays in one piece."""
    ours, theirs = os.pipe()
    writes = []
    monkeypatch.setattr(logs.os, "write", lambda _, line: writes.append(line))
    lines = logs._TurnLines(theirs)
    told = [b"%d %s\n" % (number, b"x" * 190) for number in range(30)]
    for line in told:
        lines.msg(line)
    await asyncio.sleep(0)
    assert b"".join(writes) == b"".join(told)
    assert len(writes) == 2
    assert max(map(len, writes)) <= select.PIPE_BUF
    os.close(ours)
    os.close(theirs)


def test_lines_outside_a_loop_are_written_at_once() -> None:
    """Without a running loop there is no turn to wait for."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with ours, theirs:
        logs._TurnLines(theirs.fileno()).msg(b"line\n")
        assert ours.recv(100) == b"line\n"


def test_plain_logger(lines: Any) -> None:
    """A line of the plain logger looks like any other, and follows the level."""
    read = lines(RUNNER_LOG="json", RUNNER_LOG_LEVEL="info")
    logs.get_logger("a", extra=1).info("event", field="value")
    logs.get_plain_logger("a").info("event", extra=1, field="value")
    logs.get_plain_logger("a").debug("event")
    told, plain = map(orjson.loads, read())
    assert told.pop("@timestamp") <= plain.pop("@timestamp")
    assert told == plain


def test_structlog_brings_no_rich() -> None:
    """Processes that serve do not import what renders tracebacks for it; others still can."""
    code = (
        "import sys, runner.web.frontend, runner.web.worker, runner.workers.supervisor\n"
        "assert 'structlog' in sys.modules\n"
        "assert not {'rich', 'pygments'} & set(sys.modules)\n"
        "import runner.cli.output\n"
        "assert 'rich' in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
