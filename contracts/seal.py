"""Put the bulk of a message in its place, inline or attached, and pack it (SPEC 4.6)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from contracts.buffers import INLINE, INLINE_WRITER, Buffer, BufferWriter, File
from contracts.column import Column
from contracts.table import Matrix, Table
from contracts.wire import pack


def seal(
    message: dict[str, Any],
    folder: Path | None,
    table: Table | None,
    target: Column | None,
    artifact: Buffer | None,
) -> bytes:
    """Add table, target and artifact to a message and give the payload of its frame.

    Beyond `INLINE` bytes they go to a file in ``folder``, unless it is None. Raises BadMessage for
    what msgpack cannot encode, OSError if there is no room for the file.
    """
    writer = INLINE_WRITER
    if folder is not None:
        total = (table.size if table else 0) + (target.size if target else 0) + len(artifact or b"")
        if total > INLINE:
            writer = BufferWriter(total, folder, _file(table))
    if table is not None:
        message["table"] = table.to_wire(writer)
    if target is not None:
        message["target"] = target.to_wire(writer)
    if artifact is not None:
        message["artifact"] = writer.place(artifact)
    attachment = writer.attach()
    if attachment is None:
        return pack(message)
    message["attachment"] = attachment
    try:
        return pack(message)
    except BaseException:
        (folder / attachment["name"]).unlink(missing_ok=True)
        raise


def _file(table: Table | None) -> File | None:
    """Give the file that holds the table's values already, if there is one."""
    if table is None:
        return None
    parts = (table,) if isinstance(table, Matrix) else table.columns
    owners = (getattr(part.values, "obj", None) for part in parts)
    return next((owner for owner in owners if isinstance(owner, File)), None)
