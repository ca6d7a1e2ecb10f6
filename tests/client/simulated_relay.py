"""A relay in memory with the real rules, and what a hostile one does as `with` blocks."""

import threading
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeVar

from ojak_client.errors import NotReached, RelayRefused, Unsure
from ojak_protocol.addresses import MailboxId
from ojak_protocol.sync import (
    DepositOutcome,
    Found,
    NoRoom,
    Nothing,
    PollResult,
    SyncReply,
    SyncRequest,
    decode_request,
    encode_reply,
)
from ojak_relay.service import Service
from ojak_relay.store.memory import MemoryStore

T = TypeVar("T")
Answer = Callable[[SyncRequest], SyncReply]
TEN_YEARS = 3652 * 86_400


class _QuietServer(ThreadingHTTPServer):
    """A server to which it is nothing new that a client is killed in the middle of a request."""

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing."""


class SimulatedRelay:
    """One relay; `connection` is what an exchange speaks to, `served` an address on loopback.

    Attributes:
        arrived: every request that reached it, faults or not.
        times: when each of them did, by its clock.
        meanwhile: called while a request is held that finds nothing.
        asked_again: how many requests a connection to it sent once more.
    """

    asked_again = 0

    def __init__(self, clock: Callable[[], float] = time.time, *, capacity: int = 10_000) -> None:
        self.store = MemoryStore(capacity)
        self.arrived: list[SyncRequest] = []
        self.times: list[float] = []
        self._clock = clock
        self.meanwhile: Callable[[], None] = lambda: None
        self._service = Service(self.store, lambda: int(clock()))
        self._answer: Answer = self._honest
        self._before: Callable[[], None] = lambda: None
        self._after: Callable[[], None] = lambda: None
        self._holding = False

    @property
    def connection(self) -> Any:  # noqa: ANN401 - stands for a RelayConnection, of which it has what an exchange uses
        """What an exchange speaks to."""
        return self

    def sync(self, body: bytes, *, reply_bytes: int, wait_seconds: int) -> bytes:
        """Answer as `RelayConnection.sync` does."""
        self._before()
        request = decode_request(body)
        assert request.wait_seconds == wait_seconds
        self.arrived.append(request)
        self.times.append(self._clock())
        reply = encode_reply(self._answer(request), request.room)
        assert len(reply) == reply_bytes
        self._after()
        return reply

    def holds(self, place: MailboxId) -> bool:
        """Whether a box is visible at *place* for somebody who looks."""
        return isinstance(self._look((place,))[0], Found)

    @contextmanager
    def loses_requests(self) -> Iterator[None]:
        """Nobody is reached."""
        with self._hooks(before=_raising(NotReached("lost"))):
            yield

    @contextmanager
    def loses_replies(self) -> Iterator[None]:
        """Everything is done, and nobody learns of it."""
        with self._hooks(after=_raising(Unsure("lost"))):
            yield

    @contextmanager
    def refuses(self) -> Iterator[None]:
        """It answers with an HTTP error."""
        with self._hooks(before=_raising(RelayRefused(503))):
            yield

    @contextmanager
    def stores_nothing(self) -> Iterator[None]:
        """It says "stored" and forgets."""
        with self._answering(lambda request: self._lie_about_deposits(request, "STORED")):
            yield

    @contextmanager
    def full(self) -> Iterator[None]:
        """It has no room for deposits."""
        with self._answering(lambda request: self._lie_about_deposits(request, "FULL")):
            yield

    @contextmanager
    def occupied(self) -> Iterator[None]:
        """It says that other bytes lie wherever something is deposited."""
        with self._answering(lambda request: self._lie_about_deposits(request, "OCCUPIED")):
            yield

    @contextmanager
    def changes_its_mind(self, meanwhile: Callable[[], object]) -> Iterator[None]:
        """It lets *meanwhile* happen honestly, and then says that other bytes lie there."""

        def answer(request: SyncRequest) -> SyncReply:
            with self._answering(self._honest):
                meanwhile()
            return self._lie_about_deposits(request, "OCCUPIED")

        with self._answering(answer):
            yield

    @contextmanager
    def finds_nothing(self) -> Iterator[None]:
        """It says that nothing lies anywhere."""
        with self._changing_polls(lambda results: (Nothing(),) * len(results)):
            yield

    @contextmanager
    def has_no_room(self) -> Iterator[None]:
        """It says that something lies everywhere, and never gives it out."""
        with self._changing_polls(lambda results: (NoRoom(),) * len(results)):
            yield

    @contextmanager
    def contradicts_itself(self) -> Iterator[None]:
        """Of each place it says that other bytes lie there, and then that nothing does.

        Elsewhere it says that something lies, and never gives it out.
        """
        ours: set[MailboxId] = set()

        def answer(request: SyncRequest) -> SyncReply:
            reply = self._lie_about_deposits(replace(request, wait_seconds=0), "OCCUPIED")
            ours.update(deposit.id for deposit in request.deposits)
            polls = tuple(Nothing() if place in ours else NoRoom() for place in request.polls)
            return replace(reply, polls=polls)

        with self._answering(answer):
            yield

    @contextmanager
    def repeats(self, boxes: list[bytes]) -> Iterator[None]:
        """It gives these boxes out, one after another, wherever somebody looks."""
        turn = iter(range(1 << 30))

        def change(request: SyncRequest) -> SyncReply:
            reply = self._honest(request)
            polls: list[PollResult] = list(reply.polls)
            for position in range(min(request.room, len(polls))):
                polls[(next(turn) * 7 + position) % len(polls)] = Found(
                    boxes[next(turn) % len(boxes)]
                )
            return replace(reply, polls=_fitting(polls, request.room))

        with self._answering(change):
            yield

    @contextmanager
    def shows(self, boxes: Mapping[MailboxId, bytes]) -> Iterator[None]:
        """It kept these boxes, and shows them at their places whatever was put there since."""

        def change(request: SyncRequest) -> SyncReply:
            reply = self._honest(request)
            polls: list[PollResult] = [
                Found(boxes[place]) if place in boxes else result
                for place, result in zip(request.polls, reply.polls, strict=True)
            ]
            return replace(reply, polls=_fitting(polls, request.room))

        with self._answering(change):
            yield

    @contextmanager
    def swaps(self) -> Iterator[None]:
        """It gives out what lies at one place for another."""
        with self._changing_polls(lambda results: (*results[1:], results[0])):
            yield

    @contextmanager
    def clock_off(self, seconds: int) -> Iterator[None]:
        """Its clock is wrong."""

        def answer(request: SyncRequest) -> SyncReply:
            reply = self._honest(request)
            return replace(reply, clock=max(0, reply.clock + seconds))

        with self._answering(answer):
            yield

    @contextmanager
    def served(self) -> Iterator[str]:
        """Give its address on loopback; what would raise here closes the connection there."""
        relay = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                request = decode_request(body)
                size = len(encode_reply(_empty(request), request.room))
                try:
                    reply = relay.sync(body, reply_bytes=size, wait_seconds=request.wait_seconds)
                except RelayRefused as error:
                    self.send_error(error.status)
                    self.close_connection = True
                    return
                except (NotReached, Unsure):
                    self.close_connection = True
                    return
                # Who asked may have gone while the answer was held.
                with suppress(ConnectionError):
                    self.send_response(200)
                    self.send_header("Content-Type", "application/cbor")
                    self.send_header("Content-Length", str(len(reply)))
                    self.end_headers()
                    self.wfile.write(reply)

            def log_message(self, *_: object) -> None:
                pass

        with _QuietServer(("127.0.0.1", 0), Handler) as server:
            server.daemon_threads = True
            thread = threading.Thread(target=server.serve_forever, args=(0.01,))
            thread.start()
            try:
                yield f"http://127.0.0.1:{server.server_address[1]}"
            finally:
                server.shutdown()
                thread.join()

    def _honest(self, request: SyncRequest) -> SyncReply:
        reply = _now(self._service.sync(replace(request, wait_seconds=0)))
        nothing = all(isinstance(result, Nothing) for result in reply.polls)
        if nothing and request.wait_seconds and not self._holding:
            self._holding = True
            try:
                self.meanwhile()
            finally:
                self._holding = False
            return replace(reply, polls=self._look(request.polls, room=request.room))
        return reply

    def _look(self, places: tuple[MailboxId, ...], *, room: int = 1) -> tuple[PollResult, ...]:
        return _now(self.store.look(places, room=room, now=self._service.now()))

    def _lie_about_deposits(self, request: SyncRequest, outcome: str) -> SyncReply:
        reply = self._honest(replace(request, deposits=()))
        return replace(reply, deposits=(DepositOutcome[outcome],) * len(request.deposits))

    @contextmanager
    def _answering(self, answer: Answer) -> Iterator[None]:
        before, self._answer = self._answer, answer
        try:
            yield
        finally:
            self._answer = before

    @contextmanager
    def _changing_polls(
        self, change: Callable[[tuple[PollResult, ...]], tuple[PollResult, ...]]
    ) -> Iterator[None]:
        def answer(request: SyncRequest) -> SyncReply:
            reply = self._honest(request)
            return replace(reply, polls=change(reply.polls))

        with self._answering(answer):
            yield

    @contextmanager
    def _hooks(
        self, before: Callable[[], None] | None = None, after: Callable[[], None] | None = None
    ) -> Iterator[None]:
        kept = self._before, self._after
        self._before, self._after = before or self._before, after or self._after
        try:
            yield
        finally:
            self._before, self._after = kept


def _now(coroutine: Coroutine[Any, Any, T]) -> T:
    """The value of a coroutine that waits for nothing."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        value: T = done.value
        return value
    raise AssertionError("a store in memory waits for nothing")


def _raising(error: Exception) -> Callable[[], None]:
    def hook() -> None:
        raise error

    return hook


def _fitting(polls: list[PollResult], room: int) -> tuple[PollResult, ...]:
    """No more boxes than there is room for."""
    found = 0
    for position, result in enumerate(polls):
        found += isinstance(result, Found)
        if found > room and isinstance(result, Found):
            polls[position] = NoRoom()
    return tuple(polls)


def _empty(request: SyncRequest) -> SyncReply:
    return SyncReply(0, (Nothing(),) * len(request.polls), ())
