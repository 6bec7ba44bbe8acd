"""Read Palladium's lists of decorators, and put them around what they are for.

A decorator takes a function and gives one that is called in its place. It is named by its dotted
name; what it is given is told in docs/configuration.md. Without a list nothing is wrapped.
"""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from runner.config import factory
from runner.config.cursor import Cursor, Faulty, show
from runner.config.directives import FACTORY
from runner.config.readers import text
from runner.config.settings import Decorator
from runner.errors import ConfigError, Fault, RunnerError

if TYPE_CHECKING:
    from runner.config.settings import Config

REQUESTS = ("predict", "alive", "list", "activate", "server_fit", "update_model_cache")
"""Around what answers a request, in the front-ends."""

LISTS = (
    *REQUESTS,
    "get_metadata",
    "fit",
    "load_data",
    "update_data",
    "read_model",
    "update_model",
    "write_model",
)
"""All of them; each is a top-level key that ends in `ENDING`."""

ENDING = "_decorators"
_FRONT_ENDS = (*REQUESTS, "get_metadata")
_EXPECTED = "dotted names of decorators, such as [monitoring.timed]"
_Function = TypeVar("_Function", bound=Callable[..., Any])


def decorators(cursor: Cursor) -> tuple[Decorator, ...]:
    """Read a list of decorators: dotted names, factories, or in a config in Python functions."""
    found = cursor.value
    if not isinstance(found, list | tuple):
        raise Faulty(f"found {show(found)}", _EXPECTED)
    return tuple(item.read(_decorator, "") for item in cursor.children())


def _decorator(cursor: Cursor) -> Decorator:
    found = cursor.value
    if isinstance(found, Mapping) and FACTORY in found:
        if problem := factory.missing(cursor.child(FACTORY).read(text, "")):
            cursor.child(FACTORY).fault(problem)
        return dict(found)
    if not callable(found):
        name = text(cursor)
        if problem := factory.missing(name):
            raise Faulty(problem)
        return name
    name = f"{getattr(found, '__module__', '')}.{getattr(found, '__qualname__', '')}"
    if factory.missing(name) is not None or factory.resolve(name) is not found:
        # It is called in other processes, too, which can only be told a name.
        raise Faulty(f"{name} can be found under no name", _EXPECTED)
    return name


def check(top: Cursor, found: Mapping[str, Sequence[Decorator]]) -> None:
    """Import every decorator, and note those that are not there."""
    for which, names in found.items():
        at = top.child(f"{which}{ENDING}") if names else top
        for number, name in enumerate(names):
            if not name:  # told already
                continue
            try:
                _made(name)
            except ConfigError as ex:
                at.fault_at(number, ex.faults[0].problem, ex.faults[0].expected)


def decorated(config: Config, which: str, function: _Function, gives: type = object) -> _Function:
    """Give ``function`` with a config's decorators around it: the first is the innermost.

    What they raise themselves comes as a RunnerError that names the list; so does an answer that is
    not what the function ``gives``.
    """
    names = config.decorators.get(which, ())
    if not names:
        return function
    key = f"{which}{ENDING}"
    raised: list[Exception] = []

    @functools.wraps(function)
    def inner(*args: Any, **keywords: Any) -> Any:
        try:
            return function(*args, **keywords)
        except Exception as ex:
            raised[:] = [ex]
            raise

    try:
        wrapped = wrap(inner, names)
    except ConfigError as ex:
        where = Fault(ex.faults[0].problem, ex.faults[0].expected, str(config.path), key)
        raise ConfigError([where]) from ex

    @functools.wraps(function)
    def called(*args: Any, **keywords: Any) -> Any:
        try:
            found = wrapped(*args, **keywords)
        except Exception as ex:
            if isinstance(ex, RunnerError) or ex in raised:
                raise
            raise RunnerError(f"{key}: {type(ex).__name__}: {ex}") from ex
        if not isinstance(found, gives):
            raise RunnerError(
                f"{key}: gave a {type(found).__name__}, expected the {gives.__name__} that the "
                "function gives"
            )
        return found

    return cast(_Function, called)


def _made(decorator: Decorator) -> Callable[..., Any]:
    """Import a decorator, or make it. Raises ConfigError."""
    if isinstance(decorator, str):
        return factory.resolve(decorator)
    made = factory.build(decorator)
    if not callable(made):
        problem = f"{decorator[FACTORY]} makes a {type(made).__name__}, which cannot be called"
        raise ConfigError([Fault(problem)])
    return cast("Callable[..., Any]", made)


