"""The page of commands is what the commands say of themselves."""

from __future__ import annotations

import subprocess
import sys

from runner.cli.main import COMMANDS
from tests.docs import pages

SCRIPT = pages.ROOT / "scripts" / "reference.py"


def test_the_page_is_what_the_commands_say() -> None:
    """docs/commands.md has every command, option and example as they are now."""
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "--check"],
        cwd=pages.ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    mend = "docs/commands.md is out of date; run: python scripts/reference.py"
    assert done.returncode == 0, f"{mend}\n{done.stdout}{done.stderr}"


def test_every_command_has_a_section() -> None:
    """Each command has a section, and so have the commands within a group."""
    titles = [section.title for section in pages.sections(pages.ROOT / "docs" / "commands.md")]
    within = ["runner usage rebuild", "runner audit verify"]
    assert {"runner", *(f"runner {name}" for name in COMMANDS), *within} <= set(titles)
