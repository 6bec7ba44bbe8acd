"""Walk through the commands of a page in one shell, as a reader does, and compare what is shown."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.docs import pages

_MARK = "@@ {} @@"
"""What the shell prints before each command, on a line of its own."""


@dataclass(frozen=True)
class Step:
    """A command of a page, and what the page shows beneath it."""

    command: str
    shown: str

    def agrees(self, printed: str) -> bool:
        """Tell whether that is what was printed; `…` stands for anything."""
        parts = map(re.escape, _lines(self.shown).split("…"))
        return bool(re.fullmatch(".*".join(parts), _lines(printed), re.DOTALL))


def _lines(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.strip().splitlines())


def steps(blocks: list[pages.Block]) -> list[Step]:
    """Give the commands of blocks of `console`: after `$ `, and on while a quote is open."""
    found = []
    for block in blocks:
        if block.language != "console":
            continue
        for said in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
            lines = said.splitlines()
            count = 1
            while lines[count - 1].endswith("\\") or "\n".join(lines[:count]).count("'") % 2:
                count += 1
            found.append(Step("\n".join(lines[:count]), "\n".join(lines[count:])))
    return found


def walk(found: list[Step], folder: Path) -> list[str]:
    """Run the commands in a shell in a folder; give what each printed, in order.

    The port that pages name is replaced by a free one. What the shell started ends with it.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    script = ["trap 'kill $(jobs -p) 2>/dev/null; wait' EXIT"]
    for number, step in enumerate(found):
        command = step.command.replace("127.0.0.1:5000", f"127.0.0.1:{port}")
        command = command.replace("runner serve", f"runner serve --port {port}")
        failed = f"|| exit {number + 1}" if not command.endswith("&") else ""
        script += [rf"printf '\n{_MARK.format(number)}\n'", f"{command} {failed}"]
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", "\n".join(script)],
        cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
        env={**os.environ, "PATH": path}, timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, f"{found[done.returncode - 1].command}\n{done.stdout}"
    return re.split(r"\n@@ \d+ @@\n", done.stdout)[1:]
