"""Check 4.6: attachments, read and written, and files that are none (refusals has the rest)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from contracts.conform.broken import expect
from contracts.conform.drive import Drive, check
from contracts.conform.mirror import NUMBERS, ask, done, numbers, question
from contracts.conform.peer import Peer
from contracts.errors import Code
from contracts.messages import ErrorReply, Fit
from contracts.table import Column, Columns, Matrix, Type, pack_floats
from contracts.wire import MAX_FRAME


@check("4.6", "reads a large table from an attachment and unlinks it", "fit")
def _reads_attachments(drive: Drive) -> None:
    peer = drive.hold("matrix")
    rows = 100_000
    values = [float(at) for at in range(2 * rows)]
    asked = peer.send(question(pack_floats(rows, NUMBERS.names, values), 1))
    expect(numbers(peer.reply(asked)) == values[1::2], True)
    expect(drive.process.left_over(), [])


@check("4.6", "reads columns from an attachment, strings included", "fit")
def _reads_columns(drive: Drive) -> None:
    peer = drive.hold("matrix")
    rows = 100_000
    items = [float(at) for at in range(rows)]
    columns = [Column.of(name, Type.F64, items) for name in NUMBERS.names]
    text = Column.of("ignored", Type.STR, ["é"] * rows)
    expect(ask(peer, Columns(rows, (*columns, text)), 1) == items, True)
    expect(drive.process.left_over(), [])


@check("4.6", "answers by an attachment what would exceed a frame", "fit")
def _answers_by_attachment(drive: Drive) -> None:
    drive.forget()
    peer = drive.connect()
    assert drive.model is not None
    three = Column.of("x", Type.F64, [1.0, 2.0, 3.0])
    done(peer.ask(Fit(0, drive.model.maps["mirror"], Columns(3, (three,)), three)))
    values = bytes(three.values) * (MAX_FRAME // len(three.values) + 1)
    rows = len(values) // 8
    found = done(peer.ask(question(Matrix(rows, ("x",), values), 0, "value"))).table
    expect(found is not None and found.columns[0].values == values, True)
    expect(drive.process.left_over(), [])


@check("4.6", "does not follow a link to the file of somebody else", "predict")
def _links(drive: Drive) -> None:
    with _secret(drive) as secret:
        link = drive.process.folder / "link"
        link.symlink_to(secret)
        _refuses_file(drive.connect(), "link")
        link.unlink(missing_ok=True)


@check("4.6", "does not take a file of another folder, though it is what was announced", "predict")
def _other_folders(drive: Drive) -> None:
    with _secret(drive) as secret:
        for name in (f"../{secret.name}", str(secret)):
            _refuses_file(drive.connect(), name)


@check("4.6", "does not wait for what a pipe in an attachment's place may give", "predict")
def _pipes(drive: Drive) -> None:
    pipe = drive.process.folder / "pipe"
    os.mkfifo(pipe)
    try:
        _refuses_file(drive.connect(), "pipe")
    finally:
        pipe.unlink(missing_ok=True)


@contextmanager
def _secret(drive: Drive) -> Iterator[Path]:
    """Lay a file beside the socket's folder, and see that it is still there at the end."""
    secret = drive.process.folder.parent / "secret"
    secret.write_bytes(bytes(32))
    yield secret
    expect(secret.exists(), True)


def _refuses_file(peer: Peer, name: str) -> None:
    table = {"rows": 2, "names": ["a", "b"], "matrix": [0, 32]}
    attachment = {"name": name, "size": 32}
    peer.send_map({"id": 1, "op": "predict", "table": table, "attachment": attachment})
    reply = peer.reply(1)
    expect(reply.code if isinstance(reply, ErrorReply) else reply, Code.BAD_MESSAGE)
