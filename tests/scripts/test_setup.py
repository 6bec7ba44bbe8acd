"""scripts/setup: its options, and the choices it makes by what the machine has."""

import contextlib
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def bash(script: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `script` after scripts/lib.sh, with nothing of this environment but PATH."""
    return subprocess.run(
        ["bash", "-c", f". scripts/lib.sh; {script}"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "HOME": "/nonexistent", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def program(path: Path, output: str = "") -> Path:
    """Make an executable that prints `output`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho '{output}'\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(
    ("r_version", "requirements"),
    [
        ("3.6.3", "rpy2==3.6.5 rpy2-rinterface==3.6.5"),
        ("4.2.2", "rpy2==3.6.5 rpy2-rinterface==3.6.5"),
        ("4.4.3", "rpy2==3.6.5 rpy2-rinterface==3.6.5"),
        ("4.5.0", "rpy2>=3.6.6 rpy2-rinterface>=3.6.6"),
        ("4.10.1", "rpy2>=3.6.6 rpy2-rinterface>=3.6.6"),
        ("5.0.0", "rpy2>=3.6.6 rpy2-rinterface>=3.6.6"),
    ],
)
def test_r_decides_the_rpy2_pin(r_version: str, requirements: str) -> None:
    """An R older than 4.5 lacks a function that newer bridges call."""
    assert bash(f"rpy2_requirements {r_version}").stdout.strip() == requirements


def test_r_tells_its_version(tmp_path: Path) -> None:
    """The number is taken from R's first line, whatever nickname follows it."""
    program(tmp_path / "R", 'R version 4.2.2 Patched (2022-11-10 r83330) -- "Innocent"')

    assert bash("r_version", PATH=f"{tmp_path}:/usr/bin:/bin").stdout == "4.2.2\n"


def test_the_users_own_julia_comes_first(tmp_path: Path) -> None:
    """$JULIA_EXE wins over PATH, PATH over juliaup, and .venv's link is never the user's own."""
    named = program(tmp_path / "named" / "julia")
    on_path = program(tmp_path / "path" / "julia")
    juliaup = program(tmp_path / "home" / ".juliaup" / "bin" / "julia")
    ours = program(tmp_path / ".venv" / "bin" / "julia")
    home = str(tmp_path / "home")
    bare = "/usr/bin:/bin"

    def found(**environment: str) -> str:
        return bash("find_own_julia", **environment).stdout.strip()

    assert found(JULIA_EXE=str(named), PATH=f"{on_path.parent}:{bare}", HOME=home) == str(named)
    assert found(PATH=f"{ours.parent}:{on_path.parent}:{bare}", HOME=home) == str(on_path)
    assert found(PATH=f"{ours.parent}:{bare}", HOME=home) == str(juliaup)


def test_a_failed_step_shows_the_end_of_the_log(tmp_path: Path) -> None:
    """Quiet output is not lost: who sees FAILED sees why."""
    done = bash("step Trying bash -c 'echo reason; exit 3'", SETUP_LOG=str(tmp_path / "log"))

    assert done.returncode == 1
    assert "==> Trying" in done.stdout
    assert "| reason" in done.stdout


@pytest.mark.parametrize(
    "arguments", [["--languages", "cobol"], ["--languages"], ["--no-such-option"]]
)
def test_a_wrong_option_is_refused_before_anything_happens(arguments: list[str]) -> None:
    """Wrong usage ends with exit code 2 and installs nothing."""
    done = subprocess.run(
        ["bash", "scripts/setup", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert done.returncode == 2
    assert done.stdout == ""


@pytest.mark.parametrize("script", ["setup", "test", "debian-julia", "lib.sh", "demo"])
def test_every_script_parses(script: str) -> None:
    """bash reads a script as it runs it: a slip at its end would show only there."""
    done = subprocess.run(
        ["bash", "-n", f"scripts/{script}"], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stderr) == (0, "")


def test_every_data_file_is_packaged() -> None:
    """An installed runner has the glue code, the contract and the migrations too."""
    setup_py = (ROOT / "setup.py").read_text()
    listed = subprocess.run(
        ["git", "ls-files", "contracts", "adapters", "runner"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    data = [Path(name) for name in listed if not name.endswith(".py")]

    unpackaged = [p for p in data if f'"*{p.suffix}"' not in setup_py and p.name != "py.typed"]

    assert unpackaged == []


def test_without_apt_the_demo_says_what_is_missing_and_goes_on(tmp_path: Path) -> None:
    """From a clean copy, with neither apt nor R nor Julia: Python's service is fitted and asked."""
    files = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split("\0")
    copy, programs = tmp_path / "copy", tmp_path / "bin"
    for name in filter(None, files):
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, copy / name)
    programs.mkdir()
    for folder in (Path("/usr/local/bin"), Path("/usr/bin"), Path("/bin")):
        for file in folder.iterdir():
            if not re.match(r"apt|dpkg|R$|Rscript$|julia|sudo", file.name):
                with contextlib.suppress(FileExistsError):
                    (programs / file.name).symlink_to(file)
    reaching_pypi = {
        name: value
        for name, value in os.environ.items()
        if name.startswith("PIP_") or name.lower().endswith("_proxy")
    }
    done = subprocess.run(
        ["scripts/demo"],
        cwd=copy,
        env={**reaching_pypi, "PATH": str(programs), "HOME": str(tmp_path), "TERM": "dumb"},
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    for what in ("R", "Julia"):
        assert f"==> Missing: {what}\n    Install it with your system's package manager" in said
    assert "juliaup, which needs no root" in said
    table = said[said.index("service ") :]
    assert re.search(r"^iris-sklearn +python .* Iris-setosa ", table, re.MULTILINE), said
    assert "iris-r" not in table
