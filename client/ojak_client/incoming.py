"""What a connection brings of one answer: its head, read by llhttp, and then bytes by their number.

The parser is fed up to the end of the head and no further, so that what follows can begin no
second answer. Every receive is bounded in bytes and by the deadline of the whole request.

Source: RFC 9112; the parser is llhttp, by way of httptools.
"""

import socket
from collections.abc import Callable
from dataclasses import field
from typing import Final

from ojak_client.dial import Deadline
from ojak_client.errors import WrongPlace
from ojak_client.steady import steady_seconds
from ojak_protocol.values import dataclass

HEADER_BYTES: Final = 8 * 1024
"""What status line and header of an answer may have together."""
MOST_FIELDS: Final = 100
PIECE_BYTES: Final = 16 * 1024
"""What is handed to the system, or asked of it, at once: one TLS record."""
LOOK_SECONDS: Final = 1.0
"""How often, while the answer has not begun, whoever waits may look around."""

_END: Final = b"\r\n\r\n"

Look = Callable[[socket.socket, float], None]
"""Called with the connection and the seconds since the last call; what it raises ends the wait, the
connection with it. A little over `LOOK_SECONDS` is usual; many more, and this process was stopped
or the device slept."""


@dataclass(frozen=True, slots=True)
class Head:
    """Status line and header of an answer.

    Attributes:
        status: three digits.
        fields: in their order, names in small letters.
        keeps: whether the connection may be used again after the body.
        rest: what came with the head of what follows it.
    """

    status: int
    fields: tuple[tuple[bytes, bytes], ...] = field(repr=False)
    keeps: bool
    rest: bytes = field(repr=False)

    def all(self, name: bytes) -> list[bytes]:
        """Return what each field called *name*, in small letters, says."""
        return [said for called, said in self.fields if called == name]


class Incoming:
    """What a connection brings, up to a deadline.

    Args:
        stream: the connection.
        deadline: of the whole request. Each receive gets what is left of it, so that a server that
            drips is cut.
        look: called while nothing has come.
    """

    def __init__(self, stream: socket.socket, deadline: Deadline, look: Look | None) -> None:
        self._stream = stream
        self._deadline = deadline
        self._look = look
        self.has_begun = False

    def head(self) -> Head:
        """Return the head of the answer.

        Raises:
            WrongPlace: it is none of HTTP/1, or longer than `HEADER_BYTES`.
            OSError: the connection ended first, or is lost.
        """
        from httptools import (  # noqa: PLC0415 - who asks no relay needs none of it
            HttpParserCallbackError,
            HttpParserError,
            HttpParserUpgrade,
            HttpResponseParser,
        )

        found = _Found()
        parser = HttpResponseParser(found)
        received = b""
        end = -1
        while end < 0:
            if len(received) >= HEADER_BYTES:
                raise WrongPlace("the header is longer than any of a relay")
            fed = len(received)
            received += self._piece(HEADER_BYTES - fed)
            end = received.find(_END, max(0, fed + 1 - len(_END)))
            try:
                parser.feed_data(received[fed : None if end < 0 else end + len(_END)])
            except HttpParserCallbackError as broken_off:
                # `on_header` does not fail: a signal came within it, and what that raised ends us.
                # It stands here only if no other error is being handled when this is called.
                signalled = broken_off.__context__
                if signalled is None or isinstance(signalled, Exception):
                    raise WrongPlace("not an answer of a relay") from None
                raise signalled from None
            except (HttpParserError, HttpParserUpgrade):
                # `from None`: the cause would repeat what the other end said.
                raise WrongPlace("not an answer of a relay") from None
        # Blank lines before it would be passed over by the parser.
        if not received.startswith(b"HTTP/1.") or len(found.fields) > MOST_FIELDS:
            raise WrongPlace("not an answer of a relay")
        keeps, rest = parser.should_keep_alive(), received[end + len(_END) :]
        return Head(parser.get_status_code(), tuple(found.fields), keeps, rest)

    def body(self, head: Head, size_bytes: int) -> bytes:
        """Return the *size_bytes* that follow *head*; nothing beyond them is waited for.

        Raises:
            OSError: the connection ended first, or is lost.
        """
        body = bytearray(head.rest[:size_bytes])
        while len(body) < size_bytes:
            body += self._piece(min(size_bytes - len(body), PIECE_BYTES))
        return bytes(body)

    def _piece(self, most_bytes: int) -> bytes:
        """Return 1 to *most_bytes* bytes as they come."""
        piece = self._received(most_bytes)
        if not piece:
            raise ConnectionResetError
        self.has_begun = True
        return piece

    def _received(self, most_bytes: int) -> bytes:
        while True:
            left = self._deadline.left()
            look = None if self.has_begun else self._look
            self._stream.settimeout(left if look is None else min(left, LOOK_SECONDS))
            began = steady_seconds()
            try:
                return self._stream.recv(most_bytes)
            except TimeoutError:
                if look is None:
                    raise
            look(self._stream, steady_seconds() - began)


class _Found:
    """What the parser calls."""

    def __init__(self) -> None:
        self.fields: list[tuple[bytes, bytes]] = []

    def on_header(self, name: bytes, value: bytes) -> None:
        self.fields.append((name.lower(), value))
