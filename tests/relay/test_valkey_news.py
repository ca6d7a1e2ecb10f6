"""A relay over Valkey is told of boxes while somebody waits at it, and misses none of them."""

import asyncio
import random
import signal

import pytest

from ojak_protocol.sync import Found
from ojak_relay.errors import StoreAway, StoreUnusable
from ojak_relay.store.valkey import ValkeyStore
from ojak_relay.store.valkey_line import Line
from ojak_relay.store.valkey_news import News
from ojak_relay.store.valkey_wire import CHANNEL, Address, Login, packed
from tests.relay.kit import NOW, box, deposit, place
from tests.relay.test_valkey import found, soon, two_stores
from tests.relay.test_valkey_strange import set_of
from tests.relay.valkeys import Valkey, flush, valkey_store, valkeys


def heard(servers: list[Valkey]) -> int:
    """Return how many lines *servers* tell of boxes."""
    told = [server.ask("PUBSUB", "NUMSUB", CHANNEL) for server in servers]
    return sum(number for _, number in told)


async def rest(store: ValkeyStore) -> None:
    """Sweep twice: nobody has waited between."""
    for _ in range(2):
        await store.expire(now=NOW)


@pytest.mark.asyncio
async def test_a_relay_is_told_of_boxes_only_while_somebody_waits_at_it(
    servers: list[Valkey],
) -> None:
    async with two_stores(*servers) as (one, other), asyncio.timeout(10):

        async def both() -> int:
            return heard(servers)

        # At first it is told, so that a server that does not tell is found at once.
        assert await both() == 2
        await rest(one)
        await rest(other)
        await soon(both, 0)
        waiting = asyncio.create_task(one.wait_for([place(1)], 100, now=NOW))
        await soon(both, 1)
        # However often it sweeps, it is told as long as somebody waits.
        await rest(one)
        assert await both() == 1
        await other.apply([], [deposit(1, 7)], now=NOW)
        await waiting
        # Who has waited will mostly wait again.
        await one.expire(now=NOW)
        assert await both() == 1
        await one.expire(now=NOW)
        await soon(both, 0)


class Written(asyncio.Transport):
    """Keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.content = b""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.content += data

    def abort(self) -> None:
        pass


@pytest.mark.asyncio
async def test_a_server_has_all_boxes_of_a_write_before_it_tells_of_them() -> None:
    line, written = Line(lambda: None), Written()
    line.connection_made(written)
    for number in (1, 2):
        line.ask([b"box %d." % number], 1, [place(number)])
    await asyncio.sleep(0)
    line.close()
    word = packed(b"PUBLISH", CHANNEL, place(1) + place(2))
    assert written.content == b"box 1.box 2." + word


async def waits_among_rests(one: ValkeyStore, other: ValkeyStore, times: int = 60) -> None:
    """Have waits at *one* begin at any moment of its coming to rest, and boxes come to *other*."""
    chance = random.Random(7)  # noqa: S311 (repeatable on purpose)
    for number in range(times):
        resting = asyncio.create_task(rest(one))
        for _ in range(chance.randrange(40)):
            await asyncio.sleep(0)
        waiting = asyncio.create_task(one.wait_for([place(number)], 100, now=NOW))
        for _ in range(chance.randrange(12)):
            await asyncio.sleep(0)
        await other.apply([], [deposit(number, 7)], now=NOW)
        async with asyncio.timeout(3):
            await waiting
        await resting


@pytest.mark.asyncio
async def test_no_word_is_missed_by_a_wait_that_begins_while_its_relay_comes_to_rest(
    servers: list[Valkey],
) -> None:
    async with two_stores(*servers, capacity=300) as stores:
        await waits_among_rests(*stores)


@pytest.mark.asyncio
async def test_a_relay_that_does_not_listen_again_is_found(
    one_valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Planted: it rests, and asks nobody to tell when a wait begins."""
    flush([one_valkey])

    async def not_at_all(_: News) -> None: ...

    async with two_stores(one_valkey, capacity=300) as stores:
        monkeypatch.setattr(News, "listen", not_at_all)
        with pytest.raises(TimeoutError):
            await waits_among_rests(*stores)


