"""Make a small service in a folder, and run `runner` on it as a user would."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

RUNNER = [sys.executable, "-m", "runner"]

TRICKS = '''
"""A model that does what its input says: it answers x * factor, or dies of it."""
import os, signal, time

class Tricky:
    def __init__(self, factor=2.0):
        self.factor = factor

    def fit(self, X, y):
        print("fitting tricks")
        return self

    def predict(self, X):
        for x in X[:, 0]:
            if x in TRICKS:
                TRICKS[x]()
        return X[:, 0] * self.factor

def fail():
    raise ValueError("the model does not like -4")

def hang():
    while True:
        time.sleep(0.01)

TRICKS = {
    -1.0: lambda: os._exit(0),
    -2.0: lambda: os.kill(os.getpid(), signal.SIGSEGV),
    -3.0: hang,
    -4.0: fail,
    -5.0: lambda: exit(3),
    -6.0: lambda: time.sleep(1.0),
}
'''


@dataclass(frozen=True)
class Done:
    """What a command came to."""

    code: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        return json.loads(self.stdout)


def run(*arguments: str, cwd: Path | None = None, timeout: float = 120, **env: str) -> Done:
    """Run a runner command to its end."""
    done = subprocess.run(
        [*RUNNER, *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=timeout,
        env={**os.environ, **env},
        check=False,
    )
    return Done(done.returncode, done.stdout, done.stderr)


class Project:
    """A service in a folder: config, data and model."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = folder / "runner.yaml"

    def run(self, command: str, *arguments: str, **options: Any) -> Done:
        return run(command, "-c", str(self.config), *arguments, cwd=self.folder, **options)

    def fit(self, *arguments: str) -> int:
        """Fit a version; give its number."""
        done = self.run("fit", "--json", *arguments)
        assert done.code == 0, done.stderr
        return int(done.json["version"])


def write_project(folder: Path, config: str, **files: str) -> Project:
    """Write a config and other files (name.ext given as name__ext) into a new folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "runner.yaml").write_text(textwrap.dedent(config))
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(textwrap.dedent(text))
    return Project(folder)


def tricky(folder: Path, name: str = "tricks", factor: float = 2.0, service: str = "") -> Project:
    """Make a service whose model does what its input says (see TRICKS)."""
    rows = "\n".join(f"{x}.0,{2 * x}.0" for x in range(1, 11))
    return write_project(
        folder,
        f"""\
        service_metadata: {{service_name: {name}, service_version: "1.0"}}
        dataset_loader_train: {{"!": runner.datasets.CSV, path: data.csv, target_column: y}}
        dataset_loader_test: {{"!": runner.datasets.CSV, path: data.csv, target_column: y}}
        model: {{"!": tricks.Tricky, factor: {factor}}}
        predict_service: {{{service}}}
        """,
        data__csv=f"x,y\n{rows}\n",
        tricks__py=TRICKS,
    )
