"""`runner stream`: lines in, lines out, as pld-stream has it, by real workers."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.requirements import need
from tests.serving.project import RUNNER, Project, run, tricky
from tests.serving.server import serving
from tests.serving.test_examples import EXAMPLES, FLOWER, FLOWERS

ERROR = "Error while processing input row: "


@pytest.fixture(scope="module")
def tricks(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = tricky(tmp_path_factory.mktemp("stream"), service="timeout: 2")
    project.fit()
    return project


def _start(project: Project, *arguments: str, **options: Any) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [*RUNNER, "stream", "-c", str(project.config), *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        **options,
    )


def _stream(project: Project, text: str, *arguments: str) -> tuple[list[Any], list[str]]:
    """Give the lines that came out, read, and the errors of lines."""
    with _start(project, *arguments) as process:
        out, err = process.communicate(text.encode(), timeout=180)
    assert process.returncode == 0, err.decode()
    errors = [line for line in err.decode().splitlines() if line.startswith(ERROR)]
    return [json.loads(line) for line in out.splitlines()], errors


def _lines(*rows: Any) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


@pytest.fixture
def running(tricks: Project) -> Iterator[subprocess.Popen[bytes]]:
    with _start(tricks) as process:
        yield process
        process.kill()


def _ask(process: subprocess.Popen[bytes], text: str) -> bytes:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(text.encode())
    process.stdin.flush()
    return process.stdout.readline()


def test_parity_pld_stream(tricks: Project) -> None:
    """pld-stream: a list a line in and out; [] and a message for a bad line; `exit` ends.

    Row "stream".
    """
    text = _lines([{"x": 1}, {"x": 2}]) + "nonsense\n" + _lines([{"x": 3}]) + " EXIT \n"

    out, errors = _stream(tricks, text + _lines([{"x": 4}]))

    assert out == [[2.0, 4.0], [], [6.0]]
    assert len(errors) == 1
    assert errors[0].startswith(f"{ERROR}line 2: no JSON: ")
    assert errors[0].endswith(": nonsense")


def test_keys(tricks: Project) -> None:
    """--keys: what stands before the last tab goes before the answer, of a bad line too."""
    lines = [b'1\ta b\t[{"x": 1}]', b'2\t[{"x": "a"}]', b'[{"x": 3}]', b'\t[{"x": 4}, {"x": 5}]']
    with _start(tricks, "--keys") as process:
        out, err = process.communicate(b"\n".join(lines), timeout=180)

    assert out.splitlines() == [b"1\ta b\t[2.0]", b"2\t[]", b"[]", b"\t[8.0,10.0]"]
    errors = [line for line in err.decode().splitlines() if line.startswith(ERROR)]
    assert len(errors) == 2
    assert "line 2: row 0: x: 'a' is not accepted" in errors[0]
    assert "line 3: no tab between a key and a list" in errors[1]


BAD = {
    "[]": "no rows",
    "{}": "not a list of objects",
    '{"columns": [[1]]}': "not a list of objects",
    '{"columns": {}}': "no rows",
    '{"columns": {"x": []}}': "at least one row",
    '{"columns": {"x": [1, "a"]}}': "row 1: x: 'a' is not accepted",
    '{"columns": {"x": [1], "y": [1, 2]}}': "y: '2 values' is not accepted",
    '{"columns": {"x": [-4, 1]}}': "the model does not like -4",
    "": "no JSON",
    "[NaN]": "JSON has no such value",
    "[1]": "row 0: 1 is not accepted, expected an object",
    '[{"y": 1}]': "x: not given",
    '[{"x": 1}, {"x": "a"}]': "row 1: x: 'a' is not accepted",
    '[{"x": null}]': "x: null is not accepted",
    '[{"x": true}]': "x: True is not accepted",
    '[{"x": 1}': "no JSON",
    '{"x": 1}]': "no JSON",
    '[{"x": -4.0}]': "the model does not like -4",
    "\x00": "no JSON",
}


def test_bad_lines_spoil_no_other(tricks: Project) -> None:
    """Each bad line gets [] and says why; good ones around it, in the same batch, are answered."""
    good = _lines([{"x": 5}])
    text = good + "".join(f"{line}\n{good}" for line in BAD)

    out, errors = _stream(tricks, text)

    assert out == [[10.0], *[[], [10.0]] * len(BAD)]
    for number, (error, why) in enumerate(zip(errors, BAD.values(), strict=True)):
        assert error.startswith(f"{ERROR}line {2 * number + 2}: ")
        assert why in error


def test_columns(tricks: Project) -> None:
    """A line of columns is answered as its rows are, alone and beside others that are not."""
    columns = {"columns": {"x": [1, 2.5]}}
    bent = {"columns": {"y": ["a", "b"], "x": ["3", 4]}}

    out, errors = _stream(tricks, _lines(columns, columns) + _lines([{"x": 5}], columns, bent))

    assert out == [[2.0, 5.0], [2.0, 5.0], [10.0], [2.0, 5.0], [6.0, 8.0]]
    assert errors == []


def test_too_many_rows(tmp_path: Path) -> None:
    """A line of more rows than `max_rows` is refused, of columns too; one of so many is not."""
    project = tricky(tmp_path)
    with project.config.open("a") as config:
        config.write("server: {max_rows: 3}\n")
    project.fit()

    out, errors = _stream(
        project,
        _lines(*({"columns": {"x": [1] * many}} for many in (3, 4)), [{"x": 1}] * 4, [{"x": 1}]),
    )

    assert out == [[2.0] * 3, [], [], [2.0]]
    assert ["(server.max_rows)" in error for error in errors] == [True, True]


def test_a_line_that_kills_its_worker(tricks: Project) -> None:
    """A crash is blamed on its line alone, and the worker is started again."""
    rows = [[{"x": x}] for x in (1, 2, -2, 3, 4)]

    out, errors = _stream(tricks, _lines(*rows))

    assert out == [[2.0], [4.0], [], [6.0], [8.0]]
    assert len(errors) == 1
    assert "line 3: the model of tricks crashed" in errors[0]


def test_a_line_at_which_the_model_hangs(tricks: Project) -> None:
    """A line that takes longer than the service's timeout is given up, others are answered."""
    out, errors = _stream(tricks, _lines([{"x": 1}], [{"x": -3}], [{"x": 2}]))

    assert out == [[2.0], [], [4.0]]
    assert len(errors) == 1
    assert "line 2: " in errors[0]


