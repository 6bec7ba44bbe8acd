"""Answer with a constant of a prediction's size: what Falcon and gunicorn cost alone."""

from __future__ import annotations

import falcon.asgi

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
