"""Tests of one connection's buffers, over a socket pair."""

from __future__ import annotations

import selectors
import socket
from collections.abc import Iterator

import pytest

from adapters.connection import HIGH_WATER, MAX_QUEUED, Connection

READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """A client's socket and the adapter's."""
    client, ours = socket.socketpair()
    with client, ours:
        yield client, ours


def test_a_client_that_does_not_read_is_not_read(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    """Beyond the high-water mark the connection waits for room only; with room it reads again."""
    client, ours = pair
    connection = Connection(ours)
    assert READ == connection.events
    connection.write(bytes(2 * HIGH_WATER))
    connection.flush()
    assert WRITE == connection.events
    left = 2 * HIGH_WATER + 4
    while left:
        left -= len(client.recv(left))
        connection.flush()
    assert READ == connection.events


def test_a_client_that_never_reads_is_dropped(pair: tuple[socket.socket, socket.socket]) -> None:
    """Beyond the bound of what may be unsent the connection is over."""
    _, ours = pair
    connection = Connection(ours, max_unsent=4 * HIGH_WATER)
    connection.write(bytes(3 * HIGH_WATER))
    connection.flush()
    assert connection.open
    connection.write(bytes(3 * HIGH_WATER))
    connection.flush()
    assert not connection.open


def test_a_client_that_floods_is_not_read(pair: tuple[socket.socket, socket.socket]) -> None:
    """With too much in the queue the connection waits for nothing until the model has caught up."""
    connection = Connection(pair[1])
    connection.queued = MAX_QUEUED + 1
    assert 0 == connection.events
    connection.queued = 0
    assert READ == connection.events
