"""Run a real authorization server, and get tokens from it as any client would."""

from __future__ import annotations

import base64
import contextlib
import json
import socket
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote_plus, urlencode

from tests.requirements import NODE_MODULES, find_node

AUDIENCE = "https://models.example"
OPAQUE = "https://opaque.models.example"


class Provider:
    """npm oidc-provider in a process of its own; on one port, however often it is started."""

    def __init__(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.issuer = f"http://127.0.0.1:{self.port}"
        self.kid = ""
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        node = find_node()
        assert node is not None
        script = Path(__file__).with_name("provider.mjs")
        self._process = subprocess.Popen(
            [node, "--no-warnings", str(script), str(NODE_MODULES), str(self.port)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.kid = self._line()

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def rotate(self, *, drop: bool = False) -> str:
        """Sign with a new key from now on; ``drop``: publish none of the old ones any more."""
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write("drop\n" if drop else "rotate\n")
        self._process.stdin.flush()
        self.kid = self._line()
        return self.kid

    def token(self, audience: str = AUDIENCE, scope: str = "predict models:read") -> str:
        """Get a token by client_credentials (RFC 6749 section 4.4)."""
        form = {"grant_type": "client_credentials", "resource": audience, "scope": scope}
        return str(self._post("/token", form)["access_token"])

    def revoke(self, token: str) -> None:
        """Revoke an opaque token (RFC 7009)."""
        self._post("/token/revocation", {"token": token})

    def _post(self, path: str, form: dict[str, str]) -> dict[str, str]:
        login = base64.b64encode(f"batch:{quote_plus('batch-secret')}".encode()).decode()
        request = urllib.request.Request(
            self.issuer + path, urlencode(form).encode(), {"Authorization": f"Basic {login}"}
        )
        with urllib.request.urlopen(request, timeout=30) as response:
            text = response.read()
        found: dict[str, str] = json.loads(text) if text else {}
        return found

    def _line(self) -> str:
        assert self._process is not None
        assert self._process.stdout is not None
        while line := self._process.stdout.readline().strip():
            if " " not in line:  # what it warns of has spaces
                return line
        raise AssertionError("the authorization server did not start")


@contextlib.contextmanager
def provider() -> Iterator[Provider]:
    """Run the authorization server for a while."""
    running = Provider()
    try:
        running.start()
        yield running
    finally:
        running.stop()
