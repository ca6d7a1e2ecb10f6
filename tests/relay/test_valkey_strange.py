"""What lies at a server under a relay's own keys, and no relay wrote: it stops nothing else."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from ojak_protocol.sync import DepositOutcome, Found, Nothing, PollResult
from ojak_relay.store import valkey_rules as rules
from ojak_relay.store.valkey import ValkeyStore
from ojak_relay.store.valkey_wire import CHANNEL
from tests.relay.kit import NOW, box, deposit, place, request, running
from tests.relay.sharing import over
from tests.relay.test_valkey import found, two_stores
from tests.relay.valkeys import Answered, Valkey, flush, until, valkey_store
from tests.relay.visiting import visited

STORED, OCCUPIED = DepositOutcome.STORED, DepositOutcome.OCCUPIED
TIMES = b"%010d%010d" % (NOW, NOW + 600)
STRANGE: dict[str, tuple[str | bytes, ...]] = {
    "a list": ("RPUSH", "KEY", "a"),
    "a hash": ("HSET", "KEY", "a", "b"),
    "nothing": ("SET", "KEY", ""),
    "a word": ("SET", "KEY", "garbage"),
    "no times": ("SET", "KEY", b"x" * 20 + box(1)),
    "times in another form": ("SET", "KEY", b" +%08d%010d" % (NOW // 10, NOW + 600) + box(1)),
    "times and no box": ("SET", "KEY", TIMES),
    "a short box": ("SET", "KEY", TIMES + box(1)[:-1]),
    "a long box": ("SET", "KEY", TIMES + box(1) + b"x"),
}
"""Commands that lay it at the key KEY."""


def key_of(number: int) -> bytes:
    """Return the key of the box at place *number*."""
    match = re.search(rb"\$38\r\n(.{38})\r\n", rules.wholes([place(number)]), re.DOTALL)
    assert match
    return match[1]


def set_of(number: int) -> bytes:
    """Return the key of the set of the tag of place *number*."""
    return key_of(number)[:6] + b"known"


def ask_owner(servers: list[Valkey], *words: str | bytes) -> object:
    """Return the reply of that one of *servers* which has the key that *words* name."""
    for server in servers:
        with suppress(Answered):
            return server.ask(*words)
    raise AssertionError


def lay(servers: list[Valkey], number: int, kind: str) -> None:
    """Have something strange lie at the key of place *number*."""
    key = key_of(number)
    ask_owner(servers, *[key if word == "KEY" else word for word in STRANGE[kind]])


@asynccontextmanager
async def watched(servers: list[Valkey]) -> AsyncIterator[tuple[ValkeyStore, list[str]]]:
    """Give a store and what it told its operator."""
    said: list[str] = []
    store = await valkey_store(servers, 300, report=said.append)
    try:
        yield store, said
    finally:
        await store.close()


@pytest.mark.parametrize("kind", STRANGE)
@pytest.mark.asyncio
async def test_what_is_no_box_counts_as_nothing_and_all_else_of_the_request_is_served(
    servers: list[Valkey], kind: str
) -> None:
    async with watched(servers) as (one, said), asyncio.timeout(10):
        await one.apply([], [deposit(2, 7)], now=NOW)
        lay(servers, 1, kind)
        polls = [place(1), place(2)]
        wanted: tuple[PollResult, ...] = (Nothing(), Found(box(7)))
        assert await one.look(polls, room=2, now=NOW) == wanted
        # What does not count takes no room, either.
        told = await visited(one, [], [deposit(3, 7)], polls, room=1, now=NOW)
        assert told == ((STORED,), wanted)
        # What stands in its place is a box like every other.
        assert await one.apply([], [deposit(1, 8)], now=NOW) == (STORED,)
        assert await one.apply([], [deposit(1, 9)], now=NOW) == (OCCUPIED,)
        assert await found(one, 1) == Found(box(8))
        lay(servers, 4, kind)
        assert await one.apply([place(4)], [], now=NOW) == ()
        # A sender whose answer was lost brings nothing back.
        assert await one.apply([], [deposit(4, 7)], now=NOW) == (STORED,)
        assert await found(one, 4) == Nothing()
        assert not [line for line in said if "refuse" in line]
        assert said[0] == "the servers keep what no relay wrote: met 1 times"


@pytest.mark.parametrize("kind", STRANGE)
@pytest.mark.asyncio
async def test_a_wait_for_what_is_no_box_asks_twice_and_then_waits(
    servers: list[Valkey], kind: str
) -> None:
    async with watched(servers) as (one, _), asyncio.timeout(10):
        lay(servers, 1, kind)
        waiting = asyncio.create_task(one.wait_for([place(1)], 100, now=NOW))
        done, _ = await asyncio.wait({waiting}, timeout=0.1)
        assert not done
        await one.apply([], [deposit(1, 7)], now=NOW)
        await waiting


@pytest.mark.asyncio
async def test_the_operator_is_told_of_it_ten_times_less_often_each_time(
    servers: list[Valkey],
) -> None:
    async with watched(servers) as (one, said):
        lay(servers, 1, "a word")
        for _ in range(150):
            await found(one, 1)
        assert said == [
            f"the servers keep what no relay wrote: met {count} times" for count in (1, 10, 100)
        ]


def strange_members(number: int) -> list[bytes]:
    """Return what is no id of the tag of place *number*, and two ids that are due too early."""
    elsewhere = next(n for n in range(99) if rules.tag_of(place(n)) != rules.tag_of(place(number)))
    return [
        b"",
        b"x",
        b"x" * 31,
        b"x" * 33,
        b"x" * 5000,
        place(elsewhere),
        place(number),
        place(77),
    ]


@pytest.mark.parametrize("known", ["5", "-1", "-inf"])
@pytest.mark.asyncio
async def test_a_sweep_ends_whatever_stands_among_the_boxes_that_are_over(
    servers: list[Valkey], known: str
) -> None:
    async with watched(servers) as (one, _):
        await one.apply([], [deposit(1, 7)], now=NOW)
        for member in strange_members(1):
            ask_owner(servers, "ZADD", set_of(1), known, member)
        sweeps = 1
        while await one.expire(now=NOW):
            sweeps += 1
            assert sweeps < 10
        assert await found(one, 1) == Found(box(7))
        # And it ends in time, as if nothing had been there.
        while await one.expire(now=NOW + 600):
            pass
        left = ask_owner(servers, "ZRANGE", set_of(1), "0", "-1")
        assert left == [b""]


@pytest.mark.parametrize("meets", ["deposit", "deletion", "sweep", "start"])
@pytest.mark.asyncio
async def test_a_set_that_is_none_is_made_anew_by_whoever_meets_it(
    servers: list[Valkey], meets: str
) -> None:
    async with watched(servers) as (one, said), asyncio.timeout(10):
        await one.apply([], [deposit(1, 7), deposit(2, 7)], now=NOW)
        ask_owner(servers, "DEL", set_of(1))
        ask_owner(servers, "SET", set_of(1), "a")
        if meets == "deposit":
            assert await one.apply([], [deposit(1, 8, shown=True)], now=NOW) == (STORED,)
            assert await found(one, 1) == Found(box(8))
        elif meets == "deletion":
            assert await one.apply([place(1), place(2)], [], now=NOW) == ()
            assert await found(one, 1) == Nothing()
        elif meets == "sweep":
            for _ in range(31):
                await one.expire(now=NOW)
        async with two_stores(*servers) as (other, _):
            outcome = await other.apply([place(1)], [deposit(1, 9)], now=NOW)
            assert outcome == (STORED,)
            assert await found(other, 1) == Nothing()
        assert not [line for line in said if "refuse" in line]


def test_a_relay_answers_no_sync_with_a_failure_for_what_others_wrote(one_valkey: Valkey) -> None:
    flush([one_valkey])
    with running(*over([one_valkey])) as relay:
        relay.sync(request(deposits=(deposit(99, 7),)))
        for number, kind in enumerate(STRANGE):
            lay([one_valkey], number, kind)
        numbers = (*range(len(STRANGE)), 99)
        reply = relay.sync(request(*numbers, room=16))
        nothing = (Nothing(),) * len(STRANGE)
        assert reply.polls[: len(numbers)] == (*nothing, Found(box(7)))
        one_valkey.ask("PUBLISH", CHANNEL, "no id")
        one_valkey.ask("PUBLISH", CHANNEL, b"x" * 100_000)
        reply = relay.sync(request(0, wait=1))
        assert reply.polls[0] == Nothing()
        until(lambda: relay.sync(request(99)).polls[0] == Found(box(7)))
        code, said = relay.stop()
        assert code == 0
        assert "internal error" not in said
        assert "the servers keep what no relay wrote: met 1 times" in said
    flush([one_valkey])
