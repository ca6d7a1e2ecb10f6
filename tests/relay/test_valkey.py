"""The store over Valkey, beside the contract: two relays share it, and servers go and come."""

import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import rule

from ojak_protocol.addresses import MailboxId
from ojak_protocol.sync import Deposit, DepositOutcome, Found, Nothing
from ojak_relay.clock import Clock
from ojak_relay.errors import StoreAway
from ojak_relay.service import Service
from ojak_relay.store import valkey, valkey_line, valkey_rules, valkey_scripts
from ojak_relay.store.base import Store
from ojak_relay.store.valkey import ValkeyStore
from ojak_relay.store.valkey_wire import Login, packed
from tests.relay.kit import NOW, box, deposit, place, request
from tests.relay.test_service import CAPACITY, Visits
from tests.relay.test_store_contract import sweep
from tests.relay.valkeys import Listens, Valkey, flush, replicated, valkey_store, valkeys
from tests.relay.visiting import visited

STORED, OCCUPIED, FULL = DepositOutcome.STORED, DepositOutcome.OCCUPIED, DepositOutcome.FULL


@asynccontextmanager
async def two_stores(
    *servers: Listens, capacity: int = 10
) -> AsyncIterator[tuple[ValkeyStore, ValkeyStore]]:
    one, other = await valkey_store(servers, capacity), await valkey_store(servers, capacity)
    try:
        yield one, other
    finally:
        await one.close()
        await other.close()


async def found(store: Store, number: int, *, now: int = NOW) -> object:
    (result,) = await store.look([place(number)], room=1, now=now)
    return result


async def soon(asked: Callable[[], Awaitable[object]], wanted: object) -> None:
    """Ask again until *wanted* is answered."""
    async with asyncio.timeout(10):
        while True:
            with suppress(StoreAway):
                if await asked() == wanted:
                    return
            await asyncio.sleep(0.02)


class ValkeyVisits(Visits):
    """Any order of visits, to two relays over one server, gives what the rules say."""

    server: Valkey

    def open(self) -> None:
        flush([self.server])
        self.others = [self.run(self.opened()), self.run(self.opened())]
        self.change()

    async def opened(self) -> Store:
        return await valkey_store([self.server], CAPACITY)

    @rule(room=st.just(0))
    def glance(self, room: int) -> None:
        """Nothing is known without asking a server."""
        assert self.service.at_once(request(1, room=room)) is None

    @rule()
    def change(self) -> None:
        """Go to the other relay, which learns of the number of boxes by its sweep."""
        self.others.reverse()
        self.store = self.others[0]
        self.run(self.store.expire(now=self.clock.now))
        self.service = Service(self.store, self.clock)

    @rule()
    def restart(self) -> None:
        self.run(self.store.close())
        self.others[0] = self.run(self.opened())
        self.change()

    def teardown(self) -> None:
        for store in self.others:
            self.run(store.close())
        super().teardown()


@pytest.fixture(scope="module", autouse=True)
def _served(one_valkey: Valkey) -> None:
    ValkeyVisits.server = one_valkey


TestValkeyVisits = ValkeyVisits.TestCase
TestValkeyVisits.settings = settings(max_examples=30, stateful_step_count=20, deadline=None)


@pytest.mark.asyncio
async def test_what_one_relay_stores_another_gives_out_refuses_replaces_and_deletes(
    one_valkey: Valkey,
) -> None:
    flush([one_valkey])
    async with two_stores(one_valkey) as (one, other):
        await one.apply([], [deposit(1, 7)], now=NOW)
        assert await found(other, 1) == Found(box(7))
        assert await other.apply([], [deposit(1, 8)], now=NOW) == (OCCUPIED,)
        assert await other.apply([], [deposit(1, 9, shown=True)], now=NOW) == (STORED,)
        assert await found(one, 1) == Found(box(9))
        await one.apply([place(1)], [], now=NOW)
        # It was deleted within the hour, at whichever relay.
        assert await other.apply([], [deposit(1, 9)], now=NOW) == (STORED,)
        assert await found(other, 1) == Nothing()


