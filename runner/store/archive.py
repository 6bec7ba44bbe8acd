"""Write a version into one portable file, and read it back without trusting it.

The file is a zip of two members that are not compressed: `manifest.json` and `artifact`. So what is
read is never more than the file's own size, and any tool can look into it.
"""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runner.errors import ArtifactCorrupt, Fingerprint, NotFound, Refused, Unavailable
from runner.store.artifact import CHUNK_BYTES
from runner.store.records import Version
from runner.store.store import Store

FORMAT = "polyglot-runner version 1"
MANIFEST, ARTIFACT = "manifest.json", "artifact"
MANIFEST_BYTES = 16 * 1024 * 1024

_KINDS: dict[str, type] = {
    "service": str,
    "version": int,
    "created": str,
    "created_by": str,
    "metadata": dict,
    "artifact_format": str,
    "artifact_size": int,
    "artifact_sha256": str,
}


@dataclass(frozen=True)
class Portable:
    """A version on its way between stores; its artifact is `chunks`, verified at their end."""

    service: str
    number: int
    origin: Mapping[str, Any]
    metadata: Mapping[str, Any]
    artifact_format: str
    chunks: Iterator[bytes]

    def add_to(self, store: Store, service: str, *, activate: bool, by: str) -> Version:
        """Store it under the service's next number; its metadata tells where it came from.

        Raises ArtifactCorrupt, and stores nothing, if the artifact is not what was exported.
        """
        return store.add_version(
            service,
            self.chunks,
            artifact_format=self.artifact_format,
            metadata={**self.metadata, "origin": self.origin},
            activate=activate,
            by=by,
            reason="imported",
        )


def portable(store: Store, version: Version) -> Portable:
    """Take a version out of a store. Raises ArtifactCorrupt."""
    content = store.read_artifact(version.service, version.number)
    return Portable(
        version.service,
        version.number,
        _origin(_manifest(version)),
        {key: value for key, value in version.metadata.items() if key != "origin"},
        version.artifact_format,
        iter([content]),
    )


def write_archive(path: Path, store: Store, version: Version) -> None:
    """Write a version into a file, which appears as a whole or not at all.

    Raises Unavailable if it cannot be written, ArtifactCorrupt.
    """
    content = store.read_artifact(version.service, version.number)
    manifest = json.dumps(_manifest(version), indent=1, ensure_ascii=False)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        try:
            with part.open("xb") as file:
                with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
                    archive.writestr(MANIFEST, manifest)
                    archive.writestr(ARTIFACT, content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(part, path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as ex:
        raise Unavailable(f"cannot write {path}: {ex.strerror}") from ex


@contextmanager
def opened_archive(path: Path) -> Iterator[Portable]:
    """Open what `write_archive` wrote.

    Raises NotFound, Refused for a file that is no such archive, Unavailable.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            manifest = _read_manifest(path, archive)
            expected = Fingerprint(manifest["artifact_sha256"], manifest["artifact_size"])
            if _member(path, archive, ARTIFACT).file_size != expected.size:
                raise Refused(f"{path}: its artifact has another size than its manifest says")
            yield Portable(
                manifest["service"],
                manifest["version"],
                _origin(manifest),
                {key: value for key, value in manifest["metadata"].items() if key != "origin"},
                manifest["artifact_format"],
                _verified(archive, manifest["service"], manifest["version"], expected),
            )
    except FileNotFoundError as ex:
        raise NotFound(f"there is no file {path}") from ex
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError) as ex:
        raise Refused(f"{path} is no archive of a version, or a damaged one: {ex}") from ex
    except OSError as ex:
        raise Unavailable(f"cannot read {path}: {ex.strerror or ex}") from ex


def _manifest(version: Version) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "service": version.service,
        "version": version.number,
        "created": version.created.isoformat(),
        "created_by": version.created_by,
        "metadata": dict(version.metadata),
        "artifact_format": version.artifact_format,
        "artifact_size": version.artifact_size,
        "artifact_sha256": version.artifact_sha256,
    }


def _origin(manifest: Mapping[str, Any]) -> dict[str, Any]:
    return {name: manifest[name] for name in ("service", "version", "created", "created_by")}


def _read_manifest(path: Path, archive: zipfile.ZipFile) -> dict[str, Any]:
    info = _member(path, archive, MANIFEST)
    if info.file_size > MANIFEST_BYTES:
        raise Refused(f"{path}: its manifest of {info.file_size} bytes exceeds {MANIFEST_BYTES}")
    try:
        found = json.loads(archive.read(info))
    except (ValueError, RecursionError) as ex:
        raise Refused(f"{path}: its manifest is no JSON") from ex
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise Refused(f"{path}: its manifest does not say format {FORMAT!r}")
    for name, kind in _KINDS.items():
        if type(found.get(name)) is not kind:
            raise Refused(f"{path}: {name} of its manifest is no {kind.__name__}")
    return found


def _member(path: Path, archive: zipfile.ZipFile, name: str) -> zipfile.ZipInfo:
    """Give a member that cannot be larger than the file that it stands in."""
    try:
        info = archive.getinfo(name)
    except KeyError as ex:
        raise Refused(f"{path} has no {name}: it is no archive of a version") from ex
    if info.compress_type != zipfile.ZIP_STORED or info.flag_bits & 1:
        raise Refused(f"{path}: {name} is compressed or encrypted")
    return info


def _verified(
    archive: zipfile.ZipFile, service: str, number: int, expected: Fingerprint
) -> Iterator[bytes]:
    digest, size = hashlib.sha256(), 0
    with archive.open(ARTIFACT) as file:
        while piece := file.read(CHUNK_BYTES):
            digest.update(piece)
            size += len(piece)
            yield piece
    found = Fingerprint(digest.hexdigest(), size)
    if found != expected:
        raise ArtifactCorrupt(service, number, expected, found)
