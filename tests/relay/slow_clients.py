"""A7: clients that hold a connection and give nothing, by the thousand, in a process of their own.

Whoever was cut comes again at once. A connection is looked at by its state alone, since to read
what came would be honest.
"""

import multiprocessing
import socket
import ssl
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPSConnection
from multiprocessing.connection import Connection
from typing import Final

from ojak_protocol.sync import encode_request
from tests.relay.kit import Relay, deposit, request, sync_over
from tests.relay.lines import client_hello, head

TICK_SECONDS: Final = 0.5
OPEN: Final = frozenset({1, 2, 3})
"""States of TCP in which a connection was not ended: established, and being made."""
LITTLE_BYTES: Final = 4096
COME_AT_ONCE, COME_SECONDS = 40, 0.1
"""So many come at once, so often: who comes together is cut together, and comes again together."""

_ASKED: Final = encode_request(request())
_OFFERED: Final = encode_request(request(deposits=(deposit(1, 1),)))
_LARGE: Final = encode_request(request(room=16))

BEGINNINGS: Final[Mapping[str, bytes]] = {
    "silent": b"",
    "half header": head(len(_ASKED)),
    "half body": head(len(_OFFERED)) + b"\r\n" + _OFFERED[:200],
    # More than the system takes for somebody who does not read.
    "slow reader": (head(len(_LARGE)) + b"\r\n" + _LARGE) * 8,
    "half handshake": client_hello()[:-1],
    "idle": head(len(_ASKED)) + b"\r\n" + _ASKED,
}
"""What each kind sends when it comes; "idle" is honest, and stays."""

DRIP: Final[Mapping[str, bytes]] = {"half header": b"X", "half body": b"\0"}
"""What each kind sends at every tick."""


@dataclass
class Lives:
    """How often each kind came and was cut, and the longest that one of it stayed, in seconds."""

    came: Counter[str] = field(default_factory=Counter)
    cut: Counter[str] = field(default_factory=Counter)
    longest: dict[str, float] = field(default_factory=dict)


@dataclass
class _Member:
    kind: str
    line: socket.socket
    born: float


def herd(host: str, port: int, sizes: Mapping[str, int], orders: Connection) -> None:
    """Keep *sizes* clients of each kind connected until told to stop; then say how they lived."""
    lives = Lives()
    members: list[_Member] = []
    for kind in [kind for kind, size in sizes.items() for _ in range(size)]:
        if len(members) % COME_AT_ONCE == COME_AT_ONCE - 1:
            orders.poll(COME_SECONDS)
        members.append(_new(host, port, kind, lives))
    orders.send(None)
    asked = None
    while asked != "stop":
        if asked == "lives":
            orders.send(lives)
        for index, member in enumerate(members):
            if _is_open(member.line):
                _drip(member)
                # The longest may still be alive.
                _stayed(member, lives)
                continue
            _stayed(member, lives)
            lives.cut[member.kind] += 1
            member.line.close()
            members[index] = _new(host, port, member.kind, lives)
        asked = orders.recv() if orders.poll(TICK_SECONDS) else None
    orders.send(lives)


def _new(host: str, port: int, kind: str, lives: Lives) -> _Member:
    line = socket.socket()
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, LITTLE_BYTES)
    line.settimeout(30)
    try:
        line.connect((host, port))
        line.settimeout(0)
        if BEGINNINGS[kind]:
            line.send(BEGINNINGS[kind])
    except OSError:
        pass  # It is looked at like any other, and was cut.
    lives.came[kind] += 1
    return _Member(kind, line, time.monotonic())


def _is_open(line: socket.socket) -> bool:
    return line.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] in OPEN


def _drip(member: _Member) -> None:
    try:
        if member.kind in DRIP:
            member.line.send(DRIP[member.kind])
        elif member.kind == "slow reader":
            member.line.recv(1)
        elif member.kind == "idle":
            member.line.recv(65_536)
    except OSError:
        pass  # As above.


def _stayed(member: _Member, lives: Lives) -> None:
    seconds = time.monotonic() - member.born
    lives.longest[member.kind] = max(lives.longest.get(member.kind, 0), seconds)


@contextmanager
def besieged(relay: Relay, sizes: Mapping[str, int]) -> Iterator[Callable[[], Lives]]:
    """Keep slow clients at *relay* for the length of the block; the function says how they live."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(
        target=herd, args=(relay.host, relay.port, dict(sizes), there), daemon=True
    )
    process.start()
    try:
        here.recv()

        def lives() -> Lives:
            here.send("lives")
            told: Lives = here.recv()
            return told

        yield lives
    finally:
        process.terminate()
        process.join()


def honest_seconds(relay: Relay, count: int, tls: ssl.SSLContext | None = None) -> list[float]:
    """Return how long each of *count* syncs took, each over a connection of its own, in order."""
    took = []
    for _ in range(count):
        began = time.monotonic()
        line = relay.connect(timeout=40)
        if tls is not None:
            line = HTTPSConnection("localhost", relay.port, timeout=40, context=tls)
        with closing(line):
            sync_over(line, request(1))
        took.append(time.monotonic() - began)
    return sorted(took)


def p99(took: list[float]) -> float:
    """Return the 99th percentile of what is in order."""
    return took[int(len(took) * 0.99)]
