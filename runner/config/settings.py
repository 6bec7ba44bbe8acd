"""The settings of one service, as everything behind the config reads them.

What the user wrote is checked and converted before one of these is made. The only maps that are
left are the user's own: a model's parameters, a factory's arguments.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from contracts.messages import Source
from contracts.table import Type

if TYPE_CHECKING:
    from runner.config.schedule import Schedule

PYTHON = "python"
Decorator = str | Mapping[str, Any]
"""The dotted name of one, or a factory that makes it."""
Scorer = str | Callable[..., float]
"""A scorer of scikit-learn's, by name, or a function (estimator, X, y)."""
Scoring = Scorer | Mapping[str, Scorer]
AUDIT_LOG = "runner-audit.jsonl"


@dataclass(frozen=True)
class ModelSettings:
    """What to fit: `wire` is the `model` map of the contract's fit (SPEC 9), ready to be sent."""

    language: str
    wire: Mapping[str, Any]


@dataclass(frozen=True)
class AdapterSettings:
    """How to run the adapter. `command` replaces it; `executable` only the Python that runs it."""

    executable: str | None = None
    command: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    memory_limit: int | None = None
    """Bytes of one worker process; None for no limit."""
    start_timeout: float = 60.0
    """Seconds until the adapter must have said hello."""
    fit_timeout: float | None = None
    """Seconds that a fit may take; None for no limit."""
    spare: bool | None = None
    """Whether a server keeps a started adapter in reserve; None: if the language is slow."""


@dataclass(frozen=True)
class LoaderSettings:
    """Where data comes from: a factory to call here, or a source that a worker reads (SPEC 5.7)."""

    language: str = PYTHON
    factory: Mapping[str, Any] | None = field(default=None, repr=False)
    source: Source | None = None


@dataclass(frozen=True)
class MappedField:
    """One field of a request, as the user declares it. `levels` empty: those of the data."""

    name: str
    type: Type
    nullable: bool = False
    levels: tuple[str, ...] = ()


@dataclass(frozen=True)
class ServiceSettings:
    """How a service answers."""

    mapping: tuple[MappedField, ...] | None = None
    """The fields of a request, in the model's order; None: as learned from the data."""
    predict_proba: bool = False
    params: tuple[MappedField, ...] = ()
    """Request parameters that are passed on to the model's predict as keyword arguments."""
    unwrap_sample: bool = False
    entry_point: str | None = None
    """A path of its own to ask this service at, such as /predict."""
    replicas: int = 1
    """Adapter processes that serve."""
    timeout: float = 30.0
    """Seconds that a request may take."""
    max_queue: int = 1024
    """Requests that may wait before further ones are refused."""
    max_queue_bytes: int = 256 * 1024 * 1024
    """Bytes that the rows of waiting requests may have, as they go to the model."""
    allow_clients: tuple[str, ...] = ()
    """Clients that may use this service; with `allow_scopes` empty too: all that may predict."""
    allow_scopes: tuple[str, ...] = ()
    """Scopes any of which lets a client use this service."""


@dataclass(frozen=True)
class ServerSettings:
    """How HTTP is spoken, by all services of one server."""

    max_body: int = 16 * 1024 * 1024
    """Bytes of a request's body."""
    body_timeout: float = 30.0
    """Seconds until a request's body must be there."""
    max_rows: int = 500_000
    """Objects or lines in one body: small ones would take far more memory than bytes."""
    max_head: int = 65_536
    """Bytes of a request's line and header fields together."""
    head_timeout: float = 10.0
    """Seconds until a request's head must be there, from the connection's or its first byte."""
    keep_alive: float = 75.0
    """Seconds that a connection may be idle between requests: longer than usual proxies keep it."""
    graceful_timeout: float = 30.0
    """Seconds that requests under way get when the server stops."""
    actions: bool | None = None
    """Whether models may be fitted, activated and deleted over HTTP; None: if callers are known."""
    jobs_at_once: int = 1
    """Jobs of one service that run at the same time."""
    max_jobs: int = 16
    """Jobs of one service that may run or wait."""


@dataclass(frozen=True)
class AuditSettings:
    """What is recorded of predictions and actions, and where."""

    to: str = "file"
    """``file``, ``stdout``, ``both`` or ``none``."""
    path: Path | None = None
    """The file; None: runner-audit.jsonl beside the store (`Config.audit_in_full`)."""
    durability: str = "process"
    """``process``: written before an answer leaves; ``disk``: on the disk by then."""
    on_failure: str = "refuse"
    """``refuse`` predictions that cannot be recorded, or ``continue``."""
    key_file: Path | None = None
    """Holds the key of the records' chain; None: a chain without a key."""
    inputs: bool = False
    """Record the values of features, too."""


@dataclass(frozen=True)
class ScopeSettings:
    """The names of the scopes that each kind of action needs."""

    predict: str = "predict"
    read: str = "models:read"
    write: str = "models:write"


@dataclass(frozen=True)
class IntrospectionSettings:
    """How opaque tokens are asked about (RFC 7662)."""

    client_id: str
    client_secret: str = field(repr=False)
    cache: float = 60.0
    """Seconds that an answer is believed."""


