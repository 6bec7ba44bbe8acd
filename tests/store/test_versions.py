"""What a user sees: numbers, the active version, tombstones, history, the revision."""

from __future__ import annotations

import hashlib
from dataclasses import FrozenInstanceError, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from runner.errors import NotFound, Refused
from runner.store import Store, Version
from runner.store.migrate import HEAD
from tests.store.samples import add, numbers


def test_a_version_comes_back_as_it_was_added(store: Store) -> None:
    """All that was given, and nothing else, is in the record, at once and after reopening."""
    before = datetime.now(UTC)
    added = store.add_version(
        "iris",
        b"bytes of a model",
        artifact_format="skops",
        metadata={"scores": {"test": 0.97}},
        activate=True,
        by="anna",
    )
    assert added == Version(
        service="iris",
        number=1,
        created=added.created,
        created_by="anna",
        metadata={"scores": {"test": 0.97}},
        artifact_format="skops",
        artifact_size=16,
        artifact_sha256=hashlib.sha256(b"bytes of a model").hexdigest(),
        active=True,
    )
    assert added.created.utcoffset() == timedelta(0)
    assert before <= added.created <= datetime.now(UTC)
    assert store.version("iris", 1) == added
    assert store.versions("iris") == [added]
    assert store.active("iris") == added


def test_a_store_outlives_its_process(url: str) -> None:
    """What one store wrote, the next one opened at the URL reads."""
    with Store.open(url) as store:
        added = add(store, activate=True)
    with Store.open(url) as store:
        assert store.active("iris") == added
        assert store.read_artifact("iris", 1) == b"a model"


def test_records_cannot_be_changed(store: Store) -> None:
    """A version is a fact: assigning to it fails."""
    with pytest.raises(FrozenInstanceError):
        add(store).number = 7  # type: ignore[misc]


def test_numbers_count_up_from_one_in_each_service(store: Store) -> None:
    """Services number their versions on their own."""
    assert [add(store, "iris").number for _ in range(3)] == [1, 2, 3]
    assert [add(store, "tooth growth").number for _ in range(2)] == [1, 2]
    assert store.services() == ["iris", "tooth growth"]


def test_a_number_is_never_used_twice(store: Store) -> None:
    """After deleting the newest version, and even all of them, numbering goes on.

    Row "persisters".
    """
    for _ in range(3):
        add(store)
    store.delete("iris", 3, by="anna")
    assert add(store).number == 4
    for number in (1, 2, 4):
        store.delete("iris", number, by="anna")
    assert (numbers(store), store.services()) == ([], [])
    assert add(store).number == 5


def test_versions_are_paged_from_the_newest_backwards(store: Store) -> None:
    """`limit` takes the newest, `before` goes back, deleted ones do not fill a page."""
    for _ in range(6):
        add(store)
    store.delete("iris", 4, by="anna")
    assert [v.number for v in store.versions("iris", limit=2)] == [5, 6]
    assert [v.number for v in store.versions("iris", limit=2, before=5)] == [2, 3]
    assert [v.number for v in store.versions("iris", before=3)] == [1, 2]
    assert [v.number for v in store.versions("iris", before=10**30)] == [1, 2, 3, 5, 6]
    assert store.versions("iris", before=1) == []


def test_a_service_without_versions_is_empty_not_an_error(store: Store) -> None:
    """Whoever looks at a service before its first fit sees nothing, and no error."""
    assert store.versions("iris") == []
    assert store.active("iris") is None
    assert store.history("iris") == []
    assert store.properties("iris") == {"db-version": HEAD}
    assert store.services() == []


def test_activation_moves_the_active_version(store: Store) -> None:
    """Exactly one version is active, the one activated last."""
    for _ in range(3):
        add(store)
    assert store.active("iris") is None
    for number in (2, 3, 1):
        store.activate("iris", number, by="ben")
        active = store.active("iris")
        assert active is not None
        assert active.number == number
        assert [v.number for v in store.versions("iris") if v.active] == [number]
        assert store.properties("iris") == {"active-model": str(number), "db-version": HEAD}


def test_history_tells_who_switched_what_and_when(store: Store) -> None:
    """Each activation is one more line with its from and to; earlier lines stay."""
    add(store, activate=True)
    add(store)
    store.activate("iris", 2, by="ben")
    third = store.activate("iris", 1, by="cleo", reason="rollback")
    add(store, "other", activate=True)
    history = store.history("iris")
    assert [(a.from_version, a.to_version, a.by, a.reason) for a in history] == [
        (None, 1, "anna", "added"),
        (1, 2, "ben", "activated"),
        (2, 1, "cleo", "rollback"),
    ]
    assert history[-1] == third
    assert store.history("iris", limit=1) == [third]
    assert [a.id for a in history] == sorted({a.id for a in history})
    assert all(a.at.utcoffset() == timedelta(0) for a in history)
    assert [a.at for a in history] == sorted(a.at for a in history)


def test_activating_the_active_version_again_is_recorded(store: Store) -> None:
    """Who confirms a version leaves a trace, too."""
    add(store, activate=True)
    again = store.activate("iris", 1, by="ben")
    assert (again.from_version, again.to_version) == (1, 1)
    assert store.history("iris")[-1] == again


