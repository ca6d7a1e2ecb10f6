"""A1 and A2: bodies that no client sends, by the thousand, and what a relay may answer to them.

Some are noise, some a table of CBOR that decoders stumble over, most are requests in which
something is not as it should be: those get past the first checks.
"""

import random
import re
import socket
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, field
from itertools import islice
from multiprocessing import active_children
from typing import Any, Final

import cbor2

from ojak_protocol.sync import REPLY_BYTES, SyncClass, encode_request
from tests.protocol.test_cbor import HOSTILE
from tests.relay.kit import Relay, deposit, request
from tests.relay.lines import head, memory_bytes

SIZES: Final = [size.body_bytes for size in SyncClass]
MOST_GROWTH_BYTES: Final = 16 * 2**20
WARM: Final = 2000
"""After so many bodies a relay has in memory what it needs."""

REASON: Final = re.compile(rb"[a-zA-Z0-9 ,/()-]{0,80}")
"""What a refusal may say: one plain sentence."""

POOL: Final = 60
"""Of so many requests the others are made; to make each anew would take longer than to send it."""

Make = Callable[[random.Random, Sequence[bytes]], bytes]


def sized(data: bytes) -> bytes:
    """Return *data* filled up or cut to the length of a class, so that it is read at all."""
    size = next((size for size in SIZES if size >= len(data)), SIZES[-1])
    return data.ljust(size, b"\0")[:size]


def noise(chance: random.Random, _: Sequence[bytes]) -> bytes:
    """Return random bytes, some of which begin like a request."""
    size = chance.choices(SIZES, (8, 4, 2, 1))[0]
    begin = chance.choice([b"", b"\xa7\x00\x01\x01\x98\x20", b"\x9f", b"\xbf", b"\xd8\x1c"])
    return (begin + chance.randbytes(size))[:size]


def from_table(chance: random.Random, pool: Sequence[bytes]) -> bytes:
    """Return an entry of the table, by itself or in the place of a field."""
    entry = chance.choice(list(HOSTILE.values()))
    if chance.random() < 0.5:
        return sized(entry)
    body = chance.choice(pool)
    at = chance.choice([1, 3, 5, 6, len(body) - 40])
    return (body[:at] + entry + body[at:])[: len(body)]


def whole_request(chance: random.Random) -> bytes:
    """Return a request that a client may send."""
    numbers = [chance.randrange(1000) for _ in range(chance.choice([0, 1, 1, 3]))]
    return encode_request(
        request(
            chance.randrange(1000),
            deletes=tuple(chance.randrange(1000) for _ in range(chance.randrange(3))),
            deposits=tuple(
                deposit(n, chance.randrange(9), shown=chance.random() < 0.3) for n in numbers
            ),
            room=chance.choice([0, 1]),
        )
    )


def whole(chance: random.Random, pool: Sequence[bytes]) -> bytes:
    """Return a request as it is."""
    return chance.choice(pool)


def damaged(chance: random.Random, pool: Sequence[bytes]) -> bytes:
    """Return a request with a few bytes changed, moved or taken from another one."""
    body = bytearray(chance.choice(pool))
    for _ in range(chance.randrange(1, 6)):
        # Heads stand close to the beginning, and close to the end.
        near = chance.choice([16, 200, len(body)])
        at = (
            chance.randrange(near)
            if chance.random() < 0.7
            else len(body) - 1 - chance.randrange(near)
        )
        match chance.randrange(3):
            case 0:
                body[at] = chance.randrange(256)
            case 1:
                body[at] ^= 1 << chance.randrange(8)
            case _:
                body[at : at + chance.randrange(9)] = chance.randbytes(chance.randrange(9))
    return sized(bytes(body))


def one_field(chance: random.Random, pool: Sequence[bytes]) -> bytes:
    """Return a request in which one field is anything at all, of the right length all the same."""
    fields: dict[Any, Any] = cbor2.loads(chance.choice(pool))
    inside = fields
    if fields[3] and chance.random() < 0.5:
        inside = chance.choice(fields[3])
    key = chance.choice([*inside, *inside, 7, -1, 2**40, "0", None, 0.0])
    inside[key] = anything(chance, 3)
    if chance.random() < 0.1:
        inside.pop(chance.choice(list(inside)))
    fields[6] = [b"", b""]
    body = cbor2.dumps(fields)
    size = next((size for size in SIZES if size >= len(body) + 3), SIZES[-1])
    fields[6] = [bytes(max(0, size - len(body) - 2)), b""]
    return sized(cbor2.dumps(fields))


def anything(chance: random.Random, depth: int) -> object:
    """Return any value that CBOR can carry."""
    simple: list[Callable[[], object]] = [
        lambda: None,
        lambda: chance.random() < 0.5,
        lambda: chance.choice([-1, 0, 1, 25, 26, 59, 60, 2**31, 2**53, 2**64 - 1, -(2**64)]),
        lambda: 2 ** chance.randrange(60, 3000),
        lambda: chance.choice([0.0, -0.0, 1.5, float("nan"), float("inf")]),
        lambda: chance.randbytes(chance.choice([0, 1, 31, 32, 33, 3999, 4000, 4001])),
        lambda: "\u0301가" * chance.randrange(20),
        lambda: cbor2.CBORTag(chance.choice([0, 1, 2, 4, 24, 28, 29, 35, 36, 258]), "x"),
        lambda: cbor2.undefined,
        lambda: cbor2.CBORSimpleValue(chance.choice([0, 19, 32, 255])),
    ]
    if depth and chance.random() < 0.4:
        parts = [anything(chance, depth - 1) for _ in range(chance.randrange(5))]
        return parts if chance.random() < 0.5 else dict(enumerate(parts))
    return chance.choice(simple)()


