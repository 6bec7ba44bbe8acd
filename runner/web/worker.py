"""Be gunicorn's worker: uvicorn, with our protocol on its connections."""

from __future__ import annotations

import os
import signal
from functools import partial
from typing import Any, ClassVar

from uvicorn_worker import UvicornWorker

from runner.web.protocol import HttpProtocol
from runner.web.server import limits
from runner.workers.lifetime import follow


class Worker(UvicornWorker):  # type: ignore[misc]  # it has no types
    """One front-end."""

    CONFIG_KWARGS: ClassVar[dict[str, Any]] = {
        "loop": "uvloop",
        "ws": "none",
        "lifespan": "on",
        "interface": "asgi3",
        # SECURITY: what X-Forwarded-For says is anybody's word until a proxy is known.
        "proxy_headers": False,
        "server_header": False,
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.config.http = partial(HttpProtocol, limits=limits())
        self.config.timeout_graceful_shutdown = self.cfg.graceful_timeout

    def init_process(self) -> None:
        """End with gunicorn, even if that is killed; then serve."""
        follow(self.ppid)
        super().init_process()

    async def callback_notify(self) -> None:
        """Tell gunicorn that we live; end if it does not."""
        if os.getppid() != self.ppid:
            signal.raise_signal(signal.SIGTERM)
        self.notify()
