"""Artifacts come back byte for byte, or not at all."""

from __future__ import annotations

import hashlib
import mmap
import random
import resource
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, delete, insert, select, update

from runner.errors import ArtifactCorrupt, Fingerprint, RunnerError, Unavailable
from runner.store import Store
from runner.store.artifact import CHUNK_BYTES, joined
from runner.store.schema import artifacts, chunks
from tests.store.samples import add, behind, numbers

SIZES = [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 2 * CHUNK_BYTES, 9_000_001]


def noise(size: int) -> bytes:
    return random.Random(size).randbytes(size)


@pytest.mark.parametrize("size", SIZES)
def test_any_size_comes_back(store: Store, size: int) -> None:
    """Sizes around the limits of chunks lose no byte, whole or in pieces."""
    data = noise(size)
    pieces = [data[start : start + 700_001] for start in range(0, size, 700_001)]
    add(store, artifact=data)
    in_pieces = add(store, artifact=iter(pieces))
    assert store.read_artifact("iris", 1) == data
    assert store.read_artifact("iris", 2) == data
    assert (in_pieces.artifact_size, in_pieces.artifact_sha256) == (
        size,
        hashlib.sha256(data).hexdigest(),
    )


def test_any_kind_of_buffer_is_taken(store: Store, tmp_path: Path) -> None:
    """bytes, bytearray, views of numbers and a mapped file are taken without a detour."""
    (tmp_path / "artifact").write_bytes(b"12345678")
    with (
        (tmp_path / "artifact").open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped,
    ):
        doubles = memoryview(b"12345678").cast("d")
        for buffer in (b"12345678", bytearray(b"12345678"), doubles, mapped):
            number = add(store, artifact=buffer).number
            assert store.read_artifact("iris", number) == b"12345678"


def test_a_producer_that_fails_stores_nothing(store: Store) -> None:
    """The producer's own error passes through, and its number goes to the next version."""

    def produce() -> Iterator[bytes]:
        yield noise(CHUNK_BYTES)
        raise RuntimeError("the worker died")

    with pytest.raises(RuntimeError, match="the worker died"):
        add(store, artifact=produce())
    assert numbers(store) == []
    assert add(store).number == 1


def test_a_slow_producer_holds_no_lock(store: Store) -> None:
    """While an artifact is still being produced, others store and activate versions."""

    def produce() -> Iterator[bytes]:
        yield b"first half, "
        add(store, activate=True)
        yield b"second half"

    added = add(store, artifact=produce())
    assert added.number == 2
    assert store.read_artifact("iris", 2) == b"first half, second half"


