"""Work on what is large in a thread, one at a time, while the loop answers others.

The interpreter lets one thread run at a time: what this gains is that the loop has its turn again
after `TURN` seconds, or after one call into C. Of these the longest is orjson's, which reads or
writes some 200 MB a second.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from contracts.buffers import INLINE

TURN = 0.0005
"""Seconds that a thread may keep others waiting (sys.setswitchinterval)."""

LARGE = INLINE
"""Bytes of a body that is worked on aside."""

MANY = 50_000
"""Rows of an answer that is worked on aside."""

_P = ParamSpec("_P")
_T = TypeVar("_T")

# One, since what is large in bytes is larger yet as objects.
_THREAD = ThreadPoolExecutor(max_workers=1, thread_name_prefix="aside")


async def aside(work: Callable[_P, _T], *arguments: _P.args, **named: _P.kwargs) -> _T:
    """Give what ``work`` gives, or raise what it raises."""
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(_THREAD, lambda: work(*arguments, **named))
