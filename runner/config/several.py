"""Load the configs of several services that one server is to serve, and find what they share."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from runner.config.loading import default_spec, load
from runner.config.settings import Auth, AuthSettings, Config, QuotaSettings
from runner.errors import ConfigError, Fault

_PATTERN = re.compile(r"[*?[]")


def load_all(
    specs: Sequence[str] = (), *, deep: bool = False, environ: Mapping[str, str] = os.environ
) -> list[Config]:
    """Load the configs of several services that one server is to serve, all faults at once.

    Without any, the default one (`default_spec`). A pattern such as ``services/*.yaml`` stands for
    the files that it finds now, in the order of their names.
    Besides what `load` checks: distinct service names and entry points, one `server` section, one
    `auth` and one `limits`.
    """
    configs: list[Config] = []
    faults: list[Fault] = []
    for spec in expand(specs or [default_spec(environ)]):
        try:
            configs.append(load(spec, deep=deep, environ=environ))
        except ConfigError as ex:
            faults += ex.faults
    names: dict[str, Config] = {}
    entries: dict[str, Config] = {}
    for config in configs:
        name, entry = config.service_name, config.service.entry_point
        if first := names.get(name):
            problem = f"{name!r} is the service of {first.path} too"
            key = "service_metadata.service_name"
            faults.append(Fault(problem, "distinct service names", str(config.path), key))
        if entry and (first := entries.get(entry)):
            problem = f"{entry!r} is the entry point of {first.service_name} too"
            key = "predict_service.entry_point"
            faults.append(Fault(problem, "distinct entry points", str(config.path), key))
        if config.server != configs[0].server:
            problem = f"not the same as in {configs[0].path}: {asdict(configs[0].server)}"
            faults.append(Fault(problem, "one for all services", str(config.path), "server"))
        if config.audit != configs[0].audit:
            problem = f"not the same as in {configs[0].path}"
            faults.append(Fault(problem, "one for all services", str(config.path), "audit"))
        for key, said in _SHARED.items():
            faults += _differs(configs, config, key, said)
        names.setdefault(name, config)
        if entry:
            entries.setdefault(entry, config)
    faults += _auth_faults(configs)
    if faults:
        raise ConfigError(faults)
    return configs


def expand(specs: Sequence[str]) -> Iterator[str]:
    """Give the specs, those that are patterns replaced by what they find."""
    for spec in specs:
        found = sorted(glob.glob(spec)) if _PATTERN.search(spec) else []
        yield from found or [spec]  # a file that is not there is told as such


def auth_of(configs: Sequence[Config]) -> tuple[Auth | None, Path | None]:
    """Give the `auth` of a server with these configs, and the first file that says it.

    It is the server's, so it need stand in one config only; `load_all` refuses two that differ.
    """
    return next(
        ((config.auth, config.path) for config in configs if config.auth is not None), (None, None)
    )


def limits_of(configs: Sequence[Config]) -> Mapping[str, QuotaSettings]:
    """Give the `limits` of a server with these configs: those of the first that has some."""
    return next((config.limits for config in configs if config.limits), {})


def logging_of(configs: Sequence[Config]) -> Mapping[str, Any] | None:
    """Give the `logging` of a server with these configs: that of the first that has one."""
    return next((config.logging for config in configs if config.logging), None)


_SHARED: dict[str, Callable[[Config], Any]] = {
    "logging": lambda config: config.logging,
    "alive_decorators": lambda config: config.decorators.get("alive"),
    "auth": lambda config: config.auth,
}
"""What is the whole server's, and need stand in one config only."""


def _differs(
    configs: Sequence[Config], config: Config, key: str, said: Callable[[Config], Any]
) -> Iterator[Fault]:
    """Refuse what is the server's and is said in two ways.

    SECURITY: not told in what they differ, which may be a secret.
    """
    first = next((each for each in configs if said(each)), config)
    if said(config) and said(config) != said(first):
        problem = f"not the same as in {first.path}, and it is the whole server's"
        yield Fault(problem, "one for all services, or in one config", str(config.path), key)


def _auth_faults(configs: Sequence[Config]) -> list[Fault]:
    auth, _ = auth_of(configs)
    faults = []
    for config in configs:
        where = str(config.path)
        if config.limits and config.limits != limits_of(configs):
            problem = "not the same as in another config, and they are the whole server's"
            faults.append(Fault(problem, "one for all services, or in one config", where, "limits"))
        if config.limits and not isinstance(auth, AuthSettings):
            problem = "nobody is known to this server, so nobody's requests could be counted"
            faults.append(Fault(problem, "auth: {issuer: …}", where, "limits"))
        service = config.service
        if (service.allow_clients or service.allow_scopes) and not isinstance(auth, AuthSettings):
            problem = "nobody is known to this server, so nobody could be allowed"
            key = f"predict_service.allow_{'clients' if service.allow_clients else 'scopes'}"
            faults.append(Fault(problem, "auth: {issuer: …}", where, key))
    return faults
