"""The application over services in memory, for gunicorn to serve in tests."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

import orjson

from contracts.table import Table
from runner.web.app import App, create_app
from runner.web.server import CONTROL, auth, limits
from tests.web.twin import Service, Services, add_up


class StandardError:
    """A logger that writes JSON lines, once a turn of the loop."""

    def info(self, event: str, **fields: Any) -> None:
        sys.stderr.buffer.write(orjson.dumps({"event": event, **fields}) + b"\n")
        sys.stderr.buffer.flush()

    error = info


class Slow(Services):
    """Services whose model takes as many seconds as the row adds up to."""

    async def predict(self, service: Service, table: Table, **options: Any) -> Any:
        answer = await super().predict(service, table, **options)
        seconds = add_up(table, "predict").columns[0].tolist()[0]
        await asyncio.sleep(seconds if 0 < seconds < 10 else 0)
        return answer


def app() -> App:
    """Give the application; gunicorn calls this."""
    folder = Path(os.environ[CONTROL]).parent
    return create_app(Slow(Service()), StandardError(), limits(), auth=auth(), folder=folder)
