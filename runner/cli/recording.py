"""Leave a record of what a command does: of its success, and of its failure."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import FrameType

from runner.audit.opening import STDERR, Audit, log_name, open_audit
from runner.audit.record import OnBehalf
from runner.audit.reported import asked, tell
from runner.config import Config
from runner.errors import RunnerError, Unavailable
from runner.login import caller
from runner.store import Head, Store


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
    server = asked()
    entry, error, begun = Entry(), None, time.monotonic()
    former = signal.signal(signal.SIGTERM, _interrupt)
    try:
        yield entry
    except BaseException as ex:
        error = type(ex).__name__
        raise
    finally:
        signal.signal(signal.SIGTERM, former)
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
                behalf=OnBehalf.of(os.environ),
            )
            written = audit.trail.write()
            tell(server)
            if written:
                _anchor(config, audit)
            audit.close()
            if not written and audit.refuse and error is None:
                raise Unavailable(f"{action} is done, but could not be recorded")


def _interrupt(number: int, frame: FrameType | None) -> None:
    """End as Ctrl-C does, so that the record of what was cut short is made.

    Not by SIGINT itself: whoever was started in the background by a script ignores that.
    """
    handler = signal.getsignal(signal.SIGINT)
    (handler if callable(handler) else signal.default_int_handler)(number, frame)


def _anchor(config: Config, audit: Audit) -> None:
    """Tell the store of the record, which nothing will follow in its chain."""
    path, chain = config.audit_in_full.path, audit.chain
    assert path is not None
    with suppress(RunnerError), Store.open(config.store_url) as store:
        log = log_name(path)
        store.usage.anchor(log, [Head(chain.writer, chain.sequence, chain.previous, log)])
