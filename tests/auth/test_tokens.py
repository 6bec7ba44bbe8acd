"""Tokens that are accepted, and every class of those that are refused, each with its reason."""

from __future__ import annotations

import hashlib
import json
import time as clocks
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization

from runner.auth.caller import Caller
from runner.auth.errors import InvalidToken
from runner.auth.verifier import LONGEST_TOKEN, Verifier
from tests.auth.conftest import SETTINGS, Issuer
from tests.auth.keyring import AUDIENCE, ISSUER, claims, jwk, private_key, raw, token

HEAD = {"typ": "at+jwt", "alg": "RS256", "kid": "rsa-1"}


def _with_public_key_as_secret(algorithm: str) -> str:
    """The oldest trick: the public key, which all know, as the secret of an HMAC."""
    public = (
        private_key("rsa-1")
        .public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    sign = jwt.algorithms.get_default_algorithms()[algorithm].sign
    unsigned = raw({**HEAD, "alg": algorithm}, claims()).rpartition(".")[0]
    signed = sign(unsigned.encode(), public)
    return raw({**HEAD, "alg": algorithm}, claims(), signed)


def _with_head(**changes: Any) -> str:
    """A token that is sound but for its header, and signed."""
    return raw({**HEAD, **changes}, claims(), key="rsa-1")


def _without_kid() -> str:
    return raw({"typ": "at+jwt", "alg": "RS256"}, claims(), key="rsa-1")


def _of(payload: Any) -> str:
    """A token of any payload, signed."""
    return raw(HEAD, payload, key="rsa-1")


def _with_infinite_exp() -> str:
    return _of(json.dumps(claims(exp=1)).replace('"exp": 1,', '"exp": 1e999,').encode())


def _now(seconds: float) -> float:
    return clocks.time() + seconds


def _tampered() -> str:
    head, _, signature = token().split(".")
    return ".".join([head, raw(HEAD, claims(client_id="root")).split(".")[1], signature])


BAD: dict[str, tuple[str, Callable[[], str]]] = {
    # signatures and algorithms
    "signed by another's key": ("signature", lambda: token("rsa-2", header={"kid": "rsa-1"})),
    "claims changed afterwards": ("signature", _tampered),
    "signature of zeros": ("signature", lambda: raw(HEAD, claims(), bytes(256))),
    "signature cut": ("signature", lambda: raw(HEAD, claims(), b"x" * 10)),
    "signature empty": ("signature", lambda: raw(HEAD, claims(), b"")),
    "alg none": ("algorithm", lambda: raw({**HEAD, "alg": "none"}, claims(), b"")),
    "alg None": ("algorithm", lambda: raw({**HEAD, "alg": "None"}, claims(), b"")),
    "alg nOnE, signed": ("algorithm", lambda: _with_head(alg="nOnE")),
    "no alg": ("algorithm", lambda: raw({"typ": "at+jwt"}, claims(), key="rsa-1")),
    "alg is a list": ("algorithm", lambda: _with_head(alg=["RS256"])),
    "alg in lower case": ("algorithm", lambda: _with_head(alg="rs256")),
    "HS256 with the public key": ("algorithm", lambda: _with_public_key_as_secret("HS256")),
    "HS512 with the public key": ("algorithm", lambda: _with_public_key_as_secret("HS512")),
    "RS512": ("algorithm", lambda: token(algorithm="RS512")),
    "ES384": ("algorithm", lambda: token("p384-1", "ES384")),
    "ES256 of an RSA key": ("algorithm", lambda: token("p256-9", "ES256", {"kid": "rsa-1"})),
    "PS256 where the key says RS256": ("algorithm", lambda: token("rsa-rs", "PS256")),
    # keys
    "unknown kid": ("unknown_key", lambda: token("rsa-2")),
    "no kid, and several keys": ("unknown_key", _without_kid),
    "key for encryption": ("unknown_key", lambda: token("rsa-enc")),
    "key of 1024 bits": ("unknown_key", lambda: token("rsa-short")),
    "key whose private half is published": ("unknown_key", lambda: token("rsa-leaked")),
    "kid is a number": ("malformed", lambda: _with_head(kid=1)),
    "kid is a path": ("unknown_key", lambda: token(header={"kid": "../../dev/null"})),
    "jku": ("header", lambda: token(header={"jku": "https://evil.example/jwks"})),
    "x5u": ("header", lambda: token(header={"x5u": "https://evil.example/cert"})),
    "x5c": ("header", lambda: token(header={"x5c": ["MII"]})),
    "embedded jwk": ("header", lambda: token("rsa-2", header={"jwk": jwk("rsa-2")})),
    "unknown crit": ("malformed", lambda: _with_head(crit=["x"], x=1)),
    "crit that is empty": ("malformed", lambda: _with_head(crit=[])),
    "crit that PyJWT understands": ("critical", lambda: _with_head(crit=["b64"], b64=True)),
    "b64": ("critical", lambda: _with_head(b64=True)),
    # type
    "typ JWT": ("type", lambda: token(header={"typ": "JWT"})),
    "no typ": ("type", lambda: raw({"alg": "RS256", "kid": "rsa-1"}, claims(), key="rsa-1")),
    "typ of a logout token": ("type", lambda: token(header={"typ": "logout+jwt"})),
    "typ is a number": ("type", lambda: _with_head(typ=1)),
    # issuer and audience
    "another issuer": ("issuer", lambda: token(iss="https://evil.example")),
    "issuer with a slash more": ("issuer", lambda: token(iss=f"{ISSUER}/")),
    "issuer is a list": ("issuer", lambda: _of(claims(iss=[ISSUER]))),
    "another audience": ("audience", lambda: token(aud="https://other.example")),
    "audience as a part": ("audience", lambda: token(aud=f"{AUDIENCE}.evil.example")),
    "other audiences": ("audience", lambda: token(aud=["https://a.example", "https://b.example"])),
    "audience is a number": ("audience", lambda: token(aud=5)),
    "audience holds a number": ("audience", lambda: token(aud=[AUDIENCE, 5])),
    # times
    "expired": ("expired", lambda: token(exp=int(_now(-100)))),
    "exp of 1970": ("expired", lambda: token(exp=0)),
    "exp below zero": ("expired", lambda: token(exp=-1)),
    "not yet valid": ("not_yet_valid", lambda: token(nbf=int(_now(100)))),
    "issued in the future": ("issued_in_future", lambda: token(iat=int(_now(100)))),
    "exp is a text": ("claim", lambda: token(exp="9999999999")),
    "exp is true": ("claim", lambda: token(exp=True)),
    "exp is infinite": ("claim", _with_infinite_exp),
    "exp is NaN": ("claim", lambda: token(exp=float("nan"))),
    "exp of 400 digits": ("claim", lambda: token(exp=10**400)),
    "nbf is a list": ("claim", lambda: token(nbf=[1])),
    "iat is a text": ("claim", lambda: token(iat="now")),
    # claims that are missing
    **{
        f"no {name}": ("missing_claim", lambda name=name: token(**{name: None}))
        for name in ("iss", "aud", "exp", "iat", "sub", "client_id")
    },
    "client_id null": ("missing_claim", lambda: _of({**claims(), "client_id": None})),
    "aud is empty": ("missing_claim", lambda: token(aud=[])),
    # claims of another kind
    "sub is a number": ("claim", lambda: _of(claims(sub=5))),
    "client_id is a map": ("claim", lambda: token(client_id={"a": 1})),
    "client_id is empty": ("claim", lambda: token(client_id="")),
    "client_id with a line break": ("claim", lambda: token(client_id="a\nb")),
    "client_id that is no Unicode": ("claim", lambda: token(client_id="\ud800")),
    "client_id of 10,000 letters": ("claim", lambda: token(client_id="a" * 10_000)),
    "scope is a number": ("claim", lambda: token(scope=5)),
    "scope holds a number": ("claim", lambda: token(scope=["predict", 5])),
    "bound to a certificate": ("bound", lambda: token(cnf={"x5t#S256": "abc"})),
    "bound to a DPoP key": ("bound", lambda: token(cnf={"jkt": "abc"})),
    "bound to an empty something": ("bound", lambda: token(cnf={})),
    # no JWT at all
    "opaque": ("malformed", lambda: "abcdef0123456789"),
    "two parts": ("malformed", lambda: token().rpartition(".")[0]),
    "four parts": ("malformed", lambda: token() + ".abcd"),
    "encrypted": ("malformed", lambda: "a.b.c.d.e"),
    "truncated in the payload": ("malformed", lambda: token()[:120] + ".x"),
    "truncated by a character": ("malformed", lambda: token()[:-1]),
    "base64 of another alphabet": ("malformed", lambda: "a+/=." + token().partition(".")[2]),
    "header is no JSON": ("malformed", lambda: raw(b"{", claims())),
    "header is a list": ("malformed", lambda: raw([1], claims())),
    "header is no UTF-8": ("malformed", lambda: raw(b'{"alg":"\xff"}', claims())),
    "payload is a list": ("malformed", lambda: _of([1])),
    "payload is no JSON": ("malformed", lambda: _of(b"hello")),
    "payload nested 5,000 deep": ("malformed", lambda: _of(b"[" * 5000)),
    "empty parts": ("malformed", lambda: ".."),
    "oversized": ("too_large", lambda: token(more="x" * LONGEST_TOKEN)),
}  # fmt: skip
"""What is wrong -> the reason told, and a token of that kind."""

KEYS = [
    jwk("rsa-1"),
    jwk("p256-1"),
    jwk("p384-1"),
    jwk("ed25519-1"),
    jwk("ed448-1"),
    jwk("rsa-rs", alg="RS256"),
    jwk("rsa-enc", use="enc"),
    jwk("rsa-short"),
    jwk("rsa-leaked", private=True),
    {"kty": "oct", "kid": "secret", "k": "AAAA"},
    {"kty": "RSA", "kid": "rsa-broken", "n": "!", "e": "AQAB"},
    "no key",
]


@pytest.mark.filterwarnings("ignore:The RSA key is 1024")
@pytest.mark.parametrize("name", BAD)
async def test_refused(name: str, verifier: Verifier, issuer: Issuer) -> None:
    """A token of this class is refused with its reason, and its text is in no message."""
    issuer.keys = KEYS  # type: ignore[assignment]
    reason, make = BAD[name]
    bad = make()
    with pytest.raises(InvalidToken) as caught:
        await verifier.verify(bad.encode())
    assert (caught.value.reason, bad in str(caught.value)) == (reason, False)
    assert verifier.known(bad.encode()) is None


@pytest.mark.parametrize("key", ["rsa-1", "p256-1", "ed25519-1"])
async def test_no_character_may_change(key: str, verifier: Verifier, issuer: Issuer) -> None:
    """A token in which any one character is another, is missing or is there twice, is refused."""
    issuer.keys = [jwk(key)]
    algorithm = {"rsa-1": "RS256", "p256-1": "ES256", "ed25519-1": "EdDSA"}[key]
    # Without a kid: one that nobody has would be waited for.
    good = jwt.encode(claims(), private_key(key), algorithm, headers={"typ": "at+jwt"})
    await verifier.verify(good.encode())
    for at, letter in enumerate(good):
        other = "A" if letter != "A" else "B"
        for changed in (other, "", letter + letter):
            bad = good[:at] + changed + good[at + 1 :]
            with pytest.raises(InvalidToken):
                await verifier.verify(bad.encode())
    assert issuer.fetches == 1


def test_there_are_enough_classes() -> None:
    """The table above is not cut short unseen."""
    assert len(BAD) >= 80
    assert len({reason for reason, _ in BAD.values()}) >= 15


GOOD: dict[str, Callable[[], str]] = {
    "RS256": token,
    "PS256": lambda: token(algorithm="PS256"),
    "ES256": lambda: token("p256-1", "ES256"),
    "EdDSA, Ed25519": lambda: token("ed25519-1", "EdDSA"),
    "EdDSA, Ed448": lambda: token("ed448-1", "EdDSA"),
    "RS256 where the key says so": lambda: token("rsa-rs"),
    "typ in full": lambda: token(header={"typ": "application/at+jwt"}),
    "typ in capitals": lambda: token(header={"typ": "AT+JWT"}),
    "several audiences": lambda: token(aud=["https://other.example", AUDIENCE]),
    "times with fractions": lambda: token(exp=_now(5.5), iat=_now(-0.5), nbf=_now(-0.5)),
    "x5t, which only names a certificate": lambda: token(header={"x5t": "abc"}),
    "no kid, and one key for the algorithm": lambda: jwt.encode(
        claims(), private_key("p256-1"), "ES256", headers={"typ": "at+jwt"}
    ),
    "scopes as a list": lambda: token(scope=["predict", "models:read"]),
}


@pytest.mark.parametrize("name", GOOD)
async def test_accepted(name: str, verifier: Verifier, issuer: Issuer) -> None:
    """A sound token gives its caller, and is known from then on."""
    issuer.keys = KEYS  # type: ignore[assignment]
    good = GOOD[name]().encode()
    assert verifier.known(good) is None
    caller = await verifier.verify(good)
    assert (caller.client_id, caller.user_id) == ("batch", None)
    assert caller.scopes == {"predict", "models:read"}
    assert verifier.known(good) is caller


async def test_caller_with_a_user(verifier: Verifier) -> None:
    """The subject is the user, if it is not the client itself; no scope is no scopes."""
    caller = await verifier.verify(token(sub="anna", scope=None).encode())
    assert caller == Caller("batch", "anna", frozenset(), caller.token_digest)
    assert caller.token_digest == hashlib.sha256(b"1").hexdigest()


async def test_a_token_without_a_jti(verifier: Verifier) -> None:
    """Records name tokens by that, and by nothing else of them."""
    caller = await verifier.verify(token(jti=None).encode())
    assert caller.token_digest is None


async def test_a_jti_that_is_no_text(verifier: Verifier) -> None:
    """JSON can hold half a surrogate pair, which UTF-8 cannot."""
    caller = await verifier.verify(token(jti="\ud800").encode())
    assert caller.token_digest is not None


SKEWS: list[tuple[dict[str, float], str | None]] = [
    ({"exp": -29.0}, None),
    ({"exp": -29.999}, None),
    ({"exp": -30.0}, "expired"),
    ({"exp": -31.0}, "expired"),
    ({"nbf": 29.0}, None),
    ({"nbf": 30.0}, None),
    ({"nbf": 31.0}, "not_yet_valid"),
    ({"iat": 29.0}, None),
    ({"iat": 30.0}, None),
    ({"iat": 31.0}, "issued_in_future"),
]


@pytest.mark.parametrize(("skewed", "reason"), SKEWS)
async def test_skew(
    skewed: dict[str, float], reason: str | None, issuer: Issuer, time: Any
) -> None:
    """Clocks may differ by the leeway, and by no more, and no less (RFC 7519 section 4.1.4)."""
    verifier = Verifier(SETTINGS, time.clock, issuer)  # type: ignore[arg-type]
    times = {"iat": time.wall, "exp": time.wall + 300} | {
        name: time.wall + seconds for name, seconds in skewed.items()
    }
    verify = verifier.verify(token(**times).encode())
    if reason is None:
        assert (await verify).client_id == "batch"
        return
    with pytest.raises(InvalidToken) as caught:
        await verify
    assert caught.value.reason == reason


async def test_a_known_token_ends_on_time(issuer: Issuer, time: Any) -> None:
    """What is remembered of a token ends when the token does, leeway included, not later."""
    verifier = Verifier(SETTINGS, time.clock, issuer)  # type: ignore[arg-type]
    good = token(iat=time.wall, exp=time.wall + 10).encode()
    await verifier.verify(good)
    time.move(39.9)
    assert verifier.known(good) is not None
    time.move(0.2)
    assert verifier.known(good) is None


@pytest.mark.parametrize("typ", ["JWT", "at+jwt", None])
async def test_issuers_without_at_jwt(typ: str | None, issuer: Issuer) -> None:
    """The option lets tokens pass that do not say that they are access tokens."""
    settings = replace(SETTINGS, require_at_jwt=False, client_claim="azp", scope_claim="scp")
    verifier = Verifier(settings, client=issuer)  # type: ignore[arg-type]
    head = {"alg": "RS256", "kid": "rsa-1"} | ({"typ": typ} if typ else {})
    plain = raw(head, claims(client_id=None, azp="app", scp=["predict"]), key="rsa-1")
    caller = await verifier.verify(plain.encode())
    assert (caller.client_id, caller.user_id, caller.scopes) == ("app", "batch", {"predict"})


async def test_the_option_does_not_open_the_door_to_other_kinds(issuer: Issuer) -> None:
    """A token that says it is something else is refused still."""
    settings = replace(SETTINGS, require_at_jwt=False)
    verifier = Verifier(settings, client=issuer)  # type: ignore[arg-type]
    with pytest.raises(InvalidToken):
        await verifier.verify(token(header={"typ": "logout+jwt"}).encode())
