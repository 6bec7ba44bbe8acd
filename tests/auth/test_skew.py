"""The leeway, with the clock of a whole process moved by faketime."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.auth.keyring import jwk, token
from tests.requirements import need

pytestmark = need("faketime")

NOW = datetime(2024, 2, 29, 12, 0, 0, tzinfo=UTC)
LATER = 3600

EXPECTED = {
    -31: {"ends now": None, "begins now": "not_yet_valid", "issued now": "issued_in_future"},
    -29: {"ends now": None, "begins now": None, "issued now": None},
    0: {"ends now": None, "begins now": None, "issued now": None},
    29: {"ends now": None, "begins now": None, "issued now": None},
    31: {"ends now": "expired", "begins now": None, "issued now": None},
}
"""Seconds by which the server's clock is ahead -> what becomes of tokens dated by the issuer's."""


@pytest.mark.parametrize("seconds", EXPECTED)
def test_skew(seconds: int, tmp_path: Path) -> None:
    """A clock 29 s off refuses nothing, one 31 s off refuses what it must, with its reason."""
    now = int(NOW.timestamp())
    sound = {"iat": now - LATER, "nbf": now - LATER, "exp": now + LATER}
    tokens: dict[str, dict[str, Any]] = {
        "ends now": {**sound, "exp": now},
        "begins now": {**sound, "nbf": now},
        "issued now": {**sound, "iat": now},
    }
    file = tmp_path / "tokens.json"
    made = {name: token(**times) for name, times in tokens.items()}
    file.write_text(json.dumps({"keys": [jwk("rsa-1")], "tokens": made}))
    moved = NOW + timedelta(seconds=seconds)
    # Without an @ the clock stands still, so that a slow machine changes nothing.
    done = subprocess.run(
        [
            "faketime",
            "-f",
            f"{moved:%Y-%m-%d %H:%M:%S}",
            sys.executable,
            "-m",
            "tests.auth.skew",
            str(file),
        ],
        env={**os.environ, "TZ": "UTC", "DONT_FAKE_MONOTONIC": "1", "RUNNER_LOG_LEVEL": "error"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout.splitlines()[-1]) == EXPECTED[seconds]
