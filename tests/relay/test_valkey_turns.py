"""What syncs of one turn ask of a single server together: few commands, and each as if alone."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, cast

import pytest

from ojak_protocol.addresses import MailboxId
from ojak_protocol.sync import Deposit, DepositOutcome, Found, Nothing, PollResult
from ojak_relay.errors import StoreAway
from ojak_relay.store import valkey_rules as rules
from ojak_relay.store import valkey_scripts as scripts
from ojak_relay.store import valkey_turns
from ojak_relay.store.base import Store
from ojak_relay.store.memory import MemoryStore
from ojak_relay.store.valkey_checks import LARGE_BYTES
from ojak_relay.store.valkey_primary import Primary
from ojak_relay.store.valkey_turns import Turns
from ojak_relay.store.valkey_wire import Refusal, Reply, word
from tests.relay.kit import NOW, box, deposit, place
from tests.relay.test_valkey import two_stores
from tests.relay.test_valkey_scripts import calls
from tests.relay.test_valkey_strange import set_of
from tests.relay.valkeys import Valkey, flush, valkeys

if TYPE_CHECKING:
    from ojak_relay.store.valkey_line import Line

STORED, OCCUPIED, FULL = DepositOutcome.STORED, DepositOutcome.OCCUPIED, DepositOutcome.FULL
HOUR = 3600

Visited = tuple[tuple[DepositOutcome, ...], tuple[PollResult, ...]]


async def left(store: Store, *numbers: int, content: int = 7, now: int = NOW) -> list[Visited]:
    """Leave a box at each place, in a sync of its own, all in one turn."""
    return await asyncio.gather(
        *[
            store.visit([], [deposit(number, content)], [place(number)], room=1, now=now)
            for number in numbers
        ]
    )


async def commands_for(server: Valkey, syncs: int) -> int:
    """Return how many commands *syncs* in one turn take: each deletes, deposits and looks."""
    flush([server])
    async with two_stores(server, capacity=100) as (one, _):
        await left(one, *range(syncs))
        server.ask("CONFIG", "RESETSTAT")
        told = await asyncio.gather(
            *[
                one.visit(
                    [place(number)],
                    [deposit(100 + number, 7)],
                    [place(100 + number), *map(place, range(200, 231))],
                    room=1,
                    now=NOW,
                )
                for number in range(syncs)
            ]
        )
        made = calls(server)
    assert told == [((STORED,), (Found(box(7)), *[Nothing()] * 31))] * syncs
    return sum(made.get(name, 0) for name in ("evalsha", "mget", "publish", "get"))


@pytest.mark.asyncio
async def test_a_turn_of_many_syncs_takes_hardly_more_commands_than_one(
    one_valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await commands_for(one_valkey, 1) == 4
    assert await commands_for(one_valkey, 8) == 4
    # As many as one command deletes, deposits and looks at, twice, twice and four times.
    assert await commands_for(one_valkey, 32) == 2 + 2 + 4 + 1
    assert await commands_for(one_valkey, 33) == 8 + 3 + 1
    # Planted: each has a turn of its own.
    monkeypatch.setattr(valkey_turns, "SYNCS_AT_ONCE", 0)
    assert await commands_for(one_valkey, 8) == 8 * 3 + 1


STATES: Sequence[str] = ("nothing", "lies", "is deleted", "is over")
ASKED: Sequence[tuple[int, Sequence[tuple[int, bool]]]] = (
    (0, ()),
    (1, ()),
    (2, ()),
    (0, ((7, False),)),
    (0, ((8, False),)),
    (0, ((8, True),)),
    (0, ((8, False), (7, False))),
    (1, ((7, False),)),
    (1, ((8, True), (9, True))),
)
"""How often a place is deleted, and which boxes are then left there, with or without a key."""


async def prepared(store: Store) -> None:
    """Have the places be in all states, for all that is asked."""
    for number, (state, _) in enumerate(product(STATES, ASKED)):
        if state != "nothing":
            ttl = 60 if state == "is over" else 9000
            await store.apply([], [deposit(number, 7, ttl=ttl)], now=NOW)
        if state == "is deleted":
            await store.apply([place(number)], [], now=NOW)


async def answers(store: Store, *, together: bool) -> list[object]:
    """Return what syncs are told, each about a place of its own, and what lies there then."""
    await prepared(store)
    now = NOW + 100
    asked = [
        store.visit(
            [place(number)] * deletes,
            [deposit(number, content, shown=shown) for content, shown in deposits],
            [place(number)],
            room=1,
            now=now,
        )
        for number, (_, (deletes, deposits)) in enumerate(product(STATES, ASKED))
    ]
    told: list[object] = (
        [*await asyncio.gather(*asked)] if together else [await one for one in asked]
    )
    told.append(store.boxes)
    numbers = range(len(asked))
    told += await store.look([place(number) for number in numbers], room=99, now=now)
    told += [await store.apply([], [deposit(number, 3)], now=now) for number in numbers]
    told += await store.look([place(number) for number in numbers], room=99, now=now)
    return told


async def differ(server: Valkey) -> list[int]:
    """Return which answers differ from those of a store in memory that is asked one by one."""
    flush([server])
    wanted = await answers(MemoryStore(100), together=False)
    async with two_stores(server, capacity=100) as (one, _):
        told = await answers(one, together=True)
    return [at for at, (one, other) in enumerate(zip(told, wanted, strict=True)) if one != other]


@pytest.mark.asyncio
async def test_each_sync_of_a_turn_is_answered_as_if_it_were_alone(one_valkey: Valkey) -> None:
    assert not await differ(one_valkey)


@pytest.mark.parametrize(
    ("name", "looks", "instead"),
    [
        ("FIRST_DEPOSITS", b"'NX', string.sub", b"string.sub"),
        ("FIRST_DEPOSITS", b"== 1 then", b"then"),
        ("FIRST_DEPOSITS", b"whole, 'NX', 'PX'", b"whole, 'PX'"),
        ("FIRST_DEPOSITS", b"redis.call('ZREM', ids, id)", b""),
        ("FIRST_DELETES", b"and now < tonumber(known)", b""),
        ("FIRST_DELETES", b"redis.call('ZADD', ids, ARGV[2], id)", b""),
    ],
)
@pytest.mark.asyncio
async def test_a_first_try_that_does_too_much_is_found(
    one_valkey: Valkey, monkeypatch: pytest.MonkeyPatch, name: str, looks: bytes, instead: bytes
) -> None:
    script = getattr(scripts, name)
    assert script.count(looks) == 1
    monkeypatch.setattr(scripts, name, script.replace(looks, instead))
    assert await differ(one_valkey) or not await spares_a_box_in_no_set(one_valkey)


async def spares_a_box_in_no_set(server: Valkey) -> bool:
    """Say whether a box whose set was made anew is kept, and stands in none afterwards."""
    flush([server])
    async with two_stores(server) as (one, _):
        await left(one, 1)
        server.ask("ZREM", set_of(1), place(1))
        told = await left(one, 1, 2, content=8)
        kept = [((OCCUPIED,), (Found(box(7)),)), ((STORED,), (Found(box(8)),))]
        return told == kept and server.ask("ZSCORE", set_of(1), place(1)) is None


@pytest.mark.asyncio
async def test_a_box_that_stands_in_no_set_is_not_written_over(one_valkey: Valkey) -> None:
    assert await spares_a_box_in_no_set(one_valkey)


async def stored_beyond_the_room(server: Valkey) -> int:
    flush([server])
    async with two_stores(server, capacity=5) as (one, _):
        told = await left(one, *range(20))
        assert {outcome for (outcome,), _ in told} == {STORED, FULL}
        assert one.boxes == len(server.ask("KEYS", "{*")) - rules.TAGS
        return sum(outcome is STORED for (outcome,), _ in told) - 5


@pytest.mark.asyncio
async def test_many_at_once_store_no_box_beyond_the_room(
    one_valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await stored_beyond_the_room(one_valkey) == 0
    # Planted: room is looked at once for all.
    counts = b"room = room - 1"
    assert counts in scripts.FIRST_DEPOSITS
    script = scripts.FIRST_DEPOSITS.replace(counts, b"")
    monkeypatch.setattr(scripts, "FIRST_DEPOSITS", script)
    with pytest.raises(AssertionError):
        assert await stored_beyond_the_room(one_valkey) == 0


async def stored_without_memory() -> int:
    """Return how many boxes a server takes that has no memory, beside one that lies there."""
    with valkeys() as (server,):
        async with two_stores(server, capacity=10_000) as (one, _):
            await left(one, 0)
            server.ask("CONFIG", "SET", "maxmemory", "1mb")
            told = await left(one, *range(20))
            assert told[0] == ((STORED,), (Found(box(7)),))
            return sum(outcome is STORED for (outcome,), _ in told[1:])


@pytest.mark.asyncio
async def test_a_box_that_lies_there_brings_in_no_others_where_there_is_no_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A server lets a script that wrote something write on."""
    assert await stored_without_memory() == 0
    # Planted: what lies there is put off at the first try, too.
    tries = b"  told[number] = '-'\n"
    assert tries in scripts.FIRST_DEPOSITS
    writes = tries + b"  redis.call('PEXPIRE', key, 600000)\n"
    monkeypatch.setattr(scripts, "FIRST_DEPOSITS", scripts.FIRST_DEPOSITS.replace(tries, writes))
    assert await stored_without_memory() > 0


