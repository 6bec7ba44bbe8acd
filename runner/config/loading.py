"""Load a config: read the files, merge them, carry out directives, check everything, convert it."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from runner.config import decorators, directives, palladium, sections
from runner.config.cursor import Cursor, Faults, Key, unknown
from runner.config.document import Document, Place, plain
from runner.config.grid_search import check_scoring
from runner.config.log_handlers import environment
from runner.config.model import ModelReader
from runner.config.places import joined
from runner.config.python_file import read_python
from runner.config.settings import (
    PYTHON,
    AdapterSettings,
    Config,
    Decorator,
    ModelSettings,
    ServerSettings,
    StoreSettings,
)
from runner.config.yaml_file import read_yaml
from runner.errors import ConfigError, Fault

DEFAULT = "runner.yaml"
_PLACES = ("palladium-config.py", "etc/palladium-config.py")
_VARIABLES = ("RUNNER_CONFIG", "PALLADIUM_CONFIG")


def default_spec(environ: Mapping[str, str] = os.environ) -> str:
    """Give the config to use when none is named: $RUNNER_CONFIG, $PALLADIUM_CONFIG, runner.yaml.

    Without these, one of Palladium's own places, if there is a file.
    """
    told = next((environ[name] for name in _VARIABLES if environ.get(name)), None)
    return told or next((name for name in (DEFAULT, *_PLACES) if Path(name).exists()), DEFAULT)


def load(
    spec: str | None = None, *, deep: bool = False, environ: Mapping[str, str] = os.environ
) -> Config:
    """Load the config of one service from one file, or from several joined by commas.

    The files' folders go to the front of sys.path, so that factories find modules beside them.
    ``deep``: also import every factory, compare its arguments, and look for data files: what
    `runner check` does. Raises ConfigError with all faults: those of directives and of Palladium's
    names, then the others, in the order of the files.
    """
    document, written, early, broken = _read(spec or default_spec(environ), environ)
    faults = Faults()
    top = Cursor(document, faults)
    _check_names(top, document)
    read = top.section(sections.TOP, open=True)
    if "grid_search" in document.values:
        check_scoring(top.child("grid_search"), read["grid_search"], read["scoring"])
    reader = ModelReader(read["adapter"], deep)
    read |= top.section(
        {
            "model": Key(reader.model, ModelSettings("", {}), required=True),
            "dataset_loader_train": Key(reader.loader),
            "dataset_loader_test": Key(reader.loader),
        },
        open=True,
    )
    store = joined(top, read["store"], read["model_persister"])
    _unwrap(top, read)
    lists = _decorators(top, read, deep)
    found = [*early, *_of_their_own(faults, broken)]
    if found:
        raise ConfigError(found)
    path = document.places[()].file.absolute()
    default = f"sqlite:///{path.parent / 'runner.db'}"
    export: StoreSettings | None = read["model_persister_export"]
    metadata = read["service_metadata"]
    scripts = [read["model"].wire.get("script")] + [
        loader.source.script
        for loader in (read["dataset_loader_train"], read["dataset_loader_test"])
        if loader and loader.source
    ]
    return Config(
        path=path,
        folder=path.parent,
        spec=",".join(str(file.absolute()) for file in _files(spec or default_spec(environ))),
        **metadata,
        service_metadata={**document.values["service_metadata"], **metadata},
        model=read["model"],
        adapter=_adapter(read),
        train=read["dataset_loader_train"],
        test=read["dataset_loader_test"],
        service=read["predict_service"],
        server=_server(read),
        audit=read["audit"],
        auth=read["auth"],
        limits=read["limits"],
        refit=read["refit"],
        scoring=read["scoring"],
        grid_search=read["grid_search"],
        store_url=store.url or default,
        place=store.place,
        export_to=export and replace(export, url=export.url or default),
        decorators=lists,
        logging=read["logging"],
        config_hash=_hash(written, [Path(script) for script in scripts if script]),
        raw=document.values,
    )


def _unwrap(top: Cursor, read: dict[str, Any]) -> None:
    """Tell a model in Python that samples come to it without the list around them."""
    service, model = read["predict_service"], read["model"]
    if not service.unwrap_sample:
        return
    at = top.child("predict_service")
    if service.mapping is not None and len(service.mapping) != 1:
        at.fault_at("unwrap_sample", f"the mapping has {len(service.mapping)} fields", "one field")
    if model.language not in ("", PYTHON):
        problem = f"a model in {model.language} is given columns in any case"
        at.fault_at("unwrap_sample", problem, "a model in Python")
    read["model"] = ModelSettings(model.language, {**model.wire, "unwrap": True})


def _decorators(
    top: Cursor, read: Mapping[str, Any], deep: bool
) -> dict[str, tuple[Decorator, ...]]:
    """Give the lists of decorators; note what they cannot do, and ``deep``, what is not there."""
    lists = {which: read[f"{which}{decorators.ENDING}"] for which in decorators.LISTS}
    lists = {which: names for which, names in lists.items() if names}
    if deep:
        decorators.check(top, lists)
    loaders = (read["dataset_loader_train"], read["dataset_loader_test"])
    for loader in loaders if "load_data" in lists else ():
        if loader and loader.source:
            problem = f"data from {loader.language} are loaded in its own process, not in Python"
            top.fault_at("load_data_decorators", problem, "a loader in Python")
    return lists


def _adapter(read: Mapping[str, Any]) -> AdapterSettings:
    """Give the `adapter` section; a model in Python logs as `logging` says."""
    found: AdapterSettings = read["adapter"]
    if read["model"].language != PYTHON:
        return found
    return replace(found, env={**environment(read["logging"]), **found.env})


def _server(read: Mapping[str, Any]) -> ServerSettings:
    """Give the `server` section; Palladium's rules for URLs ask for actions unless it says no."""
    found: ServerSettings = read["server"]
    asked = read["flask_add_url_rules"] and found.actions is None
    return replace(found, actions=True) if asked else found


