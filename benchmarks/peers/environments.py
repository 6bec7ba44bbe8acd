"""Set up the peers: a virtual environment each, pinned, in a folder that is kept."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from benchmarks.peers.peer import Peer

DEFAULT_FOLDER = (
    Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "polyglot-runner" / "peers"
)


class NotInstalled(Exception):
    """A peer that cannot be had here, with the reason."""


def bin_of(peer: Peer, folder: Path, say: Callable[[str], None]) -> Path:
    """Give the bin folder of the peer's environment, made if it is not there or is of other pins.

    Raises NotInstalled.
    """
    if peer.debian:
        _debian(peer, say)
    if not peer.requirements:
        return Path(sys.executable).parent
    home = folder / peer.environment
    mark = home / "requirements.json"
    wanted = json.dumps([sys.version_info[:2], list(peer.requirements)])
    if not mark.exists() or mark.read_text() != wanted:
        say(f"setting up {peer.environment} in {home}")
        shutil.rmtree(home, ignore_errors=True)
        home.parent.mkdir(parents=True, exist_ok=True)
        _run([sys.executable, "-m", "venv", str(home)])
        pip = (str(home / "bin" / "python"), "-m", "pip", "--disable-pip-version-check")
        _run([*pip, "install", "--no-input", "--progress-bar", "off", *peer.requirements])
        mark.write_text(wanted)
    return home / "bin"


def versions(peer: Peer, home: Path) -> Mapping[str, str]:
    """Give every package of the peer's environment with its version."""
    if peer.debian:
        asked = ["dpkg-query", "-W", "-f", "${Package} ${Version}\\n", *peer.debian, "r-base-core"]
    else:
        asked = [str(home / "python"), "-m", "pip", "--disable-pip-version-check"]
        asked += ["list", "--format", "freeze", "--exclude-editable"]
    lines = _run(asked).replace("==", " ").splitlines()
    return dict(line.split(maxsplit=1) for line in lines if " " in line)


def _debian(peer: Peer, say: Callable[[str], None]) -> None:
    """Install the peer's Debian packages if they are missing."""
    if shutil.which("Rscript") is None:
        raise NotInstalled("there is no R (scripts/setup)")
    libraries = [package.removeprefix("r-cran-") for package in peer.debian]
    script = f"for (name in {json.dumps(libraries)}) library(name, character.only = TRUE)"
    script = script.replace("[", "c(").replace("]", ")")
    if subprocess.run(["Rscript", "-e", script], capture_output=True, check=False).returncode == 0:
        return
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        raise NotInstalled(f"needs apt-get install {' '.join(peer.debian)}, as root")
    say(f"installing {' '.join(peer.debian)}")
    _run(["apt-get", "update", "-q"])
    _run(["apt-get", "install", "-y", "-q", "--no-install-recommends", *peer.debian])


def _run(argv: list[str]) -> str:
    """Run to the end. Raises NotInstalled with the last line that tells a reason."""
    try:
        done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=900)
    except (OSError, subprocess.TimeoutExpired) as ex:
        raise NotInstalled(f"{argv[0]}: {ex}") from ex
    if done.returncode:
        lines = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        errors = [line for line in lines if "error" in line.lower()] or lines or ["no output"]
        raise NotInstalled(f"{Path(argv[0]).name}: {errors[-1].strip()[:400]}")
    return done.stdout
