"""What syncs of one turn ask of a single server together: few commands, and each as if alone."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations, product
from typing import TYPE_CHECKING, cast

import pytest

from ojak_protocol.addresses import MailboxId
from ojak_protocol.sync import DepositOutcome, Found, Nothing
from ojak_relay.errors import StoreAway
from ojak_relay.store import valkey_rules as rules
from ojak_relay.store import valkey_scripts as scripts
from ojak_relay.store import valkey_turns
from ojak_relay.store.base import Store, Visited
from ojak_relay.store.memory import MemoryStore
from ojak_relay.store.valkey_checks import LARGE_BYTES
from ojak_relay.store.valkey_primary import Primary
from ojak_relay.store.valkey_turns import Told, Turns
from ojak_relay.store.valkey_wire import Refusal, Reply, word
from tests.relay.kit import NOW, box, deposit, place
from tests.relay.test_valkey import two_stores
from tests.relay.test_valkey_scripts import calls
from tests.relay.test_valkey_strange import key_of, set_of
from tests.relay.valkeys import Valkey, flush, until
from tests.relay.visiting import visited

if TYPE_CHECKING:
    from ojak_relay.store.valkey_line import Line
    from ojak_relay.store.valkey_turns import Come

STORED = DepositOutcome.STORED


async def left(store: Store, *numbers: int, content: int = 7, now: int = NOW) -> list[Visited]:
    """Leave a box at each place, in a sync of its own, all in one turn."""
    return await asyncio.gather(
        *[
            visited(store, [], [deposit(number, content)], [place(number)], room=1, now=now)
            for number in numbers
        ]
    )


async def looks_for(server: Valkey, syncs: int) -> tuple[int, int]:
    """Have *syncs* of one turn look at 16 places each; all are right.

    Return by how many commands they look, and how often all are told of their boxes.
    """
    flush([server])
    async with two_stores(server, capacity=100) as (one, _):
        await left(one, *range(syncs))
        server.ask("CONFIG", "RESETSTAT")
        told = await asyncio.gather(
            *[
                visited(
                    one,
                    [place(number)],
                    [deposit(100 + number, number)],
                    [place(100 + number), *map(place, range(200, 215))],
                    room=1,
                    now=NOW,
                )
                for number in range(syncs)
            ]
        )
        made = calls(server)
    assert told == [((STORED,), (Found(box(n)), *[Nothing()] * 15)) for n in range(syncs)]
    assert made["evalsha"] == 2 * syncs
    return made["mget"], made["publish"]


@pytest.mark.asyncio
async def test_places_of_many_syncs_of_a_turn_are_looked_at_together(
    one_valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = [await looks_for(one_valkey, syncs) for syncs in (1, 16, 17, 32, 33)]
    assert told == [(1, 1), (1, 1), (2, 1), (2, 1), (3, 2)]
    # Planted: each has a turn of its own.
    monkeypatch.setattr(valkey_turns, "PLACES_AT_ONCE", 0)
    assert await looks_for(one_valkey, 8) == (8, 8)


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
        visited(
            store,
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


SWAPS: Sequence[tuple[Sequence[int], Sequence[int]]] = (
    ((), (1,)),
    ((1,), (2,)),
    ((2,), (1,)),
    ((1, 2), ()),
    ((2, 3), (1, 3)),
    ((3,), (3, 2)),
)
"""Which places a sync deletes, and where it leaves boxes."""


async def changed(store: Store, syncs: Sequence[int], *, together: bool) -> list[object]:
    """Return what *syncs* of `SWAPS` are told of their boxes, and what lies there then."""
    asked = [
        visited(
            store,
            list(map(place, SWAPS[number][0])),
            [deposit(at, number) for at in SWAPS[number][1]],
            [place(9)],
            room=1,
            now=NOW,
        )
        for number in syncs
    ]
    done = [*await asyncio.gather(*asked)] if together else [await one for one in asked]
    lying = await store.look([place(number) for number in (1, 2, 3)], room=3, now=NOW)
    return [*[outcomes for outcomes, _ in done], *lying]


@pytest.mark.parametrize("syncs", [*permutations(range(len(SWAPS)), 2)])
@pytest.mark.asyncio
async def test_c1_syncs_of_one_turn_change_one_after_the_other(
    one_valkey: Valkey, syncs: tuple[int, int]
) -> None:
    flush([one_valkey])
    async with two_stores(one_valkey) as (one, _):
        told = await changed(one, syncs, together=True)
    assert told == await changed(MemoryStore(100), syncs, together=False)


@pytest.mark.asyncio
async def test_a_full_turn_leaves_before_the_loop_turns(one_valkey: Valkey) -> None:
    flush([one_valkey])
    async with two_stores(one_valkey) as (one, _):
        told: list[Visited | None] = []
        polls = [place(number) for number in range(valkey_turns.PLACES_AT_ONCE)]
        assert one.begin_visit([], [deposit(1, 7)], polls, room=1, now=NOW, come=told.append)
        # In this turn of the loop.
        until(lambda: one_valkey.ask("EXISTS", key_of(1)))
        assert not told


@pytest.mark.asyncio
async def test_a_visit_that_looks_at_nothing_has_no_part_in_a_turn(one_valkey: Valkey) -> None:
    """Alone in one it would wait for replies to nothing."""
    flush([one_valkey])
    async with two_stores(one_valkey) as (one, _):
        told: list[Visited | None] = []
        assert not one.begin_visit([], [], [], room=1, now=NOW, come=told.append)
        assert one.begin_visit([], [], [place(1)], room=1, now=NOW, come=told.append)


@pytest.mark.parametrize("refuses", ["scripts", "a set", "all"])
@pytest.mark.asyncio
async def test_what_a_server_refuses_of_a_turn_is_asked_for_again(
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
    closed: int = 0

    def send(self) -> None:
        """Send nothing more."""

    def close(self) -> None:
        self.closed += 1

    def ask(self, *_: object) -> "asyncio.Future[list[Reply]]":
        done: asyncio.Future[list[Reply]] = asyncio.get_running_loop().create_future()
        if isinstance(self.replies, StoreAway):
            done.set_exception(self.replies)
        else:
            done.set_result(self.replies)
        return done


def asked(
    turns: Turns, server: Primary, changes: Sequence[bytes], count: int, places: list[MailboxId]
) -> "asyncio.Future[Told | None]":
    """Ask in turns, and return what will be told; told twice, the loop notes an error."""
    told: asyncio.Future[Told | None] = asyncio.get_running_loop().create_future()
    turns.ask(server, changes, count, [], places, told.set_result)
    return told


@pytest.mark.parametrize(
    "replies",
    [
        StoreAway("the line was lost"),
        [b"added", b"added", Refusal("ERR no")],
        [b"added", b"added", None],
        [b"added", b"added", b"+"],
        [b"added", b"added", [None]],
        [b"added", b"added", [None] * 3],
        [b"added", b"added", [None], [None]],
        [b"added", [None, None]],
        [b"added", b"added"],
        [],
    ],
)
@pytest.mark.asyncio
async def test_whatever_else_is_answered_nobody_is_told_it_and_nobody_is_left_to_wait(
    replies: list[Reply] | StoreAway,
) -> None:
    errors: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: errors.append(context))
    answering = Answering(replies)
    line = cast("Line", answering)
    server, turns = Primary(("", 0), line, line), Turns()
    async with asyncio.timeout(10):
        told = [asked(turns, server, [b"?"], 1, [place(n)]) for n in range(2)]
        assert await asyncio.gather(*told) == [None, None]
        await asyncio.sleep(0)
    assert not errors
    # Where answers have shifted those that follow would be told to others.
    refuses = isinstance(replies, StoreAway) or not replies or Refusal in map(type, replies)
    assert answering.closed == (0 if refuses else 1)


class Failing:
    """A line that fails before it asks, and when it is closed."""

    closed = 0

    def ask(self, *_: object) -> "asyncio.Future[list[Reply]]":
        raise MemoryError

    def close(self) -> None:
        self.closed += 1
        raise MemoryError


class FailsToSend:
    """A line that fails when it sends; what was asked on it then fails when it is closed."""

    closed = 0

    def __init__(self) -> None:
        self.done: asyncio.Future[list[Reply]] = asyncio.get_running_loop().create_future()

    def ask(self, *_: object) -> "asyncio.Future[list[Reply]]":
        return self.done

    def send(self) -> None:
        raise MemoryError

    def close(self) -> None:
        self.closed += 1
        self.done.set_exception(StoreAway("the line was lost"))
        raise MemoryError


@pytest.mark.parametrize("made", [Failing, FailsToSend])
@pytest.mark.parametrize("places", [1, valkey_turns.PLACES_AT_ONCE])
@pytest.mark.asyncio
async def test_a_turn_that_cannot_be_asked_leaves_nobody_to_wait(
    made: type[Failing | FailsToSend], places: int
) -> None:
    errors: list[object] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: errors.append(context["exception"]))
    failing = made()
    line = cast("Line", failing)
    server, turns = Primary(("", 0), line, line), Turns()
    async with asyncio.timeout(10):
        assert await asked(turns, server, [b"?"], 1, [place(1)] * places) is None
        await asyncio.sleep(0)
    # And nobody is told twice.
    assert [type(error) for error in errors] == [MemoryError] * 2
    assert failing.closed == 1


@pytest.mark.asyncio
async def test_whoever_fails_when_he_is_told_keeps_back_none_of_the_others() -> None:
    errors: list[object] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: errors.append(context["exception"]))
    line = cast("Line", Answering([[b"A", b"B"]]))
    server, turns = Primary(("", 0), line, line), Turns()

    def fail(_: Told | None) -> None:
        raise ZeroDivisionError

    async with asyncio.timeout(10):
        turns.ask(server, [], 0, [], [place(1)], fail)
        assert await asked(turns, server, [], 0, [place(2)]) == Told([], [b"B"])
    assert [type(error) for error in errors] == [ZeroDivisionError]


class TellsNothing(list[Reply]):
    """Replies that cannot be taken apart."""

    def __getitem__(self, _: object) -> Reply:
        raise MemoryError


@pytest.mark.asyncio
async def test_replies_that_cannot_be_taken_apart_leave_nobody_to_wait() -> None:
    errors: list[object] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: errors.append(context["exception"]))
    line = cast("Line", Answering(TellsNothing([[None]])))
    server, turns = Primary(("", 0), line, line), Turns()
    async with asyncio.timeout(10):
        told = [asked(turns, server, [b"?"], 1, [place(n)]) for n in range(2)]
        assert await asyncio.gather(*told) == [None, None]
    assert [type(error) for error in errors] == [MemoryError]


@pytest.mark.parametrize(
    "told", [Told([b"what"], [None]), Told([b"added"], [5]), Told([Refusal("ERR")], [None])]
)
@pytest.mark.asyncio
async def test_what_is_no_answer_is_asked_for_again(
    one_valkey: Valkey, monkeypatch: pytest.MonkeyPatch, told: Told
) -> None:
    def ask(_self: Turns, *asked: object) -> None:
        asyncio.get_running_loop().call_soon(cast("Come", asked[-1]), told)

    flush([one_valkey])
    async with two_stores(one_valkey) as (one, _), asyncio.timeout(10):
        monkeypatch.setattr(Turns, "ask", ask)
        assert await left(one, 1) == [((STORED,), (Found(box(7)),))]


@pytest.mark.asyncio
async def test_who_asks_another_server_is_asked_for_there() -> None:
    lines = [cast("Line", Answering([[name]])) for name in (b"one", b"two")]
    servers = [Primary(("", number), line, line) for number, line in enumerate(lines)]
    turns = Turns()
    async with asyncio.timeout(10):
        told = [asked(turns, servers[n], [], 0, [place(n)]) for n in (0, 1, 0)]
        assert await asyncio.gather(*told) == [
            Told([], [name]) for name in (b"one", b"two", b"one")
        ]


@pytest.mark.asyncio
async def test_each_sync_of_a_turn_is_told_its_own() -> None:
    line = cast("Line", Answering([b"one", b"two", Refusal("ERR"), [b"A", None, b"B"]]))
    server, turns = Primary(("", 0), line, line), Turns()
    async with asyncio.timeout(10):
        told = await asyncio.gather(
            asked(turns, server, [b"?"], 1, [place(1)]),
            asked(turns, server, [], 0, [place(2)]),
            asked(turns, server, [b"?", b"?"], 2, [place(3)]),
        )
    assert told[2] is not None
    refusal = told[2].changes[1]
    assert isinstance(refusal, Refusal)
    assert [one and tuple(one) for one in told] == [
        ([b"one"], [b"A"]),
        ([], [None]),
        ([b"two", refusal], [b"B"]),
    ]


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


def test_no_reply_is_so_large_that_servers_log_it() -> None:
    reply = rules.KEYS_AT_ONCE * word(bytes(scripts.WHOLE_BYTES))
    assert len(reply) + len(b"*256\r\n") < LARGE_BYTES