KINDS: Final[dict[str, tuple[Make, int]]] = {
    "noise": (noise, 15),
    "from the table": (from_table, 15),
    "damaged": (damaged, 35),
    "one field": (one_field, 30),
    "whole": (whole, 5),
}
"""How each kind is made, and how often among a hundred."""


@dataclass
class Seen:
    """What a relay answered, by kind and status, and what it may not answer."""

    statuses: Counter[tuple[str, int]] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    @property
    def bodies(self) -> int:
        return self.statuses.total()

    def add(self, other: "Seen") -> None:
        self.statuses += other.statuses
        self.wrong += other.wrong


def bodies(seed: object, count: int) -> Iterator[tuple[str, bytes]]:
    """Return the same *count* bodies with their kinds for the same *seed*."""
    chance = random.Random(f"{seed}")  # noqa: S311 - repeatable, and nothing secret
    names, shares = list(KINDS), [share for _, share in KINDS.values()]
    pool = [whole_request(chance) for _ in range(POOL)]
    for _ in range(count):
        kind = chance.choices(names, shares)[0]
        yield kind, KINDS[kind][0](chance, pool)


def send(host: str, port: int, seed: object, count: int) -> Seen:
    """Send *count* bodies over as few connections as the relay allows."""
    seen = Seen()
    line: socket.socket | None = None
    for number, (kind, body) in enumerate(bodies(seed, count)):
        if line is None:
            line = socket.create_connection((host, port), timeout=30)
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        answer = _ask(line, head(len(body)) + b"\r\n" + body)
        status = int(answer[9:12]) if answer[:9] in {b"HTTP/1.1 ", b"HTTP/1.0 "} else 0
        seen.statuses[kind, status] += 1
        if (wrong := _wrong(kind, status, answer)) is not None:
            seen.wrong.append(f"{kind}, seed {seed}, number {number}: {wrong}")
        if b"Connection: close" in answer or not status:
            line.close()
            line = None
    if line is not None:
        line.close()
    return seen


def violations(
    relay: Relay,
    seed: int,
    count: int,
    warm: int = WARM,
    workers: int = 2,
    piece: int = 5000,
    goes_on: Callable[[Seen], bool] = lambda _: True,
) -> tuple[Seen, list[str], int]:
    """Send *warm* bodies and then *count*, in *workers* processes.

    After each *piece* it is asked whether it *goes_on*. Some bodies are requests that wait for
    seconds: those of another piece are sent meanwhile.

    Return what was seen, what was wrong, and by how much memory grew after the first ones.
    """
    seen = send(relay.host, relay.port, (seed, "warm"), warm)
    before = memory_bytes(relay)
    parts = _in_pieces(relay, seed, range(0, count, piece), workers, lambda: goes_on(seen))
    try:
        for part in parts:
            seen.add(part)
    except OSError:
        if relay.process.poll() is None:
            raise
    if relay.process.poll() is not None:
        return seen, [*seen.wrong, "the relay ended"], 0
    grown = memory_bytes(relay, "VmHWM") - before
    wrong = list(seen.wrong)
    if grown > MOST_GROWTH_BYTES:
        wrong.append(f"it grew by {grown} bytes")
    code, err = relay.stop()
    if code or len(err.splitlines()) != 1:
        wrong.append(f"it ended with {code} and said {err[:2000]}")
    return seen, wrong, grown


def _in_pieces(
    relay: Relay,
    seed: int,
    pieces: range,
    workers: int,
    goes_on: Callable[[], bool],
) -> Iterator[Seen]:
    """Give what was seen of each of *pieces*, in the order in which they are done."""
    firsts = iter(pieces)
    with ProcessPoolExecutor(workers) as pool:

        def sending(some: int) -> set[Future[Seen]]:
            return {
                pool.submit(
                    send,
                    relay.host,
                    relay.port,
                    (seed, first),
                    min(pieces.step, pieces.stop - first),
                )
                for first in islice(firsts, some)
            }

        try:
            under_way = sending(workers)
            while under_way:
                done, under_way = wait(under_way, return_when=FIRST_COMPLETED)
                for part in done:
                    yield part.result()
                if goes_on():
                    under_way |= sending(len(done))
        except BaseException:
            # Whoever is left in its middle does not wait for them, and they would stay.
            for child in active_children():
                child.kill()
            raise


def _wrong(kind: str, status: int, answer: bytes) -> str | None:
    body = answer.partition(b"\r\n\r\n")[2]
    if status == 200:
        return None if len(body) in REPLY_BYTES.values() else "a reply of no room"
    if kind == "whole":
        return f"a client's request was answered {status}"
    if status != 400:
        return f"status {status}"
    return None if REASON.fullmatch(body) else "a refusal that says too much"


def _ask(line: socket.socket, sent: bytes) -> bytes:
    answer = bytearray()
    try:
        line.sendall(sent)
        while not _is_whole(answer):
            if not (piece := line.recv(65_536)):
                break
            answer += piece
    except ConnectionError:
        pass
    return bytes(answer)


def _is_whole(answer: bytearray) -> bool:
    at = answer.find(b"\r\n\r\n")
    if at < 0:
        return False
    length = re.search(rb"Content-Length: (\d+)\r\n", answer)
    return length is not None and len(answer) >= at + 4 + int(length[1])