@pytest.mark.asyncio
async def test_a_deposit_that_is_repeated_is_asked_for_again_and_places_only_if_it_is_one_of_them(
    one_valkey: Valkey,
) -> None:
    flush([one_valkey])
    async with two_stores(one_valkey) as (one, _):
        await left(one, 1)
        made = []
        for number in (2, 1):
            one_valkey.ask("CONFIG", "RESETSTAT")
            told = await one.visit([], [deposit(1, 7)], [place(number)], room=1, now=NOW)
            assert told == ((STORED,), (Found(box(7)) if number == 1 else Nothing(),))
            made.append(calls(one_valkey)["mget"])
        assert made == [1, 2]


@pytest.mark.asyncio
async def test_a_sync_that_is_broken_off_breaks_off_no_other_of_its_turn(
    one_valkey: Valkey,
) -> None:
    flush([one_valkey])
    async with two_stores(one_valkey) as (one, _), asyncio.timeout(10):
        syncs = [asyncio.create_task(left(one, number)) for number in range(3)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        syncs[1].cancel()
        told = await asyncio.gather(*syncs, return_exceptions=True)
        assert told[::2] == [[((STORED,), (Found(box(7)),))]] * 2
        assert isinstance(told[1], asyncio.CancelledError)


@pytest.mark.parametrize("refuses", ["scripts", "a set", "all"])
@pytest.mark.asyncio
async def test_what_a_server_refuses_of_a_turn_is_asked_for_alone(
    one_valkey: Valkey, refuses: str
) -> None:
    flush([one_valkey])
    async with two_stores(one_valkey) as (one, _), asyncio.timeout(10):
        if refuses == "scripts":
            one_valkey.ask("SCRIPT", "FLUSH")
        elif refuses == "a set":
            one_valkey.ask("DEL", set_of(1))
            one_valkey.ask("SET", set_of(1), "a")
        else:
            one_valkey.ask("CLIENT", "KILL", "TYPE", "normal")
        assert await left(one, *range(5)) == [((STORED,), (Found(box(7)),))] * 5


@dataclass
class Answering:
    """A line on which everything is answered with the same."""

    replies: list[Reply] | StoreAway

    def ask(self, *_: object) -> "asyncio.Future[list[Reply]]":
        done: asyncio.Future[list[Reply]] = asyncio.get_running_loop().create_future()
        if isinstance(self.replies, StoreAway):
            done.set_exception(self.replies)
        else:
            done.set_result(self.replies)
        return done


@pytest.mark.parametrize(
    "replies",
    [
        StoreAway("the line was lost"),
        [b"+", Refusal("ERR no")],
        [Refusal("OOM"), [None]],
        [None, [None]],
        [1, [None]],
        [[b"+"], [None]],
        [b"+", None],
        [b"+", b"+"],
        [],
    ],
)
@pytest.mark.asyncio
async def test_whatever_is_answered_nobody_is_left_to_wait(
    replies: list[Reply] | StoreAway,
) -> None:
    line = cast("Line", Answering(replies))
    server, turns = Primary(("", 0), line, line), Turns()
    async with asyncio.timeout(10):
        told = [turns.ask(server, [], [deposit(n, 7)], [place(n)], NOW) for n in range(2)]
        for one in await asyncio.gather(*told, return_exceptions=True):
            assert isinstance(one, StoreAway)


@pytest.mark.asyncio
async def test_syncs_of_two_times_in_one_turn_have_each_their_own(one_valkey: Valkey) -> None:
    flush([one_valkey])
    later = NOW + 1000
    async with two_stores(one_valkey) as (one, _):
        await left(one, 1, 2)
        times = ((1, NOW), (2, later), (3, NOW), (4, later))
        told = await asyncio.gather(*[left(one, number, now=now) for number, now in times])
        assert told == [[((STORED,), (Found(box(7)),))]] * 4
        lying = await one.look([place(number) for number, _ in times], room=4, now=later)
        assert lying == (Nothing(), Found(box(7))) * 2


def test_no_command_and_no_reply_is_so_large_that_servers_log_it() -> None:
    reply = rules.KEYS_AT_ONCE * word(bytes(scripts.WHOLE_BYTES))
    assert len(reply) + len(b"*256\r\n") < LARGE_BYTES
    some = [Deposit(MailboxId(bytes(32)), None, 600, 0, box(7))] * rules.BOXES_AT_ONCE
    assert len(b"".join(rules.first_deposits(some, NOW, 10_000))) < LARGE_BYTES
