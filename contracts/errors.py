"""Name everything that can go wrong between runner and adapter, and say whose fault it is (SPEC 7).

ContractError                a peer, or a caller, broke the contract
├── BadFrame                 the bytes are no frame; the connection ends (SPEC 4)
├── BadMessage               a frame, but no message; the connection goes on (SPEC 5)
├── BadTable                 a message, but its table, column or buffer is wrong (SPEC 6)
└── Failure                  any other code, as told in an error reply (SPEC 7)
"""

from __future__ import annotations

from enum import StrEnum


class Fault(StrEnum):
    """Whose fault an error is: it decides who is told, and with what."""

    CALLER = "caller"
    MODEL = "model"
    ADAPTER = "adapter"


class Code(StrEnum):
    """The closed list of error codes (SPEC 7.2)."""

    BAD_FRAME = "bad_frame"
    BAD_MESSAGE = "bad_message"
    BAD_TABLE = "bad_table"
    UNKNOWN_OP = "unknown_op"
    UNSUPPORTED = "unsupported"
    UNREPRESENTABLE = "unrepresentable"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    NO_MODEL = "no_model"
    BAD_MODEL = "bad_model"
    FIT_FAILED = "fit_failed"
    PREDICT_FAILED = "predict_failed"
    READ_FAILED = "read_failed"
    PERSIST_FAILED = "persist_failed"
    LOAD_FAILED = "load_failed"
    BAD_RESULT = "bad_result"
    BAD_ARTIFACT = "bad_artifact"
    INTERNAL = "internal"

    @property
    def fault(self) -> Fault:
        """Whose fault this is (SPEC 7.2)."""
        return _FAULTS[self]


_FAULTS = {
    Code.BAD_FRAME: Fault.CALLER,
    Code.BAD_MESSAGE: Fault.CALLER,
    Code.BAD_TABLE: Fault.CALLER,
    Code.UNKNOWN_OP: Fault.CALLER,
    Code.UNSUPPORTED: Fault.CALLER,
    Code.UNREPRESENTABLE: Fault.CALLER,
    Code.EXPIRED: Fault.CALLER,
    Code.CANCELLED: Fault.CALLER,
    Code.NO_MODEL: Fault.CALLER,
    Code.BAD_MODEL: Fault.MODEL,
    Code.FIT_FAILED: Fault.MODEL,
    Code.PREDICT_FAILED: Fault.MODEL,
    Code.READ_FAILED: Fault.MODEL,
    Code.PERSIST_FAILED: Fault.MODEL,
    Code.LOAD_FAILED: Fault.MODEL,
    Code.BAD_RESULT: Fault.MODEL,
    Code.BAD_ARTIFACT: Fault.ADAPTER,
    Code.INTERNAL: Fault.ADAPTER,
}


class ContractError(Exception):
    """The root of the tree: a code, one sentence for people, the language's own traceback.

    ``traceback`` is for the log and the command line, never for an HTTP client (SPEC 7.3).
    """

    code = Code.INTERNAL

    def __init__(self, message: str, traceback: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.traceback = traceback


class BadFrame(ContractError):
    """The bytes are no frame: too long, cut off, no msgpack map. The connection ends."""

    code = Code.BAD_FRAME


class BadMessage(ContractError):
    """The map is no message: a key is missing or has the wrong type. The connection goes on."""

    code = Code.BAD_MESSAGE


class BadTable(ContractError):
    """A table, column or buffer contradicts itself: lengths, levels, an unknown type."""

    code = Code.BAD_TABLE


class Failure(ContractError):
    """An error with a code of its own: what adapters raise, and what an error reply becomes."""

    def __init__(self, code: Code, message: str, traceback: str = "") -> None:
        super().__init__(message, traceback)
        self.code = code
