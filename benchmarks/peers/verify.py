"""Look at a server's answers before it is loaded: the same class for the same row."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import replace
from functools import cache

from benchmarks.iris import DATA, rows
from benchmarks.peers.apps.train import iris, tree
from benchmarks.peers.launch import DidNotServe, Server
from benchmarks.peers.peer import APPS, CONSTANT, JULIA, RPART, TREE, values
from benchmarks.servers import ROOT


class WrongAnswer(Exception):
    """A server that gives another class than the model does."""


def verify(server: Server) -> None:
    """Ask every row alone, and all at once in each form. Raises WrongAnswer."""
    peer = server.peer
    if peer.model == CONSTANT:
        return
    if peer.guarded:
        _refused(server)
    alone = [peer.answer(server.ask(peer.one(row))) for row in rows()]
    # No Julia without a server: there, alone and together must agree.
    _compare(f"{peer.title}, one row", alone, expected(peer.model) or alone)
    for form in peer.forms:
        together = peer.answers(server.ask(peer.many(rows(), form)))
        _compare(f"{peer.title}, {form}", together, alone)
    if peer.model == JULIA and len(set(alone)) < 2:
        raise WrongAnswer(f"{peer.title} says {alone[0]} of every flower")


def _refused(server: Server) -> None:
    """Ask without a token. Raises WrongAnswer unless that is refused."""
    try:
        request = server.peer.one(rows()[0])
        headers = {name: of for name, of in request.headers.items() if name != "Authorization"}
        server.ask(replace(request, headers=headers))
    except DidNotServe as ex:
        if " gave 401" in str(ex):
            return
        raise
    raise WrongAnswer(f"{server.peer.title} answers without a token")


def _compare(what: str, found: Sequence[str], wanted: Sequence[str]) -> None:
    if list(found) != list(wanted):
        wrong = [n for n, pair in enumerate(zip(found, wanted, strict=False)) if len(set(pair)) > 1]
        raise WrongAnswer(
            f"{what}: {len(found)} answers to {len(wanted)} rows, wrong at {wrong[:5]}"
        )


@cache
def expected(model: str) -> tuple[str, ...]:
    """Give what the model itself says of every row; nothing where we cannot ask it."""
    if model == TREE:
        names, features, classes = iris(str(DATA))
        assert names == list(rows()[0])
        return tuple(tree(features, classes).predict(values(rows())).tolist())
    if model == RPART:
        script = str(APPS / "rpart.R")
        model_file = str(ROOT / "examples" / "iris-r" / "model.R")
        argv = ["Rscript", script, str(DATA), model_file]
        return tuple(
            subprocess.run(argv, capture_output=True, text=True, check=True).stdout.split()
        )
    return ()
