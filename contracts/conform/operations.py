"""Check the operations beside predict: fit, persist, load, read, ping (SPEC 5.4 to 5.8)."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

from contracts.conform.broken import expect
from contracts.conform.drive import SCRIPT, Drive, check
from contracts.conform.mirror import (
    MIXED,
    ask,
    codes,
    described,
    done,
    mixed,
    question,
    refused,
    reordered,
)
from contracts.errors import Code
from contracts.messages import Fit, Load, Persist, Ping, Read
from contracts.table import digest


@check("5.4", "fits, and tells signature, task, rows and the data's hash", "fit")
def _fits(drive: Drive) -> None:
    drive.forget()
    peer = drive.connect()
    assert drive.model is not None
    request = drive.model.request("mixed")
    reply = done(peer.ask(request))
    expect(described(reply.features or ()), described([c.field for c in MIXED.columns]))
    assert request.target is not None
    expect(
        described([reply.target_field] if reply.target_field else []),
        described([request.target.field]),
    )
    expect((reply.task, reply.rows), ("regression", 4))
    if reply.data_sha256 is not None:
        expect(reply.data_sha256, digest([MIXED, request.target]))


@check("5.4", "takes a target of labels for a classification", "fit")
def _classifies(drive: Drive) -> None:
    assert drive.model is not None
    drive.forget()
    expect(done(drive.connect().ask(drive.model.request("labels"))).task, "classification")


@check("5.4", "keeps the model that it has when a fit fails", "fit")
def _keeps_the_former(drive: Drive) -> None:
    peer = drive.hold("mixed")
    assert drive.model is not None
    refused(peer, drive.model.request("failing"), Code.FIT_FAILED)
    expect(ask(peer, mixed(), 1), [7.0])


@check("5.4", "fits to what a source gives", "fit", "read", SCRIPT)
def _fits_source(drive: Drive) -> None:
    assert drive.model is not None
    drive.forget()
    peer = drive.connect()
    request = Fit(0, drive.model.maps["mirror"], source=drive.model.source(3))
    reply = done(peer.ask(request))
    expect((reply.rows, [field.name for field in reply.features or ()]), (3, ["f", "s"]))


@check("5.6", "restores in another process what it persisted", "fit", "persist", "load")
def _restores(drive: Drive) -> None:
    peer = drive.hold("mixed")
    stored = done(peer.ask(Persist(0)))
    assert stored.artifact is not None
    assert stored.format is not None
    artifact = bytes(stored.artifact)
    load = Load(0, artifact, stored.format, hashlib.sha256(artifact).hexdigest())
    before = [ask(peer, MIXED, at) for at in range(1, len(MIXED.columns))]
    expect(ask(peer, mixed(), 0, "total"), [6.0])
    with drive.fresh() as process:
        other = process.connect()
        refused(other, replace(load, sha256="0" * 64), Code.BAD_ARTIFACT)
        flipped = artifact[:-1] + bytes([artifact[-1] ^ 1])
        refused(other, replace(load, artifact=flipped), Code.BAD_ARTIFACT)
        refused(other, replace(load, format="no such format"), Code.BAD_ARTIFACT)
        refused(other, question(mixed()), Code.NO_MODEL)
        done(other.ask(load))
        after = [ask(other, reordered(MIXED), at) for at in range(1, len(MIXED.columns))]
        expect(after, before)
        expect(ask(other, mixed(), 0, "total"), [6.0])
        again = done(other.ask(Persist(0)))
        expect(again.format, stored.format)
        process.finish()


@check(
    "5.6",
    "restores what it persisted when the script has changed",
    "fit",
    "persist",
    "load",
    SCRIPT,
)
def _restores_without_script(drive: Drive) -> None:
    assert drive.model is not None
    drive.forget()
    peer = drive.connect()
    with tempfile.TemporaryDirectory() as folder:
        assert drive.model.script is not None
        script = Path(shutil.copy(drive.model.script, folder))
        request = drive.model.request("mixed")
        model = {**request.model, "script": str(script)}
        done(peer.ask(replace(request, model=model)))
        stored = done(peer.ask(Persist(0)))
        assert stored.artifact is not None
        assert stored.format is not None
        artifact = bytes(stored.artifact)
        script.write_text(")( is no program in any language\n")
        digest = hashlib.sha256(artifact).hexdigest()
        done(peer.ask(Load(0, artifact, stored.format, digest, model)))
        expect(ask(peer, mixed(), 1), [7.0])


@check("5.6", "keeps the model that it has when a load is refused", "fit", "load")
def _keeps_when_load_fails(drive: Drive) -> None:
    peer = drive.hold("mixed")
    refused(peer, Load(0, b"x", "x", "0" * 64), Code.BAD_ARTIFACT)
    expect(ask(peer, mixed(), 1), [7.0])


@check("5.7", "reads a source: missing, NaN and strings, params by name", "read", SCRIPT)
def _reads(drive: Drive) -> None:
    assert drive.model is not None
    reply = done(drive.connect().ask(Read(0, drive.model.source(3))))
    assert reply.table is not None
    expect([column.name for column in reply.table.columns], ["f", "s"])
    expect([codes(column) for column in reply.table.columns], [[1.5, -2.0, -1.0], [1.0, 2.0, -1.0]])
    expect(reply.target.tolist() if reply.target else None, [1.0, 2.0, 3.0])


@check("5.7", "tells that the function of a source failed", "read", SCRIPT)
def _read_fails(drive: Drive) -> None:
    assert drive.model is not None
    refused(drive.connect(), Read(0, drive.model.source(4)), Code.READ_FAILED)


@check("5.7", "refuses a source whose script is not there", "read", SCRIPT)
def _no_script(drive: Drive) -> None:
    assert drive.model is not None
    source = replace(drive.model.source(3), script="/nowhere/to/be/found")
    refused(drive.connect(), Read(0, source), Code.BAD_MODEL)


@check("5.8", "answers ping", "ping")
def _pings(drive: Drive) -> None:
    peer = drive.connect()
    expect(peer.ask(Ping(0)).id, 1001)
