"""Write docs/commands.md from the commands themselves: python scripts/reference.py [--check]."""

from __future__ import annotations

import difflib
import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from runner.cli.main import group

PAGE = Path(__file__).resolve().parent.parent / "docs" / "commands.md"
HEAD = """# Commands

This page is made from the commands' own help by `python scripts/reference.py`: change that,
not this.
[Operations](operations.md#commands) tells the exit codes, and what the commands have in common.
"""


def page() -> str:
    """Give the whole page."""
    root = click.Context(group, info_name="runner", **group.context_settings)
    return "\n".join([HEAD, *(part for context in _contexts(root) for part in _section(context))])


def _contexts(parent: click.Context) -> Iterator[click.Context]:
    """Give a context for each command, groups before what they hold."""
    yield parent
    if isinstance(parent.command, click.Group):
        for name in parent.command.list_commands(parent):
            command = parent.command.get_command(parent, name)
            assert command is not None
            yield from _contexts(click.Context(command, info_name=name, parent=parent))


def _section(context: click.Context) -> Iterator[str]:
    command = context.command
    yield f"## `{context.command_path}`\n"
    yield f"{_prose(command.help or '')}\n"
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    yield f"```text\n{usage}\n```\n"
    yield "| option | meaning |\n|---|---|"
    yield from (
        "| " + " | ".join(map(_cell, record)) + " |"
        for parameter in command.get_params(context)
        if (record := parameter.get_help_record(context))
    )
    yield ""
    yield from _epilog(command.epilog or "")


def _prose(text: str) -> str:
    """Give a help text as Markdown; a `\\b` paragraph keeps its lines."""
    return inspect.cleandoc(text).split("\f")[0].replace("\b\n", "").strip()


def _cell(text: str) -> str:
    """Give one column of click's help: options as code, bars escaped."""
    text = re.sub(r"\s+", " ", text).replace("|", r"\|")
    return f"`{text}`" if text.startswith("-") else text


def _epilog(text: str) -> Iterator[str]:
    """Give the paragraphs below the options, each titled one as a block of code."""
    for paragraph in re.split(r"\n\s*\n", inspect.cleandoc(text).replace("\b\n", "")):
        title, _, body = paragraph.partition("\n")
        if body and title.rstrip().endswith(":"):
            yield f"{title.strip()}\n\n```text\n{inspect.cleandoc(body)}\n```\n"
        elif paragraph.strip():
            yield f"{paragraph.strip()}\n"


def main(check: bool) -> int:
    """Write the page, or tell how what is committed differs from what it must be."""
    text = page()
    if not check:
        PAGE.write_text(text, encoding="utf-8")
        return 0
    committed = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    told = difflib.unified_diff(committed.splitlines(), text.splitlines(), "committed", "made", "")
    print(*told, sep="\n", end="")
    return int(committed != text)


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv[1:]))
