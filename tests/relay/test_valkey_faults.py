"""The store over Valkey where answers are lost, cut, late or of the wrong server."""

import asyncio
import gc
import signal
from collections.abc import Awaitable, Callable, Collection, Sequence

import pytest

from ojak_protocol.sync import DepositOutcome, Found, NoRoom, Nothing
from ojak_relay.errors import StoreAway
from ojak_relay.store import valkey_rules as rules
from ojak_relay.store.valkey import FORGET_EVERY
from ojak_relay.store.valkey_line import Line
from ojak_relay.store.valkey_news import News
from ojak_relay.store.valkey_wire import CHANNEL, Address, Login
from tests.ports import free_port
from tests.relay.kit import NOW, box, deposit, place
from tests.relay.meddler import meddled
from tests.relay.test_valkey import found, move, soon, two_stores
from tests.relay.valkeys import (
    Valkey,
    flush,
    is_whole,
    replicated,
    until,
    valkey_store,
    valkeys,
)
from tests.relay.visiting import visited

STORED, OCCUPIED, FULL = DepositOutcome.STORED, DepositOutcome.OCCUPIED, DepositOutcome.FULL


def lines_to(server: Valkey) -> set[bytes]:
    """Return which connections *server* has, but for those of other servers."""
    own = (b" cmd=client", b" flags=S", b" flags=M")
    lines = server.ask("CLIENT", "LIST").splitlines()
    return {line.split()[0] for line in lines if not any(mark in line for mark in own)}


@pytest.mark.asyncio
async def test_who_asks_for_nothing_shifts_no_answer_to_somebody_else(one_valkey: Valkey) -> None:
    flush([one_valkey])
    async with two_stores(one_valkey) as (one, _), asyncio.timeout(10):
        lines = lines_to(one_valkey)
        assert await visited(one, [], [deposit(1, 7)], [], room=1, now=NOW) == ((STORED,), ())
        assert await one.look([], room=1, now=NOW) == ()
        assert await found(one, 1) == Found(box(7))
        assert await found(one, 2) == Nothing()
        assert await found(one, 1) == Found(box(7))
        # No line was cut, either.
        assert lines_to(one_valkey) == lines


async def stays_on_its_lines(replicas: int) -> bool:
    """Say whether a relay at rest keeps its lines to a server that cuts what is idle for 2 s."""
    with replicated(timeout="2") as (primary, _):
        one = await valkey_store([primary], replicas=replicas)
        for _ in range(2):
            await one.expire(now=NOW)
        lines = lines_to(primary)
        # As long as it takes to cut an idle line of somebody else, twice.
        for _ in range(2):
            with primary.dial() as idle:
                await asyncio.to_thread(idle.recv, 1)
        kept = lines <= lines_to(primary) and not one.failed
        await one.close()
    return kept


@pytest.mark.parametrize("replicas", [0, 1])
@pytest.mark.asyncio
async def test_lines_at_rest_are_not_cut_by_a_server_that_cuts_idle_ones(replicas: int) -> None:
    assert await stays_on_its_lines(replicas)


