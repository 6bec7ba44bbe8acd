"""The issuer's keys: fetched when needed, rotated unnoticed, stale rather than none."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from runner.auth import keys as keys_module
from runner.auth.clock import Clock
from runner.auth.errors import InvalidToken, IssuerUnavailable
from runner.auth.keys import COOLDOWN, Keys, read_keys
from runner.auth.shelf import Shelf
from runner.auth.verifier import Verifier
from runner.config.auth import ALGORITHMS
from tests.auth.conftest import SETTINGS, Issuer, Time
from tests.auth.keyring import ISSUER, jwk, token


def new(time: Time, key: str = "rsa-1", **changes: Any) -> bytes:
    """A token that is not known yet, by the clock of the test."""
    new.count += 1  # type: ignore[attr-defined]
    times = {"iat": time.wall, "exp": time.wall + 300}
    return token(key, **{**times, "jti": str(new.count), **changes}).encode()  # type: ignore[attr-defined]


new.count = 0  # type: ignore[attr-defined]


def verifier_of(issuer: Issuer, time: Time, **changes: Any) -> Verifier:
    return Verifier(replace(SETTINGS, **changes), time.clock, issuer)  # type: ignore[arg-type]


async def settle() -> None:
    """Let tasks run that need no time."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_many_at_once_are_one_fetch(issuer: Issuer, time: Time) -> None:
    """However many tokens come at the start, the keys are fetched once."""
    verifier = verifier_of(issuer, time)
    await asyncio.gather(*(verifier.verify(new(time)) for _ in range(50)))
    assert issuer.asked == ["/.well-known/oauth-authorization-server", "/jwks"]


async def test_ten_minutes_without_the_issuer(issuer: Issuer, time: Time) -> None:
    """While the issuer is down for ten minutes, and an hour, known keys serve on: 0 failures."""
    verifier = verifier_of(issuer, time)
    await verifier.verify(new(time))
    issuer.down = True
    asked = len(issuer.asked)
    failures = 0
    for _ in range(600):
        time.move(1.0)
        try:
            await verifier.verify(new(time))
        except (InvalidToken, IssuerUnavailable):
            failures += 1
        await settle()
    assert failures == 0
    # Of the ten minutes, six are beyond four fifths of the keys' time: a try each five seconds.
    assert 60 <= len(issuer.asked) - asked <= 3 * 600 / COOLDOWN
    time.move(3600.0)
    await verifier.verify(new(time))
    issuer.down = False
    time.move(COOLDOWN)
    await verifier.verify(new(time))
    await settle()
    fetches = issuer.fetches
    time.move(COOLDOWN)
    await verifier.verify(new(time))
    assert issuer.fetches == fetches


async def test_down_from_the_start(issuer: Issuer, time: Time) -> None:
    """Without any keys nobody can say; nobody waits, and the issuer is not asked too often."""
    issuer.down = True
    verifier = verifier_of(issuer, time)
    for _ in range(20):
        with pytest.raises(IssuerUnavailable):
            await verifier.verify(new(time))
    assert len(issuer.asked) == 2  # the two places of metadata
    issuer.down = False
    time.move(COOLDOWN)
    await verifier.verify(new(time))


async def test_a_dropped_key_stops_in_time(issuer: Issuer, time: Time) -> None:
    """A key that is no longer published proves nothing once the keys' time is over."""
    verifier = verifier_of(issuer, time)
    issuer.keys = [jwk("rsa-1"), jwk("rsa-2")]
    good = new(time, "rsa-2", exp=time.wall + 10_000)
    await verifier.verify(good)
    issuer.keys = [jwk("rsa-1")]
    accepted = 0.0
    for second in range(1, 400):
        time.move(1.0)
        if verifier.known(good) is not None:
            accepted = second
            continue
        with contextlib.suppress(InvalidToken):
            await verifier.verify(good)
            accepted = second
        await settle()
    assert 200 < accepted < SETTINGS.key_cache


async def test_a_dropped_key_stops_after_a_silence(issuer: Issuer, time: Time) -> None:
    """Keys that have become too old meanwhile are fetched before they prove anything."""
    verifier = verifier_of(issuer, time)
    issuer.keys = [jwk("rsa-1"), jwk("rsa-2")]
    await verifier.verify(new(time, "rsa-2"))
    issuer.keys = [jwk("rsa-1")]
    time.move(SETTINGS.key_cache + 1)
    with pytest.raises(InvalidToken):
        await verifier.verify(new(time, "rsa-2"))


async def test_a_new_key_is_fetched(issuer: Issuer, time: Time) -> None:
    """A kid that is not known yet is looked for at once, after the pause between two fetches."""
    verifier = verifier_of(issuer, time)
    await verifier.verify(new(time))
    issuer.keys.append(jwk("rsa-2"))
    time.move(COOLDOWN)
    await asyncio.gather(*(verifier.verify(new(time, "rsa-2")) for _ in range(20)))
    assert issuer.fetches == 2


async def test_a_new_key_within_the_pause_is_waited_for() -> None:
    """A key that appears just after a fetch is not refused: its tokens wait for the next fetch."""
    published = [jwk("rsa-1")]
    fetches = 0

    async def fetch() -> list[keys_module.Key]:
        nonlocal fetches
        fetches += 1
        return read_keys({"keys": published}, ALGORITHMS)

    keys = Keys(fetch, 300.0, Clock(), cooldown=0.3)
    await keys.find("rsa-1", "RS256")
    published.append(jwk("rsa-2"))
    assert all(await asyncio.gather(*(keys.find("rsa-2", "RS256") for _ in range(20))))
    assert fetches == 2