def test_no_room_for_a_large_artifact_is_one_clear_line(store: Store) -> None:
    """When the temporary folder takes no more, the message names it, and nothing is stored."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000_000, hard))
    try:
        with pytest.raises(Unavailable, match=r"^cannot keep an artifact of .* bytes in /"):
            add(store, artifact=(noise(CHUNK_BYTES) for _ in range(12)))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert numbers(store) == []


def test_deleting_frees_the_chunks(store: Store, url: str) -> None:
    """A tombstone keeps no bytes; other versions keep theirs."""
    for _ in range(2):
        add(store, artifact=noise(CHUNK_BYTES + 1))
    store.delete("iris", 1, by="ben")
    with behind(url) as connection:
        kept = connection.execute(select(chunks.c.artifact_id, chunks.c.position)).all()
    assert sorted(position for _, position in kept) == [0, 1]
    assert len({artifact_id for artifact_id, _ in kept}) == 1
    assert store.read_artifact("iris", 2) == noise(CHUNK_BYTES + 1)


# Damage


def flip_a_bit(connection: Connection, position: int) -> None:
    where = chunks.c.position == position
    data = bytearray(connection.scalars(select(chunks.c.data).where(where)).one())
    data[len(data) // 2] ^= 0x10
    connection.execute(update(chunks).where(where).values(data=bytes(data)))


def cut_the_end(connection: Connection) -> None:
    data = connection.scalars(select(chunks.c.data).where(chunks.c.position == 2)).one()
    connection.execute(update(chunks).where(chunks.c.position == 2).values(data=data[:-1]))


def swap_chunks(connection: Connection) -> None:
    for old, new in ((0, 9), (1, 0), (9, 1)):
        connection.execute(update(chunks).where(chunks.c.position == old).values(position=new))


def append_a_chunk(connection: Connection) -> None:
    artifact_id = connection.scalars(select(artifacts.c.id)).one()
    connection.execute(insert(chunks).values(artifact_id=artifact_id, position=3, data=b"more"))


DAMAGES: dict[str, Callable[[Connection], object]] = {
    "first chunk": lambda connection: flip_a_bit(connection, 0),
    "second chunk": lambda connection: flip_a_bit(connection, 1),
    "last chunk": lambda connection: flip_a_bit(connection, 2),
    "truncated": cut_the_end,
    "first chunk missing": lambda c: c.execute(delete(chunks).where(chunks.c.position == 0)),
    "chunk missing": lambda c: c.execute(delete(chunks).where(chunks.c.position == 1)),
    "last chunk missing": lambda c: c.execute(delete(chunks).where(chunks.c.position == 2)),
    "all chunks missing": lambda c: c.execute(delete(chunks)),
    "chunks swapped": swap_chunks,
    "chunk too many": append_a_chunk,
    "another size": lambda c: c.execute(update(artifacts).values(size=artifacts.c.size + 1)),
    "another digest": lambda c: c.execute(update(artifacts).values(sha256="0" * 64)),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_found_before_anyone_gets_the_bytes(store: Store, url: str, damage: str) -> None:
    """Whatever differs from what was stored is refused, naming version and both fingerprints."""
    data = noise(2 * CHUNK_BYTES + 1000)
    add(store, artifact=data)
    with behind(url) as connection:
        DAMAGES[damage](connection)
    with pytest.raises(ArtifactCorrupt) as caught:
        store.read_artifact("iris", 1)
    error = caught.value
    assert (error.service, error.version) == ("iris", 1)
    assert error.expected != error.found
    assert str(error) == (
        f"the artifact of iris version 1 is corrupt: expected {error.expected}, found {error.found}"
    )
    if damage not in {"another size", "another digest"}:
        assert error.expected == Fingerprint(hashlib.sha256(data).hexdigest(), len(data))
    assert numbers(store) == [1]


def test_damage_to_one_version_leaves_the_others_alone(store: Store, url: str) -> None:
    """The next version is stored, activated and read as ever."""
    add(store, artifact=b"old", activate=True)
    with behind(url) as connection:
        flip_a_bit(connection, 0)
    add(store, artifact=b"new", activate=True)
    with pytest.raises(ArtifactCorrupt):
        store.read_artifact("iris", 1)
    assert store.read_artifact("iris", 2) == b"new"


def test_any_bit_of_the_file_may_flip(sqlite_url: str, tmp_path: Path) -> None:
    """Wherever a SQLite file rots, the artifact is right or an error says so: never wrong bytes."""
    data = noise(20_000)
    with Store.open(sqlite_url) as store:
        add(store, artifact=data, activate=True)
    sound = (tmp_path / "store.sqlite").read_bytes()
    rotten = tmp_path / "rotten.sqlite"
    dice = random.Random(7)
    right, refusals = 0, []
    for _ in range(300):
        bits = bytearray(sound)
        bits[dice.randrange(len(bits))] ^= 1 << dice.randrange(8)
        rotten.write_bytes(bits)
        try:
            with Store.open(f"sqlite:///{rotten}") as store:
                assert store.read_artifact("iris", 1) == data
            right += 1
        except RunnerError as error:
            refusals.append(str(error))
    assert min(right, len(refusals)) > 30
    assert not any("\n" in refusal for refusal in refusals)


def test_what_is_not_bytes_any_more_ends_the_artifact() -> None:
    """SQLite keeps a type with each value; one that rotted into text is not joined."""
    assert joined([b"ab", "cd", b"ef"]).data == b"ab"