@dataclass(frozen=True)
class AuthSettings:
    """Who may ask: by access tokens of an issuer, or by the word of a proxy."""

    issuer: str | None = None
    audience: tuple[str, ...] = ()
    """What a token must be meant for, one of them."""
    resource: str | None = None
    """The URL at which clients reach this server (RFC 9728)."""
    algorithms: tuple[str, ...] = ()
    leeway: float = 30.0
    """Seconds that clocks may differ."""
    require_at_jwt: bool = True
    """Whether a token must say that it is an access token (RFC 9068 section 4)."""
    client_claim: str = "client_id"
    scope_claim: str = "scope"
    key_cache: float = 300.0
    """Seconds after which a key that the issuer has dropped is no more accepted."""
    introspection: IntrospectionSettings | None = None
    scopes: ScopeSettings = field(default_factory=ScopeSettings)
    trusted_header: str | None = None
    """The header field in which a proxy tells the client."""
    trusted_from: tuple[str, ...] = ()
    """Networks that the proxy's connections come from."""
    grant: tuple[str, ...] = ()
    """Scopes of whom the proxy tells."""

    def to_json(self) -> str:
        """Give a text for an environment variable."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> AuthSettings:
        """Read what `to_json` gave."""
        told: dict[str, Any] = json.loads(text)
        for name in ("audience", "algorithms", "trusted_from", "grant"):
            told[name] = tuple(told[name])
        told["scopes"] = ScopeSettings(**told["scopes"])
        if told["introspection"] is not None:
            told["introspection"] = IntrospectionSettings(**told["introspection"])
        return cls(**told)


ACTIVE: Literal["active"] = "active"
"""Stands for the active version's score on the same data."""


@dataclass(frozen=True)
class RefitSettings:
    """When a server fits a model anew, and when the result takes over."""

    when: Schedule
    save_if_better_than: float | Literal["active"] | None = None
    """The test score below which nothing is stored; None: whatever comes out is."""
    evaluate: bool = True
    activate: bool = True


EVERYBODY = "*"
"""Who `limits` means beside the clients that it names: each of the others."""


@dataclass(frozen=True)
class QuotaSettings:
    """How much one client may ask for; None: as much as it likes."""

    requests_per_minute: int | None = None
    rows_per_day: int | None = None


@dataclass(frozen=True)
class ParallelSettings:
    """Where the fits of a search run: a backend of joblib's, by its name there."""

    backend: str
    register: str | None = None
    """What to call before, by its dotted name, for joblib to know the backend."""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    """What the backend takes, such as `scheduler_host` of Dask's."""


@dataclass(frozen=True)
class SearchSettings:
    """What a search tries: arguments of GridSearchCV, or another search as a factory or made."""

    arguments: Mapping[str, Any] = field(default_factory=dict)
    factory: Mapping[str, Any] | None = None
    made: Any = None
    parallel: ParallelSettings | None = None


NO_AUTH: Literal["none"] = "none"
"""What `auth` says where others see to it."""

Auth = AuthSettings | Literal["none"]


VERSION = "{version}"
"""Stands for a version's number in the URL of a place."""


@dataclass(frozen=True)
class PlaceSettings:
    """Where artifacts lie: an absolute path, or a URL of S3 or HTTP; with `VERSION`, by number."""

    url: str
    options: Mapping[str, Any] = field(default_factory=dict, repr=False, hash=False)
    """What fsspec's file system is made with; may hold secrets."""


Storage = tuple[str, PlaceSettings | None]
"""The URL of a database, and the place of artifacts."""


@dataclass(frozen=True)
class StoreSettings:
    """The database and the place of artifacts; None: the default, and the database itself."""

    url: str | None = field(default=None, repr=False)
    place: PlaceSettings | None = None


@dataclass(frozen=True)
class Config:
    """The settings of one service, with where they come from."""

    path: Path
    """The (first) config file, absolute."""
    folder: Path
    spec: str
    """All its files, absolute, joined by commas: what `-c` takes."""
    service_name: str
    service_version: str
    service_metadata: Mapping[str, Any]
    model: ModelSettings
    adapter: AdapterSettings
    train: LoaderSettings | None
    test: LoaderSettings | None
    service: ServiceSettings
    server: ServerSettings
    audit: AuditSettings
    auth: Auth | None
    """None: the config does not say."""
    limits: Mapping[str, QuotaSettings]
    """By the client's id, or `EVERYBODY`."""
    refit: RefitSettings | None
    """None: a server fits only when it is asked."""
    scoring: Scoring | None
    grid_search: SearchSettings | None
    store_url: str = field(repr=False)
    place: PlaceSettings | None
    """Where artifacts lie; None: in the database."""
    export_to: StoreSettings | None
    """Where `runner export` exports to unless told; None: the config does not say."""
    decorators: Mapping[str, tuple[Decorator, ...]]
    """By what they are put around (`decorators.LISTS`); no empty list."""
    logging: Mapping[str, Any] | None = field(repr=False)
    """What logging.config.dictConfig takes; None: the config does not say."""
    config_hash: str
    """sha256 (hex) of what was written, the scripts included; environment variables by name."""
    raw: Mapping[str, Any] = field(repr=False)
    """The merged config, directives carried out, factories not built. It may hold passwords."""

    @property
    def storage(self) -> Storage:
        """What tells stores apart."""
        return self.store_url, self.place

    @property
    def audit_in_full(self) -> AuditSettings:
        """The settings of the audit trail, with its path: as told, else beside the store."""
        if self.audit.path is not None:
            return self.audit
        scheme, found, database = self.store_url.partition(":///")
        beside = Path(database).parent if found and scheme.startswith("sqlite") else self.folder
        return replace(self.audit, path=beside / AUDIT_LOG)
