"""Attachments: bulk data in a file beside the socket (SPEC 4.6)."""

from __future__ import annotations

import errno
import os
import socket
from pathlib import Path

import pytest

from contracts import buffers
from contracts.buffers import ALIGN, INLINE, BufferReader, BufferWriter
from contracts.errors import BadMessage, Code
from contracts.messages import (
    ErrorReply,
    Load,
    Predict,
    Reply,
    decode_reply,
    decode_request,
    encode_reply,
    encode_request,
)
from contracts.table import Column, Columns, Matrix, Type
from contracts.wire import MAX_FRAME, pack, unpack

ROWS = 100_000
LARGE = Columns(
    ROWS,
    (
        Column("x", Type.F64, os.urandom(8) * ROWS),
        Column.of("s", Type.STR, ["é", None] * (ROWS // 2)),
    ),
)


def test_large_tables_travel_beside_the_frame(tmp_path: Path) -> None:
    """Beyond INLINE bytes the frame stays small, and the file is gone once it has been read."""
    payload = encode_request(Predict(1, LARGE), tmp_path)
    assert len(payload) < 500
    assert len(list(tmp_path.iterdir())) == 1
    assert decode_request(payload, tmp_path) == Predict(1, LARGE)
    assert list(tmp_path.iterdir()) == []


def test_buffers_of_attachments_begin_at_multiples_of_64(tmp_path: Path) -> None:
    """Receivers can use every buffer in place, whatever its type."""
    message = unpack(encode_reply(Reply(1, LARGE), tmp_path))
    placed = [
        column[key]
        for column in message["table"]["columns"]
        for key in ("values", "present", "offsets")
        if key in column
    ]
    assert len(placed) == 4
    assert [offset % ALIGN for offset, _ in placed] == [0] * 4
    assert message["attachment"]["size"] == max(offset + length for offset, length in placed)


def test_attachments_are_for_this_user_only(tmp_path: Path) -> None:
    """Nobody else can read what a caller sent."""
    encode_reply(Reply(1, artifact=bytes(INLINE + 1), format="raw"), tmp_path)
    (path,) = tmp_path.iterdir()
    assert path.stat().st_mode & 0o777 == 0o600


def test_exactly_inline_bytes_stay_in_the_frame(tmp_path: Path) -> None:
    """The limit itself is inline; one byte more is not; without a folder everything is."""
    load = Load(1, bytes(INLINE), "raw", "00")
    assert "attachment" not in unpack(encode_request(load, tmp_path))
    over = Load(1, bytes(INLINE + 1), "raw", "00")
    assert "attachment" in unpack(encode_request(over, tmp_path))
    assert "attachment" not in unpack(encode_request(over))


def test_a_matrix_larger_than_a_frame_arrives(tmp_path: Path) -> None:
    """What no frame could carry passes, in place of a copy (SPEC 4.6)."""
    rows = MAX_FRAME // 8 + 1
    payload = encode_reply(Reply(1, Matrix(rows, ("x",), bytes(8 * rows))), tmp_path)
    reply = decode_reply(payload, tmp_path)
    assert isinstance(reply, Reply)
    assert isinstance(reply.table, Matrix)
    assert reply.table.size == 8 * rows > MAX_FRAME


def refused(folder: Path, name: str, size: int) -> str:
    """Give what a reader says to an attachment."""
    with pytest.raises(BadMessage) as caught:
        BufferReader({"name": name, "size": size}, folder)
    return caught.value.message


def test_links_are_not_followed(tmp_path: Path) -> None:
    """A link in the folder opens nothing, and what it points to stays."""
    secret = tmp_path / "secret"
    secret.write_bytes(b"abcd")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "link").symlink_to(secret)
    assert "symbolic links" in refused(tmp_path / "folder", "link", 4)
    assert secret.exists()


def test_only_regular_files_are_read(tmp_path: Path) -> None:
    """A FIFO does not hold the reader, and folders and sockets are refused."""
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "folder").mkdir()
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(tmp_path / "socket"))
        assert "no regular file" in refused(tmp_path, "fifo", 0)
        assert "no regular file" in refused(tmp_path, "folder", 0)
        assert "attachment socket" in refused(tmp_path, "socket", 0)


def test_attachments_need_a_folder() -> None:
    """Where there is no folder an attachment is a bad message, not an exception."""
    with pytest.raises(BadMessage, match="not possible on this connection"):
        BufferReader({"name": "a", "size": 1}, None)
    with pytest.raises(BadMessage, match="expected a map"):
        BufferReader([1], None)


@pytest.mark.parametrize("message", [{"op": "ping"}, {"id": 1, "op": "dream"}])
def test_the_file_goes_whatever_else_is_wrong(message: dict[str, object], tmp_path: Path) -> None:
    """A request without id, or of an unknown op, leaves no file behind (SPEC 4.6)."""
    (tmp_path / "a").write_bytes(b"abcd")
    wire = {**message, "attachment": {"name": "a", "size": 4}}
    reply = decode_request(pack(wire), tmp_path)
    assert isinstance(reply, ErrorReply)
    assert reply.code in (Code.BAD_MESSAGE, Code.UNKNOWN_OP)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """ENOSPC while an attachment is written is raised, and the half file removed."""

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(buffers.os, "pwrite", full)
    with pytest.raises(OSError, match="No space left"):
        encode_request(Predict(1, LARGE), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_message_that_cannot_be_packed_leaves_no_file(tmp_path: Path) -> None:
    """An attachment whose message cannot be encoded is removed again."""
    with pytest.raises(BadMessage, match="cannot be encoded"):
        encode_request(Predict(1, LARGE, params={"x": object()}), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_write_that_is_cut_short_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """pwrite(2) may write less than it was given."""
    whole = os.pwrite

    def partly(descriptor: int, view: memoryview, offset: int) -> int:
        return whole(descriptor, view[:300_000], offset)

    monkeypatch.setattr(buffers.os, "pwrite", partly)
    payload = encode_request(Predict(1, LARGE), tmp_path)
    monkeypatch.undo()
    assert decode_request(payload, tmp_path) == Predict(1, LARGE)


def test_an_inline_writer_writes_no_file(tmp_path: Path) -> None:
    """Small messages make no attachment even where they could."""
    writer = BufferWriter(INLINE, tmp_path)
    assert writer.place(b"abc") == b"abc"
    assert writer.attach() is None
