"""Tell usage: to who may read all of it, else to a client its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import falcon.asgi

from runner.audit.question import BadQuestion, Question
from runner.signature.text import dump
from runner.web.problems import Problem
from runner.web.request import Request

if TYPE_CHECKING:
    from runner.workers.services import Services


class Usage:
    """Requests, rows, errors, bytes and times by client, service, version, outcome, day or hour."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def on_get(self, req: Request, resp: falcon.asgi.Response) -> None:
        """Tell usage by ``?by=client,day&since=7d``."""
        client = None
        if req.policy is not None and not req.policy.may_read(req):
            if req.caller is None:
                raise req.policy.unknown()
            client = req.caller.client_id
        by, since = req.get_param("by") or "service", req.get_param("since")
        try:
            Question.of(by, since)
        except BadQuestion as ex:
            told = {"field": ex.name, "value": ex.value, "expected": ex.expected}
            raise Problem(422, "invalid_input", str(ex), details=[told]) from ex
        resp.data = dump(await self._services.ask("usage", by=by, since=since, client=client))

    on_head = on_get
