"""Small versions for tests that do not care what is in them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection

from runner.store import Store, Version
from runner.store.url import open_database


def add(
    store: Store,
    service: str = "iris",
    artifact: bytes | Iterable[bytes] = b"a model",
    *,
    activate: bool = False,
    **metadata: Any,
) -> Version:
    return store.add_version(
        service,
        artifact,
        artifact_format="pickle",
        metadata=metadata,
        activate=activate,
        by="anna",
    )


def numbers(store: Store, service: str = "iris") -> list[int]:
    return [version.number for version in store.versions(service)]


@contextmanager
def behind(url: str) -> Iterator[Connection]:
    """A transaction behind the store's back, committed at the end."""
    database = open_database(url, 10)
    try:
        with database.writing() as connection:
            yield connection
    finally:
        database.close()
