"""What becomes of a connection in each of its phases, with a front that answers what a test needs.

The connections are the relay's own, on real sockets and the relay's loop, in this process.
"""

import asyncio
import select
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path

import pytest
import uvloop

from ojak_relay.config import Config
from ojak_relay.connections import LOOK_SECONDS, Connection, Server, tls_context
from ojak_relay.http import Answer, Come, Head, Later
from ojak_relay.limits import Limits, Peer, Source
from ojak_relay.listening import listen
from ojak_relay.pace import Steps
from tests.relay.lines import certificate

ASKED = b"GET / HTTP/1.1\r\nHost: r\r\n\r\n"
MORE_THAN_THE_SYSTEM_TAKES = Answer(HTTPStatus.OK, bytes(16 * 2**20))
PATIENCE_SECONDS = 20


@dataclass
class Same:
    """Gives one answer to every request."""

    answer: Answer = field(default_factory=lambda: Answer(HTTPStatus.OK))
    keeps_connections: bool = True
    errors: list[object] = field(default_factory=list)

    def source(self, peer: Peer, headers: Mapping[bytes, bytes]) -> Source:
        del peer, headers
        return ()

    def receive(self, head: Head, source: Source) -> Answer | int:
        del head, source
        return self.answer

    def sync(self, body: bytes, source: Source, come: Come) -> Answer | Later | None:
        del body, source, come
        return self.answer


POSTED = b"POST / HTTP/1.1\r\nHost: r\r\nContent-Length: 4\r\n\r\nbody"


@dataclass
class Waits(Same):
    """Holds what is posted until told to answer."""

    may_answer: asyncio.Event = field(default_factory=asyncio.Event)

    def receive(self, head: Head, source: Source) -> Answer | int:
        return 4 if head.method == b"POST" else super().receive(head, source)

    def sync(self, body: bytes, source: Source, come: Come) -> Answer | Later | None:
        del body, source, come
        return self.later

    async def later(self) -> Answer:
        await self.may_answer.wait()
        return self.answer


@dataclass
class Comes(Waits):
    """Holds what is posted, without a task, until a test has an answer come."""

    come: list[Come] = field(default_factory=list)

    def sync(self, body: bytes, source: Source, come: Come) -> Answer | Later | None:
        del body, source
        self.come.append(come)
        return None


class LooksTooLate(Server):
    """Looks at a deadline that is over at the very moment when a connection is lost."""

    def __call__(self) -> Connection:
        class Late(Connection):
            def connection_lost(self, exc: Exception | None) -> None:
                try:
                    self.look_at_deadline(float("inf"))
                finally:
                    super().connection_lost(exc)

        return Late(self)


@asynccontextmanager
async def served(
    front: Same, config: Config, made_by: type[Server] = Server
) -> AsyncIterator[tuple[Server, int]]:
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: front.errors.append(context.get("exception")))
    server = made_by(front, config, Limits(config, loop.time, bytes))
    listening = await listen(server, ("127.0.0.1", 0), config, tls_context(config))
    assert isinstance(listening.address, tuple)
    try:
        yield server, listening.address[1]
    finally:
        listening.close()
        await server.finish()


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not true():  # noqa: ASYNC110 (what is waited for tells nobody)
            await asyncio.sleep(0.01)


def run(work: Coroutine[None, None, None]) -> None:
    uvloop.run(work)


def test_whoever_takes_his_answer_while_the_relay_ends_does_not_hold_it_up() -> None:
    async def work() -> None:
        front = Same(MORE_THAN_THE_SYSTEM_TAKES)
        config = Config(stop_seconds=2 * PATIENCE_SECONDS)
        async with served(front, config) as (server, port):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(ASKED)
            await until(lambda: any(one.is_busy for one in server.connections))
            front.keeps_connections = False
            ending = asyncio.create_task(server.finish())
            try:
                async with asyncio.timeout(PATIENCE_SECONDS):
                    assert (await reader.read()).endswith(front.answer.body)
                    await ending
            finally:
                writer.close()

    run(work())


