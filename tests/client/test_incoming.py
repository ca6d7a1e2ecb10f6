"""What is read of an answer is broken off by a signal, wherever in it the signal comes."""

import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import pytest

from ojak_client import incoming
from ojak_client.dial import Deadline
from ojak_client.incoming import Incoming

ANSWER = b"HTTP/1.1 200 OK\r\nOne: 1\r\nTwo: 2\r\nThree: 3\r\n\r\n"


class Stopped(BaseException):
    """What `ojak keep` raises at SIGTERM is no `Exception` either."""


@contextmanager
def stopping() -> Iterator[None]:
    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise Stopped

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def head_of(answer: bytes) -> incoming.Head:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(answer)
        return Incoming(ours, Deadline(60.0), None).head()


@pytest.mark.parametrize("at", range(3))
def test_a_signal_while_a_field_is_noted_ends_the_reading(
    monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    class Found(incoming._Found):  # noqa: SLF001 - what the parser calls
        def on_header(self, name: bytes, value: bytes) -> None:
            if len(self.fields) == at:
                signal.raise_signal(signal.SIGTERM)
            super().on_header(name, value)

    assert len(head_of(ANSWER).fields) == 3
    monkeypatch.setattr(incoming, "_Found", Found)
    with stopping(), pytest.raises(Stopped):
        head_of(ANSWER)
