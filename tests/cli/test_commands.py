"""The commands, as people and programs run them: real processes, exit codes, output."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from benchmarks.scale import fill
from runner.cli.main import COMMANDS
from tests.requirements import need
from tests.serving.project import RUNNER, Project, run, tricky, write_project
from tests.serving.server import until


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return tricky(tmp_path / "tricks")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(command: str) -> None:
    """--help of each command shows an example and exits with 0."""
    done = run(command, "--help")
    assert done.code == 0
    assert "Example:" in done.stdout


def test_help_imports_nothing_heavy() -> None:
    """`runner --help` loads no numpy, pandas, sklearn, SQLAlchemy or falcon."""
    code = (
        "import sys; from runner.cli.main import group; "
        "group.main(['--help'], standalone_mode=False); "
        "heavy = {'numpy', 'pandas', 'sklearn', 'sqlalchemy', 'falcon'} & set(sys.modules); "
        "sys.exit(repr(heavy) if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_pages_of_versions(project: Project) -> None:
    """`list` shows the newest; stderr says which is active if none of them, and how to see more."""
    project.fit()
    fill(f"sqlite:///{project.folder / 'runner.db'}", "tricks", 2, 250)
    assert project.run("activate", "3").code == 0
    listed = project.run("list")
    assert [line.split()[0] for line in listed.stdout.splitlines()[1:]] == [
        str(number) for number in range(151, 251)
    ]
    assert listed.stderr == (
        "Version 3 is active.\nUp to 150 older ones: 'runner list --before 151', or '--all'.\n"
    )
    last = project.run("list", "--before", "4", "--limit", "3")
    assert [line.split()[:2] for line in last.stdout.splitlines()[3:]] == [["3", "*"]]
    assert last.stderr == ""
    assert len(project.run("list", "--all", "--json").json["models"]) == 250
    assert project.run("list", "--limit", "2", "--json").json["next"] == {"before": 249}
    assert project.run("list", "--before", "1").stdout == "No versions of tricks before 1.\n"
    for refused in (["--limit", "0"], ["--before", "x"], ["--limit", "5", "--all"]):
        assert project.run("list", *refused).code == 2


def test_the_whole_walk(project: Project) -> None:
    """fit, test, list, activate, delete: numbers, scores and the active version are right.

    Row "fit", Row "versions".
    """
    fitted = project.run("fit", "--evaluate", "--json").json
    assert (fitted["version"], fitted["activated"]) == (1, True)
    assert fitted["metadata"]["score_test"] == 1.0
    assert project.fit("--no-activate") == 2
    tested = project.run("test", "--json").json
    assert tested == {"version": 1, "scores": {"score": 1.0}}
    listed = project.run("list", "--json").json
    assert [model["version"] for model in listed["models"]] == [1, 2]
    assert listed["properties"]["active-model"] == "1"
    assert project.run("activate", "2").code == 0
    assert project.run("delete", "1").code == 0
    listed = project.run("list", "--json").json
    assert [model["version"] for model in listed["models"]] == [2]
    assert listed["properties"]["active-model"] == "2"
    assert project.fit() == 3


def test_metadata_says_where_a_version_comes_from(project: Project) -> None:
    """A version records time in UTC, language, packages, hashes, user and signature.

    Row "metadata".
    """
    project.fit()
    (model,) = project.run("list", "--json").json["models"]
    assert model["train_timestamp"].endswith("+00:00")
    assert model["language"] == "python"
    assert model["language_version"] == ".".join(map(str, sys.version_info[:3]))
    assert "numpy" in model["packages"]
    assert len(model["data_sha256"]) == len(model["config_sha256"]) == 64
    assert model["user"]
    assert [f["name"] for f in model["signature"]["features"]] == ["x"]
    assert model["rows"] == 10


def test_not_saved_because_not_better(project: Project) -> None:
    """A fit that is not good enough exits with 0, says so in its last line, and stores nothing.

    Row "fit".
    """
    done = project.run("fit", "--save-if-better-than", "1.5")
    assert done.code == 0
    assert done.stdout.splitlines()[-1] == "Model not saved: test score 1 is below 1.5."
    assert project.run("list", "--json").json["models"] == []


def test_progress_is_plain_lines_elsewhere(project: Project) -> None:
    """Without a terminal progress is whole lines on stderr, and no escape codes."""
    done = project.run("fit")
    assert "Loading train data… done in " in done.stderr
    assert "\x1b" not in done.stderr + done.stdout
    assert done.stdout == "Wrote model with version 1, now active.\n"


def test_progress_turns_on_a_terminal(project: Project) -> None:
    """On a terminal each step has a spinner while it lasts, and its line afterwards."""
    master, slave = pty.openpty()
    with open(master, "rb", buffering=0) as screen:
        with open(slave, "wb", buffering=0) as terminal:
            fit = subprocess.Popen(
                [*RUNNER, "fit", "-c", str(project.config)],
                stdout=terminal,
                stderr=terminal,
                env={**os.environ, "TERM": "xterm"},
            )
        shown = b""
        with contextlib.suppress(OSError):  # the terminal's end: nobody has it open any more
            while part := screen.read(1 << 16):
                shown += part
    assert fit.wait() == 0
    text = shown.decode()
    for step in ("Loading train data", "Fitting model", "Storing model"):
        assert re.search(rf"[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏]\S* {step}…", text), text
        assert f"{step}… done in " in text
    assert "\x1b[2K" in text, "what turned is wiped away"
    assert text.endswith("Wrote model with version 1, now active.\r\n")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["activate", "7"], 3, "7"),
        (["delete", "7"], 3, "7"),
        (["test"], 3, "no active version"),
        (["test", "--model-version", "9"], 3, "9"),
        (["activate", "seven"], 2, "seven"),
        (["activate"], 2, "NUMBER"),
        (["list", "--jsno"], 2, "--jsno"),
    ],
)
def test_exit_codes(project: Project, arguments: list[str], code: int, words: str) -> None:
    """Row "versions": What is not there is 3, wrong usage 2, each with words that name it."""
    done = project.run(*arguments)
    assert done.code == code
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_deleting_the_active_version_is_refused(project: Project) -> None:
    """The active version cannot be deleted, and the message says what to do first."""
    project.fit()
    done = project.run("delete", "1")
    assert done.code == 1
    assert "activate another" in done.stderr


def test_config_faults_are_all_told(tmp_path: Path) -> None:
    """`runner check` lists every fault with file and key; `fit` stops before any work; exit 2.

    Row "missing key", Row "check and doctor".
    """
    project = write_project(
        tmp_path,
        """\
        service_metadata: {service_name: bad, service_version: "1"}
        dataset_loader_train: {"!": runner.datasets.CSW, path: data.csv}
        model: {language: perl, script: model.pl}
        predict_servce: {}
        """,
    )
    checked, fitted = project.run("check"), project.run("fit")
    assert (checked.code, fitted.code) == (2, 2)
    for key in ("dataset_loader_train", "model.language", "predict_servce"):
        assert key in checked.stderr
    assert "model.language" in fitted.stderr
    assert "Loading data" not in fitted.stderr
    assert not (tmp_path / "runner.db").exists()
    error = project.run("check", "--json").json["error"]
    assert (error["kind"], error["exit_code"]) == ("ConfigError", 2)
    faults = error["faults"]
    assert {fault["key"].split(".")[0] for fault in faults} >= {"predict_servce", "model"}


def test_a_mapping_that_does_not_fit_is_told_at_fit(tmp_path: Path) -> None:
    """A mapping that the fitted model could never be asked by is exit 2, and nothing is stored."""
    project = tricky(tmp_path / "mapped", service="mapping: [[x, float], [z, float]]")
    done = project.run("fit")
    assert done.code == 2
    assert "predict_service.mapping" in done.stderr
    assert project.run("list", "--json").json["models"] == []


def test_an_unknown_metric_is_told_before_any_work(project: Project) -> None:
    """`scoring: accuracyy` is exit 2 with the nearest names, before data are loaded."""
    with project.config.open("a") as file:
        file.write("scoring: accuracyy\n")
    done = project.run("fit")
    assert done.code == 2
    assert "accuracy" in done.stderr
    assert "Loading" not in done.stderr


def test_an_error_is_json_too(project: Project) -> None:
    """With --json an error is a JSON document on stdout, beside the line on stderr."""
    done = project.run("activate", "7", "--json")
    assert done.code == 3
    assert done.json["error"]["kind"] == "NotFound"
    assert "7" in done.json["error"]["message"]


def test_a_misspelt_command_is_guessed() -> None:
    """An unknown command is exit 2 and names the nearest."""
    done = run("lst")
    assert done.code == 2
    assert "'list'" in done.stderr


def test_no_config_at_all(tmp_path: Path) -> None:
    """Without a config file the message names the one that was looked for; exit 2."""
    done = run("fit", cwd=tmp_path)
    assert done.code == 2
    assert "runner.yaml" in done.stderr


def test_an_unreachable_database_is_exit_5(project: Project) -> None:
    """A database that is not there is one clear line and exit 5, before any work."""
    with project.config.open("a") as file:
        file.write("store: {url: 'postgresql://nobody:secret@127.0.0.1:9/none'}\n")
    done = project.run("fit")
    assert done.code == 5
    assert "secret" not in done.stderr
    assert "Traceback" not in done.stderr
    assert "Loading data" not in done.stderr


def test_a_failing_fit_stores_nothing(project: Project) -> None:
    """An exception in fit: the language's own traceback, exit 1, no version."""
    text = (project.folder / "tricks.py").read_text()
    (project.folder / "tricks.py").write_text(
        text.replace('print("fitting tricks")', 'raise ValueError("no luck")')
    )
    done = project.run("fit")
    assert done.code == 1
    assert "no luck" in done.stderr
    assert "tricks.py" in done.stderr
    assert project.run("list", "--json").json["models"] == []


