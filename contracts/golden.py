"""Read the vectors: golden bytes with what they mean (vectors/README.md)."""

from __future__ import annotations

import base64
import json
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).with_name("vectors")
"""Where the vectors lie."""


@dataclass(frozen=True)
class Vector:
    """Hold one file of ``valid/``, ``invalid/`` or ``digest/``; `meaning` is its folder's name."""

    path: Path
    text: dict[str, Any]

    @property
    def meaning(self) -> str:
        """The definition that a valid payload has, or the error code of an invalid one."""
        return self.path.parent.name

    @property
    def name(self) -> str:
        """What a report shows: meaning and file."""
        return f"{self.meaning}/{self.path.stem}"

    @property
    def payload(self) -> bytes:
        """The golden bytes."""
        parts = self.text["hex"]
        if isinstance(parts, str):
            return bytes.fromhex(parts)
        return b"".join(
            bytes.fromhex(part)
            if isinstance(part, str)
            else bytes.fromhex(part["repeat"]) * part["times"]
            for part in parts
        )

    @property
    def message(self) -> dict[str, Any]:
        """What the payload says."""
        message: dict[str, Any] = from_json(self.text["message"])
        return message

    def lay_out(self, folder: Path) -> None:
        """Write the files that the message's attachment names."""
        for name, content in self.text.get("files", {}).items():
            (folder / name).write_bytes(from_json(content))


def vectors(kind: str) -> list[Vector]:
    """Give all of ``valid``, ``invalid``, ``digest`` or ``dialogues``, by name."""
    paths = sorted((FOLDER / kind).glob("**/*.json"))
    return [Vector(path, json.loads(path.read_text("utf-8"))) for path in paths]


def from_json(form: Any) -> Any:
    """Turn the JSON form of a value into the value."""
    if isinstance(form, list):
        return [from_json(item) for item in form]
    if not isinstance(form, dict):
        return form
    if form.keys() == {"$bin"}:
        return base64.b64decode(form["$bin"], validate=True)
    if form.keys() == {"$f64"}:
        return struct.unpack(">d", bytes.fromhex(form["$f64"]))[0]
    return {key: from_json(value) for key, value in form.items()}
