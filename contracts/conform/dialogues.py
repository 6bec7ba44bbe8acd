"""Play the dialogues of the vectors with an adapter that has no model yet."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from contracts.conform.broken import expect
from contracts.conform.drive import Check, Drive
from contracts.conform.peer import Peer
from contracts.golden import Vector, from_json, vectors
from contracts.messages import ErrorReply, Reply


def _converse(drive: Drive, dialogue: Vector) -> None:
    """Play the runner's steps of a dialogue; hold the adapter's against theirs."""
    if dialogue.text.get("fresh") and drive.touched:
        with drive.fresh() as process:
            _play(dialogue, {"main": process.connect()}, process.connect)
            process.finish()
    else:
        _play(dialogue, {"main": drive.connect()}, drive.connect)


def _play(dialogue: Vector, peers: dict[str, Peer], connect: Callable[[], Peer]) -> None:
    for step in dialogue.text["steps"]:
        name = step.get("connection", "main")
        if name not in peers:
            peers[name] = connect()
        peer = peers[name]
        if "runner" in step:
            peer.send_map(from_json(step["runner"]))
        elif "runner_hex" in step:
            peer.send_bytes(bytes.fromhex(step["runner_hex"]))
        elif "adapter_closes" in step:
            peer.expect_end()
        elif "runner_closes" in step:
            peer.close()
        else:
            _match(peer.reply(step["adapter"]["id"]), step["adapter"])


def _match(reply: Reply | ErrorReply, pattern: Mapping[str, Any]) -> None:
    expect(not isinstance(reply, ErrorReply), pattern["ok"])
    if isinstance(reply, ErrorReply):
        expect(reply.code.value, pattern["error"]["code"])


CHECKS = [
    Check(
        dialogue.text["clause"],
        dialogue.text["description"],
        partial(_converse, dialogue=dialogue),
        tuple(dialogue.text.get("needs", ())),
    )
    for dialogue in vectors("dialogues")
]
"""A check for each dialogue of the vectors."""
