"""Read the command line, run the checks, report them, give the exit code."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from contracts.conform import (
    attachments,
    conversation,
    dialogues,
    framing,
    lifecycle,
    operations,
    predicting,
    refusals,
    tables,
)
from contracts.conform.broken import Broken
from contracts.conform.drive import NO_MODEL, Check, Drive, checks_of
from contracts.conform.mirror import Model
from contracts.conform.process import Process
from contracts.messages import Ping

ROOMS = (
    dialogues,
    refusals,
    framing,
    attachments,
    lifecycle,
    conversation,
    operations,
    predicting,
    tables,
)


@dataclass(frozen=True)
class Outcome:
    """Say how one check went: ``ok``, ``FAIL`` or ``skip``, and why."""

    status: str
    clause: str
    claim: str
    reason: str = ""

    def __str__(self) -> str:
        """Give the line of the report."""
        line = f"{self.status:<4} {self.clause:<4} {self.claim}"
        return f"{line}: {self.reason}" if self.reason else line


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the kit. Gives 0 if all holds, 1 if a check fails, 2 for a wrong command line."""
    options = _parser().parse_args(arguments)
    if not options.command:
        _parser().error("no adapter command: give it behind --")
    if not any(check.clause.startswith(options.only) for check in all_checks()):
        _parser().error(f"--only {options.only}: no check is of such a clause")
    try:
        model = Model.read(options.model) if options.model else None
        with_model = Drive(lambda: Process(options.command, options.timeout), model)
        outcomes = run(with_model, options.only, report=None if options.json else print)
    except (OSError, ValueError) as ex:
        print(f"conform: {ex}", file=sys.stderr)
        return 2
    failed = [outcome for outcome in outcomes if outcome.status == "FAIL"]
    if options.json:
        print(json.dumps([asdict(outcome) for outcome in outcomes], ensure_ascii=False, indent=2))
    else:
        counts = {s: sum(o.status == s for o in outcomes) for s in ("ok", "FAIL", "skip")}
        told = ", ".join(f"{count} {status}" for status, count in counts.items())
        unseen = sum(outcome.reason.startswith(NO_MODEL) for outcome in outcomes)
        print(f"{told} ({unseen} for want of a model: give one with --model)" if unseen else told)
    return 1 if failed else 0


def all_checks() -> list[Check]:
    """Give every check, in the order in which they are run."""
    return [found for room in ROOMS for found in checks_of(room)]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m contracts.conform",
        description="Drive an adapter command through the contract; name the clauses it breaks.",
        epilog="Exit codes: 0 all checks hold, 1 some fail, 2 usage. "
        "Example: python -m contracts.conform -- python -m adapters.r",
    )
    parser.add_argument("--model", type=Path, metavar="FILE", help="conform_models/README.md")
    parser.add_argument("--json", action="store_true", help="one JSON array instead of lines")
    parser.add_argument(
        "--timeout", type=float, default=60.0, metavar="S", help="for each reply (default 60)"
    )
    parser.add_argument(
        "--only", default="", metavar="CLAUSE", help="checks whose clause begins so: 4, 5.6"
    )
    parser.add_argument("command", nargs="*", metavar="COMMAND", help="starts the adapter")
    return parser


def run(drive: Drive, only: str = "", report: Callable[[str], None] | None = None) -> list[Outcome]:
    """Run all checks whose clause begins with ``only``; tell each outcome as it comes.

    Stops where the adapter cannot be started: nothing else can be seen of it then.
    """
    outcomes = []
    try:
        for check in all_checks():
            if check.clause.startswith(only):
                outcome = _run_one(drive, check)
                outcomes.append(outcome)
                if report:
                    report(str(outcome))
                if not drive.started:
                    break
    finally:
        drive.discard()
    return outcomes


def _run_one(drive: Drive, check: Check) -> Outcome:
    try:
        process = drive.process
    except Broken as ex:
        return Outcome("FAIL", ex.clause or "2.1", "starts, listens and says hello", str(ex))
    if drive.model is None:
        drive.model = Model.of(drive.hello.language)
    try:
        if lack := drive.lacks(check.needs):
            return Outcome("skip", check.clause, check.claim, lack)
        check.run(drive)
        process.finish()
        if not process.alive and drive.running is process:
            raise Broken("the end of the process", "a process that goes on (2.5)")
    except Broken as ex:
        _mend(drive)
        return Outcome("FAIL", ex.clause or check.clause, check.claim, str(ex))
    return Outcome("ok", check.clause, check.claim)


def _mend(drive: Drive) -> None:
    """Keep the process after a failed check only if it still answers as it should."""
    drive.forget()
    try:
        drive.process.release()
        drive.connect().ask(Ping(0))
        drive.process.finish()
    except Broken:
        drive.discard()
