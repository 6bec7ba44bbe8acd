"""Fit, test, store and serve the four example services, ask each one, and print a table."""

from __future__ import annotations

import contextlib
import json
import shlex
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parent.parent
RUNNER = [str(Path(sys.executable).with_name("runner"))]
FLOWER = {
    "sepal length": 5.2,
    "sepal width": 3.5,
    "petal length": 1.5,
    "petal width": 0.2,
}
console = Console(soft_wrap=True, highlight=False)


@dataclass
class Example:
    """One example folder, a question to ask its service, and what came of it."""

    folder: str
    language: str
    question: dict[str, Any]
    row: dict[str, str] = field(default_factory=dict)

    @property
    def config(self) -> str:
        return str(ROOT / "examples" / self.folder / "runner.yaml")


EXAMPLES = [
    Example("iris-sklearn", "python", FLOWER),
    Example("iris-r", "r", FLOWER),
    Example("toothgrowth-r", "r", {"supp": "VC", "dose": 1.0}),
    Example("iris-julia", "julia", FLOWER),
]


def main(stay: bool) -> int:
    """Run the demo; give its exit code."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # both take the server along
    examples = _possible(EXAMPLES)
    console.print("[bold]==> fit and test, two at a time")
    with ThreadPoolExecutor(max_workers=2) as pool:
        # Julia first: it takes longest, because it compiles.
        list(pool.map(_fit_and_test, reversed(examples)))
    console.print("[bold]==> one server for all of them")
    with _server(examples, port=5000 if stay and _is_free(5000) else 0) as url:
        for example in examples:
            _ask(example, url)
        _print_table(examples)
        if stay:
            _print_commands(examples, url)
            console.print("The server stays up: Ctrl-C ends it.")
            with contextlib.suppress(KeyboardInterrupt):
                signal.pause()
    if not stay:
        console.print("scripts/demo --stay leaves the server up and prints commands to try.")
        console.print(". .venv/bin/activate puts 'runner' on your PATH.")
    return 0


def _possible(examples: list[Example]) -> list[Example]:
    """Leave out the languages that do not work here, and say how to mend them."""
    found = subprocess.run(
        [*RUNNER, "doctor", "--json"], stdout=subprocess.PIPE, check=False, text=True
    )
    working = set()
    for diagnosis in json.loads(found.stdout)["languages"]:
        if diagnosis["works"]:
            working.add(diagnosis["language"])
        else:
            console.print(f"{diagnosis['language']} does not work here: {diagnosis['problem']}")
            console.print(f"  mend it with: {diagnosis['mend']}")
    return [example for example in examples if example.language in working]


def _runner(*arguments: str) -> Any:
    """Run a runner command, its progress shown, and give the JSON that it prints."""
    process = subprocess.Popen(
        [*RUNNER, *arguments, "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    service = Path(arguments[-1]).parent.name
    for line in process.stderr:
        console.print(f"{service:14}{line.rstrip()}", markup=False)
    printed = process.stdout.read()
    if process.wait():
        raise SystemExit(f"runner {shlex.join(arguments)} ended with exit code {process.wait()}")
    return json.loads(printed)


def _fit_and_test(example: Example) -> None:
    fitted = _runner("fit", "--evaluate", "-c", example.config)
    tested = _runner("test", "-c", example.config)
    metadata = fitted["metadata"]
    score = next(iter(tested["scores"].values()))
    example.row |= {
        "service": metadata["service_name"],
        "language": f"{metadata['language']} {metadata['language_version']}",
        "version": str(fitted["version"]),
        "test score": f"{score:.3f}",
    }


def _is_free(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
        return True
    return False


@contextlib.contextmanager
def _server(examples: list[Example], port: int) -> Iterator[str]:
    """Serve all examples until the context ends, in order by SIGTERM."""
    configs = [part for example in examples for part in ("-c", example.config)]
    log = ROOT / "examples" / "server.log"
    with log.open("w") as out:
        server = subprocess.Popen(
            [*RUNNER, "serve", *configs, "--port", str(port)], stdout=out, stderr=out
        )
        try:
            url = _wait_until_ready(server, log)
            console.print(f"ready: {url}  (log: {log.relative_to(ROOT)})")
            yield url
        finally:
            server.send_signal(signal.SIGTERM)
            code = server.wait(60)
            console.print(f"the server ended with exit code {code}")


def _wait_until_ready(server: subprocess.Popen[bytes], log: Path) -> str:
    deadline = time.monotonic() + 120
    url = None
    while time.monotonic() < deadline and server.poll() is None:
        url = url or _announced_url(log)
        if url:
            with contextlib.suppress(OSError, urllib.error.HTTPError):
                urllib.request.urlopen(f"{url}/health/ready", timeout=5).close()
                return url
        time.sleep(0.05)
    raise SystemExit(f"the server is not ready:\n{log.read_text()}")


def _announced_url(log: Path) -> str | None:
    for line in log.read_text().splitlines():
        with contextlib.suppress(ValueError):
            event = json.loads(line)
            if event.get("event") == "serving":
                return str(event["url"])
    return None


def _path(example: Example) -> str:
    return f"/services/{example.row['service']}/predict?{urlencode(example.question)}"


def _ask(example: Example, url: str) -> None:
    """Ask a few times; keep the answer and the median latency."""
    times = []
    for _ in range(11):
        begun = time.perf_counter()
        with urllib.request.urlopen(url + _path(example), timeout=30) as response:
            answer = json.load(response)
        times.append(time.perf_counter() - begun)
    result = answer["result"]
    example.row["answer"] = f"{result:.2f}" if isinstance(result, float) else str(result)
    example.row["latency"] = f"{sorted(times)[5] * 1000:.1f} ms"


def _print_table(examples: list[Example]) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in examples[0].row:
        table.add_column(title)
    for example in examples:
        table.add_row(*example.row.values())
    console.print()
    console.print(table)
    console.print()


def _print_commands(examples: list[Example], url: str) -> None:
    for example in examples:
        console.print(f"curl '{url}{_path(example)}'", markup=False)


if __name__ == "__main__":
    sys.exit(main(stay="--stay" in sys.argv[1:]))
