"""What a user may call, set or be told is in the pages: routes, codes, options, variables."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from falcon.inspect import inspect_app

from runner.cli.main import COMMANDS, group
from runner.web import problems
from runner.web.app import create_app
from runner.web.limits import Limits
from tests.docs import pages
from tests.web.twin import Log, Service, Services

WEB = pages.ROOT / "runner" / "web"
HTTP = pages.ROOT / "docs" / "http.md"
_CODES = {"Problem": 1, "_refuse": 1}
"""Functions that take a code -> at which place."""


def test_every_route() -> None:
    """Each path that the application answers is in the table of endpoints."""
    app = create_app(Services(Service()), Log(), Limits(actions=True))
    added = [route.path for route in inspect_app(app).routes]
    assert {"/predict", "/services/{service}/jobs/{job}"} <= set(added)
    text = pages.section("http.md", "Endpoints").text
    assert [path for path in added if not re.search(rf"[ `]{re.escape(path)}[`?]", text)] == []


def _strings(node: ast.AST) -> Iterator[str]:
    """Give the strings that an expression may be, those that it only compares with included."""
    for each in ast.walk(node):
        if isinstance(each, ast.Constant) and isinstance(each.value, str):
            yield each.value


def _codes_in(file: Path) -> Iterator[str]:
    """Give the codes of failures that a module names, in a call or by a variable beside it."""
    for function in ast.walk(ast.parse(file.read_text())):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        for call in ast.walk(function):
            name = isinstance(call, ast.Call) and ast.unparse(call.func).split(".")[-1]
            if name not in _CODES or len(call.args) <= _CODES[name]:
                continue
            code = call.args[_CODES[name]]
            yield from _strings(code)
            if isinstance(code, ast.Name):
                for assignment in ast.walk(function):
                    if isinstance(assignment, ast.Assign) and code.id in ast.unparse(
                        assignment.targets[0]
                    ):
                        yield from _strings(assignment.value)


def _codes() -> set[str]:
    found = {code for file in WEB.glob("*.py") for code in _codes_in(file)}
    found |= {*problems._HTTP_CODES.values(), *problems._RENAMED.values(), problems.UNFORESEEN}
    found |= set(re.findall(r'_refusal\(\d+, "(\w+)"', (WEB / "protocol.py").read_text()))
    return found | {code.value for code in problems._CONTRACT if code not in problems._RENAMED}


def test_every_error_code() -> None:
    """The table of failures has every code that a client can meet, and no other."""
    rows = [row for row in pages.section("http.md", "Failures").rows() if row[0] != "status"]
    documented = {code for row in rows for code in re.findall("`([a-z_]+)`", row[1])}
    assert documented == _codes()


def test_every_command() -> None:
    """The README and the page on operations name every command."""
    for page in (pages.ROOT / "README.md", pages.ROOT / "docs" / "operations.md"):
        text = pages.read(page)
        assert [name for name in COMMANDS if not re.search(rf"(runner |`){name}\b", text)] == []


@pytest.mark.parametrize("name", [None, *COMMANDS])
def test_every_option(name: str | None) -> None:
    """Every long option of a command is in the README or a page."""
    context = click.Context(group)
    command = group if name is None else group.get_command(context, name)
    assert command is not None
    options = [
        option
        for parameter in command.get_params(context)
        if isinstance(parameter, click.Option)
        for option in parameter.opts
        if option.startswith("--")
    ]
    text = pages.everything()
    assert options
    missing = [option for option in options if not re.search(rf"`[^`\n]*{option}\b", text)]
    assert missing == []


def test_every_variable() -> None:
    """Every variable of the environment that is ours is in the table of operations."""
    found = set()
    for room in ("runner", "adapters", "contracts"):
        for file in (pages.ROOT / room).rglob("*.py"):
            found |= set(re.findall(r"""["$](RUNNER_[A-Z_]+)""", file.read_text()))
    table = pages.section("operations.md", "Environment").keys()
    assert len(found) >= 5
    assert sorted(found - set(table)) == []


_EXAMPLES = sorted((pages.ROOT / "examples").rglob("README.md"))


@pytest.mark.parametrize(
    "page",
    [*pages.PAGES, *_EXAMPLES],
    ids=lambda page: str(page.relative_to(pages.ROOT)),
)
def test_links_lead_somewhere(page: Path) -> None:
    """A link within the project leads to a file that is there, and to a heading that it has."""
    dead = []
    for link in re.findall(r"\]\(([^)\s]+)\)", pages.read(page)):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        titles = [_anchor(s.title) for s in pages.sections(target)] if anchor else []
        if not target.exists() or (anchor and anchor not in titles):
            dead.append(link)
    assert dead == []


def _anchor(title: str) -> str:
    """Give the anchor that GitHub makes of a heading."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
