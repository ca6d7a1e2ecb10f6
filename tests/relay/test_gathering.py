"""What comes is read together, early in each step, and nothing else changes by that."""

import asyncio
import math
import os
import time
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

import uvloop
from hypothesis import given
from hypothesis import strategies as st

from ojak_relay.config import Config
from ojak_relay.connections import (
    GATHERED,
    MAX_HEAD_BYTES,
    QUIET_FROM,
    QUIET_UNTIL,
    Connection,
    Server,
    read_at,
)
from ojak_relay.http import Answer, Come, Head, Later
from ojak_relay.limits import Limits, Peer, Source
from tests.relay.memory_lines import MemoryLine, connected_to
from tests.relay.test_timer import is_set_to, timers

PATIENCE_SECONDS = 20
ROUNDED = 1e-5
LOOK = b"GET / HTTP/1.1\r\nHost: relay\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: relay\r\nContent-Length: 3\r\n\r\nabc"


@dataclass
class Front:
    """Answers at once what has no body, and notes bodies."""

    bodies: list[bytes] = field(default_factory=list)
    is_begun: asyncio.Event = field(default_factory=asyncio.Event)
    keeps_connections: bool = True

    def source(self, peer: Peer, headers: Mapping[bytes, bytes]) -> Source:
        del peer, headers
        return ()

    def receive(self, head: Head, source: Source) -> Answer | int:
        del source
        return 3 if head.method == b"POST" else Answer(HTTPStatus.OK)

    def sync(self, body: bytes, source: Source, come: Come) -> Answer | Later | None:
        del source, come
        if body == b"bad":
            raise ZeroDivisionError
        self.bodies.append(body)
        self.is_begun.set()
        return Answer(HTTPStatus.OK)

    async def begun(self) -> list[bytes]:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await self.is_begun.wait()
        return self.bodies


class World:
    """A server with a front that is no relay, and lines to it."""

    def __init__(self, milliseconds: int = 50) -> None:
        config = Config(reply_milliseconds=milliseconds)
        self.front = Front()
        self.server = Server(self.front, config, Limits(config, time.monotonic, os.urandom))

    def connected(self) -> tuple[Connection, MemoryLine]:
        return connected_to(self.server)


Holds = Callable[[], Coroutine[None, None, None]]


def run(holds: Holds, in_loop: Callable[[Coroutine[None, None, None]], None] = asyncio.run) -> None:
    async def limited() -> None:
        async with asyncio.timeout(2 * PATIENCE_SECONDS):
            await holds()

    in_loop(limited())


def test_a11_three_milliseconds_before_a_tick_and_one_after_it_nothing_is_read() -> None:
    # Of steps of ten; docs/decisions/0201 says why so long.
    assert (GATHERED, QUIET_FROM, QUIET_UNTIL) == (0.2, 0.7, 1.1)


@given(st.floats(0, 10**10))
def test_a11_nothing_that_is_gathered_is_read_shortly_before_a_tick_or_just_after(
    now: float,
) -> None:
    at = read_at(now)
    assert QUIET_UNTIL - 1 - ROUNDED <= at % 1 <= QUIET_FROM + ROUNDED
    assert GATHERED - ROUNDED <= at - now <= GATHERED + QUIET_UNTIL - QUIET_FROM + ROUNDED
    # Then so much is left of the step in which a reply is due at the earliest.
    assert math.ceil(now + 1) - at >= 1 - GATHERED - ROUNDED


def test_what_comes_with_the_first_is_begun_with_it_and_what_comes_later_is_not() -> None:
    async def holds() -> None:
        step, lead = 0.5, 0.01

        def is_early() -> bool:
            # Then it is quiet neither when the first is read nor when the last is.
            now = time.monotonic() / step
            return QUIET_UNTIL - 1 < now % 1 < QUIET_FROM - 2 * GATHERED - 0.1

        while True:
            world = World(milliseconds=500)
            (first, _), *others = (world.connected() for _ in range(4))
            loop = world.server.loop
            while not is_early():  # noqa: ASYNC110 - a time of day, which no event tells
                await asyncio.sleep(0)
            first.data_received(POST)
            others[0][0].data_received(POST)
            # However late all of them are, the loop sees its files before its own timers.
            for number, (connection, _) in enumerate(others[1:], 1):
                when = loop.time() + GATHERED * step + number * lead
                loop.call_at(when, connection.data_received, POST)
            if is_early():
                break
            # The machine paused meanwhile.
        assert world.front.bodies == []
        assert await world.front.begun() == [b"abc"] * 2
        while len(world.front.bodies) < 4:
            world.front.is_begun.clear()
            await world.front.begun()
        world.server.steps.close()

    run(holds)


def test_a11_what_comes_when_it_would_be_read_shortly_before_a_tick_waits_until_after_it() -> None:
    async def holds() -> None:
        step = 0.5
        while True:
            others = set(timers())
            world = World(milliseconds=500)
            connection, _ = world.connected()
            now = 0.0
            while not QUIET_FROM - GATHERED < now % 1 < 1 - GATHERED:
                await asyncio.sleep(0)
                now = time.monotonic() / step
            connection.data_received(POST)
            if read_at(now) == read_at(time.monotonic() / step):
                break
            # The machine paused meanwhile.
        ours = set(timers()) - others
        assert [is_set_to(timer, read_at(now) * step) for timer in ours].count(True) == 1
        assert read_at(now) == math.floor(now) + QUIET_UNTIL
        world.server.steps.close()

    run(holds)