@pytest.mark.parametrize("asked", [0, 1, 2], ids=["at rest", "answered", "answered and told to go"])
def test_who_says_nothing_over_tls_does_not_hold_up_a_stop(asked: int, tmp_path: Path) -> None:
    """It is told of the end; its own word of it, which may never come, is not waited for."""
    made, private = certificate(tmp_path)
    config = Config(tls_certificate=str(made), tls_key=str(private), stop_seconds=60)
    client = ssl.create_default_context(cafile=str(made))

    def dial(port: int) -> ssl.SSLSocket:
        plain = socket.create_connection(("127.0.0.1", port), PATIENCE_SECONDS)
        return client.wrap_socket(plain, server_hostname="localhost", suppress_ragged_eofs=False)

    async def work() -> None:
        front = Same(Answer(HTTPStatus.OK, bytes(5000)), keeps_connections=asked < 2)
        async with served(front, config) as (server, port):
            with await asyncio.to_thread(dial, port) as line:
                if asked:
                    line.sendall(ASKED)
                await until(lambda: bool(server.connections))
                await until(lambda: not asked or _has_come(line))
                async with asyncio.timeout(3):
                    await server.finish()
                came = b""
                while piece := await asyncio.to_thread(line.recv, 10_000):
                    came += piece
                assert came.endswith(front.answer.body if asked else b"")
        assert front.errors == []

    run(work())


def _has_come(line: ssl.SSLSocket) -> bool:
    return bool(select.select([line], [], [], 0)[0])


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "TLS"])
def test_a_deadline_that_passes_as_a_line_is_lost_leaves_the_others_theirs(
    tls: bool,  # noqa: FBT001 (a parameter of pytest)
    tmp_path: Path,
) -> None:
    async def work() -> None:
        front = Same()
        made, private = certificate(tmp_path)
        config = Config(tls_certificate=str(made), tls_key=str(private)) if tls else Config()
        client = ssl.create_default_context(cafile=str(made)) if tls else None
        async with served(front, config, LooksTooLate) as (server, port):
            _, writer = await asyncio.open_connection(
                "127.0.0.1", port, ssl=client, server_hostname="localhost" if tls else None
            )
            await until(lambda: len(server.connections) == 1)
            # What is cut below TLS ends without a word of it.
            writer.transport.abort()
            await until(lambda: not server.connections)
        assert front.errors == []

    run(work())


@pytest.mark.parametrize("behind", [b"", ASKED, POSTED * 3, ASKED[:9], POSTED + ASKED[:9]])
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "TLS"])
def test_a_wait_ends_with_its_client_whatever_was_sent_behind_it(
    tls: bool,  # noqa: FBT001 (a parameter of pytest)
    behind: bytes,
    tmp_path: Path,
) -> None:
    async def work() -> None:
        front = Waits()
        made, private = certificate(tmp_path)
        config = Config(tls_certificate=str(made), tls_key=str(private)) if tls else Config()
        client = ssl.create_default_context(cafile=str(made)) if tls else None
        name = "localhost" if tls else None
        async with served(front, config) as (server, port):
            for is_honest in (True, False):
                line = await asyncio.open_connection(
                    "127.0.0.1", port, ssl=client, server_hostname=name
                )
                reader, writer = line
                writer.write(POSTED + behind)
                await until(lambda: any(one.is_busy for one in server.connections))
                if is_honest:
                    # Deadlines are looked at meanwhile, and nobody is taken for gone.
                    await asyncio.sleep(3 * LOOK_SECONDS)
                    front.may_answer.set()
                    for _ in range(1 + behind.count(b"\r\n\r\n")):
                        await reader.readuntil(b"\r\n\r\n")
                    front.may_answer.clear()
                writer.transport.abort()
                async with asyncio.timeout(3):
                    await until(lambda: not server.connections)
        assert front.errors == []

    run(work())


@pytest.mark.parametrize("needs_task", [False, True], ids=["an answer", "what brings it"])
def test_what_comes_later_is_answered_in_its_turn(*, needs_task: bool) -> None:
    async def work() -> None:
        front = Comes(Answer(HTTPStatus.OK, b"second"))
        async with served(front, Config()) as (_, port):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                writer.write(POSTED + ASKED)
                await until(lambda: bool(front.come))
                answer = Answer(HTTPStatus.OK, b"first")

                async def later(body: bytes) -> Answer:
                    assert body == b"body"
                    return answer

                (come,) = front.come
                come(later if needs_task else answer)
                async with asyncio.timeout(PATIENCE_SECONDS):
                    assert (await reader.readuntil(b"first")).count(b"HTTP/1.1") == 1
                    assert (await reader.readuntil(b"second")).count(b"HTTP/1.1") == 1
            finally:
                writer.close()
        assert front.errors == []

    run(work())


