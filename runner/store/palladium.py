"""Read what Palladium's persisters wrote, and change nothing of it.

`File` keeps `<path>.pkl.gz` for each version and `<path with version "metadata">.json`; before 1.0
the pickle lay at the path itself and the JSON was a list. `Database` has the tables `models`,
`model_chunks` and `properties`. No pickle is opened here.
"""

from __future__ import annotations

import base64
import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, NullPool, create_engine, inspect, text

from runner.config.settings import VERSION
from runner.errors import NotFound, Refused, Unavailable
from runner.store.attachments import PREFIX
from runner.store.database import Database
from runner.store.url import open_database


@dataclass(frozen=True)
class Old:
    """A version of Palladium's: its pickle, mostly gzipped, comes when asked for."""

    number: int
    metadata: Mapping[str, Any]
    active: bool
    read: Callable[[], bytes]


def read_folder(path: str) -> list[Old]:
    """Find the versions of a `File` persister. Raises NotFound, Refused for no such layout."""
    listed = Path(path.replace(VERSION, "metadata") + ".json")
    try:
        found = json.loads(listed.read_text(encoding="utf-8"))
    except FileNotFoundError as ex:
        raise NotFound(f"there is no {listed}, in which Palladium lists its versions") from ex
    except OSError as ex:
        raise Unavailable(f"cannot read {listed}: {ex.strerror}") from ex
    except ValueError as ex:
        raise Refused(f"{listed} is no JSON") from ex
    models = found.get("models") if isinstance(found, dict) else found
    properties = found.get("properties", {}) if isinstance(found, dict) else {}
    active = properties.get("active-model") if isinstance(properties, dict) else None
    if active is None and isinstance(found, list) and models:
        active = models[-1].get("version") if isinstance(models[-1], dict) else None
    if isinstance(models, list):
        models = [_with_attachments(path, each) for each in models]
    return _olds(str(listed), models, active, lambda number: _pickle(path, number))


def in_the_way(path: str, found: Sequence[Old]) -> list[Path]:
    """Give the pickles of a Palladium before 1.0: they have the names that ours would get there."""
    plain = {old.number: Path(path.replace(VERSION, str(old.number))) for old in found}
    return [file for file in plain.values() if file.exists() and not _zipped(file).exists()]


def read_database(url: str, timeout: float = 10.0) -> list[Old]:
    """Find the versions of a `Database` or `DatabaseCLOB` persister. Raises as `read_folder`."""
    database = _open(url, timeout)
    try:
        with database.reading() as connection:
            tables = set(inspect(connection).get_table_names())
            missing = {"models", "model_chunks", "properties"} - tables
            if missing:
                names = ", ".join(sorted(missing))
                raise NotFound(f"{database.label} has no table {names}, which Palladium's have")
            models = [
                _json(row[0], database.label)
                for row in connection.execute(text("SELECT metadata FROM models ORDER BY version"))
            ]
            active = connection.scalar(
                text("SELECT value FROM properties WHERE name = 'active-model'")
            )
    finally:
        database.close()
    return _olds(database.label, models, active, lambda number: _chunks(database, number))


def _open(url: str, timeout: float) -> Database:
    """Open a database to read it alone; a store's own SQLite would set its journal."""
    if not url.startswith("sqlite"):
        return open_database(url, timeout)
    path = Path(url.partition(":///")[2]).absolute()
    if not path.is_file():
        raise NotFound(f"there is no database {path}")
    address = f"file:{quote(str(path))}?mode=ro"
    engine = create_engine(
        "sqlite://",
        creator=lambda: sqlite3.connect(address, timeout=timeout, uri=True),
        poolclass=NullPool,
    )
    return Database(engine, str(path))


def _olds(where: str, models: Any, active: Any, read: Callable[[int], bytes]) -> list[Old]:
    if not isinstance(models, list):
        raise Refused(f"{where} does not list versions as Palladium does")
    olds = []
    for each in models:
        number = each.get("version") if isinstance(each, dict) else None
        if not isinstance(number, int):
            raise Refused(f"{where} has a version without a number")
        olds.append(Old(number, each, str(number) == str(active), _reader(read, number)))
    return sorted(olds, key=lambda old: old.number)


def _reader(read: Callable[[int], bytes], number: int) -> Callable[[], bytes]:
    return lambda: read(number)


def _pickle(path: str, number: int) -> bytes:
    plain = Path(path.replace(VERSION, str(number)))
    for file in (_zipped(plain), plain):
        try:
            return file.read_bytes()
        except FileNotFoundError:
            continue
        except OSError as ex:
            raise Unavailable(f"cannot read {file}: {ex.strerror}") from ex
    raise NotFound(f"there is neither {_zipped(plain)} nor {plain}")


def _zipped(plain: Path) -> Path:
    """Give the name that a pickle has from 1.0 on."""
    return plain.with_name(f"{plain.name}.pkl.gz")


def _with_attachments(path: str, model: Any) -> Any:
    """Read the files that lie beside a pickle, where its metadata tells of some."""
    if not isinstance(model, dict) or not isinstance(names := model.get("__attachments__"), list):
        return model
    plain = path.replace(VERSION, str(model.get("version")))
    found = {key: value for key, value in model.items() if key != "__attachments__"}
    for name in names:
        file = Path(f"{plain}-{str(name).removeprefix(PREFIX)}")
        try:
            found[str(name)] = base64.b64encode(file.read_bytes()).decode()
        except FileNotFoundError:  # Palladium goes on without it, too
            continue
        except OSError as ex:
            raise Unavailable(f"cannot read {file}: {ex.strerror}") from ex
    return found


def _chunks(database: Database, number: int) -> bytes:
    with database.reading() as connection:
        return b"".join(_blobs(connection, number))


def _blobs(connection: Connection, number: int) -> Iterator[bytes]:
    query = text("SELECT blob FROM model_chunks WHERE model_version = :number ORDER BY id")
    for (blob,) in connection.execute(query, {"number": number}):
        # DatabaseCLOB writes base64.
        yield base64.b64decode(blob) if isinstance(blob, str) else bytes(blob)


def _json(value: Any, where: str) -> Any:
    try:
        return json.loads(value)
    except (TypeError, ValueError) as ex:
        raise Refused(f"{where} has metadata that are no JSON") from ex
