"""The pages can be built as a site without a warning, and a dead link is one."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs import pages

SOURCES = ["mkdocs.yml", "scripts/site.py", "docs", "examples", "contracts/SPEC.md"]


def _build(project: Path, site: Path) -> subprocess.CompletedProcess[str]:
    build = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", site]
    return subprocess.run(build, cwd=project, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the site of this checkout."""
    folder = tmp_path_factory.mktemp("site")
    done = _build(pages.ROOT, folder)
    assert done.returncode == 0, done.stderr
    return folder


def test_links_that_leave_docs(site: Path) -> None:
    """A link to an example or the contract leads to a page of the site; every page is there."""
    models = (site / "models.html").read_text()
    assert 'href="examples/toothgrowth-r/index.html"' in models
    assert 'href="contracts/SPEC.html"' in (site / "configuration.html").read_text()
    assert "rpart" in (site / "examples" / "iris-r" / "model.R").read_text()
    for page in (pages.ROOT / "docs").glob("*.md"):
        assert (site / page.with_suffix(".html").name).exists()


def test_links_lead_to_files(site: Path) -> None:
    """Whatever a page of the site links to within it is a file of it."""
    dead = [
        (page.name, link)
        for page in site.rglob("*.html")
        for link in re.findall(r'href="([^"#?]+)', page.read_text())
        if "://" not in link and page.name != "404.html" and not (page.parent / link).exists()
    ]
    assert dead == []


def test_a_dead_link_fails(tmp_path: Path) -> None:
    """A link that leads nowhere breaks the build, and is named."""
    for name in [*SOURCES, *(path.name for path in pages.ROOT.glob("*.md"))]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        copy = shutil.copytree if (pages.ROOT / name).is_dir() else shutil.copy
        copy(pages.ROOT / name, tmp_path / name)
    page = tmp_path / "docs" / "models.md"
    page.write_text(page.read_text() + "\n[Nowhere](../examples/nowhere)\n")
    done = _build(tmp_path, tmp_path / "site")
    assert done.returncode != 0
    assert "nowhere" in done.stderr
