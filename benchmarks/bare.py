"""Answer with a constant of a prediction's size: what Falcon and gunicorn cost alone.

python -m benchmarks.bare PORT
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import falcon.asgi

from runner.web import server

_BODY = (
    b'{"metadata":{"status":"OK","error_code":0,"service_name":"bare","service_version":"0.1",'
    b'"model_version":1,"request_id":"00000000000000000000000000000000"},"result":"Iris-setosa"}'
)


class Constant:
    """The one resource."""

    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """Answer."""
        resp.content_type = "application/json"
        resp.data = _BODY


def app() -> falcon.asgi.App:
    """Make the application."""
    found = falcon.asgi.App()
    found.add_route("/", Constant())
    return found


def main() -> None:
    """Become gunicorn with the same worker class and options as our own front-ends."""
    listener = server.listen("127.0.0.1", int(sys.argv[1]))
    listener.set_inheritable(True)
    argv, env = server.command(listener, Path(os.devnull), application="benchmarks.bare:app()")
    os.execve(argv[0], list(argv), dict(env))


if __name__ == "__main__":
    main()
