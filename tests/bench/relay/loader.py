"""A closed loop over many connections: each sends its next request when its answer is there.

It runs in another process than the server, so that only the server's CPU time counts.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import cycle
from statistics import quantiles
from typing import Protocol, cast

from tests.bench.relay.cycles import Cycle

WARM_UP_SECONDS = 0.3
CONNECTIONS = 256
"""As many as keep a relay busy, which answers each request a step of its replies later."""
HEADER_END = b"\r\n\r\n"
LENGTH = b"content-length:"
CLOSE = b"connection: close"


class Driven(Protocol):
    """What is kept busy: one server, or several that have their parts of the connections."""

    @property
    def ports(self) -> Sequence[int]: ...

    def cpu_seconds(self) -> float: ...


@dataclass(frozen=True)
class Measured:
    """What a server did in one stretch of time."""

    cycles: int
    cpu_seconds: float
    wall_seconds: float
    p50_ms: float
    p99_ms: float

    @property
    def per_cpu_second(self) -> float:
        return self.cycles / self.cpu_seconds


@dataclass
class _Tally:
    cycles: int = 0
    waits: list[float] = field(default_factory=list)


async def drive(
    server: Driven,
    makes: Sequence[Callable[[], Cycle]],
    seconds: float,
    *,
    warm_up_seconds: float = WARM_UP_SECONDS,
) -> Measured:
    """Keep one connection for each of *makes* busy, and return what was done in *seconds*.

    Raises:
        RuntimeError: an answer was not the right one.
    """
    tally, wrong = _Tally(), asyncio.get_running_loop().create_future()
    ports = cycle(server.ports)
    clients = [_Client(next(ports), make, tally, wrong) for make in makes]
    for client in clients:
        client.connect()
    await _pass(warm_up_seconds, wrong)
    tally.cycles, tally.waits = 0, []
    cpu, began = server.cpu_seconds(), time.perf_counter()
    await _pass(seconds, wrong)
    took, cpu = time.perf_counter() - began, server.cpu_seconds() - cpu
    if tally.cycles == 0:
        raise RuntimeError("not one cycle was done")
    cuts = quantiles(tally.waits, n=100)
    measured = Measured(tally.cycles, cpu, took, 1000 * cuts[49], 1000 * cuts[98])
    for client in clients:
        client.close()
    return measured


async def _pass(seconds: float, wrong: "asyncio.Future[None]") -> None:
    done, _ = await asyncio.wait({wrong}, timeout=seconds)
    for failed in done:
        failed.result()


class _Client(asyncio.Protocol):
    """One connection, or one after another where each ends with its answer."""

    def __init__(
        self,
        port: int,
        make: Callable[[], Cycle],
        tally: _Tally,
        wrong: "asyncio.Future[None]",
    ) -> None:
        self._port = port
        self._make = make
        self._tally = tally
        self._wrong = wrong
        self._cycle = make()
        self._request = next(self._cycle)
        self._answer = b""
        self._sent_at = 0.0
        self._transport: asyncio.Transport | None = None
        self._is_over = False

    def connect(self) -> None:
        loop = asyncio.get_running_loop()
        task = loop.create_task(loop.create_connection(lambda: self, "127.0.0.1", self._port))
        task.add_done_callback(self._connected)

    def close(self) -> None:
        self._is_over = True
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are of no class of asyncio.
        self._transport = cast("asyncio.Transport", transport)
        self._send(self._transport)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._transport = None
        if not self._is_over:
            self.connect()

    def data_received(self, data: bytes) -> None:
        self._answer += data
        head, _, body = self._answer.partition(HEADER_END)
        head = head.lower()
        length = head.partition(LENGTH)[2].partition(b"\r\n")[0]
        if not length or len(body) < int(length):
            return
        self._answer = b""
        self._tally.waits.append(time.perf_counter() - self._sent_at)
        try:
            self._next(head, body)
        except RuntimeError as error:
            self._fail(error)
            return
        if self._transport is not None and CLOSE not in head:
            self._send(self._transport)

    def _next(self, head: bytes, body: bytes) -> None:
        if b" 200 " not in head[:14]:
            raise RuntimeError(head[:40].decode("ascii", "replace"))
        try:
            self._request = self._cycle.send(body)
        except StopIteration:
            self._tally.cycles += 1
            self._cycle = self._make()
            self._request = next(self._cycle)

    def _send(self, transport: asyncio.Transport) -> None:
        self._sent_at = time.perf_counter()
        transport.write(self._request)

    def _connected(self, task: "asyncio.Task[object]") -> None:
        if not task.cancelled() and (error := task.exception()) is not None and not self._is_over:
            self._fail(error)

    def _fail(self, error: BaseException) -> None:
        if not self._wrong.done():
            self._wrong.set_exception(error)
