"""Check 5.5: what predict gives the model, and what it answers."""

from __future__ import annotations

from contracts.conform.broken import Broken, expect
from contracts.conform.drive import SCRIPT, Drive, check
from contracts.conform.mirror import (
    LABELS,
    MIXED,
    NUMBERS,
    ask,
    codes,
    done,
    mixed,
    numbers,
    question,
    refused,
    reordered,
)
from contracts.errors import Code
from contracts.messages import Fit, Predict
from contracts.table import Column, Columns, Matrix, Type


@check("5.5", "gives the model its features by name, in the order of the fit", "fit")
def _by_name(drive: Drive) -> None:
    peer = drive.hold("mixed")
    for at, column in enumerate(MIXED.columns[1:], 1):
        expect(ask(peer, reordered(MIXED), at), codes(column))


@check("5.5", "gives the model the columns of a matrix by name, too", "fit")
def _matrix_by_name(drive: Drive) -> None:
    peer = drive.hold("matrix")
    expect(ask(peer, NUMBERS, 0), [1.0, 2.0, 3.0])
    expect(ask(peer, reordered(NUMBERS), 0), [1.0, 2.0, 3.0])
    expect(ask(peer, reordered(NUMBERS), 1), [10.0, 20.0, 30.0])


@check("5.5", "takes columns of numbers where it takes a matrix", "fit")
def _columns_for_a_matrix(drive: Drive) -> None:
    peer = drive.hold("matrix")
    expect(ask(peer, Columns(3, NUMBERS.columns), 1), [10.0, 20.0, 30.0])


@check("5.5", "ignores columns that the fit did not have", "fit")
def _ignores_columns(drive: Drive) -> None:
    peer = drive.hold("mixed")
    more = Columns(4, (Column.of("z", Type.STR, ["more"] * 4), *MIXED.columns))
    expect(ask(peer, more, 1), codes(MIXED.columns[1]))


@check("5.5", "refuses a table that lacks a feature", "fit")
def _lacks_a_feature(drive: Drive) -> None:
    peer = drive.hold("mixed")
    refused(peer, question(Columns(4, MIXED.columns[:-1])), Code.BAD_TABLE)
    refused(peer, question(Columns(0, ())), Code.BAD_TABLE)


@check("5.5", "answers as many rows as were asked, in their order", "fit")
def _rows(drive: Drive) -> None:
    peer = drive.hold("mixed")
    for cells in ([], [5], list(range(1000, 0, -1))):
        expect(ask(peer, mixed(n=cells), 1), [float(cell) for cell in cells])


@check("5.5", "refuses a result with the wrong number of rows", "fit")
def _wrong_rows(drive: Drive) -> None:
    refused(drive.hold("mixed"), question(MIXED, 1, "short"), Code.BAD_RESULT)


@check("5.5", "tells seconds and batch, if it does, as what they are", "fit")
def _seconds(drive: Drive) -> None:
    reply = done(drive.hold("mixed").ask(question(mixed(), 1, "sleep", seconds=0.1)))
    if reply.seconds is not None and reply.seconds < 0.09:
        raise Broken(f"{reply.seconds} s", "the 0.1 s that the model took")
    if reply.batch is not None:
        expect(reply.batch, 1)


@check("5.5", "answers a classification with the target's levels", "fit")
def _labels(drive: Drive) -> None:
    reply = done(drive.hold("labels").ask(Predict(0, _xs(2.0, 0.0, 1.0))))
    assert reply.table is not None
    column = reply.table.columns[0]
    expect((column.type, column.levels), (Type.CAT, LABELS))
    expect(column.tolist(), ["yes", "no", "maybe"])


@check("5.5", "names the one column of predict after the target", "fit")
def _target_name(drive: Drive) -> None:
    for kind, table in (("mixed", MIXED), ("labels", _xs(1.0))):
        reply = done(drive.hold(kind).ask(Predict(0, table)))
        expect([column.name for column in reply.table.columns] if reply.table else None, ["y"])


@check("5.5", "answers probabilities by class, in the order of the levels", "fit", "predict_proba")
def _probabilities(drive: Drive) -> None:
    peer = drive.hold("labels")
    reply = done(peer.ask(Predict(0, _xs(2.0, 1.0), method="predict_proba")))
    expect(type(reply.table), Matrix)
    assert reply.table is not None
    expect(reply.table.names, LABELS)
    rows = zip(*(column.tolist() for column in reply.table.columns), strict=True)
    expect(list(rows), [(0.25, 0.25, 0.5), (0.25, 0.5, 0.25)])


def _xs(*items: float) -> Columns:
    return Columns(len(items), (Column.of("x", Type.F64, items),))


@check("5.5", "predicts what a source gives, and passes its target on", "fit", "read", SCRIPT)
def _predicts_source(drive: Drive) -> None:
    assert drive.model is not None
    drive.forget()
    peer = drive.connect()
    done(peer.ask(Fit(0, drive.model.maps["mirror"], source=drive.model.source(3))))
    params = {"mode": "code", "at": 1}
    reply = peer.ask(Predict(0, source=drive.model.source(3), params=params))
    expect(numbers(reply), [1.0, 2.0, -1.0])
    target = done(reply).target
    expect(target.tolist() if target else None, [1.0, 2.0, 3.0])
