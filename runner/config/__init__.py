"""Read the config of a service: YAML, or Palladium's Python-dict files.

    loading      files → Config: the whole way, and all faults at once
    several      the configs of one server
    document     values beside the file and line that each came from
    yaml_file, python_file    one file → document
    directives   __copy__, __default__, __env__, __python__, __factory__
    cursor       walks a document by tables of keys, collects faults
    readers      single values: strings, ranges, sizes, files
    sections     the tables: every key there is
    auth         who may ask
    quotas       and how much
    grid_search  what to search
    decorators   what is put around functions
    log_handlers what Python's own logging does
    model        the model and the data loaders, in every language
    wire         what of it can travel to an adapter
    factory      names → objects
    settings     what comes out

YAML is data: nothing in it runs until a `!` names a factory or `__python__` says so. Passwords do
not belong in files: `url: {__env__: DATABASE_URL}`, or `{__env__: "postgresql://me:${PASSWORD}@db/models"}`.
In a Python config: `environ['DATABASE_URL']`. Files merge by comma; of a top-level key the last
file's value holds whole. A relative path is looked for beside the file that names it, then in the
working directory. Top-level keys that begin with `x-`, or that something copies from, are the
user's own.
"""

from runner.config.auth import is_loopback
from runner.config.decorators import decorated
from runner.config.factory import build, resolve
from runner.config.loading import default_spec, load
from runner.config.settings import (
    EVERYBODY,
    NO_AUTH,
    PYTHON,
    AdapterSettings,
    AuthSettings,
    Config,
    LoaderSettings,
    MappedField,
    ModelSettings,
    ParallelSettings,
    PlaceSettings,
    QuotaSettings,
    SearchSettings,
    ServerSettings,
    ServiceSettings,
    Storage,
    StoreSettings,
)
from runner.config.several import auth_of, expand, limits_of, load_all, logging_of

__all__ = [
    "EVERYBODY",
    "NO_AUTH",
    "PYTHON",
    "AdapterSettings",
    "AuthSettings",
    "Config",
    "LoaderSettings",
    "MappedField",
    "ModelSettings",
    "ParallelSettings",
    "PlaceSettings",
    "QuotaSettings",
    "SearchSettings",
    "ServerSettings",
    "ServiceSettings",
    "Storage",
    "StoreSettings",
    "auth_of",
    "build",
    "decorated",
    "default_spec",
    "expand",
    "is_loopback",
    "limits_of",
    "load",
    "load_all",
    "logging_of",
    "resolve",
]
