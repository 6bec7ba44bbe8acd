"""Records are written before answers leave: whole, once, wherever the file goes meanwhile."""

from __future__ import annotations

import asyncio
import hashlib
import json
import multiprocessing
import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from runner.audit.chain import Chain
from runner.audit.file import LogFile, Pipe, Written
from runner.audit.opening import Audit, open_audit
from runner.audit.record import START, Recorder
from runner.audit.trail import Trail
from runner.config.settings import AuditSettings
from runner.errors import Unavailable


def opened(path: Path, **settings: Any) -> Audit:
    audit = open_audit(AuditSettings(path=path, **settings))
    assert audit is not None
    return audit


def records(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


class Broken(LogFile):
    """A file with room for so many bytes, or None for any number."""

    room: int | None = None

    def append(self, lines: Any) -> Written:
        if self.room is None:
            return super().append(lines)
        size = self.path.stat().st_size if self.path.exists() else 0
        # The kernel's own limit on a file's size tears lines as a full disk does.
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + self.room, limits[1]))
        try:
            return super().append(lines)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
            self.room = 0


def broken(path: Path, **options: Any) -> tuple[Recorder, Trail, Broken]:
    file, chain = Broken(path), Chain()
    trail = Trail(chain, [file], **options)
    record = Recorder(trail, chain)
    trail.resumed = record.resume
    return record, trail, file


async def test_written_before_the_answer(tmp_path: Path) -> None:
    """When `settle` calls back, which it does at once, the record is in the file."""
    audit = opened(tmp_path / "log")
    audit.record.action(START)
    told = []
    audit.trail.settle(lambda safe: told.append((safe, len(records(tmp_path / "log")))))
    assert told == [(True, 1)]


async def test_written_without_an_answer(tmp_path: Path) -> None:
    """A record whose client is gone is written in the same turn all the same."""
    audit = opened(tmp_path / "log")
    audit.record.action(START)
    await asyncio.sleep(0)
    assert len(records(tmp_path / "log")) == 1


async def test_one_write_a_turn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The records of one turn cost one write(2), however many connections settle."""
    audit = opened(tmp_path / "log")
    writes = []
    write = os.write
    monkeypatch.setattr(os, "write", lambda *a: writes.append(1) or write(*a))
    for _ in range(64):
        audit.record.action(START)
    for _ in range(64):
        audit.trail.settle(lambda safe: None)
    assert len(writes) == 1
    assert len(records(tmp_path / "log")) == 64


async def test_rotation(tmp_path: Path) -> None:
    """After a rename the next record is in a new file; the chain goes on."""
    log = tmp_path / "log"
    audit = opened(log)
    for turn in range(3):
        audit.record.action(START)
        audit.trail.flush()
        log.rename(tmp_path / f"log.{turn}")
    found = [records(tmp_path / f"log.{turn}") for turn in range(3)]
    assert [[each["event.sequence"] for each in file] for file in found] == [[1], [2], [3]]
    # No descriptor of a file that was rotated away stays open.
    held = [file.path for file in psutil.Process().open_files()]
    assert len([path for path in held if path.startswith(str(tmp_path))]) == 1
    audit.close()


async def test_rotation_that_another_was_first_to_see(tmp_path: Path) -> None:
    """Who comes second writes to the new file as well, though there is one at the path again."""
    log = tmp_path / "log"
    audits = [opened(log), opened(log)]
    for _ in range(2):
        for audit in audits:
            audit.record.action(START)
            audit.trail.flush()
        if not (tmp_path / "log.1").exists():
            log.rename(tmp_path / "log.1")
    assert [[1, 1], [2, 2]] == [
        [each["event.sequence"] for each in records(file)] for file in (tmp_path / "log.1", log)
    ]


def _writes(path: Path, count: int) -> None:
    audit = opened(path)
    for _ in range(count):
        audit.record.action(START)
        audit.trail.flush()


def test_many_writers_and_rotations(tmp_path: Path) -> None:
    """Four processes write while the file is renamed again and again: every record, once, whole."""
    log = tmp_path / "log"
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_writes, args=(log, 1500)) for _ in range(4)]
    for writer in writers:
        writer.start()
    rotations = 0
    while any(writer.is_alive() for writer in writers):
        if log.exists() and log.stat().st_size > 20_000:
            log.rename(tmp_path / f"log.{rotations}")
            rotations += 1
    assert [writer.exitcode for writer in writers] == [0] * 4
    found = [each for file in tmp_path.iterdir() for each in records(file)]
    ids = {(each["runner.chain.writer"], each["event.sequence"]) for each in found}
    assert (rotations > 5, len(found), len(ids)) == (True, 6000, 6000)


async def test_a_line_torn_by_a_full_disk(tmp_path: Path) -> None:
    """The next record begins on a line of its own, and the piece before it is declared."""
    log = tmp_path / "log"
    record, trail, file = broken(log)
    record.action(START)
    trail.flush()
    size = log.stat().st_size
    file.room = 100
    record.action(START)
    told: list[bool] = []
    trail.settle(told.append)
    assert (told, trail.failing, log.stat().st_size) == ([False], True, size + 100)
    piece = log.read_bytes()[size:]
    file.room = None
    record.action(START)
    trail.settle(told.append)
    await asyncio.sleep(0.01)
    first, torn, second, resumed = log.read_bytes().splitlines()
    assert (told[1:], trail.failing, torn) == ([True], False, piece)
    assert [json.loads(x)["event.sequence"] for x in (first, second, resumed)] == [1, 2, 3]
    assert json.loads(resumed)["runner.lost"] == 1
    assert json.loads(resumed)["runner.torn"] == [hashlib.sha256(piece).hexdigest()]


async def test_only_what_was_not_written_is_refused(tmp_path: Path) -> None:
    """Of a turn's records those with room are safe, and their answers leave."""
    log = tmp_path / "log"
    record, trail, file = broken(log)
    record.action(START)
    trail.flush()
    file.room = log.stat().st_size * 2 + 50
    numbers = [record.action(START) for _ in range(4)]
    told: list[bool] = []
    for number in numbers:
        trail.settle(told.append, number)
    assert told == [True, True, False, False]


