"""Say what a peer is: how it is set up, started and asked, and what its answers say."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from benchmarks.iris import Row
from benchmarks.wrk import Request

APPS = Path(__file__).with_name("apps")

TREE = "scikit-learn tree"
RPART = "R rpart"
JULIA = "Julia"
CONSTANT = "no model"

RECORDS = "records"
COLUMNAR = "columnar or tensor"


@dataclass(frozen=True)
class Place:
    """Where a peer lives: the bin folder of its environment, and a folder for its model."""

    bin: Path
    folder: Path


class Peer(ABC):
    """One server with one model, as its own documentation recommends to run it."""

    name: ClassVar[str]
    """What ``--only`` calls it."""
    title: ClassVar[str]
    model: ClassVar[str] = TREE
    environment: ClassVar[str] = ""
    """Name of its environment, where several peers share one; empty: this very one."""
    requirements: ClassVar[Sequence[str]] = ()
    debian: ClassVar[Sequence[str]] = ()
    """Packages of Debian that it comes from."""
    settings: ClassVar[str]
    """How it runs here, for people."""
    documentation: ClassVar[str] = ""
    """The page that says so."""
    guarded: ClassVar[bool] = False
    """Whether it answers nobody who has no token."""
    forms: ClassVar[Sequence[str]] = ()
    """The shapes in which it takes many rows at once."""

    def prepare(self, place: Place) -> None:  # noqa: B027 (most leave nothing behind)
        """Leave the model in the place's folder."""

    @abstractmethod
    def argv(self, place: Place, port: int) -> Sequence[str]:
        """Give the command that serves on 127.0.0.1; it runs in the place's folder."""

    def environ(self, place: Place, port: int) -> Mapping[str, str]:
        """Give what its environment variables have beside the usual."""
        return {}

    @abstractmethod
    def one(self, row: Row) -> Request:
        """Give the request for one row."""

    def answer(self, body: bytes) -> str:
        """Read the class out of the answer to `one`: by default, as one of many rows."""
        return self.answers(body)[0]

    def many(self, rows: Sequence[Row], form: str) -> Request:
        """Give one request for many rows in one of `forms`."""
        raise NotImplementedError(form)

    def answers(self, body: bytes) -> Sequence[str]:
        """Read the classes out of the answer to `many`."""
        raise NotImplementedError


def post(target: str, content: Any) -> Request:
    """Make a POST of JSON, as compact as any client would."""
    body = json.dumps(content, separators=(",", ":")).encode()
    return Request("POST", target, body, {"Content-Type": "application/json"})


def values(rows: Sequence[Row]) -> list[list[float]]:
    """Give rows as lists."""
    return [list(row.values()) for row in rows]
