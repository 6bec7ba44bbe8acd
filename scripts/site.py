"""Make the checkout's pages a site: a hook of MkDocs, see mkdocs.yml.

All pages are written for GitHub, where links are paths within the checkout. A site knows nothing
above docs/: so what else is linked (examples, the contract, this project's own pages) is taken into
it, and each link is told anew. README.md is the start page.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parent.parent
START = "README.md"
PAGES = ["ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md", "contracts/SPEC.md"]
TAKEN = ("*.md", "*.yaml", "*.R", "*.jl", "*.py", "*.csv")
"""What is taken from examples/; nothing that a runner has written beside a config."""

_LINK = re.compile(r"(?<!!)\[((?:[^\[\]]|\[[^\[\]]*\])+)\]\(([^)\s:]+)\)")
_BLOCK = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


def on_config(config: Any) -> Any:
    """Place the pages of docs/ that mkdocs.yml does not name last under "Using it"."""
    section = next(part["Using it"] for part in config.nav if "Using it" in part)
    named = re.findall(r"[\w.-]+\.md", str(config.nav))
    names = sorted(path.name for path in (ROOT / "docs").glob("*.md"))
    section.extend(name for name in names if name not in named)
    return config


def on_files(files: Files, config: Any) -> Files:
    """Take into the site what lies outside docs/."""
    examples = [path for kind in TAKEN for path in (ROOT / "examples").rglob(kind)]
    names = [START, *PAGES, *(path.relative_to(ROOT).as_posix() for path in sorted(examples))]
    for name in names:
        files.append(File.generated(config, _place(name), abs_src_path=str(ROOT / name)))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    """Lead the links of a page to where their targets are in the site."""
    place = page.file.src_uri
    source = _source(place)

    def lead(match: re.Match[str]) -> str:
        text, link = match[1], match[2]
        path, mark, anchor = link.partition("#")
        if not path:
            return match[0]
        target = posixpath.normpath(posixpath.join(posixpath.dirname(source), path))
        if not (ROOT / target).exists():
            return match[0]  # MkDocs says so
        if (ROOT / target).is_dir():
            target = f"{target}/{START}"
        found = files.get_file_from_path(_place(target))
        if found is None:
            return text  # nothing that a reader of the site can open
        to = posixpath.relpath(found.src_uri, posixpath.dirname(place) or ".")
        return f"[{text}]({to}{mark}{anchor})"

    # Blocks of code stand aside meanwhile: what looks like a link in one is none.
    blocks = iter(_BLOCK.findall(markdown))
    led = _LINK.sub(lead, _BLOCK.sub("\0", markdown))
    return re.sub("\0", lambda _: next(blocks), led)


def _place(name: str) -> str:
    """Give the place in the site of a path in the checkout."""
    return "index.md" if name == START else name.removeprefix("docs/")


def _source(place: str) -> str:
    """Give the path in the checkout of a place in the site."""
    if place == "index.md":
        return START
    return f"docs/{place}" if (ROOT / "docs" / place).exists() else place
