"""Give the service that a request names, to those who may see or change it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.web.problems import Problem
from runner.web.request import Request

if TYPE_CHECKING:
    from runner.workers.services import Service, Services


def check_read(req: Request) -> None:
    """Check that the caller may see models, where callers are known. Raises Problem: 401, 403."""
    if req.policy is not None:
        req.policy.check_read(req)


def to_read(services: Services, req: Request, name: str | None) -> Service:
    """Give a service, the first unless it is named, to see. Raises Problem: 401, 403, 404."""
    check_read(req)
    return _named(services, req, name)


def to_change(services: Services, req: Request, name: str | None, action: str | None) -> Service:
    """Give a service to change. Raises Problem: 401, 403, 404.

    From here on the request leaves a record of ``action``; refused access leaves one of its own.
    """
    if req.policy is not None:
        req.policy.check_write(req)
    req.action = action
    return _named(services, req, name)


def _named(services: Services, req: Request, name: str | None) -> Service:
    found = services.default if name is None else services.get(name)
    if found is None:
        raise Problem(404, "unknown_service", f"there is no service {(name or '')[:100]!r}")
    req.service, req.language = found.name, found.language
    return found
