"""Keep an issuer's keys where a front-end finds them that starts while the issuer is down."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from pathlib import Path
from typing import Any


class Shelf:
    """A file for one issuer in a folder that only the server itself can write to."""

    def __init__(self, folder: Path, issuer: str) -> None:
        digest = hashlib.sha256(issuer.encode()).hexdigest()
        self._path = folder / f"keys-{digest[:16]}.json"

    def put(self, keys: Any) -> None:
        """Put a JWKS there, whole or not at all. Without room for it, nothing is there."""
        with contextlib.suppress(OSError):
            descriptor, name = tempfile.mkstemp(dir=self._path.parent)
            with open(descriptor, "w") as file:
                json.dump(keys, file)
            os.replace(name, self._path)

    def get(self) -> Any:
        """Give what was put there last; None if there is nothing."""
        try:
            return json.loads(self._path.read_bytes())
        except (OSError, ValueError):
            return None