@pytest.mark.asyncio
async def test_a_relay_that_looks_before_it_is_told_is_found(
    one_valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Planted: what comes between the two is missed."""
    flush([one_valkey])
    listens, others = News.listen, []

    async def later(news: News) -> None:
        async def soon_after() -> None:
            for _ in range(30):
                await asyncio.sleep(0.001)
            await listens(news)

        others.append(asyncio.create_task(soon_after()))

    async with two_stores(one_valkey, capacity=300) as (one, other):
        await rest(one)
        monkeypatch.setattr(News, "listen", later)
        waiting = asyncio.create_task(one.wait_for([place(1)], 100, now=NOW))
        await found(one, 2)
        await other.apply([], [deposit(1, 7)], now=NOW)
        await asyncio.gather(*others)
        done, _ = await asyncio.wait({waiting}, timeout=0.3)
        assert not done
        one.wake_all()
        await waiting


@pytest.mark.asyncio
async def test_a_wait_that_is_broken_off_while_it_begins_breaks_off_no_other(
    one_valkey: Valkey,
) -> None:
    flush([one_valkey])
    async with two_stores(one_valkey) as (one, other), asyncio.timeout(10):
        for turns in range(8):
            await rest(one)
            number = 2 * turns
            ids = place(number), place(number + 1)
            waits = [asyncio.create_task(one.wait_for([id_], 100, now=NOW)) for id_ in ids]
            for _ in range(turns):
                await asyncio.sleep(0)
            waits[0].cancel()
            await other.apply([], [deposit(number + 1, 7)], now=NOW)
            await waits[1]
            assert waits[0].cancelled()
            await other.apply([ids[1]], [], now=NOW)


@pytest.mark.asyncio
async def test_a_wait_at_a_relay_at_rest_is_refused_in_time_while_its_server_hangs() -> None:
    with valkeys() as (server,):
        store = await valkey_store([server], patience_seconds=0.5)
        await rest(store)
        server.signal(signal.SIGSTOP)
        async with asyncio.timeout(5):
            with pytest.raises(StoreAway):
                await store.wait_for([place(1)], 100, now=NOW)
        server.signal(signal.SIGCONT)
        await store.close()


@pytest.mark.asyncio
async def test_a_relay_at_rest_whose_line_is_lost_hears_again(one_valkey: Valkey) -> None:
    flush([one_valkey])
    async with two_stores(one_valkey) as (one, other), asyncio.timeout(10):
        await rest(one)
        one_valkey.ask("CLIENT", "KILL", "TYPE", "NORMAL")
        for number in range(5):
            waiting = asyncio.create_task(one.wait_for([place(number)], 100, now=NOW))
            await other.apply([], [deposit(number, 7)], now=NOW)
            await waiting
            assert await found(one, number) == Found(box(7))


class Telling(asyncio.Protocol):
    """A server that tells of something in the midst of everything that it answers."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        word = packed(b"message", CHANNEL, b"i" * 32)
        if b"PING" in data:
            self.transport.write(b"+PONG\r\n" + word)
            return
        kind = b"unsubscribe" if b"UNSUBSCRIBE" in data else b"subscribe"
        answer = b"*3\r\n$%d\r\n%b\r\n$4\r\nojak\r\n:0\r\n" % (len(kind), kind)
        self.transport.write(word + answer + word)


@pytest.mark.asyncio
async def test_what_is_told_between_two_answers_is_no_answer() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Telling, "127.0.0.1", 0)
    address: Address = server.sockets[0].getsockname()
    told: list[bytes] = []
    losses: list[int] = []
    async with server, asyncio.timeout(10):
        line = await Line.open(address, Login(), lambda: losses.append(1), told=told.append)
        for kind in (b"SUBSCRIBE", b"UNSUBSCRIBE", b"SUBSCRIBE"):
            assert await line.one(kind, CHANNEL) == [kind.lower(), CHANNEL, 0]
        assert set(told) == {b"i" * 32}
        assert len(told) >= 6
        line.close()
    assert losses == [1]


@pytest.mark.asyncio
async def test_a_server_that_does_not_tell_is_refused_at_the_start() -> None:
    with valkeys() as (server,):
        server.ask("ACL", "SETUSER", "default", "-subscribe")
        with pytest.raises(StoreAway):
            await News(Login(), lambda _: None, lambda: None).open([("127.0.0.1", server.port)])


@pytest.mark.parametrize("strange", [False, True])
@pytest.mark.asyncio
async def test_a_server_that_is_not_to_be_told_is_refused_at_the_start(*, strange: bool) -> None:
    """Whoever waits would wait in vain, and nobody would hear of it."""
    with valkeys() as (server,):
        if strange:
            server.ask("SET", set_of(1), "a")
        server.ask("ACL", "SETUSER", "default", "-publish")
        with pytest.raises(StoreUnusable):
            await valkey_store([server])
