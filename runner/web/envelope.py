"""Shape every answer: `metadata` says how it went and who answered, `result` what (Palladium's)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from runner.signature.text import dump
from runner.web.problems import Problem
from runner.web.request import Request

if TYPE_CHECKING:
    from runner.workers.services import Service


def success(
    req: Request,
    result: Any,
    service: Service | None = None,
    version: int | None = None,
    encode: Callable[[Any], bytes] = dump,
) -> bytes:
    """Give the body of a success; ``service`` and ``version`` are those that answered."""
    metadata: dict[str, Any] = {"status": "OK", "error_code": 0}
    if service is not None:
        metadata["service_name"] = service.name
        metadata["service_version"] = service.service_version
        metadata["model_version"] = version
    metadata["request_id"] = req.request_id
    if req.metadata is not None:
        metadata = req.metadata(**metadata)
    return encode({"metadata": metadata, "result": result})


def failure(req: Request, problem: Problem, service: Service | None = None) -> dict[str, Any]:
    """Give the one shape of all failures."""
    metadata: dict[str, Any] = {
        "status": "ERROR",
        "error_code": -1,
        "error_message": problem.message,
        "error": problem.code,
    }
    if problem.details:
        metadata["details"] = problem.details
    if service is not None:
        metadata["service_name"] = service.name
        metadata["service_version"] = service.service_version
    metadata["request_id"] = req.request_id
    if req.metadata is not None:
        metadata = req.metadata(**metadata)
    return {"metadata": metadata}
