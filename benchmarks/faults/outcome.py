"""Say what a fault came to, and keep the register of all scenarios."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import benchmarks.faults
from benchmarks.faults.load import Load


@dataclass
class Outcome:
    """What one scenario saw. ``breaches`` says in words what did not hold; none: it held."""

    trials: int
    """How often the fault was caused."""

    requests: int = 0
    """Checked requests of good clients meanwhile."""

    failed: int = 0
    """Of these, without a success where one was due."""

    wrong: int = 0
    """Of these, with another row's or another version's answer."""

    worst_seconds: float | None = None
    """The longest that the fault held anything up; each scenario's docstring says what."""

    limit_seconds: float | None = None
    """What ``worst_seconds`` may be, where the scenario has a bound."""

    breaches: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def held(self) -> bool:
        """Whether the server showed what it must."""
        return not self.breaches

    def check(self, holds: bool, breach: str) -> None:
        """Note a breach unless ``holds``."""
        if not holds:
            self.breaches.append(breach)

    def count(self, load: Load) -> None:
        """Add what good clients saw."""
        self.requests += load.requests
        self.failed += load.failed
        self.wrong += load.wrong

    def judge(self) -> Outcome:
        """Hold the figures to what every scenario promises: 0 failed, 0 wrong, within the limit."""
        self.check(self.failed == 0, f"{self.failed} of {self.requests} requests failed")
        self.check(self.wrong == 0, f"{self.wrong} of {self.requests} answers were wrong")
        if self.limit_seconds is not None and self.worst_seconds is not None:
            self.check(
                self.worst_seconds <= self.limit_seconds,
                f"{self.worst_seconds:.2f} s, at most {self.limit_seconds:g} s",
            )
        return self


@dataclass(frozen=True)
class Scenario:
    """One fault: ``row`` of the table, what is done, what must show, and how to try it."""

    row: int
    name: str
    fault: str
    must: str
    run: Callable[..., Outcome]
    quick: Mapping[str, Any]

    def __call__(self, folder: Path, quick: bool = False) -> Outcome:
        """Try it in an empty folder, with the table's numbers or with small ones."""
        return self.run(folder, **(self.quick if quick else {}))


_REGISTER: dict[str, Scenario] = {}


def scenario(
    row: int, fault: str, must: str, **quick: Any
) -> Callable[[Callable[..., Outcome]], Callable[..., Outcome]]:
    """Register a function as the scenario of its name, with dashes for underscores.

    Its first argument is an empty folder; the others have the table's numbers as defaults, for
    which ``quick`` gives small ones.
    """

    def register(function: Callable[..., Outcome]) -> Callable[..., Outcome]:
        name = function.__name__.replace("_", "-")
        if name in _REGISTER:
            raise ValueError(f"two scenarios are named {name}")
        _REGISTER[name] = Scenario(row, name, fault, must, function, quick)
        return function

    return register


def scenarios() -> list[Scenario]:
    """Give all scenarios of all modules of this package, in the order of the table."""
    for module in pkgutil.iter_modules(benchmarks.faults.__path__):
        if module.name != "__main__":
            importlib.import_module(f"benchmarks.faults.{module.name}")
    return sorted(_REGISTER.values(), key=lambda each: (each.row, each.name))
