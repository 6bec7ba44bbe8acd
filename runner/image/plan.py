"""Decide what goes into an image, and refuse what could not work in one."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from runner import config as configs
from runner.config import Config
from runner.errors import ConfigError, Fault
from runner.store import Store, Version

_TAG = re.compile(r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*")
_TAG_VERSION = re.compile(r"\w[\w.-]{0,127}", re.ASCII)
_JULIA = re.compile(r"\d+\.\d+")


class Model(Enum):
    """Where the model of an image comes from."""

    STORED = "stored"
    """The active version, as it is in the store now, lies in the image."""
    FITTED = "fitted"
    """Fitted while the image is built."""
    OUTSIDE = "outside"
    """Not in the image: read from a store that is named when a container starts."""


@dataclass(frozen=True)
class Wishes:
    """What the user asks for beside the configs."""

    base: str | None = None
    fit: bool = False
    no_model: bool = False
    packages: tuple[str, ...] = ()
    """Debian packages."""
    runner: str | None = None
    """A wheel's path, a URL, or a version; None: the runner that is installed here."""


@dataclass(frozen=True)
class Plan:
    """What goes into an image."""

    folder: Path
    """The build context."""
    specs: tuple[str, ...]
    """The configs, as written behind `-c`, relative to the folder."""
    configs: tuple[Config, ...]
    languages: frozenset[str]
    model: Model
    versions: tuple[Version, ...]
    """Those that are copied into the image."""
    base: str
    julia: str
    packages: tuple[str, ...]
    runner: str | None
    requirements: tuple[str, ...]
    """Files with the Python packages of the services, relative to the folder."""
    renv: str | None
    """renv.lock, relative to the folder."""
    project: str | None
    """The folder with Julia's Project.toml, relative to the folder."""
    data: tuple[str, ...]
    """Files that are needed for a fit only, relative to the folder."""
    tag: str | None
    """A name for the image, where the services give one."""
    notes: tuple[str, ...]
    """What the user has to see to."""

    @property
    def overlay_store(self) -> bool:
        """Whether $RUNNER_STORE says where the store is, not the configs."""
        return self.model is not Model.OUTSIDE or all(
            config.store_url.startswith("sqlite") for config in self.configs
        )

    @property
    def overlay_audit(self) -> bool:
        """Whether records go to stdout, since no config says where."""
        return all("audit" not in config.raw for config in self.configs)


def make_plan(specs: Sequence[str], wishes: Wishes) -> Plan:
    """Make the plan of an image for the services of these configs.

    Raises ConfigError for what could not work in a container, all faults at once, and NotFound or
    Unavailable where the active version of a service cannot be read.
    """
    named = tuple(configs.expand(specs or [configs.default_spec()]))
    loaded = configs.load_all(named, deep=wishes.fit)
    files = [
        [Path(name.strip()).expanduser().absolute() for name in spec.split(",") if name.strip()]
        for spec in named
    ]
    every = [file for group in files for file in group]
    folder = Path(os.path.commonpath([file.parent for file in every]))
    faults = [*_unreachable(loaded, folder), *_open_to_nobody(loaded)]
    if wishes.fit:
        faults += [
            Fault("nothing to fit with", "data", str(config.path), "dataset_loader_train")
            for config in loaded
            if config.train is None
        ]
    if faults:
        raise ConfigError(faults)
    model = _model(loaded, wishes)
    versions = tuple(_active(loaded)) if model is Model.STORED else ()
    languages = _languages(loaded, wishes.fit)
    folders = list(dict.fromkeys([folder, *(file.parent for file in every)]))

    def beside(name: str) -> Iterator[str]:
        found = (place / name for place in folders)
        return (str(path.relative_to(folder)) for path in found if path.is_file())

    return Plan(
        folder=folder,
        specs=tuple(",".join(str(file.relative_to(folder)) for file in group) for group in files),
        configs=tuple(loaded),
        languages=languages,
        model=model,
        versions=versions,
        base=wishes.base
        or "docker.io/library/python:{}.{}-slim-bookworm".format(*sys.version_info),
        julia=_julia(versions),
        packages=wishes.packages,
        runner=wishes.runner,
        requirements=tuple(beside("requirements.txt")),
        renv=next(beside("renv.lock"), None) if "r" in languages else None,
        project=next((str(Path(p).parent) for p in beside("Project.toml")), None)
        if "julia" in languages
        else None,
        data=tuple(sorted(_data(loaded, folder))),
        tag=_tag(loaded, folder),
        notes=tuple(_notes(loaded)),
    )