@pytest.mark.asyncio
async def test_two_relays_at_once_leave_one_winner_and_no_box_beyond_the_room(
    one_valkey: Valkey,
) -> None:
    flush([one_valkey])
    async with two_stores(one_valkey, capacity=5) as stores:
        outcomes = await asyncio.gather(
            *[stores[n % 2].apply([], [deposit(1, n)], now=NOW) for n in range(20)]
        )
        assert sorted(outcome for (outcome,) in outcomes) == [STORED] + [OCCUPIED] * 19
        outcomes = await asyncio.gather(
            *[stores[n % 2].apply([], [deposit(2 + n, n)], now=NOW) for n in range(20)]
        )
        assert sorted(outcome for (outcome,) in outcomes) == [STORED] * 4 + [FULL] * 16


@pytest.mark.asyncio
async def test_a_wait_at_one_relay_ends_when_the_box_comes_to_another(one_valkey: Valkey) -> None:
    flush([one_valkey])
    async with two_stores(one_valkey) as (one, other), asyncio.timeout(10):
        waiting = asyncio.create_task(one.wait_for([place(1)], 100, now=NOW))
        await asyncio.sleep(0)
        await other.apply([], [deposit(1, 7)], now=NOW)
        await waiting
        assert await found(one, 1) == Found(box(7))


