"""Issue the access token that ours is asked with: keys and metadata of an issuer on 127.0.0.1."""

from __future__ import annotations

import json
import threading
import time
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

AUDIENCE = "https://models.example"
_KEY_ID = "benchmark"
_LIFETIME = 6 * 3600  # seconds; longer than any run


class Issuer:
    """Answers for its metadata (RFC 8414) and keys in a thread of this process."""

    def __init__(self) -> None:
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        public = json.loads(RSAAlgorithm.to_jwk(self._key.public_key()))
        keys = {"keys": [{**public, "kid": _KEY_ID, "use": "sig", "alg": "RS256"}]}
        documents: dict[str, Any] = {"/jwks": keys}

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                found = documents.get(self.path)
                body = json.dumps(found).encode()
                self.send_response(404 if found is None else 200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{server.server_port}"
        documents["/.well-known/oauth-authorization-server"] = {
            "issuer": self.url,
            "jwks_uri": f"{self.url}/jwks",
        }
        threading.Thread(target=server.serve_forever, daemon=True).start()

    def config(self) -> str:
        """Give the line of a config that wants this issuer's tokens."""
        return f"auth: {{issuer: {self.url!r}, audience: {AUDIENCE!r}}}\n"

    @cache  # noqa: B019 (there is one issuer, for as long as the process)
    def token(self, client: str = "benchmark", scope: str = "predict") -> str:
        """Sign a token of a client, always the same."""
        now = int(time.time())
        claims = {
            "iss": self.url,
            "aud": AUDIENCE,
            "sub": client,
            "client_id": client,
            "iat": now,
            "exp": now + _LIFETIME,
            "jti": "1",
            "scope": scope,
        }
        return jwt.encode(
            claims, self._key, algorithm="RS256", headers={"typ": "at+jwt", "kid": _KEY_ID}
        )


@cache
def issuer() -> Issuer:
    """Give the one issuer of this process, started when it is first needed."""
    return Issuer()
