"""The store: versions of models, their artifacts, and which version is active.

    with Store.open("sqlite:////srv/models/runner.sqlite") as store:
        version = store.add_version("iris", artifact, artifact_format="pickle", metadata={},
                                    activate=True, by="anna")
        assert store.read_artifact("iris", version.number) == artifact

SQLite by default, PostgreSQL by URL, with one behaviour. Rules that hold on both:

- A version's number is never used twice, whatever is deleted; numbers have no gaps.
- A version appears as a whole (number, artifact, activation) or not at all.
- An artifact is verified by size and sha256 before anyone gets its bytes.
- Activations are only ever added.
- Whatever fails raises one of `runner.errors`; no SQLAlchemy object or error leaves this package.

NOTE: a store holds connections: open it after a fork, never before. Within a process any number of
threads may share one store.
"""

from runner.store.jobs import ACTIVE, Job, State
from runner.store.listing import PAGE, listing
from runner.store.records import Activation, Version
from runner.store.servers import Served, Server
from runner.store.store import BRIEFLY, Store
from runner.store.usage import Head, Part

__all__ = [
    "ACTIVE",
    "BRIEFLY",
    "PAGE",
    "Activation",
    "Head",
    "Job",
    "Part",
    "Served",
    "Server",
    "State",
    "Store",
    "Version",
    "listing",
]
