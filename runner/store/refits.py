"""Give each moment of a service's schedule to one of the servers that share a store."""

from __future__ import annotations

from datetime import datetime

from runner.store.database import Database
from runner.store.schema import refits
from runner.store.upsert import upsert


class Refits:
    """The moments that servers have taken; of each service the last."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def take(self, service: str, moment: datetime, former: datetime) -> bool:
        """Take a moment, unless a server has taken one since ``former``, the schedule's last.

        Compared so, and not with the moment itself, a schedule without a start of its own is kept
        once, too: it begins when a server does, at another moment on each. Times are aware.
        """
        with self._database.writing() as connection:
            row = upsert(connection, refits).values(service=service, moment=moment)
            taken = row.on_conflict_do_update(
                index_elements=[refits.c.service],
                set_={"moment": row.excluded.moment},
                where=refits.c.moment <= former,
            )
            return connection.execute(taken.returning(refits.c.service)).first() is not None
