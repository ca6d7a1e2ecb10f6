"""The service against a plain model: any order of visits gives what the rules say."""

import asyncio
import tempfile
from collections.abc import Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from ojak_protocol.addresses import mailbox_id
from ojak_protocol.sync import (
    Deposit,
    DepositOutcome,
    Found,
    NoRoom,
    Nothing,
    PollResult,
    SyncReply,
)
from ojak_relay.service import Service
from ojak_relay.store.base import Store
from ojak_relay.store.memory import MemoryStore
from ojak_relay.store.pages import PagesStore
from tests.relay.kit import NOW, deposit, key, place, request
from tests.relay.visiting import Far, served

T = TypeVar("T")

CAPACITY = 4
PLACES = range(6)
HOUR = 3600


@dataclass
class Clock:
    now: int = NOW

    def __call__(self) -> int:
        return self.now


@dataclass
class Model:
    """The rules of the relay over a dict, as slowly and plainly as can be."""

    boxes: dict[bytes, tuple[int, int, bytes]] = field(default_factory=dict)
    deleted_at: dict[bytes, int] = field(default_factory=dict)

    def pass_time(self, now: int) -> None:
        self.boxes = {id_: kept for id_, kept in self.boxes.items() if now < kept[1]}

    def delete(self, id_: bytes, now: int) -> None:
        if self.boxes.pop(id_, None):
            self.deleted_at[id_] = now

    def deposit(self, asked: Deposit, now: int) -> DepositOutcome:
        lying = self.boxes.get(asked.id)
        if lying and lying[2] == asked.box:
            return DepositOutcome.STORED
        if lying and asked.delete_key is None:
            return DepositOutcome.OCCUPIED
        if not lying and now - self.deleted_at.get(asked.id, -HOUR) < HOUR:
            return DepositOutcome.STORED
        if not lying and len(self.boxes) >= CAPACITY:
            return DepositOutcome.FULL
        released = now + asked.after_seconds
        self.boxes[asked.id] = released, released + asked.ttl_seconds, asked.box
        return DepositOutcome.STORED

    def look(self, id_: bytes, room: int, now: int) -> PollResult:
        lying = self.boxes.get(id_)
        if not lying or now < lying[0]:
            return Nothing()
        return Found(lying[2]) if room else NoRoom()

    def sync(self, deletes: list[int], deposits: list[Deposit], room: int, now: int) -> SyncReply:
        self.pass_time(now)
        for number in deletes:
            self.delete(mailbox_id(key(number)), now)
        outcomes = tuple(self.deposit(asked, now) for asked in deposits)
        results: list[PollResult] = []
        for number in PLACES:
            results.append(self.look(place(number), room, now))
            room -= isinstance(results[-1], Found)
        return SyncReply(now, tuple(results), outcomes)


deposits = st.builds(
    deposit,
    st.sampled_from(PLACES),
    st.integers(0, 2),
    shown=st.booleans(),
    ttl=st.sampled_from([60, 600, 9000]),
    after=st.sampled_from([0, 0, 0, 50, 500]),
)


class Visits(RuleBasedStateMachine):
    """Visits to a relay, time that passes, sweeps and restarts."""

    durable = False

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory()
        self.clock = Clock()
        self.model = Model()
        self.open()

    def open(self) -> None:
        self.store: Store = self.run(self.opened())
        self.service = Service(self.store, self.clock)

    async def opened(self) -> Store:
        if self.durable:
            return await PagesStore.open(Path(self.folder.name) / "store", CAPACITY)
        return MemoryStore(CAPACITY)

    def run(self, work: Coroutine[None, None, T]) -> T:
        return self.runner.run(work)

    @rule(
        deletes=st.lists(st.sampled_from(PLACES), max_size=2),
        asked=st.lists(deposits, max_size=4),
        room=st.sampled_from([0, 1, 4, 16]),
    )
    def visit(self, deletes: list[int], asked: list[Deposit], room: int) -> None:
        expected = self.model.sync(deletes, asked, room, self.clock.now)
        body = request(*PLACES, deletes=tuple(deletes), deposits=tuple(asked), room=room)
        reply = self.run(served(self.service, body))
        assert reply.deposits == expected.deposits
        assert reply.polls[: len(PLACES)] == expected.polls
        assert reply.clock == self.clock.now

    @rule(room=st.sampled_from([0, 1, 4, 16]))
    def glance(self, room: int) -> None:
        expected = self.model.sync([], [], room, self.clock.now)
        reply = self.service.at_once(request(*PLACES, room=room))
        if reply is not None:
            assert reply.polls[: len(PLACES)] == expected.polls
            assert (reply.deposits, reply.clock) == ((), self.clock.now)
        else:
            # The durable one alone, after a sweep or a restart.
            assert self.durable
            assert any(isinstance(result, Found) for result in expected.polls)

    @rule(seconds=st.sampled_from([1, 49, 50, 60, 550, 3599, 3600]))
    def time_passes(self, seconds: int) -> None:
        self.clock.now += seconds
        # Room is only made by the sweep; the model makes it at once.
        while self.run(self.store.expire(now=self.clock.now)):
            pass
        self.model.pass_time(self.clock.now)

    @invariant()
    def nothing_too_much_is_kept(self) -> None:
        assert self.store.boxes == len(self.model.boxes)

    def teardown(self) -> None:
        self.run(self.store.close())
        self.runner.close()
        self.folder.cleanup()


