"""Start each server in turn, again and again: loads, large requests, time to ready, memory."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.iris import many, rows
from benchmarks.peers.environments import NotInstalled, bin_of, versions
from benchmarks.peers.launch import DidNotServe, Server, started
from benchmarks.peers.peer import TREE, Peer, Place
from benchmarks.peers.results import CONNECTIONS, MANY, Found
from benchmarks.peers.verify import WrongAnswer, verify
from benchmarks.wrk import load, write_script


@dataclass(frozen=True)
class Plan:
    """How long, how often, and where."""

    seconds: float
    rounds: int
    folder: Path
    """Where environments are kept."""
    scratch: Path
    """Where models and logs of this run are."""
    say: Callable[[str], None]


@dataclass(frozen=True)
class Entrant:
    """A peer in its place, and what is seen of it."""

    peer: Peer
    place: Place
    found: Found


def prepare(peers: Sequence[Peer], plan: Plan) -> list[Entrant]:
    """Set up every peer; one that cannot be had is there with its reason."""
    entrants = []
    for peer in peers:
        found = Found.of(peer)
        place = Place(plan.folder, plan.scratch / peer.name)
        try:
            place = Place(bin_of(peer, plan.folder, plan.say), place.folder)
            found.packages = versions(peer, place.bin)
            place.folder.mkdir(parents=True)
            plan.say(f"preparing {peer.title}")
            peer.prepare(place)
        except NotInstalled as ex:
            found.reason = f"not installed: {ex}"
        except subprocess.CalledProcessError as ex:
            told = (ex.stderr or ex.stdout or b"").decode(errors="replace").strip()
            found.reason = f"not prepared: {ex}: {told[-300:]}"
        entrants.append(Entrant(peer, place, found))
    return entrants


def measure(entrants: Sequence[Entrant], plan: Plan) -> None:
    """Load each in turn in every round; one that fails is out from then on, with its reason."""
    for number in range(1, plan.rounds + 1):
        for entrant in entrants:
            if entrant.found.reason:
                continue
            plan.say(f"round {number} of {plan.rounds}: {entrant.peer.title}")
            try:
                with started(entrant.peer, entrant.place) as server:
                    verify(server)
                    _measure(server, entrant, plan.seconds)
            except (DidNotServe, WrongAnswer) as ex:
                entrant.found.reason = f"{type(ex).__name__}: {ex}"


def _measure(server: Server, entrant: Entrant, seconds: float) -> None:
    peer, found, folder = entrant.peer, entrant.found, entrant.place.folder
    found.ready.append(server.ready_seconds)
    script = write_script([peer.one(row) for row in rows()], folder / "one.lua")
    load(server.url, 16, 1, script)  # warm-up, not counted
    for connections in CONNECTIONS:
        run = load(server.url, connections, seconds, script)
        found.loads.setdefault(str(connections), []).append(run)
    found.memory.append(server.memory())
    for form in peer.forms if peer.model == TREE else ():
        script = write_script([peer.many(many(MANY), form)], folder / "many.lua")
        found.large.setdefault(form, []).append(load(server.url, 1, seconds, script))