def _unreachable(loaded: Sequence[Config], folder: Path) -> Iterator[Fault]:
    """Find what lies outside the build context: docker copies from that folder only."""
    if folder == Path(folder.anchor):
        yield Fault("the configs have no folder in common but /", "configs in one folder")
        return
    for config in loaded:
        found = {"model.script": config.model.wire.get("script")}
        for key, loader in _loaders(config):
            if loader.source:
                found[f"{key}.script"] = loader.source.script
        for key, script in found.items():
            if script and not Path(os.path.normpath(script)).is_relative_to(folder):
                expected = f"a file in {folder}, which is what the image is made of"
                yield Fault(f"{script} would not be in the image", expected, str(config.path), key)


def _open_to_nobody(loaded: Sequence[Config]) -> Iterator[Fault]:
    """A container's server listens to all addresses, so a config must say who may ask."""
    auth, _ = configs.auth_of(loaded)
    if auth is None:
        yield Fault(
            "not said, and a server in a container listens to others than itself",
            "auth: {issuer: …}, or auth: none where a proxy sees to it; "
            "a second file may say it: -c runner.yaml,container.yaml",
            str(loaded[0].path),
            "auth",
        )


def _model(loaded: Sequence[Config], wishes: Wishes) -> Model:
    if wishes.fit:
        return Model.FITTED
    in_files = all(config.store_url.startswith("sqlite") for config in loaded)
    return Model.STORED if in_files and not wishes.no_model else Model.OUTSIDE


def _active(loaded: Sequence[Config]) -> Iterator[Version]:
    faults = []
    for config in loaded:
        with Store.open(config.store_url) as store:
            version = store.active(config.service_name)
        if version is None:
            faults.append(
                Fault(
                    f"{config.service_name} has no active version to put into the image",
                    "'runner fit' first, --fit to fit while building, or --no-model",
                    str(config.path),
                )
            )
        else:
            yield version
    if faults:
        raise ConfigError(faults)


def _languages(loaded: Sequence[Config], fit: bool) -> frozenset[str]:
    """Give the languages whose adapters of ours run; data are loaded for a fit only."""
    own = [config for config in loaded if not config.adapter.command]
    loaders = [loader for config in own for _, loader in _loaders(config)] if fit else []
    return frozenset([c.model.language for c in own] + [loader.language for loader in loaders])


def _loaders(config: Config) -> Iterator[tuple[str, configs.LoaderSettings]]:
    for name, loader in (("train", config.train), ("test", config.test)):
        if loader is not None:
            yield f"dataset_loader_{name}", loader


def _data(loaded: Sequence[Config], folder: Path) -> set[str]:
    paths = (
        Path(os.path.normpath(str(loader.factory["path"])))
        for config in loaded
        for _, loader in _loaders(config)
        if loader.factory and isinstance(loader.factory.get("path"), str)
    )
    return {str(path.relative_to(folder)) for path in paths if path.is_relative_to(folder)}


def _julia(versions: Sequence[Version]) -> str:
    """Give the tag of Julia's image: what it serialised, another minor version may not read."""
    for version in versions:
        if version.metadata.get("language") == "julia":
            found = _JULIA.match(str(version.metadata.get("language_version")))
            if found:
                return found[0]
    return "1"


def _tag(loaded: Sequence[Config], folder: Path) -> str | None:
    first = loaded[0]
    name = (first.service_name if len(loaded) == 1 else folder.name).lower()
    version = first.service_version
    sound = _TAG.fullmatch(name) and _TAG_VERSION.fullmatch(version)
    return f"{name}:{version}" if sound else None


def _notes(loaded: Sequence[Config]) -> Iterator[str]:
    for config in loaded:
        if config.adapter.command or config.adapter.executable:
            program = config.adapter.executable or config.adapter.command[0]
            yield f"{config.service_name}: its adapter {program} must be in the base image"
