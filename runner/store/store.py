"""The store itself: each public method is one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, Self

from runner.config.settings import PlaceSettings
from runner.errors import ArtifactCorrupt, NotFound, Refused, RunnerError, Unavailable
from runner.store import attachments, changes, lookups
from runner.store.artifact import BytesLike, Measured, joined, measured
from runner.store.database import Database
from runner.store.jobs import Jobs
from runner.store.metadata import encode
from runner.store.migrate import migrate, stored_revision
from runner.store.places import Places, Staged
from runner.store.records import Activation, Version
from runner.store.refits import Refits
from runner.store.rollback import ROLLED_BACK, earlier
from runner.store.servers import Servers
from runner.store.url import open_database
from runner.store.usage import Usage

_LONGEST_NAME = 200


BRIEFLY = 1.0
"""Seconds that those wait for another's lock who are to say within two that they could not."""


class Store:
    """Versions of models; safe to share among threads, and with other processes' stores."""

    def __init__(self, database: Database, place: PlaceSettings | None = None) -> None:
        self._database = database
        self._place = place
        self._places = Places(place or PlaceSettings(""))
        self.usage = Usage(database)
        self.servers = Servers(database)
        self.jobs = Jobs(database)
        self.refits = Refits(database)

    @classmethod
    def open(cls, url: str, *, place: PlaceSettings | None = None, timeout: float = 10.0) -> Self:
        """Open the store at `url`, creating or migrating its tables if need be.

        New artifacts go to `place`, without one to the database itself.
        `timeout` is in seconds and bounds each wait, for a connection or for another's lock.
        Raises ConfigError for a bad URL, Unavailable for a database that does not let us in.
        """
        database = open_database(url, timeout)
        try:
            migrate(database)
        except BaseException:
            database.close()
            raise
        return cls(database, place)

    def close(self) -> None:
        """Give back all connections."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Store {self._database.label}>"

    # Changing

    def add_version(
        self,
        service: str,
        artifact: BytesLike | Iterable[bytes],
        *,
        artifact_format: str,
        metadata: Mapping[str, Any],
        activate: bool,
        by: str,
        reason: str = "added",
        original: Version | None = None,
    ) -> Version:
        """Store a new version under the service's next number, and activate it if asked.

        An iterable is consumed before the transaction starts. With an ``original``, a version of
        another store, it keeps that one's number, author and time; the service must have no
        versions here yet, else Refused is raised. Raises MetadataInvalid for metadata that is not
        JSON; after any error nothing is stored and no number is used.
        """
        _check_service(service)
        text = encode(metadata)
        attachments.check(metadata)
        with (
            measured(artifact) as content,
            self._staged(service, content) as staged,
            self._database.writing() as connection,
        ):
            # The artifact first: PostgreSQL then writes those of several fits side by side, and
            # the service's row is locked only while the few small rows are written.
            artifact_id = changes.insert_artifact(
                connection, artifact_format, content, elsewhere=staged is not None
            )
            number = changes.insert_version(connection, service, text, artifact_id, by, original)
            if staged is not None:
                changes.locate(connection, artifact_id, staged.settle(number))
            if activate:
                active = changes.lock_service(connection, service)
                changes.switch(connection, service, number, active=active, by=by, reason=reason)
            changes.count_change(connection)
            return lookups.version(connection, service, number)

    def activate(
        self, service: str, number: int, *, by: str, reason: str = "activated"
    ) -> Activation:
        """Make a version the active one; activating the active one again is recorded, too.

        Raises NotFound for a version that is unknown or deleted.
        """
        _check_service(service)
        with self._database.writing() as connection:
            active = changes.lock_service(connection, service)
            lookups.require(connection, service, number)
            activation = changes.switch(
                connection, service, number, active=active, by=by, reason=reason
            )
            changes.count_change(connection)
            return activation

    def rollback(self, service: str, *, by: str) -> Activation:
        """Make the version the active one that was so before, as `rollback.earlier` tells.

        Versions that were deleted are passed over. Raises NotFound if there is none to go back to.
        """
        _check_service(service)
        with self._database.writing() as connection:
            active = changes.lock_service(connection, service)
            numbers = earlier(lookups.history(connection, service, None))
            number = lookups.first_stored(connection, service, numbers)
            if number is None:
                problem = f"no other version of {service} was active before"
                raise NotFound(f"{problem} that is still stored: there is nothing to go back to")
            activation = changes.switch(
                connection, service, number, active=active, by=by, reason=ROLLED_BACK
            )
            changes.count_change(connection)
            return activation

    def delete(self, service: str, number: int, *, by: str) -> None:
        """Free a version's artifact and leave a tombstone, so that its number is never reused.

        Raises NotFound for a version that is unknown or deleted, Refused for the active one,
        Unavailable if it is deleted and its artifact's place does not let us remove that: the next
        deletion of the service's tries again.
        """
        _check_service(service)
        with self._database.writing() as connection:
            active = changes.lock_service(connection, service)
            lookups.require(connection, service, number)
            if number == active:
                raise Refused(
                    f"version {number} of {service} is active and cannot be deleted: "
                    "activate another version first"
                )
            changes.bury(connection, service, number, by)
            changes.count_change(connection)
            left = lookups.leftover(connection, service)
        # Only now: an artifact must not be gone while its version may still be there.
        for location in left:
            try:
                self._places.remove(location)
            except Unavailable as ex:
                raise Unavailable(f"version {number} of {service} is deleted, but: {ex}") from ex
            with self._database.writing() as connection:
                changes.forget_leftover(connection, location)

    @contextmanager
    def _staged(self, service: str, content: Measured) -> Iterator[Staged | None]:
        """Write an artifact to its place, if it has one; away with it if no version comes of it.

        What already has a version's name stays: the next version of that number takes its place.
        """
        if self._place is None:
            yield None
            return
        staged = self._places.stage(service, content.chunks())
        try:
            yield staged
        except BaseException:
            # A commit whose answer was lost may have happened: only the database can tell.
            with suppress(RunnerError), self._database.reading() as connection:
                if not lookups.is_located(connection, staged.location):
                    staged.discard()
            raise

    # Reading

    def services(self) -> list[str]:
        """Return the names of the services that have a version, sorted."""
        with self._database.reading() as connection:
            return lookups.services(connection)

    def versions(
        self, service: str, *, limit: int | None = None, before: int | None = None
    ) -> list[Version]:
        """Return the newest `limit` versions with a number below `before`, oldest first."""
        _check_service(service)
        with self._database.reading() as connection:
            return lookups.newest(connection, service, limit, before)

    def version(self, service: str, number: int) -> Version:
        """Return one version; raise NotFound if it is unknown or deleted."""
        _check_service(service)
        with self._database.reading() as connection:
            return lookups.version(connection, service, number)

    def active(self, service: str) -> Version | None:
        """Return the active version, None if the service has none or is unknown."""
        _check_service(service)
        with self._database.reading() as connection:
            return lookups.active(connection, service)

    def chosen(self, service: str, number: int | None) -> Version:
        """Return a version by number, the active one for None. Raises NotFound."""
        found = self.active(service) if number is None else self.version(service, number)
        if found is None:
            raise NotFound(f"service {service} has no active version: fit one, or activate one")
        return found

    def read_artifact(self, service: str, number: int) -> bytes:
        """Return a version's artifact after verifying its size and digest.

        Raises NotFound for a version that is unknown or deleted, ArtifactCorrupt for bytes that
        are not those that were stored, Unavailable if their place does not answer.
        """
        _check_service(service)
        with self._database.reading() as connection:
            artifact_id, expected, location = lookups.artifact(connection, service, number)
            if location is None:
                found = joined(lookups.read_chunks(connection, artifact_id))
        if location is not None:
            found = joined(self._places.read(location, expected.size))
        if found.fingerprint != expected:
            raise ArtifactCorrupt(service, number, expected, found.fingerprint)
        return found.data

    def history(self, service: str, *, limit: int | None = None) -> list[Activation]:
        """Return the newest `limit` activations, oldest first."""
        _check_service(service)
        with self._database.reading() as connection:
            return lookups.history(connection, service, limit)

    def properties(self, service: str) -> dict[str, str]:
        """Return `db-version` and, if there is an active version, `active-model`, as strings."""
        _check_service(service)
        with self._database.reading() as connection:
            number = lookups.active_number(connection, service)
            active = {} if number is None else {"active-model": str(number)}
            return {**active, "db-version": str(stored_revision(connection))}

    def revision(self) -> int:
        """Return a number that grows with every committed addition, activation and deletion.

        PERF: one indexed row: made to be polled.
        """
        with self._database.reading() as connection:
            return lookups.revision(connection)

    def stamp(self) -> object | None:
        """Return what a commit by anybody changes, None where only `revision` tells.

        PERF: two stat(2) and no query. A file system's clock is coarse: two commits within a few
        milliseconds can have one stamp, so `revision` must be asked now and then all the same.
        """
        return self._database.stamp()


def _check_service(service: str) -> None:
    """Refuse a name that not every database can keep, or that nobody could read."""
    if not service or len(service) > _LONGEST_NAME or not service.isprintable():
        raise Refused(
            f"a service's name is 1 to {_LONGEST_NAME} printable characters, "
            f"not {service[: _LONGEST_NAME + 1]!r}"
        )