def test_order_with_replicas(tricks: Project) -> None:
    """Row "stream": Ten thousand lines come back in order from two workers."""
    out, errors = _stream(
        tricks, _lines(*[[{"x": n}] for n in range(1, 10_001)]), "--replicas", "2"
    )

    assert out == [[2.0 * n] for n in range(1, 10_001)]
    assert errors == []


def test_the_input_pauses(running: subprocess.Popen[bytes]) -> None:
    """Each line is answered although no other follows; the last one even without its end."""
    assert _ask(running, _lines([{"x": 1}])) == b"[2.0]\n"
    assert _ask(running, _lines([{"x": 2}])) == b"[4.0]\n"

    out, _ = running.communicate(b'[{"x": 3}]', timeout=30)

    assert out == b"[6.0]\n"
    assert running.returncode == 0


def test_nobody_reads_the_output(running: subprocess.Popen[bytes]) -> None:
    """It ends at once, though the input stays open, and without a traceback."""
    assert running.stdout is not None
    assert running.stderr is not None
    _ask(running, _lines([{"x": 1}]))
    running.stdout.close()

    assert running.wait(30) == 0
    assert b"Traceback" not in running.stderr.read()


def test_sigterm(running: subprocess.Popen[bytes]) -> None:
    """It ends at once, and leaves no worker behind."""
    assert running.stderr is not None
    _ask(running, _lines([{"x": 1}]))
    running.send_signal(signal.SIGTERM)

    assert running.wait(30) == 143
    told = running.stderr.read().decode()
    assert "Traceback" not in told
    (worker,) = re.findall(r'"pid":(\d+)', told)
    assert not Path(f"/proc/{worker}").exists()


def test_memory_is_bounded(tricks: Project) -> None:
    """A line longer than server.max_body is refused without being kept."""
    config = tricks.config.read_text()
    tricks.config.write_text(config + "server: {max_body: 1024}\n")
    try:
        out, errors = _stream(tricks, "[" + " " * 3_000_000 + "]\n" + _lines([{"x": 1}]))
    finally:
        tricks.config.write_text(config)

    assert out == [[], [2.0]]
    assert "line 1: longer than 1024 bytes (server.max_body)" in errors[0]


def test_versions(tricks: Project) -> None:
    """--model-version asks another than the active one; one that is not there is exit code 3."""
    done = tricks.run("stream", "--model-version", "99")

    assert done.code == 3
    assert "99" in done.stderr
    assert _stream(tricks, _lines([{"x": 1}]), "--model-version", "1")[0] == [[2.0]]


def test_records(tmp_path: Path) -> None:
    """A record for each call of the model, naming who ran it, and one for each line that failed."""
    project = tricky(tmp_path)
    project.fit()

    _stream(project, _lines([{"x": 1}, {"x": 2}], [{"x": 3}]) + "nonsense\n")

    lines = (tmp_path / "runner-audit.jsonl").read_text().splitlines()
    records = [each for each in map(json.loads, lines) if each["event.action"] == "predict"]
    good = [each for each in records if each["event.outcome"] == "success"]
    assert sum(each["runner.rows"] for each in good) == 3
    assert sum(each["runner.batch"] for each in good) == 2
    assert [each["error.code"] for each in records if each not in good] == ["invalid_json"]
    assert all(each["user.name"] for each in records)
    assert run("audit", "verify", "-c", str(project.config), cwd=tmp_path).code == 0


@pytest.mark.parametrize("name", [pytest.param(n, marks=need(k)) for n, k in FLOWERS.items()])
def test_as_the_server_answers(name: str, tmp_path: Path) -> None:
    """In each language: what the server says under `result`, for one row and for many."""
    shutil.copytree(EXAMPLES / name, tmp_path / name, ignore=shutil.ignore_patterns("*.db*"))
    project = Project(tmp_path / name)
    project.fit()
    rows = [{**FLOWER, "petal length": n / 10, "petal width": n / 28} for n in range(10, 70)]

    out, errors = _stream(project, _lines(rows, rows[:1]))

    assert errors == []
    assert len(set(out[0])) > 1
    with serving(project) as server:
        assert out[0] == server.request("POST", "/predict", rows)[1]["result"]
    assert out[1] == out[0][:1]
