"""Name every message: hello, seven requests, their replies (SPEC 5).

Each is an immutable dataclass; `encode_*` and `decode_*` turn it into the payload of one frame and
back, with the buffers in the frame or in an attachment. Unknown keys are ignored (SPEC 8.2); a key
that is missing or of the wrong type raises BadMessage, or is answered with it, and is named.
"""

from contracts.hello import Hello
from contracts.replies import ErrorReply, Reply, decode_reply, encode_reply
from contracts.requests import (
    Cancel,
    Fit,
    Load,
    Persist,
    Ping,
    Predict,
    Read,
    Request,
    Source,
    decode_request,
    encode_request,
)

__all__ = [
    "Cancel", "ErrorReply", "Fit", "Hello", "Load", "Persist", "Ping", "Predict", "Read", "Reply",
    "Request", "Source", "decode_reply", "decode_request", "encode_reply", "encode_request",
]  # fmt: skip