def _files(spec: str) -> list[Path]:
    return [Path(name.strip()).expanduser() for name in spec.split(",") if name.strip()]


def _read(spec: str, environ: Mapping[str, str]) -> tuple[Document, Any, list[Fault], list[str]]:
    """Give the document with all directives carried out, and what it said before that.

    And the faults of directives, with the paths of the values that they leave unmade.
    """
    files = _files(spec)
    if not files:
        raise ConfigError([Fault(f"{spec!r} names no config file", _HOW)])
    document = Document(places={(): Place(files[0], 1)})
    faults: list[Fault] = []
    copies: list[Fault] = []
    for file in files:
        folder = str(file.absolute().parent)
        if folder in sys.path:
            sys.path.remove(folder)
        sys.path.insert(0, folder)
        try:
            later = _read_file(file, environ)
        except ConfigError as ex:
            faults += ex.faults
            continue
        later.places.pop((), None)
        document, found = directives.merge(document, later)
        copies += found
    if faults:  # who knows what the files that cannot be read would have said
        raise ConfigError(faults + copies)
    written = plain(document.values)
    here = str(files[-1].absolute().parent)
    document, faults = directives.fill_in(document, environ, here)
    if any(str(fault.key).endswith(directives.PYTHON) for fault in faults):
        # Statements may have meant to make any value; and fail for want of one that was no copy.
        raise ConfigError(copies or faults)
    names = palladium.translate(document)
    if files[0].suffix == ".py":
        palladium.name_service(document, files[0])
    broken = [_map_of(fault) for fault in copies + names]
    broken += [_map_of(fault, only="__") for fault in faults]  # of $VARIABLES: the value itself
    return document, written, copies + faults + names, broken


def _map_of(fault: Fault, only: str = "") -> str:
    """Give the path of the map that a wrong key stands in, if it begins with ``only``."""
    head, _, key = (fault.key or "").rpartition(".")
    return head if head and key.startswith(only) else fault.key or ""


def _of_their_own(faults: Iterable[Fault], broken: Sequence[str]) -> list[Fault]:
    """Give the faults that do not merely follow from a value that could not be made."""
    return [
        fault
        for fault in faults
        if not any(f"{fault.key}.".startswith((f"{path}.", f"{path}[")) for path in broken)
    ]


_HOW = f"-c FILE, ${_VARIABLES[0]}, or a file named {DEFAULT}"


def _read_file(file: Path, environ: Mapping[str, str]) -> Document:
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError as ex:
        raise ConfigError([Fault("there is no such file", _HOW, str(file))]) from ex
    except OSError as ex:
        raise ConfigError([Fault(f"cannot be read: {ex.strerror}", file=str(file))]) from ex
    except UnicodeDecodeError as ex:
        raise ConfigError([Fault(f"no UTF-8: {ex.reason}", file=str(file))]) from ex
    if file.suffix == ".py":
        return read_python(file, text, environ)
    if file.suffix in (".yaml", ".yml", ".json"):
        return read_yaml(file, text)
    raise ConfigError([Fault("its name tells no format", ".yaml, .yml, .json or .py", str(file))])


def _check_names(top: Cursor, document: Document) -> None:
    """Refuse top-level keys that we do not know, unless they are plainly the user's own."""
    names = [*sections.TOP, "model", "dataset_loader_train", "dataset_loader_test"]
    for name in document.values:
        if name in names or name in document.copied or str(name).startswith("x-"):
            continue
        home = next((s for s, keys in sections.SECTIONS.items() if name in keys), None)
        problem, expected = unknown(name, names)
        if home:
            problem, expected = "stands at the top", f"it within {home}"
        top.fault_at(name, problem, expected)


def _hash(written: Any, scripts: Sequence[Path]) -> str:
    """Hash what was written, in one order of keys, and the text of each script."""
    sha = hashlib.sha256(json.dumps(_canonical(written), sort_keys=True).encode())
    for script in scripts:
        sha.update(hashlib.sha256(script.read_bytes()).digest())
    return sha.hexdigest()


def _canonical(value: Any) -> Any:
    """Give a form that JSON has, the same in every process: no addresses, no order of sets."""
    if isinstance(value, Mapping):
        return {f"{type(key).__name__} {key}": _canonical(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_canonical(item) for item in value]
    if isinstance(value, set | frozenset):
        return sorted(map(repr, value))
    if value is None or isinstance(value, str | bool | int | float):
        return value
    code = getattr(value, "__code__", None)
    if code is not None:
        constants = [repr(each) for each in code.co_consts if not hasattr(each, "co_code")]
        return [value.__qualname__, code.co_code.hex(), constants, list(code.co_names)]
    if callable(value):
        return f"{value.__module__}.{value.__qualname__}"
    return repr(value)