async def test_continue(tmp_path: Path) -> None:
    """With on_failure continue answers leave, and the loss is counted in the log itself."""
    log = tmp_path / "log"
    record, trail, file = broken(log, refuse=False)
    file.room = 0
    told: list[bool] = []
    for _ in range(3):
        record.action(START)
        trail.settle(told.append)
    file.room = None
    record.action(START)
    trail.settle(told.append)
    trail.flush()
    assert told == [True] * 4
    assert [each.get("runner.lost") for each in records(log)] == [None, 3]
    assert [each["event.sequence"] for each in records(log)] == [1, 2]


async def test_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With durability disk nobody is called back before fsync; who comes meanwhile shares one."""
    audit = opened(tmp_path / "log", durability="disk")
    synced = []
    fsync = os.fsync
    monkeypatch.setattr(os, "fsync", lambda fd: synced.append(fd) or fsync(fd))
    told = [asyncio.get_running_loop().create_future() for _ in range(10)]
    for each in told:
        audit.record.action(START)
        audit.trail.settle(each.set_result)
    assert not any(each.done() for each in told)
    assert await asyncio.wait_for(asyncio.gather(*told), 10) == [True] * 10
    assert 1 <= len(synced) <= 4  # one of them is of the folder, as the file is new


async def test_disk_and_rotation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was renamed away since it was written is waited for, too, and then let go."""
    audit = opened(tmp_path / "log", durability="disk")
    synced = []
    monkeypatch.setattr(os, "fsync", lambda fd: synced.append(os.readlink(f"/proc/self/fd/{fd}")))
    told = [asyncio.get_running_loop().create_future() for _ in range(2)]
    for number, each in enumerate(told):
        audit.record.action(START)
        audit.trail.flush()
        if number == 0:
            (tmp_path / "log").rename(tmp_path / "log.1")
        audit.trail.settle(each.set_result)
    assert await asyncio.wait_for(asyncio.gather(*told), 10) == [True] * 2
    assert {str(tmp_path / "log"), str(tmp_path / "log.1"), str(tmp_path)} == set(synced)
    held = [os.readlink(each) for each in Path("/proc/self/fd").iterdir() if each.is_symlink()]
    assert str(tmp_path / "log.1") not in held


