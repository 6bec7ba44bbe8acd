"""Hold a fitted model in a private worker for callers without an event loop, as scikit-learn is.

All workers of a process live in one loop, which runs in a thread of its own for the process's
life: the worker ends with the thread that started it (SPEC 2.2), and joblib's threads come and go.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import os
import threading
import weakref
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from typing import Any, TypeVar

from contracts.messages import Reply, Request
from runner.config import AdapterSettings
from runner.training.progress import Silent
from runner.training.worker import adapter_worker, told_as_model_errors
from runner.workers.private import PrivateWorker

_T = TypeVar("_T")
_PATIENCE = 5.0  # seconds for workers to end, when the process does
_lock = threading.Lock()
_loops: dict[int, asyncio.AbstractEventLoop] = {}
_ending: set[Any] = set()


def _loop() -> asyncio.AbstractEventLoop:
    """Give this process's loop; a forked child has its parent's memory, but not its threads."""
    with _lock:
        found = _loops.get(os.getpid())
        if found is None:
            found = _loops[os.getpid()] = asyncio.new_event_loop()
            threading.Thread(target=found.run_forever, name="adapters", daemon=True).start()
            atexit.register(_wait_for_ends)
        return found


def _run(coroutine: Coroutine[Any, Any, _T]) -> _T:
    """Carry a coroutine out in the loop; if the wait is interrupted, so is what was waited for."""
    future = asyncio.run_coroutine_threadsafe(coroutine, _loop())
    try:
        return future.result()
    except BaseException:
        future.cancel()
        raise


def _end(stack: AsyncExitStack) -> None:
    """Begin the end of a worker. It is not waited for: the collector may call this anywhere."""
    with contextlib.suppress(RuntimeError):  # the loop is closed: the lifeline ends the worker
        future = asyncio.run_coroutine_threadsafe(stack.aclose(), _loop())
        _ending.add(future)
        future.add_done_callback(_ending.discard)


def _wait_for_ends() -> None:
    for future in list(_ending):
        with contextlib.suppress(Exception):
            future.result(_PATIENCE)


class HeldWorker:
    """A private worker that is asked from ordinary code, and ends with this object."""

    def __init__(self, language: str, adapter: AdapterSettings) -> None:
        """Start it. Raises Unavailable if the language does not work here."""
        self._language = language
        stack = AsyncExitStack()
        self._worker: PrivateWorker = _run(
            stack.enter_async_context(adapter_worker(language, adapter, Silent()))
        )
        self.close = weakref.finalize(self, _end, stack)

    def request(
        self, kind: Callable[..., Request], timeout: float | None = None, **fields: Any
    ) -> Reply:
        """Ask, and wait. Raises ModelError, Unavailable."""
        return _run(self._ask(kind, timeout, fields))

    async def _ask(
        self, kind: Callable[..., Request], timeout: float | None, fields: dict[str, Any]
    ) -> Reply:
        with told_as_model_errors(self._language):
            return await self._worker.request(kind, timeout, **fields)