@pytest.mark.parametrize("number", [0, -1, 3, 2**31, 10**30])
def test_an_unknown_version_is_not_found(store: Store, number: int) -> None:
    """Reading, activating and deleting name the service and the versions that there are.

    Row "not kept".
    """
    add(store, activate=True)
    add(store)
    revision = store.revision()
    for act in (
        lambda: store.version("iris", number),
        lambda: store.read_artifact("iris", number),
        lambda: store.activate("iris", number, by="ben"),
        lambda: store.delete("iris", number, by="ben"),
    ):
        with pytest.raises(NotFound) as caught:
            act()
        assert str(caught.value) == f"there is no version {number} of iris; there is 1, 2"
    assert store.properties("iris")["active-model"] == "1"
    assert store.revision() == revision
    assert len(store.history("iris")) == 1


def test_an_unknown_service_is_not_found(store: Store) -> None:
    """The message names the service, and nothing is created by asking."""
    with pytest.raises(NotFound, match=r"^there is no version 1 of rose; it has no versions$"):
        store.activate("rose", 1, by="ben")
    assert store.services() == []


def test_among_many_versions_the_newest_are_named(store: Store) -> None:
    """A message stays a line: of twelve versions it names ten."""
    for _ in range(12):
        add(store)
    with pytest.raises(NotFound, match=r"; the newest are 3, 4, 5, 6, 7, 8, 9, 10, 11, 12$"):
        store.version("iris", 13)


def test_a_deleted_version_is_gone_for_good(store: Store) -> None:
    """It cannot be read, activated or deleted again, and the message says who deleted it."""
    add(store, activate=True)
    add(store)
    store.delete("iris", 2, by="ben")
    for act in (
        lambda: store.version("iris", 2),
        lambda: store.read_artifact("iris", 2),
        lambda: store.activate("iris", 2, by="cleo"),
        lambda: store.delete("iris", 2, by="cleo"),
    ):
        with pytest.raises(
            NotFound, match=r"version 2 of iris was deleted .* UTC by ben; there is 1"
        ):
            act()
    assert numbers(store) == [1]


def test_the_active_version_is_not_deleted(store: Store) -> None:
    """The refusal says what to do, and after doing it deletion works."""
    add(store, activate=True)
    add(store)
    with pytest.raises(Refused, match=r"^version 1 of iris is active .* activate another version"):
        store.delete("iris", 1, by="ben")
    assert store.read_artifact("iris", 1) == b"a model"
    store.activate("iris", 2, by="ben")
    store.delete("iris", 1, by="ben")
    assert numbers(store) == [2]


def test_the_revision_moves_with_every_change_and_only_then(store: Store) -> None:
    """Additions, activations and deletions of any service are seen by a poller; reads are not."""
    seen = [store.revision()]
    for change in (
        lambda: add(store),
        lambda: add(store, "other", activate=True),
        lambda: store.activate("iris", 1, by="ben"),
        lambda: add(store),
        lambda: store.delete("iris", 2, by="ben"),
    ):
        change()
        seen.append(store.revision())
        store.versions("iris"), store.active("iris"), store.history("iris"), store.services()
        assert store.revision() == seen[-1]
    assert seen == sorted(set(seen))


@pytest.mark.parametrize("name", ["", "a\x00b", "a\nb", "x" * 201, "\ud800"])
def test_a_name_that_cannot_be_kept_is_refused(store: Store, name: str) -> None:
    """Both databases refuse the same names, with the runner's own words."""
    with pytest.raises(Refused, match="a service's name is 1 to 200 printable characters"):
        add(store, name)
    with pytest.raises(Refused):
        store.active(name)


@pytest.mark.parametrize("name", ["iris", "Größe 7", "a/b?c#d%20'\"; --", "模型", "x" * 200])
def test_any_printable_name_is_kept(store: Store, name: str) -> None:
    """Names are data: quotes, slashes and other scripts come back as they went in."""
    added = add(store, name, activate=True)
    assert added.service == name
    assert store.services() == [name]
    assert store.read_artifact(name, 1) == b"a model"


def test_a_store_shows_where_it_is_but_no_password(store: Store, url: str) -> None:
    """repr() is fit for a log."""
    text = repr(store)
    assert text.startswith("<Store ")
    assert "sesame" not in text
    assert "sesame" not in repr(vars(store))


def test_a_copy_keeps_its_number(store: Store, tmp_path: Path) -> None:
    """A version of another store keeps number, author and time; the next one counts on."""
    with Store.open(f"sqlite:///{tmp_path}/other.db") as other:
        for _ in range(3):
            original = add(other)

    def copy() -> Version:
        return store.add_version(
            "iris",
            b"a model",
            artifact_format=original.artifact_format,
            metadata=original.metadata,
            activate=True,
            by="ben",
            original=original,
        )

    assert replace(original, active=True) == copy() == store.active("iris")
    with pytest.raises(Refused, match="iris has versions in this store already"):
        copy()
    assert [3] == numbers(store)
    assert 4 == add(store).number