@pytest.mark.parametrize("needs_task", [False, True], ids=["an answer", "what brings it"])
def test_what_comes_when_the_line_is_lost_is_let_go(*, needs_task: bool) -> None:
    async def work() -> None:
        front = Comes()
        async with served(front, Config()) as (server, port):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(POSTED)
            await until(lambda: bool(front.come))
            writer.transport.abort()
            await until(lambda: not server.connections)
            begun: list[None] = []

            async def later(_: bytes) -> Answer:
                begun.append(None)
                return front.answer

            (come,) = front.come
            come(later if needs_task else front.answer)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            assert (len(server.steps), begun) == (0, [])
        assert front.errors == []

    run(work())


@pytest.mark.parametrize("fails", ["release", "_send"])
@pytest.mark.parametrize("needs_task", [False, True], ids=["an answer", "what brings it"])
def test_who_cannot_be_answered_when_it_comes_is_cut(
    monkeypatch: pytest.MonkeyPatch, *, needs_task: bool, fails: str
) -> None:
    def fail(*_: object) -> None:
        raise MemoryError

    async def work() -> None:
        front = Comes()
        async with served(front, Config()) as (server, port):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(POSTED)
            await until(lambda: bool(front.come))
            monkeypatch.setattr(Steps if fails == "release" else Connection, fails, fail)
            (come,) = front.come

            async def later(_: bytes) -> Answer:
                return front.answer

            come(later if needs_task else front.answer)
            try:
                async with asyncio.timeout(PATIENCE_SECONDS):
                    with pytest.raises(ConnectionResetError):
                        await reader.read()
            finally:
                writer.close()
            await until(lambda: not server.connections)
        assert [type(error) for error in front.errors] == [MemoryError]

    run(work())


def test_a_socket_in_the_place_of_one_that_was_closed_stays(tmp_path: Path) -> None:
    async def work() -> None:
        config, path = Config(), tmp_path / "relay.sock"
        server = Server(Same(), config, Limits(config, asyncio.get_running_loop().time, bytes))
        first = await listen(server, path, config, None)
        first.close()
        # A relay closes what it listens on when it is told to end, and once more at its end.
        second = await listen(server, path, config, None)
        first.close()
        is_there = path.is_socket()
        second.close()
        await server.finish()
        assert is_there
        assert not path.exists()

    run(work())


def test_a7_what_was_not_taken_of_an_answer_is_dropped_with_the_line() -> None:
    async def work() -> None:
        front = Same(MORE_THAN_THE_SYSTEM_TAKES)
        async with served(front, Config()) as (server, port):
            reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
            writer.write(ASKED)
            await reader.readexactly(1)
            (connection,) = server.connections
            connection.look_at_deadline(float("inf"))
            try:
                # Else the system would hand out what it holds, and then an end.
                with pytest.raises(ConnectionResetError):
                    await reader.read()
            finally:
                writer.close()

    run(work())


class LooksAtOnce(Server):
    """Is told to end, and looks at its deadlines, in the turn of the loop that wrote an answer."""

    def __call__(self) -> Connection:
        class Looked(Connection):
            def _send(self, answer: Answer) -> None:
                super()._send(answer)
                self._server.is_ending = True
                self.look_at_deadline(self._server.loop.time())

        return Looked(self)


@pytest.mark.parametrize(
    "answer",
    [Answer(HTTPStatus.OK, bytes(5000)), MORE_THAN_THE_SYSTEM_TAKES],
    ids=["taken at once", "more than is taken at once"],
)
def test_an_answer_over_tls_that_was_just_written_is_not_cut_by_a_stop(
    tmp_path: Path, answer: Answer
) -> None:
    made, private = certificate(tmp_path)
    config = Config(tls_certificate=str(made), tls_key=str(private))
    trusting = ssl.create_default_context(cafile=str(made))

    async def work() -> None:
        front = Same(answer, keeps_connections=False)
        async with served(front, config, LooksAtOnce) as (_, port):
            reader, writer = await asyncio.open_connection("localhost", port, ssl=trusting)
            writer.write(ASKED)
            try:
                assert (await reader.read()).endswith(front.answer.body)
            finally:
                writer.close()

    run(work())
