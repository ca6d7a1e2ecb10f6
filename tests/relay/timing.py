"""Whether a relay's replies tell by length or time what was found: interleaved tries, Welch's t.

Those of the line that asked, and those of another line beside it.

A reply is made ready the sooner the less there was to do. The slowest of all tries, whatever kind
they are of, say more of the machine than of the relay and are left out alike. How many of each kind
are among them is compared as well: what makes two or three of a hundred slow is seen in 20,000.
"""

import itertools
import random
import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import sqrt
from statistics import fmean, variance

from ojak_protocol.sync import encode_request
from ojak_relay.config import Config
from ojak_relay.connections import GATHERED
from tests.relay.kit import Relay, deposit, request
from tests.relay.lines import dial, head

MOST_T = 4.5
KEPT = 0.9
"""The share of all tries whose times are compared, the quickest ones."""

LYING = 1
ASKED = {
    "hit": request(LYING, deposits=()),
    "miss": request(2),
    "wrong key": request(2, deletes=(3,)),
}
"""What is asked in class 0; all reply in room 1."""
OFFERED = {
    "hit": request(LYING, deposits=(deposit(4, 1, ttl=600),)),
    "miss": request(2, deposits=(deposit(4, 1, ttl=600),)),
    "wrong key": request(2, deletes=(3,), deposits=(deposit(4, 1, ttl=600),)),
    "occupied": request(2, deposits=(deposit(LYING, 9),)),
}
"""The same in class 1: the box that is offered lies there already, or another does."""


@dataclass
class Tries:
    """What was seen: nanoseconds and lengths of replies, by kind."""

    nanoseconds: dict[str, list[int]] = field(default_factory=dict)
    lengths: dict[str, set[int]] = field(default_factory=dict)

    def add(self, kind: str, nanoseconds: int, length: int) -> None:
        self.nanoseconds.setdefault(kind, []).append(nanoseconds)
        self.lengths.setdefault(kind, set()).add(length)


def sample(relay: Relay, kinds: Mapping[str, object], tries: int, chance: random.Random) -> Tries:
    """Ask *tries* times in all, in an order that nothing else can follow."""
    relay.sync(request(deposits=(deposit(LYING, 7), deposit(4, 1))))
    seen = Tries()
    bodies = {kind: encode_request(asked) for kind, asked in kinds.items()}  # type: ignore[arg-type]  # requests all
    sent = {kind: head(len(body)) + b"\r\n" + body for kind, body in bodies.items()}
    with dial(relay) as line:
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(tries // len(kinds)):
            order = list(kinds)
            chance.shuffle(order)
            for kind in order:
                began = time.perf_counter_ns()
                line.sendall(sent[kind])
                reply = _whole(line)
                seen.add(kind, time.perf_counter_ns() - began, len(reply))
                assert reply.startswith(b"HTTP/1.1 200 OK\r\n"), kind
    return seen


def sample_beside(
    relay: Relay, kinds: Mapping[str, object], tries: int, chance: random.Random
) -> Tries:
    """Ask *tries* times so that work shortly before a tick would come of it, and note the replies
    of that tick on another line: how long after it they came.

    The relay has its own length of steps, and its clock is ours. A core is kept busy meanwhile: the
    relay may lack it on a busy machine.
    """
    step = Config().reply_milliseconds / 1000
    relay.sync(request(deposits=(deposit(LYING, 7), deposit(4, 1))))
    seen = Tries()
    bodies = {kind: encode_request(asked) for kind, asked in kinds.items()}  # type: ignore[arg-type]  # requests all
    sent = {kind: head(len(body)) + b"\r\n" + body for kind, body in bodies.items()}
    with dial(relay) as asking, dial(relay) as other:
        for line in (asking, other):
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(tries // len(kinds)):
            order = list(kinds)
            chance.shuffle(order)
            for kind in order:
                tick = (int(time.monotonic() / step) + 4) * step
                _spin_until(tick - 1.5 * step)
                other.sendall(sent["miss"])
                _spin_until(tick - GATHERED * step - chance.uniform(0.00005, 0.0006))
                asking.sendall(sent[kind])
                reply = _whole(other)
                seen.add(kind, int((time.monotonic() - tick) * 10**9), len(reply))
                for one in (reply, _whole(asking)):
                    assert one.startswith(b"HTTP/1.1 200 OK\r\n"), kind
    return seen


def _spin_until(at: float) -> None:
    while time.monotonic() < at:
        """To sleep would end as late as the system likes."""


def violations(seen: Tries) -> list[str]:
    """Return what of *seen* tells the kinds apart."""
    found = [] if len(set().union(*seen.lengths.values())) == 1 else [f"lengths {seen.lengths}"]
    for (one, other), t in _differences(seen).items():
        if t >= MOST_T:
            found.append(f"{one} and {other}: t = {t:.1f}")
    return found


def largest_t(seen: Tries) -> float:
    """Return the largest |t| of all pairs of kinds."""
    return max(_differences(seen).values())


def _differences(seen: Tries) -> dict[tuple[str, str], float]:
    """Return for each pair of kinds the larger |t|: of their times, and of how many are slowest."""
    times, most = cropped(seen.nanoseconds), _most_kept(seen.nanoseconds)
    slow = {kind: [float(one > most) for one in of] for kind, of in seen.nanoseconds.items()}
    return {
        (one, other): max(abs(welch(each[one], each[other])) for each in (times, slow))
        for one, other in itertools.combinations(times, 2)
    }


def cropped(times: Mapping[str, Sequence[int]]) -> dict[str, list[int]]:
    """Return *times* without those above the pooled quantile `KEPT`."""
    most = _most_kept(times)
    return {kind: [each for each in of if each <= most] for kind, of in times.items()}


def _most_kept(times: Mapping[str, Sequence[int]]) -> int:
    pooled = sorted(itertools.chain(*times.values()))
    return pooled[int(len(pooled) * KEPT) - 1]


def welch(one: Sequence[float], other: Sequence[float]) -> float:
    """Return Welch's t of two samples of at least two values each."""
    spread = variance(one) / len(one) + variance(other) / len(other)
    difference = fmean(one) - fmean(other)
    return difference / sqrt(spread) if spread else (0.0 if not difference else float("inf"))


def _whole(line: socket.socket) -> bytes:
    reply = bytearray()
    while b"\r\n\r\n" not in reply:
        reply += line.recv(65_536)
    start = reply.index(b"\r\n\r\n") + 4
    length = int(reply.split(b"Content-Length: ")[1].split(b"\r\n")[0])
    while len(reply) < start + length:
        reply += line.recv(65_536)
    return bytes(reply)