async def test_an_unknown_kid_fetches_once_in_a_pause(issuer: Issuer, time: Time) -> None:
    """A kid that nobody has is refused; asking again, however often, fetches once in 5 seconds."""
    verifier = verifier_of(issuer, time)
    await verifier.verify(new(time))
    time.move(COOLDOWN)
    fetches = issuer.fetches
    for _ in range(100):
        for _ in range(3):
            with pytest.raises(InvalidToken) as caught:
                await verifier.verify(new(time, "rsa-2"))
            assert caught.value.reason == "unknown_key"
        time.move(1.0)
    assert issuer.fetches - fetches == 100 / 5


async def test_foreign_tokens_fetch_nothing(issuer: Issuer, time: Time) -> None:
    """A token that does not even claim to be our issuer's makes nobody ask the issuer."""
    verifier = verifier_of(issuer, time)
    for changes in ({"iss": "https://evil.example"}, {"header": {"typ": "JWT"}}):
        with pytest.raises(InvalidToken):
            await verifier.verify(new(time, **changes))  # type: ignore[arg-type]
    assert issuer.asked == []


async def test_unknown_kids_do_not_pile_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only so many tokens with unknown kids wait at a time; further ones are told to come again."""
    monkeypatch.setattr(keys_module, "_MAX_WAITING", 10)
    gate = asyncio.Event()

    async def fetch() -> list[keys_module.Key]:
        await gate.wait()
        return []

    keys = Keys(fetch, 300.0, Time().clock)
    tasks = [asyncio.create_task(keys.find(f"kid {n}", "RS256")) for n in range(15)]
    await settle()
    gate.set()
    found = await asyncio.gather(*tasks, return_exceptions=True)
    assert sum(isinstance(each, IssuerUnavailable) for each in found) == 5
    assert sum(isinstance(each, InvalidToken) for each in found) == 10


async def test_a_request_that_ends_does_not_end_the_fetch(time: Time) -> None:
    """Whoever goes away while keys are fetched takes nothing from those who wait too."""
    gate = asyncio.Event()

    async def fetch() -> list[keys_module.Key]:
        await gate.wait()
        return read_keys({"keys": [jwk("rsa-1")]}, ALGORITHMS)

    keys = Keys(fetch, 300.0, time.clock)
    first, second = (asyncio.create_task(keys.find("rsa-1", "RS256")) for _ in range(2))
    await settle()
    first.cancel()
    await settle()
    gate.set()
    assert await second is not None


async def test_a_start_without_the_issuer(issuer: Issuer, time: Time, tmp_path: Path) -> None:
    """A front-end that starts while the issuer is down takes the keys that another one had."""
    first = Verifier(SETTINGS, time.clock, issuer, Shelf(tmp_path, ISSUER))  # type: ignore[arg-type]
    await first.start()
    await first.verify(new(time))
    issuer.down = True
    second = Verifier(SETTINGS, time.clock, issuer, Shelf(tmp_path, ISSUER))  # type: ignore[arg-type]
    await second.start()
    for _ in range(20):
        await second.verify(new(time))
        time.move(1.0)
    with pytest.raises(IssuerUnavailable):
        await second.verify(new(time, "rsa-2"))
    issuer.down, issuer.keys = False, [jwk("rsa-2")]
    time.move(COOLDOWN)
    await second.verify(new(time, "rsa-2"))
    with pytest.raises(InvalidToken):
        await second.verify(new(time))
    await second.close()


@pytest.mark.parametrize("text", ["", "{", "[]", "\xff", '{"keys": 5}'])
async def test_a_shelf_with_rubbish(text: str, issuer: Issuer, time: Time, tmp_path: Path) -> None:
    """What is no set of keys on the shelf is as good as nothing."""
    shelf = Shelf(tmp_path, ISSUER)
    shelf.put({"keys": []})
    (file,) = tmp_path.iterdir()
    assert file.stat().st_mode & 0o077 == 0
    file.write_text(text, encoding="latin-1")
    verifier = Verifier(SETTINGS, time.clock, issuer, shelf)  # type: ignore[arg-type]
    await verifier.start()
    await verifier.verify(new(time))


def test_a_shelf_without_room(tmp_path: Path) -> None:
    """Where nothing can be written, nothing is there, and nobody fails of it."""
    shelf = Shelf(tmp_path / "gone", ISSUER)
    shelf.put({"keys": []})
    assert shelf.get() is None


@pytest.mark.parametrize("found", [None, [], {}, {"keys": None}, {"keys": {}}, "keys", 5])
def test_what_is_no_set_of_keys(found: object) -> None:
    """An answer that is no JWKS is a failure of the issuer's, and its keys serve on."""
    with pytest.raises(IssuerUnavailable):
        read_keys(found, ALGORITHMS)


def test_no_keys_at_all_is_an_answer() -> None:
    """An issuer that publishes no key any more has dropped them all."""
    assert read_keys({"keys": []}, ALGORITHMS) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"use": "enc"},
        {"key_ops": ["sign"]},
        {"key_ops": "verify"},
        {"alg": "RS512"},
        {"kid": 5},
        {"kty": "oct"},
        {"kty": None},
        {"kty": "EC", "crv": "P-256"},
        {"n": "!"},
        {"n": None},
        {"e": ""},
    ],
)
def test_keys_that_cannot_be_used(changes: dict[str, Any]) -> None:
    """A key that is not for signatures, or is none, is left out, and those beside it are not."""
    found = {"keys": [{**jwk("rsa-1"), **changes}, jwk("p256-1"), 5, None]}
    assert [key.kid for key in read_keys(found, ALGORITHMS)] == ["p256-1"]


def test_algorithms_that_are_not_wanted() -> None:
    """A key is for those algorithms only that the config lets pass."""
    (key,) = read_keys({"keys": [jwk("rsa-1"), jwk("p256-1")]}, ("PS256",))
    assert list(key.forms) == ["PS256"]
