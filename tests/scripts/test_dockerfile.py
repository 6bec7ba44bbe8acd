"""Dockerfile: what can be told of it without building it."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from runner import __version__

ROOT = Path(__file__).parents[2]


def test_the_layer_of_dependencies_has_all_that_setup_py_reads(tmp_path: Path) -> None:
    """Dependencies are installed before the code is copied, from the few files that name them."""
    before_install = (ROOT / "Dockerfile").read_text().split("'.[julia,postgresql]'")[0]
    copies = re.findall(r"^COPY (?!scripts|--)(.+) (\S+)$", before_install, re.MULTILINE)
    for sources, target in copies:
        (tmp_path / target).mkdir(exist_ok=True)
        for source in sources.split():
            shutil.copy(ROOT / source, tmp_path / target)

    done = subprocess.run(
        [sys.executable, "setup.py", "--version"],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )

    assert copies
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[-1] == __version__


def test_every_step_is_for_the_shell_that_runs_it() -> None:
    """Builders that write OCI's format run each step with sh, whatever a SHELL before it says."""
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", "")
    assert not re.findall(r"^SHELL", text, re.MULTILINE)
    steps = re.findall(r"^RUN (.+)$", text, re.MULTILINE)
    words = [json.loads(step) if step.startswith("[") else ["sh", "-c", step] for step in steps]
    assert {"sh", "/bin/bash"} == {shell for shell, *_ in words}
    for shell, *options, step in words:
        subprocess.run([shell, *options[:-1], "-n", "-c", step], check=True)
