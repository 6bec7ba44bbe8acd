"""What is in the store: queries that cost the same however many versions there are.

None but `read_chunks` touches a chunk, each is answered from an index, and whatever is not there is
explained by NotFound.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, FromClause, Row, Select, and_, exists, select

from runner.errors import Fingerprint, NotFound
from runner.store.metadata import decode
from runner.store.records import Activation, Version
from runner.store.schema import activations, artifacts, chunks, leftovers, models, state, versions

_LARGEST_NUMBER = 2**31 - 1
_NAMED_AT_MOST = 10


def services(connection: Connection) -> list[str]:
    stored = exists().where(versions.c.service == models.c.service, versions.c.deleted.is_(None))
    query = select(models.c.service).where(stored)
    # Sorted here: the order of names in SQL depends on the database's locale.
    return sorted(connection.scalars(query))


def newest(
    connection: Connection, service: str, limit: int | None, before: int | None
) -> list[Version]:
    query = select(versions).where(_is_stored(service)).order_by(versions.c.number.desc())
    if before is not None:
        query = query.where(versions.c.number < min(before, _LARGEST_NUMBER))
    # A subquery, so that no planner joins all versions before it takes the newest few.
    rows = connection.execute(_joined(query.limit(limit).subquery("page"))).all()
    return sorted((_version(row) for row in rows), key=lambda version: version.number)


def version(connection: Connection, service: str, number: int) -> Version:
    require(connection, service, number)
    return _version(connection.execute(_stored(service).where(versions.c.number == number)).one())


def active(connection: Connection, service: str) -> Version | None:
    query = _stored(service).where(versions.c.number == models.c.active_number)
    row = connection.execute(query).one_or_none()
    return None if row is None else _version(row)


def active_number(connection: Connection, service: str) -> int | None:
    number: int | None = connection.scalar(
        select(models.c.active_number).where(models.c.service == service)
    )
    return number


def history(connection: Connection, service: str, limit: int | None) -> list[Activation]:
    query = (
        select(activations)
        .where(activations.c.service == service)
        .order_by(activations.c.id.desc())
        .limit(limit)
    )
    return [
        Activation(
            id=row.id,
            service=row.service,
            at=row.at,
            by=row.by,
            from_version=row.from_number,
            to_version=row.to_number,
            reason=row.reason,
        )
        for row in reversed(connection.execute(query).all())
    ]


def first_stored(connection: Connection, service: str, numbers: Sequence[int]) -> int | None:
    """Return the first of the numbers whose version is stored."""
    query = select(versions.c.number).where(_is_stored(service))
    return next(
        (n for n in numbers if connection.scalar(query.where(versions.c.number == n))), None
    )


def artifact(
    connection: Connection, service: str, number: int
) -> tuple[int, Fingerprint, str | None]:
    """Return the id of a version's artifact, its bytes' fingerprint, its place (None: chunks)."""
    require(connection, service, number)
    query = (
        select(artifacts.c.id, artifacts.c.size, artifacts.c.sha256, artifacts.c.location)
        .join(versions, versions.c.artifact_id == artifacts.c.id)
        .where(versions.c.service == service, versions.c.number == number)
    )
    row = connection.execute(query).one()
    return row.id, Fingerprint(row.sha256, row.size), row.location


def is_located(connection: Connection, location: str) -> bool:
    query = select(exists().where(artifacts.c.location == location))
    return bool(connection.scalar(query))


def leftover(connection: Connection, service: str) -> list[str]:
    """Return where artifacts of deleted versions lie yet."""
    query = select(leftovers.c.location).where(leftovers.c.service == service)
    return list(connection.scalars(query))


def read_chunks(connection: Connection, artifact_id: int) -> Iterator[object]:
    """Yield an artifact's chunks, one statement each: only one at a time is in memory."""
    position = 0
    while True:
        query = select(chunks.c.data).where(
            chunks.c.artifact_id == artifact_id, chunks.c.position == position
        )
        data: object = connection.scalar(query)
        if data is None:
            return
        yield data
        position += 1


def revision(connection: Connection) -> int:
    number: int = connection.scalars(select(state.c.revision).where(state.c.id == 1)).one()
    return number


def require(connection: Connection, service: str, number: int) -> None:
    """Raise NotFound, with what there is instead, unless the version is stored."""
    row = None
    if 1 <= number <= _LARGEST_NUMBER:  # beyond that a database raises an error of its own
        row = connection.execute(
            select(versions.c.deleted, versions.c.deleted_by).where(
                versions.c.service == service, versions.c.number == number
            )
        ).one_or_none()
    if row is None:
        problem = f"there is no version {number} of {service}"
    elif row.deleted is not None:
        problem = (
            f"version {number} of {service} was deleted "
            f"{row.deleted:%Y-%m-%d %H:%M} UTC by {row.deleted_by}"
        )
    else:
        return
    raise NotFound(f"{problem}; {_what_there_is(connection, service)}")


def _what_there_is(connection: Connection, service: str) -> str:
    query = (
        select(versions.c.number)
        .where(versions.c.service == service, versions.c.deleted.is_(None))
        .order_by(versions.c.number.desc())
        .limit(_NAMED_AT_MOST + 1)
    )
    numbers = [str(number) for number in connection.scalars(query)]
    if not numbers:
        return "it has no versions"
    names = ", ".join(reversed(numbers[:_NAMED_AT_MOST]))
    return f"there is {names}" if len(numbers) <= _NAMED_AT_MOST else f"the newest are {names}"


def _is_stored(service: str) -> ColumnElement[bool]:
    return and_(versions.c.service == service, versions.c.deleted.is_(None))


def _stored(service: str) -> Select[Any]:
    return _joined(versions).where(_is_stored(service))


def _joined(found: FromClause) -> Select[Any]:
    """Give versions out of ``found`` with what other tables tell of them."""
    return (
        select(
            found.c.service,
            found.c.number,
            found.c.created,
            found.c.created_by,
            found.c.metadata,
            artifacts.c.format,
            artifacts.c.size,
            artifacts.c.sha256,
            models.c.active_number,
        )
        .join(artifacts, artifacts.c.id == found.c.artifact_id)
        .join(models, models.c.service == found.c.service)
    )


def _version(row: Row[Any]) -> Version:
    return Version(
        service=row.service,
        number=row.number,
        created=row.created,
        created_by=row.created_by,
        metadata=decode(row.metadata, f"{row.service} version {row.number}"),
        artifact_format=row.format,
        artifact_size=row.size,
        artifact_sha256=row.sha256,
        active=row.number == row.active_number,
    )
