"""A1, A7: bodies that no client sends, through a real Caddy, while others visit the relay.

Caddy takes what it cannot hand on for a fault of the relay. Whatever it makes of that, nobody else
is to notice: with `fail_duration` one such body had it pass the relay over for everybody.
"""

import http.client
import os
import select
import socket
import ssl
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from ojak_protocol.sync import DepositOutcome, Found
from tests.docs.test_deployment import caddy, needs_caddy, root_of
from tests.relay.kit import box, deposit, request, running, sync_over
from tests.relay.lines import BODY, HEAD
from tests.relay.lines import head as head_for_relay

SETTINGS: Final = {
    "OJAK_RELAY_TRUSTED_PROXIES": "127.0.0.1",
    "OJAK_RELAY_REQUESTS_PER_MINUTE": "0",
    "OJAK_RELAY_DEPOSITS_PER_MINUTE": "0",
    "OJAK_RELAY_BODY_SECONDS": "1",
}
PATIENCE_SECONDS: Final = 5.0
"""Of a visitor; Caddy holds for 6 seconds here those whom it has no relay for."""
TIMEOUT_SECONDS: Final = 1.0
"""Of those who send such bodies. Caddy answers some of them only when it has the whole."""
TICK_SECONDS: Final = 0.2
VISITORS, ROUNDS, VISITS_AT_LEAST = 2, 3, 40
ABORT: Final = struct.pack("ii", 1, 0)
"""SO_LINGER that has a line end with a reset."""

# Caddy answers whoever asks for another name by itself.
_NAMED: Final = (b"Host: relay", b"Host: localhost")
_FIELDS: Final = HEAD.replace(*_NAMED).partition(b"Content-Length")[0]
_CHUNKED: Final = _FIELDS + b"Transfer-Encoding: chunked\r\n\r\n"
_HALF: Final = BODY[: len(BODY) // 2]
_HEADERS, _RESET, _SETTINGS = 1, 3, 4


def head(size: int) -> bytes:
    """Return the head of a sync with a body of *size* bytes, without its last line."""
    return head_for_relay(size).replace(*_NAMED)


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    """Return a frame of HTTP/2, RFC 9113 section 4.1."""
    return len(payload).to_bytes(3) + bytes((kind, flags)) + stream.to_bytes(4) + payload


def opened(size: int) -> bytes:
    """Return a connection of HTTP/2 up to where a sync says that its body has *size* bytes."""
    fields = (
        (b":method", b"POST"), (b":scheme", b"https"), (b":authority", b"localhost"),
        (b":path", b"/v1/sync"), (b"content-type", b"application/cbor"),
        (b"content-length", b"%d" % size),
    )  # fmt: skip
    # Literal fields with new names, RFC 7541 section 6.2.2.
    block = b"".join(
        b"\0" + bytes((len(name),)) + name + bytes((len(value),)) + value for name, value in fields
    )
    preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(_SETTINGS, 0, 0, b"")
    return preface + frame(_HEADERS, 4, 1, block)


def slowly(ended: threading.Event) -> Iterator[bytes]:
    yield head(len(BODY)) + b"\r\n"
    while not ended.is_set():
        yield b"\0"


BODIES: Final[Mapping[str, Callable[[threading.Event], Iterator[bytes]]]] = {
    "noise": lambda _: iter([head(len(BODY)) + b"\r\n" + os.urandom(len(BODY))]),
    "of no class": lambda _: iter([head(77) + b"\r\n" + bytes(77)]),
    "cut off": lambda _: iter([head(len(BODY)) + b"\r\n" + _HALF]),
    "reset": lambda _: iter([head(len(BODY)) + b"\r\n" + _HALF]),
    "no chunks": lambda _: iter([_CHUNKED + b"not a size\r\n" + BODY]),
    "chunks with a bad end": lambda _: iter([_CHUNKED + b"5\r\nhelloworld\r\n0\r\n\r\n"]),
    "half a chunk": lambda _: iter([_CHUNKED + b"%x\r\n" % len(BODY) + _HALF]),
    "too long": lambda _: iter([head(200_000) + b"\r\n", *[bytes(20_000)] * 10]),
    "too long in chunks": lambda _: iter([_CHUNKED, *[b"4e20\r\n" + bytes(20_000) + b"\r\n"] * 10]),
    "too long by its head": lambda _: iter([head(10**15) + b"\r\n" + BODY]),
    "slow": slowly,
    "h2: shorter than said": lambda _: iter([opened(len(BODY)) + frame(0, 1, 1, _HALF)]),
    "h2: longer than said": lambda _: iter([opened(len(_HALF)) + frame(0, 1, 1, BODY)]),
    "h2: reset": lambda _: iter(
        [opened(len(BODY)) + frame(0, 0, 1, _HALF) + frame(_RESET, 0, 1, bytes(4))]
    ),
    "h2: cut off": lambda _: iter([opened(len(BODY)) + frame(0, 0, 1, _HALF)]),
}
"""What is sent of each kind, piece by piece, until told to end."""
ENDED_BY_SENDER: Final = {"cut off", "half a chunk", "reset", "h2: reset", "h2: cut off"}


@dataclass
class Seen:
    """What became of all who came.

    Attributes:
        answers: to each kind of body: the status, 0 where none of HTTP/1.1 came.
        stored: numbers of the boxes that visitors laid.
        longest: seconds that one of their visits took.
        lost: what they met in the place of an answer.
    """

    answers: Counter[tuple[str, int]] = field(default_factory=Counter)
    stored: list[int] = field(default_factory=list)
    longest: float = 0.0
    lost: list[str] = field(default_factory=list)


class Crowd:
    """Visitors of the relay behind a Caddy, and those who send such bodies."""

    def __init__(self, port: int, context: ssl.SSLContext) -> None:
        self._port, self._context = port, context
        self._ended = threading.Event()
        self.seen = Seen()

    def run(self) -> Seen:
        """Let every kind of body come several times, and return what was seen."""
        visitors = [threading.Thread(target=self._visit, args=(at,)) for at in range(VISITORS)]
        others = [threading.Thread(target=self._spoil, args=(kind,)) for kind in BODIES]
        for thread in (*visitors, *others):
            thread.start()
        for thread in others:
            thread.join()
        self._ended.set()
        for thread in visitors:
            thread.join()
        return self.seen

    def line(self) -> http.client.HTTPSConnection:
        """Return a line of a visitor."""
        return http.client.HTTPSConnection(
            "localhost", self._port, timeout=PATIENCE_SECONDS, context=self._context
        )

    def _visit(self, first: int) -> None:
        number, line = first, self.line()
        while not self._ended.is_set():
            began = time.monotonic()
            try:
                outcome = sync_over(line, request(deposits=(deposit(number, number),))).deposits[0]
                assert outcome is DepositOutcome.STORED
                # Caddy hands on again what was asked with GET, and some versions that alone.
                line.request("GET", "/v1/info")
                answer = line.getresponse()
                assert (answer.status, len(answer.read()) > 0) == (200, True)
            except (OSError, http.client.HTTPException, AssertionError) as error:
                self.seen.lost.append(repr(error))
                self._ended.set()
                break
            self.seen.longest = max(self.seen.longest, time.monotonic() - began)
            self.seen.stored.append(number)
            number += VISITORS
            if number // VISITORS % 2:
                # Half of them on lines of their own.
                line.close()
        line.close()

    def _spoil(self, kind: str) -> None:
        for _ in range(ROUNDS):
            if self._ended.is_set():
                return
            with suppress(OSError), self._dialled(kind) as line:
                self.seen.answers[kind, self._answer(line, kind)] += 1

    def _dialled(self, kind: str) -> ssl.SSLSocket:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.set_alpn_protocols(["h2"] if kind.startswith("h2") else ["http/1.1"])
        line = socket.create_connection(("127.0.0.1", self._port), TIMEOUT_SECONDS)
        return context.wrap_socket(line, server_hostname="localhost")

    def _answer(self, line: ssl.SSLSocket, kind: str) -> int:
        with suppress(OSError):
            for piece in BODIES[kind](self._ended):
                line.sendall(piece)
                if kind == "slow" and select.select([line], [], [], TICK_SECONDS)[0]:
                    # Caddy takes for long what still comes of a body that was answered.
                    break
        if kind in ENDED_BY_SENDER:
            if kind == "reset":
                line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABORT)
            return 0
        with suppress(OSError):
            said = line.recv(4096)
            return int(said.split(b" ")[1]) if said.startswith(b"HTTP/1.1 ") else 0
        return 0


