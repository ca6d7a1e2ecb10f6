"""What a server does for one box: as little as can be, and all of it or nothing."""

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import permutations

import pytest

from ojak_protocol.sync import DepositOutcome, Found, Nothing
from ojak_relay.store import valkey_rules as rules
from ojak_relay.store import valkey_scripts as scripts
from ojak_relay.store.valkey_line import Line
from ojak_relay.store.valkey_wire import Login, Refusal, Reply
from tests.relay.kit import NOW, box, deposit, place
from tests.relay.test_valkey import found, two_stores
from tests.relay.test_valkey_strange import key_of, lay, set_of
from tests.relay.valkeys import Valkey, flush

STORED = (DepositOutcome.STORED,)


def calls(server: Valkey) -> dict[str, int]:
    """Return which commands *server* was asked for, by scripts too, and how often."""
    told = server.ask("INFO", "COMMANDSTATS").decode()
    return {name: int(count) for name, count in re.findall(r"cmdstat_(\w+):calls=(\d+)", told)}


@pytest.mark.asyncio
async def test_a_box_that_comes_and_goes_is_read_by_nobody_but_who_asks_for_it(
    one_valkey: Valkey,
) -> None:
    """Most of what a box costs is the number of calls, and that it is copied for each."""
    flush([one_valkey])
    async with two_stores(one_valkey) as (one, _):
        one_valkey.ask("CONFIG", "RESETSTAT")
        assert await one.apply([], [deposit(1, 7)], now=NOW) == STORED
        assert await one.apply([place(1)], [], now=NOW) == ()
        made = calls(one_valkey)
        assert made.keys().isdisjoint({"get", "mget", "getrange"})
        assert sum(made[name] for name in made if name not in {"config|resetstat", "info"}) == 9


@asynccontextmanager
async def asking(server: Valkey) -> AsyncIterator[Line]:
    """Give a line to *server*, which knows the scripts and keeps the sets."""
    line = await Line.open(("127.0.0.1", server.port), Login(), lambda: None)
    for command in rules.loads():
        await line.ask([command], 1)
    try:
        yield line
    finally:
        line.close()


async def refused(line: Line, command: Sequence[bytes]) -> bool:
    (reply,) = await line.ask(command, 1)
    return isinstance(reply, Refusal)


async def failing_leaves_all_as_it_was(server: Valkey) -> bool:
    """Say whether scripts that fail at a set that is none have changed nothing."""
    flush([server])
    kept: list[Reply] = []
    async with two_stores(server) as (one, _), asking(server) as line:
        assert await one.apply([], [deposit(1, 7)], now=NOW) == STORED
        server.ask("DEL", set_of(1))
        server.ask("SET", set_of(1), "a")
        assert await refused(line, rules.delete(place(1), NOW))
        kept.append(await found(one, 1) == Found(box(7)))
        server.ask("DEL", set_of(2))
        server.ask("SET", set_of(2), "a")
        assert await refused(line, rules.deposit(deposit(2, 7), NOW, 10_000))
        kept.append(await found(one, 2) == Nothing())
        # A box that stands in no set: what stood there was made anew.
        server.ask("DEL", set_of(3))
        lay([server], 3, "a word")
        server.ask("ZADD", set_of(3), "+inf", "")
        (reply,) = await line.ask(rules.deposit(deposit(3, 7), NOW, 1), 1)
        kept.append(reply == scripts.MENDED)
        server.ask("DEL", key_of(3), set_of(3))
        server.ask("SET", key_of(3), b"%010d%010d" % (NOW, NOW + 600) + box(9))
        (reply,) = await line.ask(rules.deposit(deposit(3, 7), NOW, 10_000), 1)
        kept.append(reply == scripts.OCCUPIED)
        kept.append(server.ask("ZSCORE", set_of(3), place(3)) is None)
    return all(kept)


@pytest.mark.asyncio
async def test_a_script_that_fails_leaves_all_as_it_was(one_valkey: Valkey) -> None:
    assert await failing_leaves_all_as_it_was(one_valkey)


@pytest.mark.parametrize(
    ("name", "mends"),
    [
        ("DEPOSIT", b"redis.call('ZREM', KEYS[2], id)\nend"),
        ("DELETE", b"local known = tonumber(redis.call('ZSCORE', KEYS[2], id) or 0)"),
    ],
)
@pytest.mark.asyncio
async def test_a_script_that_fails_by_half_is_found(
    one_valkey: Valkey, monkeypatch: pytest.MonkeyPatch, name: str, mends: bytes
) -> None:
    """Planted: what it has done is not undone."""
    script = getattr(scripts, name)
    assert mends in script
    by_half = script.replace(mends, b"end" if b"end" in mends else b"redis.call('DEL', KEYS[1])")
    monkeypatch.setattr(scripts, name, by_half)
    assert not await failing_leaves_all_as_it_was(one_valkey)


def test_commands_stand_in_the_order_in_which_they_are_asked_for_again() -> None:
    """After a cluster moved some of them, what is left to ask for is in no rising order."""
    changes = rules.changes([place(0), place(1)], [deposit(2, 7), deposit(3, 8)], NOW)
    alone = [changes([number], 1000) for number in range(4)]
    assert len({b"".join(one) for one in alone}) == 4
    for numbers in permutations(range(4)):
        together = changes(numbers, 1000)
        assert together == [piece for number in numbers for piece in alone[number]]


@pytest.mark.asyncio
async def test_a_box_that_the_server_ended_early_is_not_brought_back_once_deleted(
    one_valkey: Valkey,
) -> None:
    """Its clock may be ahead: a deletion is remembered if the box stands among those not over."""
    flush([one_valkey])
    async with two_stores(one_valkey) as (one, other):
        await one.apply([], [deposit(1, 7)], now=NOW)
        one_valkey.ask("DEL", key_of(1))
        await one.apply([place(1)], [], now=NOW)
        assert int(one_valkey.ask("ZSCORE", set_of(1), place(1))) >= scripts.DELETED_FROM
        assert await other.apply([], [deposit(1, 7)], now=NOW) == STORED
        assert await found(other, 1) == Nothing()