def test_disk_without_a_loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A command's record is on the disk once it is written, as is the name of a new file."""
    audit = opened(tmp_path / "log", durability="disk")
    synced = []
    monkeypatch.setattr(os, "fsync", lambda fd: synced.append(os.readlink(f"/proc/self/fd/{fd}")))
    for _ in range(2):
        audit.record.action(START)
        assert audit.trail.write()
    log = str(tmp_path / "log")
    assert synced == [log, str(tmp_path), log]
    monkeypatch.setattr(os, "fsync", lambda fd: os.read(-1, 1))  # EBADF
    audit.record.action(START)
    assert not audit.trail.write()


@pytest.mark.parametrize(("on_failure", "expected"), [("refuse", False), ("continue", True)])
async def test_disk_that_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, on_failure: str, expected: bool
) -> None:
    """If fsync fails the answers are refused, unless the config says go on."""
    audit = opened(tmp_path / "log", durability="disk", on_failure=on_failure)

    def fails(_: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", fails)
    audit.record.action(START)
    answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
    audit.trail.settle(answer.set_result)
    assert await asyncio.wait_for(answer, 5) is expected


def test_survives_sigkill(tmp_path: Path) -> None:
    """What was settled is there after the process has killed itself."""
    code = (
        "import os, signal, sys; from pathlib import Path\n"
        "from tests.audit.test_trail import opened, START\n"
        "audit = opened(Path(sys.argv[1]))\n"
        "for _ in range(5): audit.record.action(START)\n"
        "audit.trail.settle(lambda safe: os.kill(os.getpid(), signal.SIGKILL))"
    )
    done = subprocess.run([sys.executable, "-c", code, tmp_path / "log"], check=False)
    assert (done.returncode, len(records(tmp_path / "log"))) == (-9, 5)


def test_a_file_that_ends_within_a_line(tmp_path: Path) -> None:
    """Whoever opens a file that another has left within a line begins a new one."""
    log = tmp_path / "log"
    log.write_bytes(b'{"@timestamp":"20')
    audit = opened(log)
    audit.record.action(START)
    audit.close()
    piece, line = log.read_bytes().splitlines()
    assert (piece, json.loads(line)["event.sequence"]) == (b'{"@timestamp":"20', 1)


def test_stdout_and_both(tmp_path: Path) -> None:
    """Records go to a descriptor, or there and to the file."""
    for to, in_file in (("stdout", 0), ("both", 1)):
        reads, writes = os.pipe()
        log = tmp_path / to
        audit = open_audit(AuditSettings(to=to, path=log), writes)
        assert audit is not None
        audit.record.action(START)
        audit.close()
        os.close(writes)
        with open(reads, "rb") as pipe:
            assert json.loads(pipe.read())["event.action"] == START
        assert (len(records(log)) if log.exists() else 0) == in_file


def test_a_closed_pipe() -> None:
    """A reader that is gone is a failure like any other."""
    reads, writes = os.pipe()
    os.close(reads)
    assert Pipe(writes).append([b"{}\n"]).error is not None
    os.close(writes)


def test_a_copy_that_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With both the file counts: a reader of stdout that is gone refuses nothing, and is told."""
    reads, writes = os.pipe()
    os.close(reads)
    audit = open_audit(AuditSettings(to="both", path=tmp_path / "log"), writes)
    assert audit is not None
    told: list[bool] = []
    for _ in range(3):
        audit.record.action(START)
        audit.trail.settle(told.append)
    os.close(writes)
    assert (told, len(records(tmp_path / "log"))) == ([True] * 3, 3)
    (line,) = [each for each in "".join(capsys.readouterr()).splitlines() if "copied" in each]
    assert "the file has them" in line


def test_modes(tmp_path: Path) -> None:
    """Others than owner and group cannot read the file."""
    opened(tmp_path / "log").close()
    assert (tmp_path / "log").stat().st_mode & 0o777 == 0o640 & ~_umask()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_places_that_cannot_be(tmp_path: Path) -> None:
    """A folder that is not there, a key too short: told at the start, with the path."""
    with pytest.raises(Unavailable, match="none/log cannot be written: No such file"):
        opened(tmp_path / "none" / "log")
    (tmp_path / "key").write_text("short\n")
    with pytest.raises(Unavailable, match="has 5 bytes; expected 16 or more"):
        opened(tmp_path / "log", key_file=tmp_path / "key")