def wrap(function: Callable[..., Any], names: Sequence[Decorator]) -> Callable[..., Any]:
    """Put decorators around a function. Raises ConfigError for one that gives no function."""
    for name in names:
        try:
            wrapped = _made(name)(function)
        except ConfigError:
            raise
        except Exception as ex:
            raise ConfigError([Fault(f"{_name(name)}: {type(ex).__name__}: {ex}")]) from ex
        if not callable(wrapped):
            problem = f"{_name(name)} gives a {type(wrapped).__name__}"
            raise ConfigError([Fault(problem, "the function to call instead")])
        function = wrapped
    return function


def _name(decorator: Decorator) -> str:
    return str(decorator if isinstance(decorator, str) else decorator[FACTORY])


@dataclass(frozen=True)
class FrontEndDecorators:
    """What the front-ends of one server wrap, and where its modules are."""

    folders: tuple[str, ...] = ()
    alive: Sequence[Decorator] = ()
    """Of the whole server."""
    services: Mapping[str, Mapping[str, Sequence[Decorator]]] = field(default_factory=dict)
    """Lists by service and by what they are for; none that is empty."""

    stamps: Sequence[float] = ()
    """When each module beside the configs was written: front-ends are replaced after a change."""

    def __bool__(self) -> bool:
        return bool(self.alive or self.services)

    @classmethod
    def of(cls, configs: Sequence[Config]) -> FrontEndDecorators:
        """Gather what the configs of one server say."""
        services = {}
        for config in configs:
            own = {
                which: names
                for which in _FRONT_ENDS
                if which != "alive" and (names := config.decorators.get(which))
            }
            if own:
                services[config.service_name] = own
        alive = next((names for each in configs if (names := each.decorators.get("alive"))), ())
        using = [each for each in configs if any(each.decorators.get(w) for w in _FRONT_ENDS)]
        folders = dict.fromkeys(
            str(Path(file).parent) for config in using for file in config.spec.split(",")
        )
        modules = sorted(file for folder in folders for file in Path(folder).glob("*.py"))
        stamps = [file.stat().st_mtime for file in modules if file.exists()]
        return cls(tuple(folders), tuple(alive), services, stamps)

    def to_json(self) -> str:
        """Give a text for an environment variable."""
        return json.dumps(asdict(self)) if self else ""

    @classmethod
    def from_json(cls, told: str) -> FrontEndDecorators:
        """Read what `to_json` gave."""
        return cls(**json.loads(told)) if told else cls()

    def import_path(self) -> None:
        """Put the configs' folders on Python's path, as loading them did elsewhere."""
        sys.path[:0] = [folder for folder in self.folders if folder not in sys.path]


NO_DECORATORS = FrontEndDecorators()

_VARIABLE = "RUNNER_REHEARSED"
_REHEARSAL = "from runner.config.decorators import rehearsal; rehearsal()"


def rehearse(configs: Sequence[Config]) -> None:
    """See that the front-ends will find their decorators. Raises ConfigError with all faults.

    In a process of its own: the supervisor runs nobody's code, and after a change it would
    remember the modules as they were.
    """
    settings = FrontEndDecorators.of(configs)
    if not settings:
        return
    done = subprocess.run(
        [sys.executable, "-c", _REHEARSAL],
        env={**os.environ, _VARIABLE: settings.to_json()},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    lines = done.stdout.splitlines()
    if done.returncode or not lines:
        told = (done.stderr.splitlines() or ["no reason given"])[-1]
        raise ConfigError([Fault(f"the decorators cannot be imported: {told}")])
    files = {config.service_name: str(config.path) for config in configs}
    faults = [
        Fault(problem, expected, files.get(service, str(configs[0].path)), f"{which}{ENDING}")
        for service, which, problem, expected in json.loads(lines[-1])
    ]
    if faults:
        raise ConfigError(faults)


def rehearsal() -> None:
    """Put every decorator around a function that does nothing, and print what is wrong."""
    settings = FrontEndDecorators.from_json(os.environ[_VARIABLE])
    settings.import_path()
    faults = []
    lists = [("", "alive", settings.alive)]
    for service, own in settings.services.items():
        lists += [(service, which, names) for which, names in own.items()]

    async def nothing(*_: Any, **__: Any) -> None:
        """Stand for what answers."""

    for service, which, names in lists:
        try:
            wrap(nothing, names)
        except ConfigError as ex:
            faults.append((service, which, ex.faults[0].problem, ex.faults[0].expected))
    print(f"\n{json.dumps(faults)}")
