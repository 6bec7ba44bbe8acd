"""Reads the script when it loads, as if that were the script of the fit (5.6)."""

import json
from pathlib import Path

from contracts.errors import Code, Failure
from tests.contracts.broken.stub import Stub, main


class Broken(Stub):
    def load(self, request):
        if "script" in request.model:
            try:
                json.loads(Path(request.model["script"]).read_text())
            except ValueError as ex:
                raise Failure(Code.LOAD_FAILED, str(ex)) from ex
        return super().load(request)


main(Broken)
