"""What each process of a server holds: the libraries in its memory, read from the kernel."""

from __future__ import annotations

from pathlib import Path

import psutil

from benchmarks.scale import by_role
from tests.serving.project import tricky
from tests.serving.server import serving

LIBRARIES = {"numpy", "scipy", "sklearn", "pandas", "pyarrow", "sqlalchemy", "uvloop"}
HOLDS: dict[str, set[str]] = {
    "supervisor": {"sqlalchemy"},
    "gunicorn": set(),
    "front-end": {"uvloop"},
    "adapter": {"numpy", "scipy", "sklearn"},
}
"""Role → those of the libraries that it may map; the rest it would pay for and never use."""


def mapped(pid: int) -> set[str]:
    """Give which of the libraries have a compiled module in a process's memory."""
    parts = set(Path(f"/proc/{pid}/maps").read_text().replace("\n", "/").split("/"))
    return LIBRARIES & parts


def test_each_process_holds_what_it_uses(tmp_path: Path) -> None:
    """Models only in adapters, SQL only in the supervisor, pandas nowhere; a further service adds
    its adapter only.
    """
    projects = [tricky(tmp_path / name, name) for name in ("one", "two")]
    roles = []
    for project in projects:
        project.fit()
    for count in (1, 2):
        with serving(*projects[:count]) as server:
            for project in projects[:count]:
                assert server.predict(project.folder.name, x=3)[0] == 200
            root = psutil.Process(server.process.pid)
            processes = by_role(root, lambda pid: pid)
            for name, pid in processes:
                assert mapped(int(pid)) == HOLDS[name], name
            roles.append(sorted(name for name, _ in processes))
    assert roles[0] == ["adapter", "front-end", "gunicorn", "supervisor"]
    assert roles[1] == ["adapter", *roles[0]]
