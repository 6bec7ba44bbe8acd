"""Verify tokens by the clock of this process, which `faketime` has moved; for test_skew.

    faketime -f '2024-02-29 12:00:29' python -m tests.auth.skew FILE

FILE holds a JWKS and tokens. Prints, as JSON, each token's reason for refusal, or null.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from runner.auth.errors import InvalidToken
from runner.auth.verifier import Verifier
from tests.auth.conftest import SETTINGS, Issuer


async def main() -> None:
    found = json.loads(Path(sys.argv[1]).read_text())
    verifier = Verifier(SETTINGS, client=Issuer(found["keys"]))  # type: ignore[arg-type]
    reasons: dict[str, str | None] = {}
    for name, token in found["tokens"].items():
        try:
            await verifier.verify(token.encode())
            reasons[name] = None
        except InvalidToken as ex:
            reasons[name] = ex.reason
    print(json.dumps(reasons))
    await verifier.close()


if __name__ == "__main__":
    asyncio.run(main())
