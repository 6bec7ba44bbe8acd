"""List the peers, ours first."""

from __future__ import annotations

from benchmarks.peers.bentoml import BentoML
from benchmarks.peers.litserve import LitServe
from benchmarks.peers.mlflow import MLflow
from benchmarks.peers.mlserver import Batching, Inline, InlineBatching, MLServer
from benchmarks.peers.ours import Bare, Ours, OursJulia, OursR, Post
from benchmarks.peers.palladium import Palladium
from benchmarks.peers.peer import Peer
from benchmarks.peers.plumber import Plumber
from benchmarks.peers.vetiver import Vetiver

PEERS: tuple[Peer, ...] = (
    Ours(),
    Post(),
    Bare(),
    Palladium(),
    MLServer(),
    Batching(),
    Inline(),
    InlineBatching(),
    LitServe(),
    MLflow(),
    BentoML(),
    Vetiver(),
    OursR(),
    Plumber(),
    OursJulia(),
)
