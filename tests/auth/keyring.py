"""Keys of an issuer's own, and tokens signed with them, sound and broken."""

from __future__ import annotations

import base64
import json
import time
from functools import cache
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from jwt.algorithms import get_default_algorithms

ISSUER = "https://issuer.example"
AUDIENCE = "https://models.example"


@cache
def private_key(name: str) -> Any:
    """Give the key of a name, always the same: its beginning tells the kind."""
    kind = name.split("-", maxsplit=1)[0]
    if kind == "rsa":
        return rsa.generate_private_key(65537, 1024 if "short" in name else 2048)
    if kind == "p256":
        return ec.generate_private_key(ec.SECP256R1())
    if kind == "p384":
        return ec.generate_private_key(ec.SECP384R1())
    return (
        ed448.Ed448PrivateKey.generate()
        if kind == "ed448"
        else ed25519.Ed25519PrivateKey.generate()
    )


_OF_KIND = {"rsa": "RS256", "p256": "ES256", "p384": "ES384"}


def jwk(name: str, *, private: bool = False, **changes: Any) -> dict[str, Any]:
    """Give a key as it stands in a JWKS."""
    key = private_key(name) if private else private_key(name).public_key()
    algorithm = get_default_algorithms()[_OF_KIND.get(name.split("-", maxsplit=1)[0], "EdDSA")]
    found = json.loads(algorithm.to_jwk(key))
    found.pop("key_ops", None)
    return {"kid": name, "use": "sig", **found, **changes}


def claims(**changes: Any) -> dict[str, Any]:
    """Give the claims of a sound token; ``None`` leaves one out."""
    now = int(time.time())
    sound = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "batch",
        "client_id": "batch",
        "iat": now,
        "exp": now + 300,
        "jti": "1",
        "scope": "predict models:read",
    }
    return {name: value for name, value in {**sound, **changes}.items() if value is not None}


def token(
    key: str = "rsa-1",
    algorithm: str = "RS256",
    header: dict[str, Any] | None = None,
    **changes: Any,
) -> str:
    """Sign a token: claims changed by keywords, its header by ``header``."""
    head = {"typ": "at+jwt", "kid": key, **(header or {})}
    return jwt.encode(claims(**changes), private_key(key), algorithm, headers=head)


def raw(header: Any, payload: Any, signature: bytes = b"x" * 256, key: str | None = None) -> str:
    """Put a token together by hand; with ``key`` signed by RS256, whatever the header says."""
    parts = [_part(header), _part(payload)]
    if key is not None:
        signature = get_default_algorithms()["RS256"].sign(
            ".".join(parts).encode(), private_key(key)
        )
    return ".".join([*parts, _base64(signature)])


def _part(value: Any) -> str:
    return _base64(value if isinstance(value, bytes) else json.dumps(value).encode())


def _base64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