def test_two_fits_at_once_are_two_versions(project: Project) -> None:
    """Fits from two processes at the same time get two numbers."""
    project.run("list")
    with ThreadPoolExecutor() as pool:
        numbers = list(pool.map(lambda _: project.fit(), range(2)))
    assert sorted(numbers) == [1, 2]


def test_kill_9_of_a_fit_leaves_the_old_version(project: Project) -> None:
    """A fit killed at work leaves the store as it was, and its worker ends too."""
    project.fit()
    text = (project.folder / "tricks.py").read_text()
    flag = project.folder / "pid"
    (project.folder / "tricks.py").write_text(
        text.replace(
            'print("fitting tricks")',
            f"open({str(flag)!r}, 'w').write(str(os.getpid())); time.sleep(600)",
        )
    )
    process = subprocess.Popen([*RUNNER, "fit", "-c", str(project.config)])
    worker = int(until(lambda: flag.exists() and flag.read_text(), 60))
    process.send_signal(signal.SIGKILL)
    process.wait()
    until(lambda: not _runs(worker), 5, "the worker ends with its parent")
    listed = project.run("list", "--json").json
    assert [model["version"] for model in listed["models"]] == [1]
    assert listed["properties"]["active-model"] == "1"


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().split(")")[1].split()[0] != "Z"


