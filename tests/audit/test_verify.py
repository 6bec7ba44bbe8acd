"""Nothing can be done to a log that `runner audit verify` does not find."""

from __future__ import annotations

import gzip
import json
import random
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from runner.audit import projector
from runner.audit.chain import Chain, digest, digest_of
from runner.audit.file import LogFile
from runner.audit.reading import log_files
from runner.audit.record import Recorder
from runner.audit.trail import Trail
from runner.audit.verify import Report, verify
from runner.store import Head
from tests.audit.test_record import KEY, REQUEST
from tests.audit.test_trail import broken
from tests.serving.project import run, tricky

MUTATIONS = 1000
START = "start"


def written(folder: Path, key: bytes | None = None, count: int = 60) -> dict[str, Head]:
    """Let three writers write a log of three files, turn by turn; give their heads."""
    file = LogFile(folder / "log")
    chains = [Chain(key) for _ in range(3)]
    recorders = []
    for chain in chains:
        trail = Trail(chain, [file])
        recorders.append((Recorder(trail, chain), trail))
    random_ = random.Random(7)
    for number in range(count):
        record, trail = random_.choice(recorders)
        record.request("predict", status=200, **{**REQUEST, "request_id": f"r-{number}"})
        trail.flush()
        if number in (count // 3, 2 * count // 3):
            (folder / "log").rename(folder / f"log.{2 if number == count // 3 else 1}")
    return {c.writer: Head(c.writer, c.sequence, c.previous) for c in chains}


def check(folder: Path, heads: dict[str, Head], **options: object) -> Report:
    return verify(log_files(folder / "log"), heads, expected=heads, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("key", [None, KEY])
def test_a_sound_log(tmp_path: Path, key: bytes | None) -> None:
    """A log to which nothing was done has no fault, across rotated and compressed files."""
    heads = written(tmp_path, key)
    oldest = tmp_path / "log.2"
    (tmp_path / "log.2.gz").write_bytes(gzip.compress(oldest.read_bytes()))
    oldest.unlink()
    report = check(tmp_path, heads, key=key)
    assert (report.faults, report.records, report.files, report.unanchored) == ([], 60, 3, 0)


Mutation = Callable[[random.Random, list[list[bytes]]], object]


def _at(rng: random.Random, files: Sequence[Sequence[bytes]]) -> tuple[int, int]:
    file = rng.randrange(len(files))
    return file, rng.randrange(len(files[file]))


def change_a_bit(rng: random.Random, files: list[list[bytes]]) -> object:
    file, line = _at(rng, files)
    changed = bytearray(files[file][line])
    changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    files[file][line] = bytes(changed)
    return None


def change_a_number(rng: random.Random, files: list[list[bytes]]) -> object:
    file, line = _at(rng, files)
    number = rng.randrange(10, 99)
    files[file][line] = files[file][line].replace(
        b'"http.request.body.bytes":81', b'"http.request.body.bytes":%d' % (number + 100)
    )
    return None


def remove(rng: random.Random, files: list[list[bytes]]) -> object:
    file, line = _at(rng, files)
    return files[file].pop(line)


def remove_several(rng: random.Random, files: list[list[bytes]]) -> object:
    file, line = _at(rng, files)
    del files[file][line : line + rng.randrange(1, 8)]
    return None


def swap(rng: random.Random, files: list[list[bytes]]) -> object:
    """Swap two records of one writer; those of two writers stand in no order."""
    while True:
        (f, a), (g, b) = _at(rng, files), _at(rng, files)
        one, other = files[f][a], files[g][b]
        same = _writer(one) == _writer(other)
        if same and one != other:
            files[f][a], files[g][b] = other, one
            return None


def double(rng: random.Random, files: list[list[bytes]]) -> object:
    file, line = _at(rng, files)
    files[file].insert(rng.randrange(line, len(files[file])) + 1, files[file][line])
    return None


def cut_the_end(rng: random.Random, files: list[list[bytes]]) -> object:
    del files[-1][-rng.randrange(1, len(files[-1]) + 1) :]
    return None


def cut_within(rng: random.Random, files: list[list[bytes]]) -> object:
    file, line = _at(rng, files)
    files[file][line] = files[file][line][: rng.randrange(1, len(files[file][line]))]
    return None


def cut_the_beginning(rng: random.Random, files: list[list[bytes]]) -> object:
    del files[0][: rng.randrange(1, len(files[0]) + 1)]
    return None


def remove_a_file(rng: random.Random, files: list[list[bytes]]) -> object:
    return files.pop(rng.randrange(len(files)))


def remove_a_writer(rng: random.Random, files: list[list[bytes]]) -> object:
    gone = _writer(rng.choice(files[0]))
    for file in files:
        file[:] = [line for line in file if _writer(line) != gone]
    return None


def insert_a_forgery(rng: random.Random, files: list[list[bytes]]) -> object:
    file, line = _at(rng, files)
    files[file].insert(line, files[file][line].replace(b'"r-', b'"forged-'))
    return None


def insert_rubbish(rng: random.Random, files: list[list[bytes]]) -> object:
    file, line = _at(rng, files)
    files[file].insert(line, rng.choice([b"rubbish\n", b'{"a":1}\n', b"\x00\xff\n"]))
    return None


def reseal(rng: random.Random, files: list[list[bytes]]) -> object:
    """Change a record and seal it anew, as somebody can do who has read how it is done."""
    file, line = _at(rng, files)
    body = files[file][line].partition(b',"runner.chain.digest"')[0]
    body = body.replace(b'"http.request.body.bytes":81', b'"http.request.body.bytes":1')
    files[file][line] = body + b',"runner.chain.digest":"%b"}\n' % digest(body, None).encode()
    return None


MUTATE: list[Mutation] = [
    change_a_bit, change_a_number, remove, remove_several, swap, double, cut_the_end, cut_within,
    cut_the_beginning, remove_a_file, remove_a_writer, insert_a_forgery, insert_rubbish, reseal,
]  # fmt: skip


def _writer(line: bytes) -> bytes:
    return line.partition(b'"runner.chain.writer":"')[2][:16]


@pytest.mark.parametrize("key", [None, KEY])
def test_random_mutations(tmp_path: Path, key: bytes | None) -> None:
    """Of a thousand mutations each is found, and the first fault names a place."""
    heads = written(tmp_path, key)
    names = log_files(tmp_path / "log")
    sound = [name.read_bytes().splitlines(keepends=True) for name in names]
    rng = random.Random(20261124)
    missed = []
    for number in range(MUTATIONS):
        mutation = MUTATE[number % len(MUTATE)]
        files = [list(lines) for lines in sound]
        mutation(rng, files)
        assert files != sound
        for name in names:
            name.unlink(missing_ok=True)
        for name, lines in zip(names, files, strict=False):
            name.write_bytes(b"".join(lines))
        report = check(tmp_path, heads, key=key)
        if not report.faults or not (report.faults[0].file or report.faults[0].writer):
            missed.append((number, mutation.__name__))
    assert missed == []


def test_the_first_is_named(tmp_path: Path) -> None:
    """The fault names file, line, writer and number of the record that it is about."""
    heads = written(tmp_path)
    log = tmp_path / "log.1"
    lines = log.read_bytes().splitlines(keepends=True)
    lines[4] = lines[4].replace(b'"r-', b'"x-')
    log.write_bytes(b"".join(lines))
    first = check(tmp_path, heads).faults[0]
    assert (first.file, first.line, first.writer) == (str(log), 5, _writer(lines[4]).decode())
    assert "was changed" in str(first)


def test_older_files_that_were_removed(tmp_path: Path) -> None:
    """What logrotate has removed is missing, unless it is said that it may be."""
    heads = written(tmp_path)
    (tmp_path / "log.2").unlink()
    assert "before it are missing" in str(check(tmp_path, heads).faults[0])
    assert check(tmp_path, heads, partial=True).faults == []


def test_what_the_store_does_not_know_yet(tmp_path: Path) -> None:
    """Records behind the head are counted, not doubted."""
    heads = written(tmp_path)
    writer = max(heads, key=lambda name: heads[name].sequence)
    lines = (tmp_path / "log").read_bytes() + (tmp_path / "log.1").read_bytes()
    lines += (tmp_path / "log.2").read_bytes()
    (third,) = [
        line
        for line in lines.splitlines(keepends=True)
        if _writer(line) == writer.encode() and b'"event.sequence":3,' in line
    ]
    last = heads[writer].sequence
    heads[writer] = Head(writer, 3, digest_of(third))
    report = check(tmp_path, heads)
    assert (report.faults, report.unanchored) == ([], last - 3)


async def test_pieces_of_a_full_disk(tmp_path: Path) -> None:
    """A piece that its writer has told of is accounted for; another is a fault."""
    log = tmp_path / "log"
    record, trail, file = broken(log)
    record.action(START)
    trail.flush()
    file.room = 100
    record.action(START)
    trail.flush()
    # Another process writes behind the piece, on the same line.
    other, second, _ = broken(log)
    second_file = LogFile(log)
    second._files = [second_file]
    second_file._follow()
    second_file._within_line = False
    other.action(START)
    second.flush()
    file.room = None
    record.action(START)
    trail.flush()
    trail.flush()
    report = verify([log], {})
    assert (report.faults, report.pieces, report.records) == ([], 1, 4)
    log.write_bytes(log.read_bytes() + b'"@timestamp":"2026')
    assert "18 bytes are no record" in str(verify([log], {}).faults[0])


_KILLED = """
import os, sys
from pathlib import Path
from tests.audit.test_record import REQUEST
from tests.audit.test_trail import opened

audit = opened(Path(sys.argv[1]))
for number in range(3):
    audit.record.request("predict", status=200, **{**REQUEST, "request_id": f"k-{number}"})
    if not number:
        audit.trail.flush()
write = os.write

def killed(descriptor, data):
    at = data.index(b"\\n") + 1 + int(sys.argv[2])  # within the second of two records
    write(descriptor, data[:at])
    os.kill(os.getpid(), 9)

os.write = killed
audit.trail.flush()
"""


@pytest.mark.parametrize("size", [5, 100, 350, 700])
def test_sigkill_within_a_write(tmp_path: Path, size: int) -> None:
    """The kernel ends a write at a page: others go on with a line of their own, nothing is wrong.

    Whether they have the file open already, or not yet; and it is wrong if the store knows better.
    """
    log = tmp_path / "log"
    record, trail, _ = broken(log)
    record.action(START)
    trail.flush()
    for _ in range(2):
        done = subprocess.run([sys.executable, "-c", _KILLED, log, str(size)], check=False)
        assert (done.returncode, log.read_bytes().endswith(b"\n")) == (-signal.SIGKILL, False)
    record.action(START)
    trail.flush()
    told = [json.loads(line) for line in log.read_bytes().splitlines() if line.endswith(b"}")]
    names = [each.get("http.request.id") for each in told]
    assert names == [None, "k-0", "k-1", "k-0", "k-1", None]
    report = verify([log], {})
    assert (report.faults, report.pieces, report.records) == ([], 2, 6)
    counted, heads = projector.count(log.read_bytes().splitlines(keepends=True))
    assert sum(counts[0] for counts in counted.values()) == 4
    killed = told[1]["runner.chain.writer"]
    known = {head.writer: head for head in heads}
    assert verify([log], known).faults == []
    # Somebody has cut off what the store had been told of.
    known[killed] = Head(killed, 3, "0" * 64)
    assert [fault.sequence for fault in verify([log], known).faults] == [3]
    # And a piece of who wrote on is one that was cut.
    lines = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(b"".join([lines[0], lines[1][:350], b"\n", *lines[2:]]))
    cut, gap = verify([log], {}).faults
    assert (cut.problem, cut.line, gap.sequence) == ("350 bytes are no record", 2, 2)


def test_the_command(tmp_path: Path) -> None:
    """Commands leave a chain that verifies; a record taken away is found, exit code 1."""
    project = tricky(tmp_path / "tricks")
    project.fit()
    project.fit()
    assert project.run("activate", "1").code == 0
    done = run("audit", "verify", "-c", str(project.config))
    assert (done.code, "3 records of 3 writers in 1 files, 0 of them" in done.stdout) == (0, True)
    log = project.folder / "runner-audit.jsonl"
    lines = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(b"".join(lines[:1] + lines[2:]))
    done = run("audit", "verify", "-c", str(project.config), "--json")
    assert (done.code, done.json["faults"][0]["sequence"]) == (1, 1)
    log.unlink()
    assert run("audit", "verify", "-c", str(project.config)).code == 3
