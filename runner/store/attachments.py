"""Keep small files with a version: Palladium's attachments, `attachments/NAME` in its metadata.

Their contents are base64, and stay in the store; whoever asks for metadata is told names and sizes.
"""

from __future__ import annotations

import base64
import binascii
import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from runner.errors import MetadataInvalid, NotFound, Unavailable
from runner.store.records import Version

PREFIX = "attachments/"
MOST_BYTES = 1024**2
"""Of one version's attachments together: metadata are read with every list of versions."""


def check(metadata: Mapping[str, Any]) -> None:
    """Raise MetadataInvalid for attachments that are not base64, or too large."""
    total = 0
    for name, content in _attached(metadata).items():
        try:
            total += len(_decoded(content))
        except (TypeError, ValueError) as ex:
            raise MetadataInvalid(f"{PREFIX}{name} is no base64: {ex}") from ex
    if total > MOST_BYTES:
        raise MetadataInvalid(f"attachments of {total} bytes, at most {MOST_BYTES}")


def told(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Give metadata with the sizes of attachments in place of their contents."""
    attached = _attached(metadata)
    if not attached:
        return dict(metadata)
    rest = {key: value for key, value in metadata.items() if not key.startswith(PREFIX)}
    return {**rest, "attachments": {name: len(_decoded(each)) for name, each in attached.items()}}


def attachment(version: Version, name: str) -> bytes:
    """Give the content of one. Raises NotFound with the nearest name, or all there are."""
    attached = _attached(version.metadata)
    if name in attached:
        return _decoded(attached[name])
    near = difflib.get_close_matches(name, attached, n=1)
    there = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(attached) or 'none'}"
    raise NotFound(
        f"version {version.number} of {version.service} has no attachment {name!r}, {there}"
    )


def write_attachment(version: Version, name: str, to: Path) -> Path:
    """Write the content of one into a file; give its path. Raises NotFound, Unavailable."""
    content = attachment(version, name)
    try:
        to.write_bytes(content)
    except OSError as ex:
        raise Unavailable(f"cannot write {to}: {ex.strerror}") from ex
    return to


def _attached(metadata: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key.removeprefix(PREFIX): value for key, value in metadata.items() if key.startswith(PREFIX)
    }


def _decoded(content: Any) -> bytes:
    try:
        return base64.b64decode(content, validate=True)
    except binascii.Error as ex:
        raise ValueError(str(ex)) from ex
