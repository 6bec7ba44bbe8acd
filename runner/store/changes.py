"""The statements that change the store, to be run inside one writing transaction.

Locks are taken in one order, a service's row in `runner_models` first and the row of
`runner_state` last, so that no two writers wait for one another in a circle.
"""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import Connection, delete, insert, select, update

from runner.errors import Refused
from runner.store.artifact import Measured
from runner.store.records import Activation, Version
from runner.store.schema import (
    activations,
    artifacts,
    chunks,
    leftovers,
    models,
    state,
    versions,
)
from runner.store.upsert import upsert


def insert_artifact(
    connection: Connection, artifact_format: str, content: Measured, *, elsewhere: bool = False
) -> int:
    """Write an artifact that no version refers to yet; return its id.

    ``elsewhere``: its bytes do not go to the database; `locate` says where they are.
    """
    artifact_id: int = connection.scalars(
        insert(artifacts)
        .values(
            format=artifact_format, size=content.fingerprint.size, sha256=content.fingerprint.sha256
        )
        .returning(artifacts.c.id)
    ).one()
    for position, data in enumerate(() if elsewhere else content.chunks()):
        connection.execute(
            insert(chunks).values(artifact_id=artifact_id, position=position, data=data)
        )
    return artifact_id


def locate(connection: Connection, artifact_id: int, location: str | None) -> None:
    """Note where an artifact lies, or that it lies nowhere any more."""
    connection.execute(
        update(artifacts).where(artifacts.c.id == artifact_id).values(location=location)
    )


def insert_version(
    connection: Connection,
    service: str,
    metadata: str,
    artifact_id: int,
    by: str,
    original: Version | None = None,
) -> int:
    """Write a version under the service's next number, or as its ``original``; return its number.

    Taking the number locks the service's row until the end of the transaction: whoever comes next
    waits, and gets the same number if this transaction fails. So there are neither twins nor gaps.
    """
    number = _next(connection, service) if original is None else _same(connection, original)
    connection.execute(
        insert(versions).values(
            service=service,
            number=number,
            created=original.created if original else datetime.now(UTC),
            created_by=original.created_by if original else by,
            metadata=metadata,
            artifact_id=artifact_id,
        )
    )
    return number


def _next(connection: Connection, service: str) -> int:
    first = upsert(connection, models).values(service=service, last_number=1)
    number: int = connection.scalars(
        first.on_conflict_do_update(
            index_elements=[models.c.service], set_={"last_number": models.c.last_number + 1}
        ).returning(models.c.last_number)
    ).one()
    return number


def _same(connection: Connection, original: Version) -> int:
    """Take the number of a version of another store; the next one counts on from there."""
    first = upsert(connection, models).values(service=original.service, last_number=original.number)
    number: int | None = connection.scalar(
        first.on_conflict_do_nothing().returning(models.c.last_number)
    )
    if number is None:
        raise Refused(f"{original.service} has versions in this store already")
    return number


def lock_service(connection: Connection, service: str) -> int | None:
    """Lock the service's row, if there is one; return the number of its active version."""
    number: int | None = connection.scalar(
        select(models.c.active_number).where(models.c.service == service).with_for_update()
    )
    return number


def switch(
    connection: Connection, service: str, number: int, *, active: int | None, by: str, reason: str
) -> Activation:
    """Move the service from its `active` version to another, and record who did it."""
    at = datetime.now(UTC)
    connection.execute(
        update(models).where(models.c.service == service).values(active_number=number)
    )
    activation_id = connection.scalars(
        insert(activations)
        .values(service=service, at=at, by=by, from_number=active, to_number=number, reason=reason)
        .returning(activations.c.id)
    ).one()
    return Activation(activation_id, service, at, by, active, number, reason)


def bury(connection: Connection, service: str, number: int, by: str) -> None:
    """Free a version's chunks, or note its artifact as left over; its row stays, a tombstone."""
    artifact_id = connection.scalars(
        update(versions)
        .where(versions.c.service == service, versions.c.number == number)
        .values(deleted=datetime.now(UTC), deleted_by=by)
        .returning(versions.c.artifact_id)
    ).one()
    connection.execute(delete(chunks).where(chunks.c.artifact_id == artifact_id))
    location = connection.scalar(select(artifacts.c.location).where(artifacts.c.id == artifact_id))
    if location is not None:
        connection.execute(insert(leftovers).values(location=location, service=service))
        locate(connection, artifact_id, None)


def forget_leftover(connection: Connection, location: str) -> None:
    """Note that an artifact of a deleted version is gone."""
    connection.execute(delete(leftovers).where(leftovers.c.location == location))


def count_change(connection: Connection) -> None:
    """Move the store's revision on, as the last statement of every change.

    NOTE: a counter in a row, not the greatest id of a journal: PostgreSQL gives out ids before
    commit, so a smaller id may become visible after a greater one, and a poller would miss it.
    """
    connection.execute(update(state).where(state.c.id == 1).values(revision=state.c.revision + 1))
