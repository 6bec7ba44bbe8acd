"""Keeps the connection of a bad frame (4.5)."""

from contracts.errors import Code
from contracts.messages import ErrorReply
from contracts.wire import FrameReader
from tests.contracts.broken.stub import Stub, main


class Broken(Stub):
    def bad_frame(self, peer) -> None:
        peer.reader = FrameReader()
        self.reply(peer, ErrorReply(None, Code.BAD_FRAME, "that was no frame"))


main(Broken)