@pytest.mark.asyncio
async def test_a_line_that_is_cut_at_rest_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted: nothing is asked on a line at rest."""
    monkeypatch.setattr(Line, "_watch", lambda _: None)
    assert not await stays_on_its_lines(0)


async def notices_that_nobody_is_there(server: Valkey) -> bool:
    """Say whether a line that only listens is cut when its server hangs."""
    lost = asyncio.Event()
    login = Login(answer_seconds=0.2)
    line = await Line.open(("127.0.0.1", server.port), login, lost.set, told=lambda _: None)
    await line.one(b"SUBSCRIBE", CHANNEL)
    server.signal(signal.SIGSTOP)
    try:
        async with asyncio.timeout(2):
            await lost.wait()
    except TimeoutError:
        return False
    finally:
        server.signal(signal.SIGCONT)
        line.close()
    return True


@pytest.mark.asyncio
async def test_a_line_that_only_listens_notices_that_its_server_hangs(
    one_valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await notices_that_nobody_is_there(one_valkey)
    # Planted: nothing is asked on a line at rest.
    monkeypatch.setattr(Line, "_watch", lambda _: None)
    assert not await notices_that_nobody_is_there(one_valkey)


@pytest.mark.parametrize("kind", ["deposit", "deletion"])
@pytest.mark.asyncio
async def test_the_same_asked_again_at_another_relay_waits_for_replicas_too(kind: str) -> None:
    with replicated() as (primary, replica):
        one, other = [await valkey_store([primary], replicas=1) for _ in range(2)]
        await soon(lambda: one.apply([], [deposit(1, 7)], now=NOW), (STORED,))
        deletes, deposits = ([place(1)], []) if kind == "deletion" else ([], [deposit(2, 7)])
        replica.signal(signal.SIGSTOP)
        for store in (one, other):
            with pytest.raises(StoreAway):
                await store.apply(deletes, deposits, now=NOW)
        replica.signal(signal.SIGCONT)
        await soon(lambda: other.apply(deletes, deposits, now=NOW), (STORED,) * len(deposits))
        await one.close()
        await other.close()


@pytest.mark.asyncio
async def test_as_many_replicas_confirm_as_are_asked_for() -> None:
    with replicated(2) as (primary, first, _):
        one, two = [await valkey_store([primary], replicas=number) for number in (1, 2)]
        await soon(lambda: two.apply([], [deposit(1, 7)], now=NOW), (STORED,))
        first.signal(signal.SIGSTOP)
        assert await one.apply([], [deposit(2, 7)], now=NOW) == (STORED,)
        with pytest.raises(StoreAway):
            await two.apply([], [deposit(3, 7)], now=NOW)
        # To erase what is over is durable, too, before it counts as done.
        with pytest.raises(StoreAway):
            await two.expire(now=NOW + 600)
        first.signal(signal.SIGCONT)
        await one.close()
        await two.close()


@pytest.mark.asyncio
async def test_a_primary_that_dies_before_its_replica_confirmed_leaves_nobody_waiting() -> None:
    with replicated() as (primary, replica):
        store = await valkey_store([primary], replicas=1, patience_seconds=0.5)
        await soon(lambda: store.apply([], [deposit(1, 7)], now=NOW), (STORED,))
        replica.signal(signal.SIGSTOP)
        asked = asyncio.create_task(store.apply([], [deposit(2, 7)], now=NOW))
        # It is done, and only the replica is missing.
        await soon(lambda: found(store, 2), Found(box(7)))
        primary.kill()
        async with asyncio.timeout(10):
            with pytest.raises(StoreAway):
                await asked
        await store.close()


@pytest.mark.asyncio
async def test_a_server_without_memory_takes_replacements() -> None:
    with valkeys(maxmemory="4mb") as (server,):
        async with two_stores(server, capacity=10_000) as (one, other):
            outcomes: list[DepositOutcome] = []
            while FULL not in outcomes:
                few = [deposit(len(outcomes) + n, 7) for n in range(16)]
                outcomes += await one.apply([], few, now=NOW)
            assert await other.apply([], [deposit(1, 8, shown=True)], now=NOW) == (STORED,)
            assert await found(one, 1) == Found(box(8))
            # A relay that starts now serves what lies there.
            async with two_stores(server) as (third, _):
                assert await found(third, 1) == Found(box(8))
                assert await third.apply([place(1)], [], now=NOW) == ()


@pytest.mark.asyncio
async def test_a_relay_that_only_looks_notices_that_another_server_has_taken_over() -> None:
    with replicated() as (primary, replica):
        one = await valkey_store([primary, replica])
        until(lambda: replica.ask("DBSIZE") == rules.TAGS)
        # The first sweep forgets deletions, which a replica refuses; those after it only look.
        await one.expire(now=NOW)
        primary.ask("REPLICAOF", "127.0.0.1", free_port())
        replica.ask("REPLICAOF", "NO", "ONE")
        other = await valkey_store([replica])
        await other.apply([], [deposit(1, 7)], now=NOW)

        sweeps = []

        async def looked() -> object:
            sweeps.append(NOW)
            await one.expire(now=NOW)
            return await found(one, 1)

        await soon(looked, Found(box(7)))
        assert len(sweeps) < FORGET_EVERY - 1
        await one.close()
        await other.close()


@pytest.mark.asyncio
async def test_what_waits_for_replicas_of_a_primary_that_steps_down_is_asked_of_the_next() -> None:
    with replicated() as (primary, replica):
        said: list[str] = []
        store = await valkey_store([primary, replica], replicas=1, report=said.append)
        await soon(lambda: store.apply([], [deposit(1, 7)], now=NOW), (STORED,))
        replica.signal(signal.SIGSTOP)
        asked = asyncio.create_task(store.apply([], [deposit(2, 7)], now=NOW))
        await soon(lambda: found(store, 2), Found(box(7)))
        primary.ask("REPLICAOF", "127.0.0.1", replica.port)
        replica.signal(signal.SIGCONT)
        replica.ask("REPLICAOF", "NO", "ONE")
        async with asyncio.timeout(10):
            assert await asked == (STORED,)
        assert await found(store, 2) == Found(box(7))
        assert said == []
        # No line to what is no primary any more is left, but that of its own primary.
        assert lines_to(primary) == set()
        await store.close()


@pytest.mark.asyncio
async def test_a_primary_that_is_back_before_a_replica_took_over_has_emptied_both() -> None:
    """So docs/operating.md asks operators to keep it away for a while."""
    with replicated() as (primary, replica):
        store = await valkey_store([primary, replica], replicas=1)
        await soon(lambda: store.apply([], [deposit(1, 7)], now=NOW), (STORED,))
        primary.kill()
        primary.start()
        await soon(lambda: store.apply([], [deposit(2, 7)], now=NOW), (STORED,))
        assert await found(store, 1) == Nothing()
        until(lambda: replica.ask("DBSIZE") == rules.TAGS + 1)
        await store.close()


@pytest.mark.asyncio
async def test_waits_end_though_the_server_that_told_hangs_after_another_took_over() -> None:
    with replicated() as (primary, replica):
        one = await valkey_store([primary, replica], patience_seconds=0.5)
        until(lambda: replica.ask("DBSIZE") == rules.TAGS)
        primary.signal(signal.SIGSTOP)
        replica.ask("REPLICAOF", "NO", "ONE")
        other = await valkey_store([replica])
        await soon(lambda: found(one, 1), Nothing())
        async with asyncio.timeout(10):
            waiting = asyncio.create_task(one.wait_for([place(1)], 100, now=NOW))
            await found(one, 2)
            await other.apply([], [deposit(1, 7)], now=NOW)
            await waiting
        await one.close()
        await other.close()


@pytest.mark.asyncio
async def test_no_line_is_cut_and_looks_are_served_while_many_wait_for_replicas() -> None:
    with replicated() as (primary, replica):
        store = await valkey_store([primary], replicas=1)
        await soon(lambda: store.apply([], [deposit(0, 7)], now=NOW), (STORED,))
        lines = lines_to(primary)
        replica.signal(signal.SIGSTOP)
        asked: set[asyncio.Task[object]] = set()
        for number in range(1, 20):
            deposited = store.apply([], [deposit(number, 7)], now=NOW)
            asked.add(asyncio.create_task(deposited))
            # So each of them leaves in a turn of its own.
            assert await found(store, 0) == Found(box(7))
        failures = await asyncio.gather(*asked, return_exceptions=True)
        assert {str(failure) for failure in failures} == {"too few replicas confirmed"}
        assert lines_to(primary) == lines
        replica.signal(signal.SIGCONT)
        await store.close()


@pytest.mark.asyncio
async def test_a_server_that_hung_does_what_lay_in_its_lines_before_anything_newer() -> None:
    """What it was asked meanwhile, and what was refused: little, at once, bringing nothing back."""
    with valkeys() as (server,):
        one, other = [await valkey_store([server], 10_000, patience_seconds=0.5) for _ in range(2)]
        await one.apply([], [deposit(1, 7), deposit(2, 7)], now=NOW)
        await one.apply([place(2)], [], now=NOW)
        server.signal(signal.SIGSTOP)
        asked = [
            store.apply([], [deposit(1, 8, shown=True), deposit(2, 7), deposit(3 + n, 7)], now=NOW)
            for n in range(200)
            for store in (one, other)
        ]
        refused = await asyncio.gather(*asked, return_exceptions=True)
        assert {type(told) for told in refused} == {StoreAway}
        server.signal(signal.SIGCONT)
        await soon(lambda: one.apply([], [deposit(1, 9, shown=True)], now=NOW), (STORED,))
        done = server.ask("DBSIZE")
        # Some was done, and never more than a line holds for a server that does not read.
        assert 1 < done - rules.TAGS < 60
        for _ in range(20):
            assert await found(other, 1) == Found(box(9))
            assert await found(other, 2) == Nothing()
            await asyncio.sleep(0.02)
        assert server.ask("DBSIZE") == done
        await one.close()
        await other.close()


@pytest.mark.asyncio
async def test_a_line_that_is_lost_while_lines_are_made_anew_is_made_anew_too(
    one_valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    flush([one_valkey])
    opens, losses = News.open, [1]

    async def opens_and_loses(news: News, addresses: Collection[Address]) -> None:
        await opens(news, addresses)
        if losses:
            one_valkey.ask("CLIENT", "KILL", "TYPE", "PUBSUB")
            await soon(is_open(news), wanted=False)
            losses.pop()

    def is_open(news: News) -> Callable[[], Awaitable[bool]]:
        async def asked() -> bool:
            return news.is_open

        return asked

    async def is_over() -> bool:
        return not losses and not one.failed

    async with asyncio.timeout(10):
        one = await valkey_store([one_valkey])
        monkeypatch.setattr(News, "open", opens_and_loses)
        one_valkey.ask("CLIENT", "KILL", "TYPE", "PUBSUB")
        await soon(is_over, wanted=True)
        other = await valkey_store([one_valkey])
        waiting = asyncio.create_task(one.wait_for([place(1)], 100, now=NOW))
        await found(one, 2)
        await other.apply([], [deposit(1, 7)], now=NOW)
        await waiting
        await one.close()
        await other.close()


def ends_of_a_move(cluster: Sequence[Valkey], slot: int) -> tuple[Valkey, Valkey]:
    """Return the primary that has *slot*, and another one."""
    primaries = [server for server in cluster if server.role() == "master"]
    primaries.sort(key=lambda one: -one.ask("CLUSTER", "COUNTKEYSINSLOT", slot))
    return primaries[0], primaries[1]


@pytest.mark.asyncio
async def test_a_relay_at_rest_erases_what_is_over_where_a_cluster_has_moved_it(
    valkey_cluster: list[Valkey],
) -> None:
    flush(valkey_cluster)
    slot = rules.TAG_SLOTS[rules.tag_of(place(1))]
    async with two_stores(*valkey_cluster, capacity=300) as (one, _):
        await one.apply([], [deposit(1, 7)], now=NOW)
        source, goal = ends_of_a_move(valkey_cluster, slot)
        list(move(slot, source, goal))

        async def swept() -> object:
            await one.expire(now=NOW + 600)
            return goal.ask("CLUSTER", "COUNTKEYSINSLOT", slot)

        await soon(swept, rules.KEYS_OF_A_TAG)
        list(move(slot, goal, source))


@pytest.mark.asyncio
async def test_while_a_cluster_moves_some_boxes_all_others_are_served(
    valkey_cluster: list[Valkey],
) -> None:
    flush(valkey_cluster)
    tag = rules.tag_of(place(1))
    slot = rules.TAG_SLOTS[tag]
    elsewhere = next(n for n in range(2, 99) if rules.tag_of(place(n)) != tag)
    async with two_stores(*valkey_cluster, capacity=300) as (one, other):
        source, goal = ends_of_a_move(valkey_cluster, slot)
        for here, there in ((source, goal), (goal, source)):
            moving = move(slot, here, there)
            next(moving)
            asked = asyncio.create_task(found(other, 1))
            async with asyncio.timeout(2):
                for _ in range(3):
                    assert await found(other, elsewhere) == Nothing()
                    await asyncio.sleep(0.1)
                    assert await one.apply([], [deposit(elsewhere, 7)], now=NOW) == (STORED,)
                    await one.apply([place(elsewhere)], [], now=NOW + 99_999)
            list(moving)
            assert await asked == Nothing()


@pytest.mark.parametrize("cut", ["asked_left", "answers_left"])
@pytest.mark.asyncio
async def test_wherever_a_line_is_cut_the_answer_is_the_one_without_a_cut(
    one_valkey: Valkey, cut: str
) -> None:
    """What is asked may be cut anywhere, and so may the answer: all of it is asked again."""
    flush([one_valkey])
    async with meddled(one_valkey) as meddler, two_stores(meddler) as (one, other):
        for number, left in enumerate([*range(0, 200, 9), *range(200, 9000, 401)]):
            places = [place(3 * number + n) for n in range(3)]
            await other.apply([], [deposit(3 * number, 7)], now=NOW)
            setattr(meddler, cut, left)
            deposits = [deposit(3 * number + 1, 8), deposit(3 * number + 2, 9, shown=True)]
            told = await visited(one, places[:1], deposits, places, room=1, now=NOW)
            assert told == ((STORED, STORED), (Nothing(), Found(box(8)), NoRoom()))
            meddler.heal()
            await other.apply(places, [], now=NOW)


@pytest.mark.asyncio
async def test_an_answer_to_nothing_cuts_the_line_before_it_is_taken_for_another(
    one_valkey: Valkey,
) -> None:
    flush([one_valkey])
    async with meddled(one_valkey) as meddler, two_stores(meddler) as (one, _):
        await one.apply([], [deposit(1, 7)], now=NOW)
        for _ in range(3):
            meddler.injected = b"$-1\r\n"
            # One more than was asked for.
            assert await found(one, 2) == Nothing()
            for number, lies in ((1, Found(box(7))), (2, Nothing()), (1, Found(box(7)))):
                assert await found(one, number) == lies


@pytest.mark.asyncio
async def test_a_cluster_of_one_server_is_asked_once() -> None:
    with valkeys(cluster_enabled="yes") as (server,):
        server.ask("CLUSTER", "ADDSLOTSRANGE", 0, rules.SLOTS - 1)
        until(lambda: is_whole(server))
        async with two_stores(server) as (one, _):
            deposits = [deposit(1, 7), deposit(1, 8, shown=True)]
            told = await visited(one, [], deposits, [place(1), place(2)], room=1, now=NOW)
            # Asked twice, the first of them would find the second one.
            assert told == ((STORED, STORED), (Found(box(8)), Nothing()))


@pytest.mark.asyncio
async def test_a_refusal_that_does_not_pass_is_told_to_the_operator_once() -> None:
    with valkeys() as (server,):
        said: list[str] = []
        store = await valkey_store([server], report=said.append)
        server.ask("ACL", "SETUSER", "default", "-evalsha")
        for _ in range(2):
            with pytest.raises(StoreAway, match="a server refuses with NOPERM"):
                await store.apply([], [deposit(1, 7)], now=NOW)
        assert said == ["the servers of the store refuse with NOPERM"]
        await store.close()


@pytest.mark.asyncio
async def test_who_is_not_let_in_any_more_tries_again_until_it_is() -> None:
    with valkeys() as (server,):
        store = await valkey_store([server], patience_seconds=0.5)
        server.kill()
        server.settings["requirepass"] = "5502"
        server.start()
        with pytest.raises(StoreAway):
            await found(store, 1)
        assert store.failed
        del server.settings["requirepass"]
        server.kill()
        server.start()
        await soon(lambda: found(store, 1), Nothing())
        assert not store.failed
        await store.close()


@pytest.mark.asyncio
async def test_a_sweep_while_no_server_is_there_says_nothing_to_the_log(
    valkey_cluster: list[Valkey],
) -> None:
    flush(valkey_cluster)
    strays: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: strays.append(context))
    async with two_stores(*valkey_cluster) as (one, _):
        await one.close()
        with pytest.raises(StoreAway):
            await one.expire(now=NOW)
        gc.collect()
        await asyncio.sleep(0)
    assert strays == []
