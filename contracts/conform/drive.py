"""Share between checks what they need: the adapter's process, the model that it holds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from contracts.conform.mirror import Model
from contracts.conform.peer import Peer
from contracts.conform.process import Process
from contracts.messages import Hello

SCRIPT = "script"
"""What a check needs besides capabilities: a model whose map names a script."""

NO_MODEL = "no model"
"""How the reason of a skip begins where the kit has no model for the language."""


@dataclass(frozen=True)
class Check:
    """One claim about an adapter: its clause, in words, the capabilities that it takes."""

    clause: str
    claim: str
    run: Callable[[Drive], None]
    needs: tuple[str, ...] = ()


def check(
    clause: str, claim: str, *needs: str
) -> Callable[[Callable[[Drive], None]], Callable[[Drive], None]]:
    """Mark a function as a check; `checks_of` finds it. ``fit`` among the needs means a model."""

    def mark(run: Callable[[Drive], None]) -> Callable[[Drive], None]:
        run.check = Check(clause, claim, run, needs)  # type: ignore[attr-defined]
        return run

    return mark


def checks_of(room: object) -> list[Check]:
    """Give the checks of a module, in the order of its lines; those in ``CHECKS`` last."""
    marked = [found.check for found in vars(room).values() if hasattr(found, "check")]
    return [*marked, *getattr(room, "CHECKS", ())]


class Drive:
    """Hold the process under test; start it anew when a check has killed or blocked it.

    ``touched`` tells whether a check may have given the process a model.
    """

    def __init__(self, start: Callable[[], Process], model: Model | None) -> None:
        self._start = start
        self._process: Process | None = None
        self._held: str | None = None
        self.touched = False
        self.model = model
        self.hello: Hello

    @property
    def process(self) -> Process:
        """The process under test, started if none is running. Raises Broken if it cannot be."""
        if self._process is None:
            process = self._start()
            try:
                self.hello = process.connect().hello
                process.release()
            except BaseException:
                process.close()
                raise
            self._process, self._held, self.touched = process, None, False
        return self._process

    def connect(self) -> Peer:
        """Open a connection to the process under test."""
        return self.process.connect()

    def fresh(self) -> Process:
        """Start another process of the same command; the caller closes it."""
        return self._start()

    def lacks(self, needs: Sequence[str]) -> str:
        """Name what a check needs that is not there, or nothing."""
        for need in needs:
            if need == SCRIPT:
                if self.model is not None and self.model.script is None:
                    return "no script in the model map"
                continue
            if need not in self.hello.capabilities:
                return f"no capability {need}"
            if need in ("fit", "read") and self.model is None:
                return f"{NO_MODEL} for {self.hello.language}: give one with --model"
        return ""

    def hold(self, kind: str) -> Peer:
        """Open a connection to a process that holds this model of the kit's."""
        peer = self.connect()
        if self._held != kind:
            assert self.model is not None
            self.forget()
            self.model.fit(peer, kind)
            self._held = kind
        return peer

    def forget(self) -> None:
        """Know no more what the process holds: a check is going to change it."""
        self._held = None
        self.touched = True

    @property
    def started(self) -> bool:
        """Tell whether the command could be started, once at least."""
        return hasattr(self, "hello")

    @property
    def running(self) -> Process | None:
        """The process under test, if there is one."""
        return self._process

    def discard(self) -> None:
        """End the process under test; the next check gets a new one."""
        if self._process is not None:
            self._process.close()
            self._process = None