@pytest.mark.asyncio
async def test_nothing_is_told_where_relays_tell_nothing(
    one_valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Planted: without the word from server to relays, the wait across them is seen to fail."""
    monkeypatch.setattr(valkey_line, "packed_news", lambda _: packed(b"PING"))
    flush([one_valkey])
    async with two_stores(one_valkey) as (one, other):
        waiting = asyncio.create_task(one.wait_for([place(1)], 0.5, now=NOW))
        await asyncio.sleep(0)
        # Answered after what the wait looked for, which was asked on the same line.
        await found(one, 2)
        await other.apply([], [deposit(1, 7)], now=NOW)
        done, _ = await asyncio.wait({waiting}, timeout=0.3)
        assert not done
        await waiting


def ends_by_itself(server: Valkey) -> bool:
    """Say whether each box at *server* has an end of the server's own, ten minutes off."""
    boxes = [key for key in server.ask("KEYS", "*") if len(key) == 38]
    assert boxes
    return all(590_000 < server.ask("PTTL", key) <= 600_000 for key in boxes)


@pytest.mark.asyncio
async def test_a_server_ends_each_box_by_itself(
    one_valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    flush([one_valkey])
    async with two_stores(one_valkey) as (one, _):
        await one.apply([], [deposit(1, 7, ttl=500, after=100), deposit(2, 7)], now=NOW)
        await one.apply([], [deposit(2, 7), deposit(2, 8, shown=True)], now=NOW)
        assert ends_by_itself(one_valkey)
    # Planted: boxes without an end.
    ends = b", 'PX', ARGV[4]"
    assert ends in valkey_scripts.DEPOSIT
    monkeypatch.setattr(valkey_scripts, "DEPOSIT", valkey_scripts.DEPOSIT.replace(ends, b""))
    async with two_stores(one_valkey) as (one, _):
        await one.apply([], [deposit(3, 7)], now=NOW)
        assert not ends_by_itself(one_valkey)


@pytest.mark.asyncio
async def test_a_script_that_does_not_look_first_is_found(
    one_valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Planted: other bytes are taken for the same, or take the place of the first ones."""
    looks = b"if ARGV[3] == '0' then return 'occupied' end"
    assert looks in valkey_scripts.DEPOSIT
    monkeypatch.setattr(valkey_scripts, "DEPOSIT", valkey_scripts.DEPOSIT.replace(looks, b""))
    with pytest.raises(AssertionError):
        await test_two_relays_at_once_leave_one_winner_and_no_box_beyond_the_room(one_valkey)


def members(server: Valkey, kind: str) -> int:
    """Return how many ids of boxes that are "due", or "deleted", stand in the sets of *server*."""
    most = f"({valkey_scripts.DELETED_FROM}"
    first, last = ("-inf", most) if kind == "due" else (most[1:], "(+inf")
    return sum(server.ask("ZCOUNT", key, first, last) for key in server.ask("KEYS", "*}known"))


@pytest.mark.asyncio
async def test_deletions_are_forgotten_after_an_hour_and_leave_nothing(one_valkey: Valkey) -> None:
    flush([one_valkey])
    async with two_stores(one_valkey) as (one, _):
        keys = one_valkey.ask("DBSIZE")
        await one.apply([], [deposit(n, 7) for n in range(5)], now=NOW)
        assert members(one_valkey, "due") == 5
        await one.apply([place(n) for n in range(5)], [], now=NOW)
        assert one_valkey.ask("DBSIZE") == keys
        assert (members(one_valkey, "due"), members(one_valkey, "deleted")) == (0, 5)
        for _ in range(31):
            await one.expire(now=NOW + 3600)
        assert members(one_valkey, "deleted") == 0


@pytest.mark.asyncio
async def test_a_box_whose_time_is_over_leaves_nothing(one_valkey: Valkey) -> None:
    flush([one_valkey])
    async with two_stores(one_valkey) as (one, _):
        keys = one_valkey.ask("DBSIZE")
        await one.apply([], [deposit(n, 7) for n in range(5)], now=NOW)
        await sweep(one, now=NOW + 600)
        assert one_valkey.ask("DBSIZE") == keys
        assert (members(one_valkey, "due"), members(one_valkey, "deleted")) == (0, 0)


@pytest.mark.asyncio
async def test_deletions_of_ids_that_begin_alike_push_out_none_until_all_are_too_many(
    one_valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The oldest are forgotten first, whatever their ids."""
    flush([one_valkey])
    ids = [MailboxId(bytes([7]) + number.to_bytes(31)) for number in range(3000)]
    async with two_stores(one_valkey, capacity=1000) as (one, _):
        await one.apply([], [deposit(1, 7)], now=NOW)
        await one.apply([place(1)], [], now=NOW)
        for first in range(0, len(ids), 500):
            some = ids[first : first + 500]
            await one.apply([], [Deposit(id_, None, 600, 0, box(7)) for id_ in some], now=NOW)
            await one.apply(some, [], now=NOW + first // 10)
        later = NOW + 300
        await one.expire(now=later)
        assert members(one_valkey, "deleted") == 3001
        monkeypatch.setattr(valkey, "REMEMBERED_AT_MOST", 1200)
        for _ in range(30):
            await one.expire(now=later)
        assert members(one_valkey, "deleted") == 1000
        again = [deposit(1, 7), *(Deposit(id_, None, 600, 0, box(7)) for id_ in (ids[0], ids[-1]))]
        assert await one.apply([], again, now=later) == (STORED,) * 3
        polls = [place(1), ids[0], ids[-1]]
        wanted = (Found(box(7)), Found(box(7)), Nothing())
        assert await one.look(polls, room=3, now=later) == wanted


@pytest.mark.asyncio
async def test_boxes_that_lie_push_out_no_deletion(
    one_valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They stand in the same sets, and are more than what is remembered."""
    monkeypatch.setattr(valkey, "REMEMBERED_AT_MOST", 2)
    flush([one_valkey])
    async with two_stores(one_valkey) as (one, _):
        await one.apply([], [deposit(n, 7) for n in range(7)], now=NOW)
        await one.apply([place(1), place(2)], [], now=NOW)
        await one.expire(now=NOW)
        assert (members(one_valkey, "due"), members(one_valkey, "deleted")) == (5, 2)


@pytest.mark.asyncio
async def test_a_deletion_that_finds_nothing_stands_in_no_set(one_valkey: Valkey) -> None:
    """Whoever asks for many would fill them, with more than is counted."""
    flush([one_valkey])
    async with two_stores(one_valkey) as (one, _):
        await one.apply([place(1), place(2)], [], now=NOW)
        assert (members(one_valkey, "due"), members(one_valkey, "deleted")) == (0, 0)


@pytest.mark.asyncio
async def test_what_is_known_of_ids_ends_by_itself_where_no_relay_runs_any_more(
    one_valkey: Valkey,
) -> None:
    flush([one_valkey])
    async with two_stores(one_valkey) as (one, _):
        await one.apply([], [deposit(1, 7), deposit(2, 7)], now=NOW)
        await one.apply([place(2)], [], now=NOW)
        keys = [key for key in one_valkey.ask("KEYS", "*}known") if one_valkey.ask("PERSIST", key)]
        assert len(keys) == valkey_rules.TAGS
        await one.expire(now=NOW)
        assert all(7000 < one_valkey.ask("TTL", key) <= valkey_rules.KEPT_SECONDS for key in keys)
        # Two hours later: boxes end by themselves too, and what is left of them is in order.
        one_valkey.ask("DEL", *keys)
    async with two_stores(one_valkey) as (one, _):
        assert one.boxes == 1
        assert await one.apply([place(1)], [deposit(1, 7)], now=NOW) == (STORED,)
        assert await found(one, 1) == Nothing()
        assert members(one_valkey, "deleted") == 1


@pytest.mark.asyncio
async def test_a_deletion_that_a_sweep_meets_is_remembered(one_valkey: Valkey) -> None:
    """Its relay's clock is ahead: what it found to be over, another one deletes before it does."""
    flush([one_valkey])
    async with two_stores(one_valkey) as (one, other):
        await one.apply([], [deposit(1, 7)], now=NOW)
        await other.apply([place(1)], [], now=NOW)
        assert one_valkey.ask("EVAL", valkey_scripts.CLEAR, 2, *_names(1), NOW + 700) == 0
        assert await other.apply([], [deposit(1, 7)], now=NOW) == (STORED,)
        assert await found(other, 1) == Nothing()


def _names(number: int) -> tuple[bytes, bytes]:
    key = b"".join(valkey_rules.delete(place(number), NOW)[1:3])
    return key, key[:6] + b"known"


@pytest.mark.asyncio
async def test_a_store_is_one_database_as_one_user_by_tcp_or_by_a_socket(tmp_path: Path) -> None:
    with valkeys(unixsocket=str(tmp_path / "socket")) as (server,):
        server.ask("ACL", "SETUSER", "relay", "on", ">5502", "~*", "&*", "+@all")
        by_tcp, by_socket = ("127.0.0.1", server.port), (str(tmp_path / "socket"), 0)
        logins = [Login(), Login("relay", "5502", database=2), Login(database=2)]
        stores = [
            await ValkeyStore.open([address], login, 10, pytest.fail, now=int(time.time()))
            for address, login in zip((by_tcp, by_tcp, by_socket), logins, strict=True)
        ]
        assert b"user=relay" in server.ask("CLIENT", "LIST")
        await stores[1].apply([], [deposit(1, 7)], now=NOW)
        assert [await found(store, 1) for store in stores] == [
            Nothing(),
            Found(box(7)),
            Found(box(7)),
        ]
        for store in stores:
            await store.close()


@pytest.mark.asyncio
async def test_a_server_without_memory_refuses_new_boxes_and_serves_all_else() -> None:
    with valkeys(maxmemory="4mb") as (server,):
        async with two_stores(server, capacity=10_000) as (one, other):
            outcomes: list[DepositOutcome] = []
            while FULL not in outcomes:
                few = [deposit(len(outcomes) + n, 7) for n in range(16)]
                outcomes += await one.apply([], few, now=NOW)
            kept = outcomes.index(FULL)
            assert set(outcomes[:kept]) == {STORED}
            assert await found(other, 0) == Found(box(7))
            await other.apply([place(n) for n in range(kept)], [], now=NOW)
            assert await found(one, 0) == Nothing()
            # The server gives its memory back by and by.
            await soon(lambda: one.apply([], [deposit(5000, 7)], now=NOW), (STORED,))


@pytest.mark.asyncio
async def test_a_server_without_memory_erases_whatever_stands_among_the_boxes_that_are_over() -> (
    None
):
    """A sweep that were refused would erase nothing more, and room would never be made."""
    with valkeys(maxmemory="4mb") as (server,):
        async with two_stores(server, capacity=10_000) as (one, _):
            await one.apply([], [deposit(n, 7) for n in range(8)], now=NOW)
            # Not over, and listed as if it were.
            server.ask("ZADD", _names(1)[1], "5", place(1))
            server.ask("CONFIG", "SET", "maxmemory", "1mb")
            assert await one.apply([], [deposit(9, 7)], now=NOW) == (FULL,)
            await sweep(one, now=NOW)
            assert float(server.ask("ZSCORE", _names(1)[1], place(1))) == NOW + 600
            await sweep(one, now=NOW + 600)
            assert members(server, "due") == 0


@pytest.mark.parametrize("erases", ["CLEAR", "DELETE"])
@pytest.mark.asyncio
async def test_a_script_that_a_server_without_memory_refuses_is_found(
    monkeypatch: pytest.MonkeyPatch, erases: str
) -> None:
    """Planted: scripts that erase are refused as those that add are."""
    script = getattr(valkey_scripts, erases)
    flag = b"flags=allow-oom"
    assert flag in script
    monkeypatch.setattr(valkey_scripts, erases, script.replace(flag, b"flags="))
    tests = {
        "CLEAR": test_a_server_without_memory_erases_whatever_stands_among_the_boxes_that_are_over,
        "DELETE": test_a_server_without_memory_refuses_new_boxes_and_serves_all_else,
    }
    with pytest.raises((AssertionError, StoreAway)):
        await tests[erases]()


@pytest.mark.asyncio
async def test_a_server_that_forgot_its_scripts_is_given_them_again(one_valkey: Valkey) -> None:
    flush([one_valkey])
    async with two_stores(one_valkey) as (one, _):
        one_valkey.ask("SCRIPT", "FLUSH")
        assert await one.apply([], [deposit(1, 7)], now=NOW) == (STORED,)
        assert await found(one, 1) == Found(box(7))
        one_valkey.ask("SCRIPT", "FLUSH")
        told = await visited(one, [], [deposit(2, 8)], [place(2)], room=1, now=NOW)
        assert told == ((STORED,), (Found(box(8)),))


@pytest.mark.asyncio
async def test_a_server_that_restarts_is_found_again_and_is_empty_and_waits_go_on() -> None:
    said: list[str] = []

    async def is_said() -> bool:
        return bool(said)

    with valkeys() as (server,):
        store = await valkey_store([server], report=said.append, patience_seconds=1.5)
        await store.apply([], [deposit(1, 7)], now=NOW)
        waiting = asyncio.create_task(store.wait_for([place(2)], 100, now=NOW))
        await asyncio.sleep(0)
        # Answered after what the wait looked for, which was asked on the same line.
        await found(store, 3)
        server.kill()
        async with asyncio.timeout(10):
            # Whoever waits looks again, and is told that it cannot be looked.
            await asyncio.gather(waiting, return_exceptions=True)
            assert store.failed
            with pytest.raises(StoreAway):
                await store.apply([], [deposit(1, 7)], now=NOW)
            with pytest.raises(StoreAway):
                await store.expire(now=NOW)
        await soon(is_said, wanted=True)
        server.start()
        async with asyncio.timeout(10):
            assert await store.apply([], [deposit(1, 8)], now=NOW) == (STORED,)
            await store.wait_for([place(1)], 100, now=NOW)
        assert not store.failed
        assert await found(store, 1) == Found(box(8))
        await store.expire(now=NOW)
        assert store.boxes == 1
        await store.close()
    assert [line.rpartition(" ")[2] for line in said] == ["again", "again"]


@pytest.mark.asyncio
async def test_requests_outlast_a_server_that_is_back_at_once() -> None:
    with valkeys() as (server,):
        store = await valkey_store([server])
        server.kill()
        asked = asyncio.create_task(store.apply([], [deposit(1, 7)], now=NOW))
        await asyncio.to_thread(server.start)
        assert await asked == (STORED,)
        await store.close()


@pytest.mark.asyncio
async def test_a_server_that_hangs_is_given_up_in_time() -> None:
    with valkeys() as (server,):
        store = await valkey_store([server], patience_seconds=0.5)
        server.signal(signal.SIGSTOP)
        async with asyncio.timeout(5):
            with pytest.raises(StoreAway):
                await found(store, 1)
        server.signal(signal.SIGCONT)
        await soon(lambda: found(store, 1), Nothing())
        assert not store.failed
        await store.close()


async def told_stored_while_the_replica_hangs(
    store: ValkeyStore, replica: Valkey, *, looks: bool
) -> bool:
    replica.signal(signal.SIGSTOP)
    try:
        for number in (1, 2):
            if looks:
                await visited(store, [], [deposit(number, 7)], [place(3)], room=1, now=NOW)
            else:
                await store.apply([], [deposit(number, 7)], now=NOW)
    except StoreAway:
        # What changes nothing is served all the same.
        assert await found(store, 3) == Nothing()
        return False
    finally:
        replica.signal(signal.SIGCONT)
    return True


@pytest.mark.parametrize("looks", [False, True])
@pytest.mark.asyncio
async def test_nothing_is_acknowledged_that_the_replicas_do_not_have(
    looks: bool,  # noqa: FBT001 - a case of the test
) -> None:
    with replicated() as (primary, replica):
        said: list[str] = []
        store = await valkey_store([primary], replicas=1, report=said.append)
        await soon(lambda: store.apply([], [deposit(9, 7)], now=NOW), (STORED,))
        assert not await told_stored_while_the_replica_hangs(store, replica, looks=looks)
        await soon(lambda: store.apply([], [deposit(1, 7)], now=NOW), (STORED,))
        assert not store.failed
        assert said[-1] == "enough replicas confirm again"
        await store.close()
        # Planted: replicas that are not waited for.
        careless = await valkey_store([primary], replicas=0)
        assert await told_stored_while_the_replica_hangs(careless, replica, looks=looks)
        await careless.close()


@pytest.mark.asyncio
async def test_a_replica_that_takes_over_is_found_among_the_servers_named() -> None:
    with replicated() as (primary, replica):
        store = await valkey_store([primary, replica], replicas=1)
        await soon(lambda: store.apply([], [deposit(1, 7)], now=NOW), (STORED,))
        await store.close()
        store = await valkey_store([primary, replica])
        primary.kill()
        replica.ask("REPLICAOF", "NO", "ONE")
        async with asyncio.timeout(10):
            assert await found(store, 1) == Found(box(7))
            assert await store.apply([], [deposit(2, 8)], now=NOW) == (STORED,)
        await store.close()


@pytest.mark.asyncio
async def test_each_server_of_a_cluster_has_its_part_of_the_room(
    valkey_cluster: list[Valkey],
) -> None:
    flush(valkey_cluster)
    async with two_stores(*valkey_cluster, capacity=300) as (one, other):
        outcomes: list[DepositOutcome] = []
        for first in range(0, 600, 30):
            few = [deposit(n, 7) for n in range(first, first + 30)]
            outcomes += await one.apply([], few, now=NOW)
        assert 300 <= outcomes.count(STORED) <= 303
        assert outcomes.count(FULL) == 600 - outcomes.count(STORED)
        await other.expire(now=NOW)
        assert other.boxes == one.boxes == outcomes.count(STORED)
        sizes = [s.ask("DBSIZE") for s in valkey_cluster if s.role() == "master"]
        assert max(sizes) - min(sizes) < 10


@pytest.mark.asyncio
async def test_a_wait_ends_across_the_servers_of_a_cluster(valkey_cluster: list[Valkey]) -> None:
    flush(valkey_cluster)
    async with two_stores(*valkey_cluster, capacity=300) as (one, other), asyncio.timeout(10):
        for number in range(12):
            waiting = asyncio.create_task(one.wait_for([place(number)], 100, now=NOW))
            await asyncio.sleep(0)
            await other.apply([], [deposit(number, 7)], now=NOW)
            await waiting


def move(slot: int, source: Valkey, goal: Valkey) -> Iterator[None]:
    """Move *slot* from one server of a cluster to another, and stop in the middle."""
    ids = {server.port: server.ask("CLUSTER", "MYID") for server in (source, goal)}
    goal.ask("CLUSTER", "SETSLOT", slot, "IMPORTING", ids[source.port])
    source.ask("CLUSTER", "SETSLOT", slot, "MIGRATING", ids[goal.port])
    for key in source.ask("CLUSTER", "GETKEYSINSLOT", slot, 100):
        source.ask("MIGRATE", "127.0.0.1", goal.port, key, 0, 5000)
        yield
    for server in (goal, source):
        server.ask("CLUSTER", "SETSLOT", slot, "NODE", ids[goal.port])


@pytest.mark.asyncio
async def test_boxes_that_a_cluster_moves_to_another_server_are_waited_for(
    valkey_cluster: list[Valkey],
) -> None:
    flush(valkey_cluster)
    slot = valkey_rules.TAG_SLOTS[valkey_rules.tag_of(place(1))]
    async with two_stores(*valkey_cluster, capacity=300) as (one, other):
        await one.apply([], [deposit(1, 7)], now=NOW)
        (source,) = [
            server
            for server in valkey_cluster
            if server.role() == "master" and server.ask("CLUSTER", "COUNTKEYSINSLOT", slot)
        ]
        goal = next(s for s in valkey_cluster if s.role() == "master" and s is not source)
        for here, there in ((source, goal), (goal, source)):
            moving = move(slot, here, there)
            next(moving)
            asked = [
                asyncio.create_task(one.apply([], [deposit(1, 8, shown=True)], now=NOW)),
                asyncio.create_task(found(other, 1)),
            ]
            done, _ = await asyncio.wait(asked, timeout=0.2)
            assert asked[0] not in done
            list(moving)
            assert await asked[0] == (STORED,)
            assert isinstance(await asked[1], Found)
            assert await found(other, 1) == Found(box(8))
            assert await one.apply([], [deposit(1, 7, shown=True)], now=NOW) == (STORED,)


@pytest.mark.asyncio
async def test_c5_a_machine_that_starts_in_1970_takes_the_time_of_the_servers(
    one_valkey: Valkey,
) -> None:
    flush([one_valkey])
    async with two_stores(one_valkey) as (one, _):
        clock = Clock(one.clock, system=lambda: 0.0)
        assert abs(clock() - time.time()) < 100
        assert not clock.is_trusted
        # A clock that is a little behind the servers' is one as any other.
        assert Clock(one.clock, system=lambda: time.time() - 30).is_trusted


def test_a_relay_over_another_store_needs_nothing_of_valkey(tmp_path: Path) -> None:
    script = "import sys; sys.modules['hiredis'] = None; from ojak_relay.__main__ import main; "
    ask = script + "main(sys.argv[1:])"
    ended = subprocess.run(
        [sys.executable, "-c", ask, "serve", "--store", "valkey", "--valkey", "valkey://a"],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert ended.returncode == 1
    assert ended.stderr.endswith("the store valkey needs hiredis: pip install ojak[valkey]\n")
    where = ("--path", str(tmp_path / "store"), "--capacity", "10", "--listen", "127.0.0.1:0")
    process = subprocess.Popen(
        [sys.executable, "-c", ask, "serve", *where], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("listening on ")
    finally:
        process.kill()
        process.communicate()