def visited(folder: Path, changed: tuple[str, str]) -> tuple[Seen, list[int]]:
    """Return what was seen, and which boxes were not found afterwards."""
    with (
        running("--store", "memory", "--capacity", "20000", environment=SETTINGS) as relay,
        caddy(folder, relay.port, changed=changed, held="6s") as port,
    ):
        context = ssl.create_default_context(cafile=root_of(folder)["SSL_CERT_FILE"])
        crowd = Crowd(port, context)
        seen = crowd.run()
        missing = [
            number
            for number in seen.stored[:: max(1, len(seen.stored) // 50)]
            if relay.sync(request(number)).polls[0] != Found(box(number))
        ]
    return seen, missing


@needs_caddy
def test_a1_a7_whatever_bodies_come_through_caddy_all_others_are_answered(tmp_path: Path) -> None:
    seen, missing = visited(tmp_path, ("", ""))
    assert seen.lost == []
    assert missing == []
    assert len(seen.stored) >= VISITS_AT_LEAST
    assert {kind for kind, _ in seen.answers} == set(BODIES)
    statuses = {status for _, status in seen.answers}
    assert all(status == 0 or status >= 400 for status in statuses), seen.answers


@needs_caddy
def test_a1_with_fail_duration_others_are_found_to_go_unanswered(tmp_path: Path) -> None:
    spoiled = ("health_interval 2s", "health_interval 2s\n\t\tfail_duration 15s")
    seen, _ = visited(tmp_path, spoiled)
    assert seen.lost != []
