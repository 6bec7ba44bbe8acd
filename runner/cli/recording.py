"""Leave a record of what a command does: of its success, and of its failure."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from runner.audit.opening import STDERR, open_audit
from runner.cli.options import caller
from runner.config import Config
from runner.errors import Unavailable


@dataclass
class Entry:
    """What a command comes to know of what it did."""

    version: int | None = None
    former: int | None = None
    rows: int | None = None


@contextmanager
def recording(config: Config, action: str) -> Iterator[Entry]:
    """Record what is done within, by whom and how it ended.

    Raises Unavailable before anything is done if the log cannot be written, and after it if the
    record could not be.
    """
    audit = open_audit(config.audit_in_full, STDERR)
    entry, error, begun = Entry(), None, time.monotonic()
    try:
        yield entry
    except BaseException as ex:
        error = type(ex).__name__
        raise
    finally:
        if audit is not None:
            audit.record.action(
                action,
                error=error,
                seconds=time.monotonic() - begun,
                service=config.service_name,
                version=entry.version,
                former=entry.former,
                language=config.model.language,
                rows=entry.rows,
                user=caller(),
            )
            written = audit.trail.flush()
            audit.close()
            if not written and audit.refuse and error is None:
                raise Unavailable(f"{action} is done, but could not be recorded")
