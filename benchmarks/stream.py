"""Measure `runner stream` beside Palladium's pld-stream, and beside the same model's predict.

    python -m benchmarks.stream [--rounds 5] [--json]

Two works, each the same lines for all: a row a line, and a thousand rows a line. In each round, one
after the other: `runner stream`; `pld-stream`, in a virtual environment of its own
(`benchmarks.peers`); the model's own predict in this process, once a line, its numpy array made
already; the JSON of those lines alone, read by orjson into maps.

A stream has answered a line before it is timed, from the first byte that it is sent until its last
answer is read: start-up does not count. Every answer is compared with that of the bare predict. All
fit the same rows with the same parameters. A thousand rows on a line come as records, which all can
read, and as columns, which only `runner stream` can. A forest of 100 trees is asked with
them, too: a tree takes less time for a row than anybody needs to read one. Figures are
medians of the rounds; those per second of processors are by what the stream and its workers worked,
and say more on a busy machine.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pandas as pd
import psutil
from sklearn.ensemble import RandomForestClassifier
from sklearn.tree import DecisionTreeClassifier

from benchmarks.iris import DATA, FEATURES, Row, many, rows
from benchmarks.peers.environments import DEFAULT_FOLDER, bin_of
from benchmarks.peers.palladium import Palladium
from benchmarks.peers.peer import Place
from benchmarks.servers import RUNNER, fitted_example

_MOST = 1 << 20
MODELS = {
    "tree": '{"!": sklearn.tree.DecisionTreeClassifier, min_samples_leaf: 1, random_state: 0}',
    "forest": '{"!": sklearn.ensemble.RandomForestClassifier, random_state: 0}',
}
OURS, THEIRS, BARE, JSON = "runner stream", "pld-stream", "bare predict", "orjson.loads"

Timed = tuple[float, float]  # seconds that passed, and that processors worked


class Stream:
    """A command that answers lines, warm."""

    def __init__(self, argv: Sequence[str], log: Path, environ: Mapping[str, str]) -> None:
        with log.open("ab") as err:
            self._process = subprocess.Popen(
                argv,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=err,
                env={**os.environ, **environ},
            )
        self._log = log

    def answer(self, lines: Sequence[bytes]) -> tuple[list[Any], Timed]:
        """Send lines and give their answers."""
        text = b"".join(lines)
        writer = threading.Thread(target=self._write, args=(text,))
        before, begun = self._worked(), time.perf_counter()
        writer.start()
        parts, left = [], len(lines)
        assert self._process.stdout is not None
        while left:
            part = os.read(self._process.stdout.fileno(), _MOST)
            if not part:
                raise SystemExit(f"a stream ended:\n{self._log.read_text()[-2000:]}")
            left -= part.count(b"\n")
            parts.append(part)
        timed = time.perf_counter() - begun, self._worked() - before
        writer.join()
        return [orjson.loads(line) for line in b"".join(parts).splitlines()], timed

    def _write(self, text: bytes) -> None:
        assert self._process.stdin is not None
        view = memoryview(text)
        while view:
            view = view[os.write(self._process.stdin.fileno(), view[:_MOST]) :]

    def _worked(self) -> float:
        stream = psutil.Process(self._process.pid)
        times = [each.cpu_times() for each in (stream, *stream.children(recursive=True))]
        return sum(each.user + each.system for each in times)

    def close(self) -> None:
        """End the input, and wait for the end."""
        self._process.communicate(timeout=60)


class Work:
    """Lines of so many rows, and how many of them each is asked in a round."""

    def __init__(
        self,
        title: str,
        model: Any,
        rows_a_line: int,
        lines: Mapping[str, int],
        form: Callable[[list[Row]], Any] = list,
    ) -> None:
        self.title = title
        self.lines = lines
        self._rates: dict[str, list[Timed]] = {name: [] for name in lines}
        self._rows = rows_a_line
        self._model = model
        flowers = len(rows())
        asked = many(rows_a_line * flowers)  # each flower in each place of a line
        cut = [asked[at : at + rows_a_line] for at in range(0, len(asked), rows_a_line)]
        self._texts = [
            json.dumps(form(line), separators=(",", ":")).encode() + b"\n" for line in cut
        ]
        self._arrays = [np.array([list(row.values()) for row in line]) for line in cut]
        self._expected = [model.predict(array).tolist() for array in self._arrays]

    def turn(self, streams: Mapping[str, Stream], count: bool) -> None:
        """Have everybody answer once; ``count`` the figures, unless this is for warmth."""
        for name, lines in self.lines.items():
            if name in streams:
                answers, timed = streams[name].answer(_cycle(self._texts, lines))
                if answers != _cycle(self._expected, lines):
                    raise SystemExit(f"{name}, {self.title}: other answers than a bare predict's")
            elif name == BARE:
                timed = _timed(self._model.predict, _cycle(self._arrays, lines))
            else:
                timed = _timed(orjson.loads, _cycle(self._texts, lines))
            if count:
                wall, worked = (lines * self._rows / seconds for seconds in timed)
                self._rates[name].append((wall, worked))

    def figures(self) -> dict[str, Any]:
        """Give medians of rows a second, and how many times those of each other ours are."""
        medians = {
            name: tuple(map(statistics.median, zip(*rates, strict=True)))
            for name, rates in self._rates.items()
        }
        wall, worked = medians[OURS]
        return {
            name: {
                "rows_per_second": round(found[0]),
                "rows_per_processor_second": round(found[1]),
                "ours_by_this": round(wall / found[0], 2),
                "ours_by_this_processors": round(worked / found[1], 2),
            }
            for name, found in medians.items()
        }


def _columns(line: list[Row]) -> Any:
    return {"columns": {name: [row[name] for row in line] for name in FEATURES}}


def _cycle(of: Sequence[Any], count: int) -> list[Any]:
    return list(islice(cycle(of), count))


def _timed(call: Callable[[Any], Any], asked: Sequence[Any]) -> Timed:
    worked, begun = time.process_time(), time.perf_counter()
    for one in asked:
        call(one)
    return time.perf_counter() - begun, time.process_time() - worked


def measure(rounds: int, folder: Path, environments: Path) -> list[Work]:
    """Start the streams, and give every work its rounds."""
    data = pd.read_csv(DATA)[:100]
    fitted = data[list(FEATURES)].to_numpy(), data["species"].to_numpy(dtype=str)
    tree = DecisionTreeClassifier(min_samples_leaf=1, random_state=0).fit(*fitted)
    forest = RandomForestClassifier(random_state=0).fit(*fitted)
    peer = Palladium()
    place = Place(bin_of(peer, environments, _say), folder / peer.name)
    place.folder.mkdir()
    peer.prepare(place)
    ours, larger = (_fitted(folder / name, model) for name, model in MODELS.items())
    works = [
        Work("a row a line", tree, 1, {OURS: 50_000, THEIRS: 5_000, BARE: 3_000, JSON: 50_000}),
        Work("1,000 rows a line", tree, 1000, {OURS: 1000, THEIRS: 10, BARE: 1000, JSON: 500}),
        Work("1,000 rows, columns", tree, 1000, {OURS: 2000, BARE: 1000, JSON: 500}, _columns),
        Work("1,000 rows, forest", forest, 1000, {OURS: 200, BARE: 100, JSON: 500}),
    ]
    with ExitStack() as stack:

        def stream(argv: Sequence[str], environ: Mapping[str, str]) -> Stream:
            return stack.enter_context(
                contextlib.closing(Stream(argv, folder / "stream.log", environ))
            )

        mine = stream([*RUNNER, "stream", "-c", str(ours)], {})
        theirs = stream([str(place.bin / "pld-stream")], peer.environ(place, 0))
        both = {OURS: mine, THEIRS: theirs}
        of_forest = {OURS: stream([*RUNNER, "stream", "-c", str(larger)], {})}
        for number in range(rounds + 1):
            for work, streams in zip(works, (both, both, both, of_forest), strict=True):
                _say(f"round {number} of {rounds}: {work.title}" if number else "warming up")
                work.turn(streams, count=number > 0)
    return works


def _fitted(folder: Path, model: str) -> Path:
    """Fit the scikit-learn example, with another model."""
    config = fitted_example("iris-sklearn", folder)
    text, changed = re.subn("^model: .*$", f"model: {model}", config.read_text(), flags=re.M)
    assert changed == 1
    config.write_text(text)
    subprocess.run([*RUNNER, "fit", "-c", str(config)], check=True, capture_output=True)
    return config


def _say(what: str) -> None:
    print(what, file=sys.stderr)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.stream", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    parser.add_argument(
        "--environments", type=Path, default=DEFAULT_FOLDER, help="where pld-stream is kept"
    )
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name:
        works = measure(arguments.rounds, Path(name), arguments.environments)
    found = {work.title: work.figures() for work in works}
    if arguments.json:
        load = dict(zip(("1 min", "5 min", "15 min"), os.getloadavg(), strict=True))
        print(json.dumps({"load": load, "processors": os.cpu_count(), "works": found}, indent=2))
        return
    for title, figures in found.items():
        for who, told in figures.items():
            print(
                f"{title:20} {who:14} {told['rows_per_second']:12,} rows/s "
                f"{told['rows_per_processor_second']:12,} rows/s of processors   "
                f"ours: {told['ours_by_this']:7.2f} x, {told['ours_by_this_processors']:7.2f} x"
            )


if __name__ == "__main__":
    main()