class DurableVisits(Visits):
    """The same over the pages store, which may be stopped and started at any time."""

    durable = True

    @rule()
    def restart(self) -> None:
        self.run(self.store.close())
        # What was deleted is only remembered in memory.
        self.model.deleted_at.clear()
        self.open()


class FarVisits(Visits):
    """The same over a store that answers later, or has to be asked again."""

    async def opened(self) -> Store:
        return Far(CAPACITY)


TestFarVisits = FarVisits.TestCase
TestFarVisits.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
TestVisits = Visits.TestCase
TestVisits.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
TestDurableVisits = DurableVisits.TestCase
TestDurableVisits.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)


def test_what_changes_or_waits_is_not_answered_at_once() -> None:
    service = Service(MemoryStore(10), Clock())
    assert service.at_once(request(1)) is not None
    assert service.at_once(request(1, wait=25)) is None
    assert service.at_once(request(deletes=(1,))) is None
    assert service.at_once(request(deposits=(deposit(1, 7),))) is None


@pytest.mark.parametrize("store", [MemoryStore, Far])
@pytest.mark.asyncio
async def test_a_wait_commits_first_and_is_answered_when_another_visit_brings_the_box(
    store: type[MemoryStore],
) -> None:
    made = store(10)
    service = Service(made, Clock())
    waiting = [
        asyncio.create_task(served(service, request(1, deposits=(deposit(n, 5),), wait=25)))
        for n in (2, 3, 4, 5)
    ]
    async with asyncio.timeout(5):
        for n in (2, 3, 4, 5):
            reply = await served(service, request(n, wait=25))
            assert reply.polls[0] == Found(deposit(n, 5).box)
        assert not any(one.done() for one in waiting)
    await served(service, request(deposits=(deposit(1, 7),)))
    async with asyncio.timeout(5):
        replies = await asyncio.gather(*waiting)
    assert [reply.polls[0] for reply in replies] == [Found(deposit(1, 7).box)] * 4
    assert not isinstance(made, Far) or made.visits == 4 + 4 + 1


@pytest.mark.parametrize("store", [MemoryStore, Far])
@pytest.mark.asyncio
async def test_what_is_not_taken_of_a_visit_is_refused(store: type[MemoryStore]) -> None:
    service = Service(store(10), Clock())
    for first in (1, 11, 21, 31):
        asked = request(first, first + 1, deposits=(deposit(first, 5), deposit(first + 1, 6)))
        reply = await served(service, asked, taken=1)
        assert reply.deposits == (DepositOutcome.STORED, DepositOutcome.REFUSED)
        assert reply.polls[:2] == (Found(deposit(first, 5).box), Nothing())


@pytest.mark.asyncio
async def test_a_wait_without_room_says_that_something_is_there() -> None:
    service = Service(MemoryStore(10), Clock())
    await service.sync(request(deposits=(deposit(1, 7),)))
    async with asyncio.timeout(5):
        reply = await service.sync(request(1, room=0, wait=25))
    assert reply.polls[0] == NoRoom()


@pytest.mark.asyncio
async def test_draining_answers_all_who_wait_and_lets_nobody_wait_again() -> None:
    service = Service(MemoryStore(10), Clock())
    waiting = [asyncio.create_task(service.sync(request(n, wait=25))) for n in range(5)]
    await asyncio.sleep(0)
    service.drain()
    async with asyncio.timeout(5):
        replies = await asyncio.gather(*waiting)
        await service.sync(request(1, wait=25))
    assert all(reply.polls[0] == Nothing() for reply in replies)
    assert not service.ready
