"""Print for people on a terminal, plainly elsewhere, and as JSON for programs."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import zip_longest
from typing import Any

import click
from rich.bar import Bar
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

_BAR = 24  # characters


def print_json(found: Any) -> None:
    """Print one JSON document."""
    click.echo(json.dumps(found, indent=2, ensure_ascii=False))


def print_table(
    titles: Sequence[str], rows: Sequence[Sequence[str]], bars: Sequence[float] = ()
) -> None:
    """Print a table: with lines and colours on a terminal, columns only elsewhere.

    ``bars``: a number for each row, shown as a bar on a terminal.
    """
    console = Console(soft_wrap=not sys.stdout.isatty())
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in titles:
        table.add_column(title, no_wrap=not sys.stdout.isatty())
    chart: Sequence[RenderableType] = ()
    if bars and sys.stdout.isatty():
        table.add_column("")
        most = max(bars) or 1
        chart = [Bar(most, 0, number, width=_BAR, color="cyan") for number in bars]
    for row, bar in zip_longest(rows, chart):
        cells: list[RenderableType] = [Text(cell) for cell in row]
        table.add_row(*cells, *([] if bar is None else [bar]))
    console.print(table)


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
        self._console.print(f"{what}… done in {seconds:.3f} s", markup=False, soft_wrap=True)

    def line(self, text: str) -> None:
        """Pass on a line of the model's."""
        self._console.print(f"  {text}", markup=False, style="dim", soft_wrap=True)