def test_doctor_tells_what_works(tmp_path: Path) -> None:
    """`runner doctor --json` says of each language whether it works, its version or the mend.

    Row "check and doctor".
    """
    found = json.loads(run("doctor", "--json").stdout)["languages"]
    assert [d["language"] for d in found] == ["python", "r", "julia"]
    assert found[0]["works"]
    for diagnosis in found:
        assert diagnosis["works"] != bool(diagnosis["mend"])
        assert diagnosis["version"] or diagnosis["problem"]


def test_doctor_names_the_mend(tmp_path: Path) -> None:
    """With R and Julia out of reach, doctor names what brings them; exit 5."""
    done = run("doctor", PATH=str(tmp_path), JULIA_EXE=str(tmp_path / "none"), HOME=str(tmp_path))
    assert done.code == 5
    assert "scripts/setup --languages python,r" in done.stdout


@need("r")
def test_fit_without_its_language_names_the_mend(tmp_path: Path) -> None:
    """`runner fit` of an R model without R on PATH: one line with the mend, exit 5."""
    project = write_project(
        tmp_path,
        """\
        service_metadata: {service_name: lost, service_version: "1"}
        dataset_loader_train: {language: r, script: model.R, function: train}
        model: {language: r, script: model.R}
        """,
        model__R="fit <- function(x, y) 1\n",
    )
    done = project.run("fit", PATH=str(tmp_path))
    assert done.code == 5
    assert "scripts/setup --languages python,r" in done.stderr
    assert "Traceback" not in done.stderr


def test_version() -> None:
    """Row "versions": `runner version --json` names runner, contract and Python."""
    found = run("version", "--json").json
    assert set(found) == {"runner", "contract", "python"}
