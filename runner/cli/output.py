"""Print for people on a terminal, plainly elsewhere, and as JSON for programs."""

from __future__ import annotations

import json
import logging
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import zip_longest
from typing import Any

import click
from rich.bar import Bar
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from runner import handlers

_BAR = 24  # characters
_WIDE = 10_000  # characters: a program, or a file, gets all of each cell
_SELDOM = 1.0  # seconds between lines of a count


def print_json(found: Any) -> None:
    """Print one JSON document."""
    click.echo(json.dumps(found, indent=2, ensure_ascii=False))


def print_table(
    titles: Sequence[str], rows: Sequence[Sequence[str]], bars: Sequence[float] = ()
) -> None:
    """Print a table: with lines and colours on a terminal, columns only elsewhere.

    ``bars``: a number for each row, shown as a bar on a terminal.
    """
    terminal = sys.stdout.isatty()
    console = Console(soft_wrap=not terminal, width=None if terminal else _WIDE)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for at, title in enumerate(titles):
        table.add_column(title, no_wrap=at == 0 or not terminal)
    chart: Sequence[RenderableType] = ()
    if bars and terminal:
        table.add_column("")
        most = max(bars) or 1
        chart = [Bar(most, 0, number, width=_BAR, color="cyan") for number in bars]
    for row, bar in zip_longest(rows, chart):
        cells: list[RenderableType] = [Text(cell) for cell in row]
        table.add_row(*cells, *([] if bar is None else [bar]))
    console.print(table)


def say(text: str) -> None:
    """Print a result, and give it to the handlers of the config's `logging`."""
    click.echo(text)
    _log(text)


def _log(text: str) -> None:
    handlers.hand_on("runner", logging.INFO, text)


class Count:
    """Count pieces of work, and tell it at most once in ``every`` seconds, and at the end."""

    def __init__(self, tell: Callable[[str], None], every: float = 0.0) -> None:
        self._tell = tell
        self._every = every
        self._done = self._expected = 0
        self._told = time.monotonic()
        self._lock = threading.Lock()

    def expect(self, count: int) -> None:
        """Take note of so many pieces more."""
        with self._lock:
            self._expected += count
            self._say()

    def done(self, count: int) -> None:
        """Take note that so many more are done; from any thread."""
        with self._lock:
            self._done += count
            now = time.monotonic()
            if now - self._told >= self._every or self._done == self._expected:
                self._told = now
                self._say()

    def _say(self) -> None:
        self._tell(str(self))

    def __str__(self) -> str:
        of = f" of {self._expected}" if self._expected else ""
        return f"{self._done}{of} fits done"


class Steps:
    """Tell what is being done and how long it took: on stderr, so that stdout stays for results."""

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False)

    @contextmanager
    def step(self, what: str) -> Iterator[None]:
        """Tell of one step: a spinner while it lasts on a terminal, one plain line elsewhere."""
        begun = time.perf_counter()
        if self._console.is_terminal:
            with self._console.status(f"{what}…"):
                yield
        else:
            yield
        seconds = time.perf_counter() - begun
        self._tell(f"{what}… done in {seconds:.3f} s")

    @contextmanager
    def tally(self, what: str) -> Iterator[Count]:
        """Tell of a step of many pieces: in the spinner on a terminal, by lines elsewhere."""
        begun = time.perf_counter()
        if self._console.is_terminal:
            with self._console.status(f"{what}…") as status:
                count = Count(lambda text: status.update(f"{what}… {text}"))
                yield count
        else:
            count = Count(self.line, _SELDOM)
            yield count
        seconds = time.perf_counter() - begun
        self._tell(f"{what}… {count} in {seconds:.3f} s")

    def line(self, text: str) -> None:
        """Pass on a line of the model's."""
        self._console.print(f"  {text}", markup=False, style="dim", soft_wrap=True)
        _log(text)

    def _tell(self, text: str) -> None:
        self._console.print(text, markup=False, soft_wrap=True)
        _log(text)
