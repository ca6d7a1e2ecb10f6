"""What every store promises: the same assertions for each of them."""

import asyncio
import gc
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest

from ojak_protocol.addresses import MailboxId
from ojak_protocol.sync import DepositOutcome, Found, NoRoom, Nothing, PollResult
from ojak_relay.store import memory, pages, valkey_scripts
from ojak_relay.store.base import EXPIRE_AT_MOST, Store
from ojak_relay.store.deleted import DeletedLately
from ojak_relay.store.memory import MemoryStore
from ojak_relay.store.pages import PagesStore
from tests.relay.kit import NOW, box, deposit, place
from tests.relay.valkeys import Valkey, flush, valkey_store
from tests.relay.visiting import visited

STORED, OCCUPIED, FULL = DepositOutcome.STORED, DepositOutcome.OCCUPIED, DepositOutcome.FULL
HOUR = 3600

Opener = Callable[..., AbstractAsyncContextManager[Store]]


@pytest.fixture(params=["memory", "pages", "valkey", "valkey cluster"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Opener:
    return opener(request, tmp_path)


@pytest.fixture(params=["memory", "pages", "valkey"])
def opened_as_one(request: pytest.FixtureRequest, tmp_path: Path) -> Opener:
    """Without the cluster, of which each server has its own part of the room."""
    return opener(request, tmp_path)


def opener(request: pytest.FixtureRequest, tmp_path: Path) -> Opener:
    servers: list[Valkey] = []
    match request.param:
        case "valkey":
            servers = [request.getfixturevalue("one_valkey")]
        case "valkey cluster":
            servers = request.getfixturevalue("valkey_cluster")
    flush(servers)

    @asynccontextmanager
    async def open_(capacity: int = 10) -> AsyncIterator[Store]:
        if servers:
            store: Store = await valkey_store(servers, capacity)
        elif request.param == "memory":
            store = MemoryStore(capacity)
        else:
            store = await PagesStore.open(tmp_path / "store", capacity)
        try:
            yield store
        finally:
            await store.close()

    return open_


async def look(store: Store, *numbers: int, room: int = 16, now: int = NOW) -> list[PollResult]:
    return list(await store.look([place(number) for number in numbers], room=room, now=now))


async def sweep(store: Store, *, now: int) -> None:
    """Have *store* erase what is over, which must come to an end."""
    for _ in range(100):
        if not await store.expire(now=now):
            return
    pytest.fail("a sweep that never ends")


@pytest.mark.asyncio
async def test_a_deposited_box_is_found_again_and_again(opened: Opener) -> None:
    async with opened() as store:
        assert await store.apply([], [deposit(1, 7)], now=NOW) == (STORED,)
        for _ in range(2):
            assert await look(store, 1, 2) == [Found(box(7)), Nothing()]


@pytest.mark.asyncio
async def test_first_deposit_wins_over_other_bytes(opened: Opener) -> None:
    async with opened() as store:
        await store.apply([], [deposit(1, 7)], now=NOW)
        assert await store.apply([], [deposit(1, 8)], now=NOW) == (OCCUPIED,)
        assert await look(store, 1) == [Found(box(7))]


@pytest.mark.asyncio
async def test_the_same_bytes_again_are_stored_and_never_live_longer(opened: Opener) -> None:
    async with opened() as store:
        await store.apply([], [deposit(1, 7, ttl=600)], now=NOW)
        for shown in (False, True):
            again = deposit(1, 7, ttl=6000, shown=shown)
            assert await store.apply([], [again], now=NOW + 1) == (STORED,)
        assert await look(store, 1, now=NOW + 599) == [Found(box(7))]
        assert await look(store, 1, now=NOW + 600) == [Nothing()]


@pytest.mark.asyncio
async def test_a_deposit_that_shows_the_key_replaces_what_lies_there(opened: Opener) -> None:
    async with opened() as store:
        await store.apply([], [deposit(1, 7, ttl=600)], now=NOW)
        replacing = deposit(1, 8, ttl=6000, shown=True)
        assert await store.apply([], [replacing], now=NOW) == (STORED,)
        assert await look(store, 1) == [Found(box(8))]
        assert await look(store, 1, now=NOW + 5999) == [Found(box(8))]
        assert store.boxes == 1


@pytest.mark.asyncio
async def test_a_deposit_that_shows_the_key_stores_where_nothing_lies(opened: Opener) -> None:
    async with opened() as store:
        assert await store.apply([], [deposit(1, 8, shown=True)], now=NOW) == (STORED,)
        assert await look(store, 1) == [Found(box(8))]


@pytest.mark.asyncio
async def test_a_deleted_box_is_gone_and_makes_room(opened: Opener) -> None:
    async with opened(capacity=1) as store:
        await store.apply([], [deposit(1, 7)], now=NOW)
        assert await store.apply([place(1)], [deposit(2, 8)], now=NOW) == (STORED,)
        assert await look(store, 1, 2) == [Nothing(), Found(box(8))]
        assert store.boxes == 1


@pytest.mark.parametrize("shown", [False, True])
@pytest.mark.asyncio
async def test_a_deposit_repeated_within_an_hour_of_its_deletion_brings_nothing_back(
    opened: Opener, *, shown: bool
) -> None:
    async with opened() as store:
        await store.apply([], [deposit(1, 7, ttl=9000)], now=NOW)
        await store.apply([place(1)], [], now=NOW)
        for content in (7, 8):
            again = deposit(1, content, shown=shown)
            assert await store.apply([], [again], now=NOW + HOUR - 1) == (STORED,)
            assert await look(store, 1, now=NOW + HOUR - 1) == [Nothing()]
        assert await store.apply([], [deposit(1, 7, shown=shown)], now=NOW + HOUR) == (STORED,)
        assert await look(store, 1, now=NOW + HOUR) == [Found(box(7))]


@pytest.mark.asyncio
async def test_a_delete_that_finds_nothing_leaves_no_mark(opened: Opener) -> None:
    async with opened() as store:
        await store.apply([place(1)], [], now=NOW)
        await store.apply([], [deposit(1, 7)], now=NOW)
        assert await look(store, 1) == [Found(box(7))]


@pytest.mark.asyncio
async def test_deleting_a_box_past_its_time_leaves_no_mark(opened: Opener) -> None:
    async with opened() as store:
        await store.apply([], [deposit(1, 7, ttl=60)], now=NOW)
        await store.apply([place(1)], [], now=NOW + 60)
        assert store.boxes == 0
        await store.apply([], [deposit(1, 8)], now=NOW + 60)
        assert await look(store, 1, now=NOW + 60) == [Found(box(8))]


@pytest.mark.asyncio
async def test_deletes_come_before_deposits(opened: Opener) -> None:
    async with opened() as store:
        await store.apply([], [deposit(1, 7)], now=NOW)
        # Deposited again in the same breath: it was deleted within the hour.
        assert await store.apply([place(1)], [deposit(1, 8)], now=NOW) == (STORED,)
        assert await look(store, 1) == [Nothing()]


@pytest.mark.asyncio
async def test_deposits_of_one_request_stand_in_their_order(opened: Opener) -> None:
    async with opened() as store:
        outcomes = await store.apply(
            [], [deposit(1, 7), deposit(1, 8), deposit(1, 9, shown=True)], now=NOW
        )
        assert outcomes == (STORED, OCCUPIED, STORED)
        assert await look(store, 1) == [Found(box(9))]
        assert store.boxes == 1


@pytest.mark.asyncio
async def test_a_box_past_its_time_is_never_given_out_before_any_sweep(opened: Opener) -> None:
    async with opened() as store:
        await store.apply([], [deposit(1, 7, ttl=60)], now=NOW)
        assert await look(store, 1, now=NOW + 59) == [Found(box(7))]
        assert await look(store, 1, now=NOW + 60) == [Nothing()]
        assert await store.apply([], [deposit(1, 8)], now=NOW + 60) == (STORED,)
        assert await look(store, 1, now=NOW + 60) == [Found(box(8))]
        assert store.boxes == 1


@pytest.mark.asyncio
async def test_a_timed_box_is_invisible_until_its_release_and_lives_from_there(
    opened: Opener,
) -> None:
    async with opened() as store:
        await store.apply([], [deposit(1, 7, ttl=60, after=100)], now=NOW)
        assert await store.apply([], [deposit(1, 8)], now=NOW) == (OCCUPIED,)
        assert await look(store, 1, now=NOW + 99) == [Nothing()]
        assert await look(store, 1, now=NOW + 100) == [Found(box(7))]
        assert await look(store, 1, now=NOW + 159) == [Found(box(7))]
        assert await look(store, 1, now=NOW + 160) == [Nothing()]


@pytest.mark.asyncio
async def test_a_timed_box_can_be_deleted_before_its_release(opened: Opener) -> None:
    async with opened() as store:
        await store.apply([], [deposit(1, 7, after=100)], now=NOW)
        await store.apply([place(1)], [], now=NOW)
        assert await look(store, 1, now=NOW + 100) == [Nothing()]


@pytest.mark.asyncio
async def test_a_full_store_refuses_new_ids_and_still_replaces_and_deletes(
    opened_as_one: Opener,
) -> None:
    async with opened_as_one(capacity=2) as store:
        await store.apply([], [deposit(1, 7), deposit(2, 7)], now=NOW)
        outcomes = await store.apply(
            [], [deposit(3, 7), deposit(1, 7), deposit(2, 8), deposit(2, 9, shown=True)], now=NOW
        )
        assert outcomes == (FULL, STORED, OCCUPIED, STORED)
        assert await look(store, 1, 2, 3) == [Found(box(7)), Found(box(9)), Nothing()]
        await store.apply([place(1)], [], now=NOW)
        assert await store.apply([], [deposit(3, 7)], now=NOW) == (STORED,)


@pytest.mark.asyncio
async def test_boxes_beyond_the_room_are_there_but_not_given(opened: Opener) -> None:
    async with opened() as store:
        await store.apply([], [deposit(1, 7), deposit(3, 8)], now=NOW)
        assert await look(store, 1, 2, 3, room=1) == [Found(box(7)), Nothing(), NoRoom()]
        assert await look(store, 1, 2, 3, room=0) == [NoRoom(), Nothing(), NoRoom()]


@pytest.mark.asyncio
async def test_expiry_goes_in_small_pieces_and_frees_room(opened: Opener) -> None:
    many = 2 * EXPIRE_AT_MOST + 50
    async with opened(capacity=2 * many) as store:
        await store.apply([], [deposit(n, 7, ttl=60) for n in range(many)], now=NOW)
        await store.apply([], [deposit(many, 7, ttl=6000)], now=NOW)
        left = [many + 1]
        while await store.expire(now=NOW + 60):
            left.append(store.boxes)
            assert len(left) < many
        assert max(a - b for a, b in pairwise(left)) <= EXPIRE_AT_MOST
        assert store.boxes == 1
        assert await look(store, many, now=NOW + 60) == [Found(box(7))]


@pytest.mark.asyncio
async def test_a_box_laid_at_a_place_that_a_sweep_is_about_to_clear_stays(opened: Opener) -> None:
    places = range(2 * EXPIRE_AT_MOST)
    async with opened(capacity=10 * len(places)) as store:
        await store.apply([], [deposit(n, 7, ttl=60) for n in places], now=NOW)
        await store.expire(now=NOW + 60)
        await store.apply([], [deposit(n, 8) for n in places], now=NOW + 60)
        await sweep(store, now=NOW + 60)
        found = await look(store, *places, room=len(places), now=NOW + 60)
        assert found == [Found(box(8))] * len(places)


@pytest.mark.asyncio
async def test_a_replacement_outlives_the_expiry_of_what_it_replaced(opened: Opener) -> None:
    async with opened() as store:
        await store.apply([], [deposit(1, 7, ttl=60)], now=NOW)
        await store.apply([], [deposit(1, 8, ttl=6000, shown=True)], now=NOW)
        await store.expire(now=NOW + 60)
        assert await look(store, 1, now=NOW + 60) == [Found(box(8))]


@pytest.mark.asyncio
async def test_a_timed_box_is_not_due_between_its_release_and_its_end(opened: Opener) -> None:
    async with opened() as store:
        await store.apply([], [deposit(1, 7, ttl=600, after=100)], now=NOW)
        assert not await store.expire(now=NOW + 699)
        assert await look(store, 1, now=NOW + 699) == [Found(box(7))]


@pytest.mark.asyncio
async def test_a_wait_ends_when_the_box_comes(opened: Opener) -> None:
    async with opened() as store:
        async with asyncio.timeout(5):
            waiting = asyncio.create_task(store.wait_for([place(1), place(2)], 100, now=NOW))
            await asyncio.sleep(0)
            await store.apply([], [deposit(2, 7)], now=NOW)
            await waiting
        assert await look(store, 2) == [Found(box(7))]


@pytest.mark.asyncio
async def test_a_wait_for_what_is_there_ends_at_once(opened: Opener) -> None:
    async with opened() as store:
        await store.apply([], [deposit(1, 7)], now=NOW)
        async with asyncio.timeout(5):
            await store.wait_for([place(1)], 100, now=NOW)


@pytest.mark.asyncio
async def test_a_wait_ends_at_the_release_of_a_timed_box(opened: Opener) -> None:
    async with opened() as store:
        await store.apply([], [deposit(1, 7, after=1000)], now=NOW)
        async with asyncio.timeout(5):
            await store.wait_for([place(1)], 100, now=NOW + 999)


@pytest.mark.asyncio
async def test_a_wait_for_a_box_that_is_not_yet_released_goes_on(opened: Opener) -> None:
    async with opened() as store:
        await store.apply([], [deposit(1, 7, after=1000)], now=NOW)
        async with asyncio.timeout(5):
            done = True
            while done:
                # Word of the deposit itself may be on its way still.
                waiting = asyncio.create_task(store.wait_for([place(1)], 100, now=NOW))
                done = bool((await asyncio.wait({waiting}, timeout=0.2))[0])
            store.wake_all()
            await waiting


@pytest.mark.asyncio
async def test_a_wait_for_nothing_ends_with_its_time_or_when_all_are_woken(opened: Opener) -> None:
    async with opened() as store:
        async with asyncio.timeout(5):
            await store.wait_for([place(1)], 0.01, now=NOW)
            waiting = asyncio.create_task(store.wait_for([place(1)], 100, now=NOW))
            await asyncio.sleep(0)
            store.wake_all()
            await waiting


@pytest.mark.parametrize("begins", [False, True], ids=["whole", "begun"])
@pytest.mark.asyncio
async def test_a_visit_deletes_then_deposits_then_looks(
    opened: Opener,
    begins: bool,  # noqa: FBT001 - a case of the test
) -> None:
    async with opened() as store:
        visit = partial(visited, store) if begins else store.visit
        await store.apply([], [deposit(1, 7)], now=NOW)
        told = await visit(
            [place(1)],
            [deposit(2, 8), deposit(3, 9)],
            [place(1), place(2), place(3)],
            room=1,
            now=NOW,
        )
        assert told == ((STORED, STORED), (Nothing(), Found(box(8)), NoRoom()))
        assert store.boxes == 2
        assert await visit([], [], [place(2)], room=1, now=NOW) == ((), (Found(box(8)),))
        assert await visit([place(3)], [deposit(4, 5)], [], room=1, now=NOW) == ((STORED,), ())
        assert await visit([], [], [], room=1, now=NOW) == ((), ())
        assert await visit([place(2)], [], [place(2), place(4)], room=1, now=NOW) == (
            (),
            (Nothing(), Found(box(5))),
        )


@pytest.mark.asyncio
async def test_to_ask_for_nothing_is_answered_at_once(opened: Opener) -> None:
    async with opened() as store, asyncio.timeout(5):
        assert await store.apply([], [], now=NOW) == ()
        assert await store.look([], room=1, now=NOW) == ()
        await store.wait_for([], 0.01, now=NOW)


@pytest.mark.asyncio
async def test_many_requests_at_once_leave_one_winner(opened: Opener) -> None:
    async with opened() as store:
        outcomes = await asyncio.gather(
            *[store.apply([], [deposit(1, content)], now=NOW) for content in range(20)]
        )
        assert sorted(outcome for (outcome,) in outcomes) == [STORED] + [OCCUPIED] * 19
        winner = outcomes.index((STORED,))
        assert await look(store, 1) == [Found(box(winner))]


@pytest.mark.asyncio
async def test_a_replacement_lives_from_its_own_release_with_its_own_time(opened: Opener) -> None:
    async with opened() as store:
        await store.apply([], [deposit(1, 7, ttl=6000)], now=NOW)
        await store.apply([], [deposit(1, 8, shown=True, ttl=60, after=100)], now=NOW + 10)
        assert await look(store, 1, now=NOW + 109) == [Nothing()]
        assert await look(store, 1, now=NOW + 110) == [Found(box(8))]
        assert await look(store, 1, now=NOW + 170) == [Nothing()]


@pytest.mark.asyncio
async def test_what_was_refused_as_occupied_or_full_leaves_nothing(opened_as_one: Opener) -> None:
    async with opened_as_one(capacity=1) as store:
        await store.apply([], [deposit(1, 7, ttl=60)], now=NOW)
        refused = [deposit(1, 8, ttl=6000), deposit(2, 8, ttl=6000)]
        assert await store.apply([], refused, now=NOW) == (OCCUPIED, FULL)
        assert store.boxes == 1
        await store.expire(now=NOW + 60)
        assert store.boxes == 0
        assert await look(store, 1, 2, now=NOW + 60) == [Nothing(), Nothing()]


@pytest.mark.asyncio
async def test_a_mark_of_a_deletion_is_of_one_place_only(opened: Opener) -> None:
    async with opened() as store:
        await store.apply([], [deposit(1, 7)], now=NOW)
        await store.apply([place(1)], [deposit(2, 7)], now=NOW)
        assert await look(store, 1, 2) == [Nothing(), Found(box(7))]


@pytest.mark.asyncio
async def test_a_deletion_repeated_does_not_make_its_mark_last_longer(opened: Opener) -> None:
    async with opened() as store:
        await store.apply([], [deposit(1, 7)], now=NOW)
        await store.apply([place(1)], [], now=NOW)
        await store.apply([place(1), place(1)], [], now=NOW + 1000)
        await store.apply([], [deposit(1, 8)], now=NOW + HOUR)
        assert await look(store, 1, now=NOW + HOUR) == [Found(box(8))]


@pytest.mark.asyncio
async def test_deleting_a_replaced_box_leaves_neither(opened: Opener) -> None:
    async with opened() as store:
        await store.apply([], [deposit(1, 7), deposit(1, 8, shown=True)], now=NOW)
        await store.apply([place(1)], [], now=NOW)
        assert await look(store, 1) == [Nothing()]
        assert store.boxes == 0


@pytest.mark.asyncio
async def test_one_box_polled_for_twice_is_given_twice_and_takes_room_twice(opened: Opener) -> None:
    async with opened() as store:
        await store.apply([], [deposit(1, 7)], now=NOW)
        assert await look(store, 1, 1, 1, room=2) == [Found(box(7)), Found(box(7)), NoRoom()]


@pytest.mark.asyncio
async def test_a_full_store_makes_room_for_a_box_at_a_place_whose_box_is_over(
    opened_as_one: Opener,
) -> None:
    async with opened_as_one(capacity=1) as store:
        await store.apply([], [deposit(1, 7, ttl=60)], now=NOW)
        outcomes = await store.apply([], [deposit(2, 8), deposit(1, 8)], now=NOW + 60)
        assert outcomes == (FULL, STORED)
        assert await look(store, 1, 2, now=NOW + 60) == [Found(box(8)), Nothing()]


@pytest.mark.asyncio
async def test_a_wait_broken_off_or_a_request_broken_off_leaves_the_store_usable(
    opened: Opener,
) -> None:
    async with opened() as store:
        for work in (
            store.wait_for([place(1)], 100, now=NOW),
            store.apply([], [deposit(1, 7)], now=NOW),
        ):
            broken = asyncio.ensure_future(work)
            await asyncio.sleep(0)
            broken.cancel()
            await asyncio.gather(broken, return_exceptions=True)
        async with asyncio.timeout(5):
            assert await store.apply([], [deposit(1, 7)], now=NOW) == (STORED,)
        assert await look(store, 1) == [Found(box(7))]


@pytest.mark.asyncio
async def test_what_a_store_says_of_itself_when_all_is_well(opened: Opener) -> None:
    async with opened() as store:
        assert (store.boxes, store.failed, store.unreadable_pages) == (0, False, 0)
        assert store.clock <= time.time()


class Forgetful(DeletedLately):
    """Planted: a memory of deleted ids that remembers none."""

    def has(self, id_: MailboxId, now: int) -> bool:
        return super().has(id_, now) and False


@pytest.mark.asyncio
async def test_a_store_that_forgets_what_was_deleted_is_found(
    opened: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (memory, pages):
        monkeypatch.setattr(module, "DeletedLately", Forgetful)
    remembers, forgets = b"('ZADD', KEYS[2], ARGV[2],", b"('ZADD', KEYS[2], '2e10',"
    assert valkey_scripts.DELETE.count(remembers) == 2
    forgetful = valkey_scripts.DELETE.replace(remembers, forgets)
    monkeypatch.setattr(valkey_scripts, "DELETE", forgetful)
    with pytest.raises(AssertionError):
        await test_a_deposit_repeated_within_an_hour_of_its_deletion_brings_nothing_back(
            opened, shown=False
        )


@pytest.mark.asyncio
async def test_replacing_one_box_over_and_over_does_not_make_the_memory_store_grow() -> None:
    store = MemoryStore(2)
    await store.apply([], [deposit(2, 0, ttl=100)], now=NOW)
    for content in range(200):
        await store.apply([], [deposit(1, content, shown=True, ttl=200)], now=NOW)
    tracked = gc.get_referents(store)
    assert max(len(one) for one in tracked if isinstance(one, list)) <= 4
    await store.expire(now=NOW + 100)
    assert store.boxes == 1
    await store.expire(now=NOW + 200)
    assert store.boxes == 0