def test_a11_a_look_at_deadlines_reads_nothing_that_is_not_past_its_own() -> None:
    async def holds() -> None:
        world = World()
        connection, _ = world.connected()
        connection.data_received(POST)
        connection.look_at_deadline(time.monotonic())
        assert world.front.bodies == []

    run(holds)


def test_a11_the_last_piece_of_much_is_gathered_too() -> None:
    async def holds() -> None:
        world = World()
        connection, line = world.connected()
        connection.data_received(LOOK * (MAX_HEAD_BYTES // len(LOOK) + 1) + POST)
        assert line.sent.startswith(b"HTTP/1.1 200 OK")
        assert world.front.bodies == []
        assert await world.front.begun() == [b"abc"]

    run(holds)


def test_where_replies_leave_at_once_nothing_is_gathered() -> None:
    async def holds() -> None:
        world = World(milliseconds=0)
        connection, line = world.connected()
        connection.data_received(LOOK)
        assert line.sent.startswith(b"HTTP/1.1 200 OK")

    run(holds)


def test_a11_a_reply_leaves_a_step_after_its_request_came_and_not_after_it_was_read() -> None:
    async def holds() -> None:
        world = World()
        released: list[float] = []
        world.server.steps.release = lambda began, leave: released.append(began)  # type: ignore[method-assign]  # noqa: ARG005 - to see when
        connection, _ = world.connected()
        before = time.monotonic()
        connection.data_received(POST)
        after = time.monotonic()
        await world.front.begun()
        assert before <= released[0] <= after

    # uvloop's own clock is of whole milliseconds.
    run(holds, uvloop.run)


def test_a7_never_more_than_one_piece_of_a_connection_waits() -> None:
    async def holds() -> None:
        world = World()
        connection, line = world.connected()
        connection.data_received(LOOK[:-2])
        for _ in range(MAX_HEAD_BYTES // 500 + 2):
            connection.data_received(b"X-Long: %s\r\n" % (b"x" * 500))
        assert line.sent.startswith(b"HTTP/1.1 400 ")

    run(holds)


def test_of_more_than_a_piece_all_but_the_last_is_read_at_once() -> None:
    async def holds() -> None:
        world = World()
        connection, line = world.connected()
        connection.data_received(LOOK * (MAX_HEAD_BYTES // len(LOOK) + 1))
        assert line.sent.startswith(b"HTTP/1.1 200 OK")

    run(holds)


def test_whoever_asks_and_ends_his_side_in_one_breath_is_answered() -> None:
    async def holds() -> None:
        world = World()
        connection, line = world.connected()
        connection.data_received(LOOK)
        connection.eof_received()
        assert line.sent.startswith(b"HTTP/1.1 200 OK")

    run(holds)


def test_a7_what_came_in_time_is_not_cut_by_its_deadline() -> None:
    async def holds() -> None:
        world = World()
        connection, line = world.connected()
        connection.data_received(LOOK)
        connection.look_at_deadline(world.server.loop.time() + Config().header_seconds + 1)
        assert (line.sent[:15], line.is_ended) == (b"HTTP/1.1 200 OK", False)

    run(holds)


def test_c6_at_a_stop_what_came_whole_has_begun_and_what_came_by_half_has_not() -> None:
    async def holds() -> None:
        world = World()
        (whole, line), (_, rest) = world.connected(), world.connected()
        half, cut = world.connected()
        whole.data_received(POST)
        half.data_received(POST[:20])
        ending = asyncio.create_task(world.server.finish())
        await asyncio.sleep(0)
        assert (line.is_ended, rest.is_ended, cut.is_ended) == (False, True, True)
        assert world.front.bodies == [b"abc"]
        ending.cancel()

    run(holds)


def test_what_a_lost_connection_sent_last_is_not_read() -> None:
    async def holds() -> None:
        world = World()
        (lost, _), (connection, _) = world.connected(), world.connected()
        lost.data_received(POST)
        connection.data_received(POST.replace(b"abc", b"def"))
        lost.connection_lost(None)
        assert await world.front.begun() == [b"def"]

    run(holds)


def test_a_fault_of_one_keeps_none_of_the_others() -> None:
    async def holds() -> None:
        world = World()
        told: list[object] = []
        world.server.loop.set_exception_handler(lambda _, context: told.append(context["message"]))
        (faulty, cut), (connection, _) = world.connected(), world.connected()
        faulty.data_received(POST.replace(b"abc", b"bad"))
        connection.data_received(POST)
        assert await world.front.begun() == [b"abc"]
        assert told == ["a request"]
        assert cut.is_ended

    run(holds)


def test_a_server_that_has_finished_holds_no_timer() -> None:
    async def holds() -> None:
        others = set(timers())
        world = World()
        assert len(set(timers()) - others) == 2
        await world.server.finish()
        assert set(timers()) == others

    run(holds)
