"""Make a wheel of the runner that is installed here, be it from a checkout or from a package.

The image gets the very code that runs here, without asking an index for it.
"""

from __future__ import annotations

import base64
import hashlib
import zipfile
from collections.abc import Iterator
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

DISTRIBUTION = "polyglot-runner"
_PACKAGES = ("runner", "adapters", "contracts")
_TAG = "py3-none-any"
_WHEEL = f"Wheel-Version: 1.0\nGenerator: runner dockerize\nRoot-Is-Purelib: true\nTag: {_TAG}\n"


def write_wheel(folder: Path) -> Path:
    """Write the wheel into a folder (PyPA's binary distribution format 1.0); give its path.

    Equal code gives equal bytes, so that an engine's cache of layers holds.
    """
    installed = metadata.distribution(DISTRIBUTION)
    stem = f"{DISTRIBUTION.replace('-', '_')}-{installed.version}"
    told = f"{stem}.dist-info"
    # An editable install has the metadata of egg-info.
    about = installed.read_text("METADATA") or installed.read_text("PKG-INFO") or ""
    files = dict(_code())
    files[f"{told}/METADATA"] = about.encode()
    files[f"{told}/WHEEL"] = _WHEEL.encode()
    files[f"{told}/entry_points.txt"] = (installed.read_text("entry_points.txt") or "").encode()
    record = "".join(f"{name},sha256={_digest(files[name])},{len(files[name])}\n" for name in files)
    files[f"{told}/RECORD"] = f"{record}{told}/RECORD,,\n".encode()
    path = folder / f"{stem}-{_TAG}.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as wheel:
        for name, content in files.items():
            # ZipInfo's time is 1980 unless told otherwise.
            entry = zipfile.ZipInfo(name)
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            wheel.writestr(entry, content)
    return path


def _code() -> Iterator[tuple[str, bytes]]:
    for package in _PACKAGES:
        spec = find_spec(package)
        assert spec is not None
        assert spec.origin is not None
        top = Path(spec.origin).parent
        for file in sorted(top.rglob("*")):
            if file.is_file() and "__pycache__" not in file.parts:
                yield f"{package}/{file.relative_to(top).as_posix()}", file.read_bytes()


def _digest(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
