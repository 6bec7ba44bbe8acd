"""Start R inside this process, and call the functions of its glue."""

from __future__ import annotations

import locale
import os
import signal
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import rpy2.rinterface as r  # looks for R and loads it
from rpy2.rinterface_lib import callbacks, embedded

from adapters.protocol import CannotStart
from contracts.errors import Code, Failure

GLUE = ("faults.R", "scripts.R", "frames.R", "predict.R", "glue.R")
"""Files that are evaluated into one environment, in this order."""

_NULL = 0  # R's TYPEOF of NULL


def start() -> Glue:
    """Start R, once a process and in its main thread, and evaluate the glue.

    R is not interactive and keeps no workspace. What it prints goes to standard error, readline()
    is told the end of input, and R's own limit on the C stack stays on, so that an endless
    recursion is an error and no crash. Raises CannotStart.
    """
    _want_utf8()
    callbacks.consolewrite_print = callbacks.consolewrite_warnerror = _log
    callbacks.showmessage = _log
    callbacks.consoleread = lambda prompt: ""
    embedded.set_initoptions(("rpy2", "--quiet", "--no-save", "--no-restore"))
    interrupt = signal.getsignal(signal.SIGINT)
    try:
        r.initr(interactive=False, _c_stack_limit=0)  # 0: leave the limit that R has found
    except (OSError, RuntimeError) as ex:
        raise CannotStart(f"R does not start: {ex}") from ex
    signal.signal(signal.SIGINT, interrupt)  # rpy2 has put its own
    return Glue()


class Glue:
    """Call the functions of the glue; what fails in them raises Failure."""

    def __init__(self) -> None:
        self.bridge_version = metadata.version("rpy2")
        self._environment = r.baseenv["new.env"](parent=r.baseenv)
        for name in GLUE:
            path = r.StrSexpVector([str(Path(__file__).with_name(name))])
            r.baseenv["sys.source"](path, self._environment)
        self._failure = self._environment["failure"]

    def call(self, code: Code, function: str | Any, *arguments: Any) -> Any:
        """Call a function by its name in the glue, or an R function, with R values.

        It gives an R value, or NULL if it failed: then Failure is raised with the code that the
        glue chose, or else with ``code``, and R's message and traceback.
        """
        if isinstance(function, str):
            function = self._environment[function]
        try:
            result = function(*arguments)
        except embedded.RRuntimeError as ex:
            # Past the glue's handlers: R had no room on its stack to run them.
            raise Failure(code, str(ex).strip()) from ex
        if result.typeof == _NULL:
            raise self._told(code)
        return result

    def _told(self, code: Code) -> Failure:
        chosen, message, traceback = (
            self._failure[key][0] for key in ("code", "message", "traceback")
        )
        return Failure(Code(chosen) if chosen else code, message, traceback)

    def value(self, setting: Any) -> Any:
        """Give the R value of a setting: scalars, lists, maps as they come from a config.

        A list of scalars of one kind becomes a vector, any other list and every map an R list.
        Raises Failure(unrepresentable) for an integer beyond ±2^53.
        """
        match setting:
            case None:
                return r.NULL
            case Mapping():
                names = r.StrSexpVector([str(key) for key in setting])
                values = r.ListSexpVector([self.value(item) for item in setting.values()])
                values.do_slot_assign("names", names)
                return values
            case list() | tuple():
                kinds = {type(item) for item in setting}
                if kinds == {int, float}:
                    return self._vector(float, setting)
                if len(kinds) == 1 and kinds <= _SCALARS:
                    return self._vector(kinds.pop(), setting)
                return r.ListSexpVector([self.value(item) for item in setting])
        if type(setting) is str and "\0" in setting:
            raise Failure(Code.UNREPRESENTABLE, f"{setting!r} has a NUL, which R cannot hold")
        if type(setting) in _SCALARS:
            return self._vector(type(setting), [setting])
        raise Failure(Code.BAD_MODEL, f"{setting!r}: R has no value for a {type(setting).__name__}")

    def _vector(self, kind: type, items: Any) -> Any:
        if kind is int:
            for item in items:
                if abs(item) > 2**53:
                    raise Failure(
                        Code.UNREPRESENTABLE,
                        f"{item} is beyond ±2^53, the limit of exact integers in R",
                    )
            if any(abs(item) >= 2**31 for item in items):
                kind = float
        vectors = {
            bool: r.BoolSexpVector,
            int: r.IntSexpVector,
            float: r.FloatSexpVector,
            str: r.StrSexpVector,
        }
        return vectors[kind](list(items))


_SCALARS = frozenset({bool, int, float, str})


def _log(text: str) -> None:
    os.write(2, text.encode(errors="replace"))  # unbuffered: quit() would lose what a stream holds


def _want_utf8() -> None:
    """Let R read and print all of Unicode, also where the environment names no locale."""
    locale.setlocale(locale.LC_CTYPE, "")
    if locale.nl_langinfo(locale.CODESET) != "UTF-8":
        os.environ.pop("LC_ALL", None)
        os.environ["LC_CTYPE"] = "C.UTF-8"
