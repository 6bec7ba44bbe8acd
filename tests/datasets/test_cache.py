"""What a loader gave is kept for the next time, until it would give something else."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from runner.datasets import CSV
from runner.datasets.cache import diskcache


class Counted:
    """Count the calls of a loader."""

    def __init__(self) -> None:
        self.calls = 0

    def load(self, loader: CSV) -> object:
        self.calls += 1
        return loader()


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "data.csv"
    path.write_text("x,y\n1,2\n3,4\n")
    return path


def _cache(tmp_path: Path, **options: object) -> diskcache:
    return diskcache(filename_tmpl=f"{tmp_path}/kept/{{func}}-{{key}}.pickle", **options)  # type: ignore[arg-type]


def test_kept(tmp_path: Path, table: Path) -> None:
    """Row "diskcache": the same loader, made anew, is called once; another one by itself."""
    counted = Counted()
    load = _cache(tmp_path)(counted.load)
    first = load(CSV(str(table), "y"))
    second = load(CSV(str(table), "y"))
    assert counted.calls == 1
    assert first[0].equals(second[0])
    assert load(CSV(str(table), "x"))[1].tolist() == [1, 3]
    assert counted.calls == 2


def test_a_changed_file(tmp_path: Path, table: Path) -> None:
    """A file that has changed is read again."""
    load = _cache(tmp_path)(Counted().load)
    load(CSV(str(table), "y"))
    table.write_text("x,y\n1,2\n3,4\n5,6\n")
    os.utime(table, ns=(1, 1))
    assert len(load(CSV(str(table), "y"))[0]) == 3


def test_ignored(tmp_path: Path, table: Path) -> None:
    """With `ignore`, a flag or a function, nothing is kept."""
    for ignore in (True, lambda: True):
        counted = Counted()
        load = _cache(tmp_path, ignore=ignore)(counted.load)
        load(CSV(str(table), "y"))
        load(CSV(str(table), "y"))
        assert counted.calls == 2
    assert not (tmp_path / "kept").exists()


def test_a_key_of_ones_own(tmp_path: Path, table: Path) -> None:
    """`compute_key` says what is alike."""
    counted = Counted()
    load = _cache(tmp_path, compute_key=lambda loader: "always")(counted.load)
    load(CSV(str(table), "y"))
    load(CSV(str(table), "x"))
    assert counted.calls == 1


def test_no_key(tmp_path: Path, table: Path) -> None:
    """A loader that cannot be told from others is not kept under a wrong key."""
    load = _cache(tmp_path)(Counted().load)
    with pytest.raises(TypeError, match="give a compute_key"):
        load(CSV(str(table), "y", converters={"x": lambda text: text}))


def test_a_template_without_a_key() -> None:
    """A template that would give all the same file is refused."""
    with pytest.raises(ValueError, match=r"filename_tmpl has no \{key\}"):
        diskcache(filename_tmpl="cache.pickle")
