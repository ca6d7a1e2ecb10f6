"""The relay's HTTP/1.1 on a socket: deadlines, caps, silence, and one answer after the other.

A parser reads what comes. A connection must show a whole header in time, from when it opens and
from when it begins another request, must bring a body in time, and must take an answer in time.
What has a fault is answered once, nothing behind it is looked at, and the connection ends.

Source: RFC 9112; the parser is llhttp, by way of httptools.
"""

import asyncio
import resource
import ssl
import struct
import time
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from enum import Enum, auto
from functools import partial
from http import HTTPStatus
from itertools import chain
from pathlib import Path
from socket import SO_LINGER, SOL_SOCKET
from typing import Final, Protocol, cast

import httptools

from ojak_protocol.values import dataclass
from ojak_relay.config import Config
from ojak_relay.errors import ConfigError
from ojak_relay.http import Again, Answer, Come, Head, Later, refusal
from ojak_relay.known_heads import KnownHeads
from ojak_relay.limits import Limits, Peer, Source
from ojak_relay.pace import Steps
from ojak_relay.sockets import is_ended
from ojak_relay.timer import Timer

LINGERING_SECONDS: Final = 2.0
"""How long what still comes in is read after a refusal, so that the refusal can be read; and for
how long, at a stop, a line is kept on which all was sent."""

LOOK_SECONDS: Final = 0.25
"""How often deadlines are looked at, for all connections at once: so late is one at most."""

GATHERED: Final = 0.2
"""For which part of a step what comes is gathered, so that it is read, done and made durable
together. A reply that waits for a tick leaves a step after its request came at the earliest, so no
later for that, unless its work is not done by then. What waits for none, as refusals and all that
the head alone decides, leaves up to that much later, or six tenths of a step where it is quiet."""

QUIET_FROM: Final = 0.7
QUIET_UNTIL: Final = 1.1
"""Between which parts of a step, the second of the next one, nothing gathered is read: what is done
shortly before a tick would hold up the replies of others that leave at it, and show by that."""

FILES_BESIDES: Final = 64
"""How many files are kept for what is no connection: the store, the listening socket, libraries."""

MAX_HEADERS: Final = 100
MAX_HEAD_BYTES: Final = 16_384
"""Of the path, names and values; and what of them may wait to become whole."""

_NEVER: Final = float("inf")
_AT_ONCE: Final = struct.pack("ii", 1, 0)


class Front(Protocol):
    """What answers: each method as `App` has it."""

    @property
    def keeps_connections(self) -> bool:
        """Whether another request may follow on a connection."""

    def source(self, peer: Peer, headers: Mapping[bytes, bytes]) -> Source:
        """Return who asks."""

    def receive(self, head: Head, source: Source) -> Answer | int:
        """Return the answer to a request, or how many bytes its body has and `sync` shall get."""

    def sync(self, body: bytes, source: Source, come: Come) -> Answer | Later | None:
        """Return the answer to what has that body, or what brings it, or None: either will come."""


class Phase(Enum):
    """What a connection is at, as far as a deadline depends on it."""

    IDLE = auto()
    """Nothing of another request has come."""
    HEAD = auto()
    """A head must become whole."""
    BODY = auto()
    """A body must become whole."""
    ANSWER = auto()
    """The relay is at work."""
    TAKING = auto()
    """An answer must be taken."""
    ENDING = auto()
    """What still comes is thrown away."""


# No set: to hash one of an enumeration is a call of its own.
_IN_ITS_TURN: Final = (Phase.ANSWER, Phase.TAKING, Phase.ENDING)
"""Nothing else is answered meanwhile."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request in its turn: its answer, or the body from which `App.sync` makes one."""

    what: Answer | bytes
    source: Source = ()
    whole_at: float = 0.0
    closes: bool = False
    has_body: bool = True


_NOTHING_ASKED: Final = _Asked(b"")


class Connection(asyncio.Protocol):
    """One connection. Requests that come together are answered one after the other."""

    # One more than Python shares among the dicts of one class: each connection would make and
    # grow a dict of its own, of 1.5 KB.
    __slots__ = (
        "_app",
        "_asked",
        "_body",
        "_came_at",
        "_config",
        "_counted",
        "_deadline",
        "_fed",
        "_fields",
        "_head",
        "_head_bytes",
        "_held",
        "_is_answering",
        "_is_deaf",
        "_is_full",
        "_is_reading",
        "_known",
        "_line",
        "_lingers_until",
        "_now",
        "_parser",
        "_path",
        "_peer",
        "_phase",
        "_plan",
        "_reads",
        "_server",
        "_size",
        "_source",
        "_task",
        "_turns",
    )

    def __init__(self, server: "Server") -> None:
        self._server = server
        self._app = server.app
        self._config = server.config
        self._now = server.loop.time
        self._parser = httptools.HttpRequestParser(self)
        self._line: asyncio.Transport | None = None
        self._peer: Peer
        self._counted: Source | None = None
        self._phase = Phase.HEAD
        self._deadline = _NEVER
        self._turns: deque[_Asked] = deque()
        self._task: asyncio.Task[None] | None = None
        self._asked = _NOTHING_ASKED
        self._is_deaf = False
        self._is_answering = False
        self._is_reading = True
        self._is_full = False
        self._lingers_until = _NEVER
        self._known: KnownHeads | None = None
        self._reads: Phase = Phase.IDLE
        self._held = b""
        self._came_at: float
        # Of the request that is read, and not there before one is.
        self._fed: bytes
        self._path: bytes
        self._fields: list[tuple[bytes, bytes]]
        self._head_bytes: int
        self._head: Head
        self._size: int
        self._body: list[bytes]
        self._plan: Answer | None
        self._source: Source

    @property
    def is_busy(self) -> bool:
        """Whether a request has begun that is not answered yet."""
        return self._reads is Phase.BODY or self._phase in {Phase.ANSWER, Phase.TAKING}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection, or cut it at once if there are too many."""
        line = cast("asyncio.Transport", transport)
        self._peer = Peer(_host(line))
        source = self._server.limits.source(self._peer)
        if self._server.is_full or not self._server.limits.opens(source):
            self._server.cut += 1
            line.abort()
            return
        self._line, self._counted = line, source
        self._server.connections.add(self)
        # An answer counts as taken when none of it waits here any more, not when it fits a buffer:
        # otherwise whoever asks and never reads has the deadline of no answer.
        # One byte, because with none a line with TLS says by turns that it is full and is not.
        line.set_write_buffer_limits(high=1)
        self._until(Phase.HEAD, self._config.header_seconds)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 (the protocol's form)
        """Forget the connection, and break off what nobody waits for any more."""
        if self._counted is not None:
            self._server.forget(self)
            self._server.limits.closes(self._counted)
            self._counted = None
        self._line, self._held = None, b""
        # What is only found by looking for cycles would keep its bodies until then.
        self._parser = cast("httptools.HttpRequestParser", None)
        self._is_deaf = True
        self._turns.clear()
        self._asked, self._body, self._known = _NOTHING_ASKED, [], None
        if self._task is not None:
            self._task.cancel()

    def data_received(self, data: bytes) -> None:
        """Keep what came until what comes with it is there too; of much, the last piece."""
        # Never more than one piece is kept: whoever sends much is read as fast as it comes, but
        # for the last of it, with which a request becomes whole.
        self.read_held()
        self._came_at = time.monotonic()
        # In pieces, so that a head is found too long before the parser holds much of it.
        for at in range(0, len(data), MAX_HEAD_BYTES):
            self.read_held()
            self._held = data[at : at + MAX_HEAD_BYTES]
        self._server.gather(self)

    def eof_received(self) -> None:
        """Answer what came before the other side's end, as far as that is done at once."""
        self.read_held()

    def read_held(self) -> None:
        """Read on in what is kept, and answer what is whole."""
        data, self._held = self._held, b""
        if not data:
            return
        try:
            self._read(data)
        except Exception as error:  # noqa: BLE001 - a fault of one keeps none of the others
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        self._server.loop.call_exception_handler({"message": "a request", "exception": error})
        self.abort()

    def _read(self, data: bytes) -> None:
        if self._is_deaf:
            return
        begins = self._reads is Phase.IDLE
        known = self._known.split(data) if begins and self._known is not None else None
        if known is not None:
            self._take_known(*known)
        else:
            self._fed = data if begins else b""
            self._parse(data)
            self._fed = b""
        if self._reads is Phase.BODY and self._phase is Phase.HEAD:
            # Only here, so that a body that came with its head needs no deadline of its own.
            self._until(Phase.BODY, self._config.transfer_seconds(self._size))
        self._answer_next()

    def _parse(self, data: bytes) -> None:
        unfinished = self._fields if self._reads is Phase.HEAD else None
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._refuse(HTTPStatus.BAD_REQUEST)
        if self._reads is Phase.HEAD and self._fields is unfinished:
            # Still the same one: what the parser holds of it is bounded too.
            self._head_bytes += len(data)
            self._bound_head()

    def pause_writing(self) -> None:
        """Note that the other end does not take what is sent."""
        self._is_full = True

    def resume_writing(self) -> None:
        """Go on: all that was sent is taken."""
        self._is_full = False
        if self._phase is Phase.TAKING:
            self._rest()
            self._answer_next()
            self._end_if_all_end()

    def look_at_deadline(self, now: float) -> None:
        """End what took too long."""
        if now >= self._deadline:
            # It came before now.
            self.read_held()
        if self._line is None:
            return
        if self._is_let_go(now, self._line):
            self._line.abort()
            return
        if (
            not self._is_reading
            and self._phase is Phase.ANSWER
            and is_ended(self._line.get_extra_info("socket"))
        ):
            self.abort()
            return
        if now < self._deadline:
            return
        if self._phase is Phase.BODY:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT)
            self._answer_next()
        elif self._phase is Phase.ENDING and not self._line.is_closing():
            self._until(Phase.ENDING, self._config.body_seconds)
            self._line.close()
        else:
            self.abort()

    def _is_let_go(self, now: float, line: asyncio.Transport) -> bool:
        """Return whether at a stop all was sent, and only the other end's word of it is missing.

        With TLS that word is waited for, and who would say it may be asleep.
        """
        if not (self._server.is_ending and line.is_closing()) or self._is_full:
            return False
        # Below TLS some of an answer may still lie. While it is more than a little, our own last
        # word waits above it, and shows.
        if line.get_write_buffer_size() or self._lingers_until == _NEVER:
            self._lingers_until = now + LINGERING_SECONDS
        return now >= self._lingers_until

    def close_if_idle(self) -> None:
        """Close the connection unless a request has begun on it, as far as it has come."""
        self.read_held()
        if self._line is not None and not self.is_busy:
            self._line.close()

    def abort(self) -> None:
        """Cut the connection, and have the system throw away what was not taken."""
        if self._line is not None:
            held = self._line.get_extra_info("socket")
            # With TLS there is none any more where what lies below was lost just before.
            if held is not None:
                with suppress(OSError):
                    held.setsockopt(SOL_SOCKET, SO_LINGER, _AT_ONCE)
            self._line.abort()

    # What the parser calls.

    def on_message_begin(self) -> None:
        """Begin to read a head."""
        self._reads = Phase.HEAD
        self._path, self._fields, self._body = b"", [], []
        self._head_bytes = 0
        if self._phase is Phase.IDLE:
            self._until(Phase.HEAD, self._config.header_seconds)

    def on_url(self, path: bytes) -> None:
        """Take the path, or a further part of it."""
        self._path += path

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take one header; where there are too many, the head is refused and none of them kept."""
        if self._is_deaf:
            return
        self._fields.append((name, value))
        if len(self._fields) > MAX_HEADERS:
            self._bound_head()
            self._fields.clear()

    def on_headers_complete(self) -> None:
        """Decide by the head alone."""
        fields = self._fields
        self._head_bytes += len(self._path) + sum(map(len, chain.from_iterable(fields)))
        self._bound_head()
        if self._is_deaf:
            return
        method, version = self._parser.get_method(), self._parser.get_http_version()
        self._decide(Head(method, self._path, version, _by_name(fields)))

    def _decide(self, head: Head) -> None:
        self._head = head
        self._source = self._app.source(self._peer, head.headers)
        decided = self._app.receive(head, self._source)
        if isinstance(decided, int):
            self._plan, self._size, self._reads = None, decided, Phase.BODY
        elif decided.closes:
            self._turn(_Asked(decided, closes=True, has_body=head.method != b"HEAD"))
            self._is_deaf = True
        else:
            self._plan = decided

    def on_body(self, part: bytes) -> None:
        """Take a part of a body."""
        if not self._is_deaf:
            self._body.append(part)

    def on_message_complete(self) -> None:
        """Give a whole request its turn."""
        if self._is_deaf:
            return
        body, self._body = b"".join(self._body), []
        closes = not self._parser.should_keep_alive()
        if self._plan is None and not closes:
            if self._known is None:
                self._known = KnownHeads()
            self._known.remember(self._fed, self._head, body)
        self._whole(body, closes=closes)

    # What comes of it.

    def _take_known(self, head: Head, body: bytes) -> None:
        """Take a whole request with a head that was read before."""
        self._decide(head)
        if not self._is_deaf:
            self._whole(body, closes=False)

    def _whole(self, body: bytes, *, closes: bool) -> None:
        what = body if self._plan is None else self._plan
        self._turn(_Asked(what, self._source, self._came_at, closes=closes))
        self._is_deaf = closes

    def _turn(self, asked: _Asked) -> None:
        self._reads = Phase.IDLE
        self._turns.append(asked)

    def _refuse(self, status: HTTPStatus) -> None:
        """Answer what has a fault when its turn comes, and hear nothing more."""
        if not self._is_deaf:
            self._is_deaf = True
            self._turn(_Asked(refusal(status), closes=True))

    def _bound_head(self) -> None:
        if self._head_bytes > MAX_HEAD_BYTES or len(self._fields) > MAX_HEADERS:
            self._refuse(HTTPStatus.BAD_REQUEST)

    def _answer_next(self) -> None:
        """Answer what has its turn, as far as answers are taken; meanwhile read no more."""
        if self._is_answering:
            # What is answered at once leads back here; with many in one breath, ever deeper.
            return
        if self._is_reading and not self._turns:
            return
        self._is_answering = True
        try:
            self._answer_turns()
        finally:
            self._is_answering = False
        self._read_if(not self._turns)

    def _answer_turns(self) -> None:
        while self._turns and self._line is not None and self._phase not in _IN_ITS_TURN:
            self._asked = self._turns.popleft()
            what = self._asked.what
            if isinstance(what, Answer):
                self._send(what)
            else:
                self._until(Phase.ANSWER, _NEVER)
                self._begin(what)

    def _begin(self, body: bytes) -> None:
        begun = self._app.sync(body, self._asked.source, self._come)
        if begun is not None:
            self._go_on(begun)

    def _come(self, come: Answer | Again) -> None:
        if self._line is None:
            return
        try:
            if isinstance(come, Answer):
                self._answer(come)
            else:
                self._go_on(partial(come, cast("bytes", self._asked.what)))
        except Exception as error:  # noqa: BLE001 - else whoever asked would wait for ever
            self._fail(error)

    def _go_on(self, begun: Answer | Later) -> None:
        if isinstance(begun, Answer):
            self._answer(begun)
        else:
            self._task = self._server.loop.create_task(self._work(begun))

    async def _work(self, later: Later) -> None:
        try:
            answer = await later()
        finally:
            # A task that failed, kept here, would keep its body and say nothing.
            self._task = None
        self._come(answer)

    def _answer(self, answer: Answer) -> None:
        if answer.closes:
            self._leave(answer)
        else:
            self._server.steps.release(self._asked.whole_at, lambda: self._leave(answer))

    def _leave(self, answer: Answer) -> None:
        if self._line is None:
            return
        try:
            self._send(answer)
            self._answer_next()
        except Exception as error:  # noqa: BLE001 - as in `_come`
            self._fail(error)

    def _send(self, answer: Answer) -> None:
        line = cast("asyncio.Transport", self._line)
        closes = answer.closes or self._asked.closes or not self._app.keeps_connections
        line.write(answer.encoded(closes=closes, has_body=self._asked.has_body))
        self._asked = _NOTHING_ASKED
        if not closes:
            if self._is_full:
                self._until(Phase.TAKING, self._config.transfer_seconds(len(answer.body)))
            else:
                self._rest()
            return
        self._is_deaf = True
        self._turns.clear()
        if self._is_full or not answer.closes:
            self._until(Phase.ENDING, self._config.transfer_seconds(len(answer.body)))
            line.close()
        else:
            # To close with bytes unread would have the system drop the refusal.
            self._until(Phase.ENDING, LINGERING_SECONDS)
            if line.can_write_eof():
                line.write_eof()

    def _end_if_all_end(self) -> None:
        # Its answer did not say so, and it was busy when those at rest were ended.
        if self._phase is not Phase.ENDING and not self._app.keeps_connections:
            self.close_if_idle()

    def _rest(self) -> None:
        """Wait for what comes, as far as it has come already."""
        match self._reads:
            case Phase.HEAD:
                self._until(Phase.HEAD, self._config.header_seconds)
            case Phase.BODY:
                self._until(Phase.BODY, self._config.transfer_seconds(self._size))
            case _:
                self._until(Phase.IDLE, self._config.idle_seconds)

    def _until(self, phase: Phase, seconds: float) -> None:
        self._phase = phase
        self._deadline = self._now() + seconds

    def _read_if(self, wanted: bool) -> None:  # noqa: FBT001 (a state, not an option)
        # What is thrown away is read, so that the end of the other side is seen.
        wanted = wanted or self._is_deaf
        if self._line is None or wanted == self._is_reading or self._line.is_closing():
            return
        self._is_reading = wanted
        if wanted:
            self._line.resume_reading()
        else:
            self._line.pause_reading()


class Server:
    """All connections of one relay, and their deadlines.

    Args:
        app: answers the requests.
        config: the deadlines and the cap.
        limits: how many connections one source may have.

    Raises:
        OSError: the system gives no timer.
    """

    def __init__(self, app: Front, config: Config, limits: Limits) -> None:
        self.app = app
        self.config = config
        self.limits = limits
        self.loop = asyncio.get_running_loop()
        self.steps = Steps(config.reply_milliseconds / 1000)
        self.connections: set[Connection] = set()
        """Those open, those in a handshake apart."""
        self.cut = 0
        """How many were cut at once because there were too many."""
        self.is_ending = False
        """Whether it is to end as soon as all that has begun is answered."""
        self._gathered: list[Connection] = []
        self._step_seconds = config.reply_milliseconds / 1000
        self._reading = Timer(self._read_gathered) if self._step_seconds else None
        self._all_gone = asyncio.Event()
        self._look = self.loop.call_later(LOOK_SECONDS, self._look_at_deadlines)

    def __call__(self) -> Connection:
        """Return the protocol for a new connection."""
        return Connection(self)

    @property
    def is_full(self) -> bool:
        """Whether no further connection is taken."""
        return len(self.connections) >= self.config.connections

    async def finish(self) -> None:
        """Let requests that have begun be answered, for the time allowed; then cut what is left."""
        self.is_ending = True
        for connection in list(self.connections):
            connection.close_if_idle()
        self._all_gone.clear()
        if self.connections:
            # Each ends with its answer.
            with suppress(TimeoutError):
                async with asyncio.timeout(self.config.stop_seconds):
                    await self._all_gone.wait()
        self._look.cancel()
        for connection in list(self.connections):
            connection.abort()
        self.steps.close()
        if self._reading is not None:
            self._reading.close()

    def gather(self, connection: Connection) -> None:
        """Have *connection* read what it keeps, together with those that have something soon."""
        if self._reading is None:
            connection.read_held()
            return
        if not self._gathered:
            self._reading.arm(read_at(time.monotonic() / self._step_seconds) * self._step_seconds)
        self._gathered.append(connection)

    def _read_gathered(self) -> None:
        gathered, self._gathered = self._gathered, []
        for connection in gathered:
            connection.read_held()

    def forget(self, connection: Connection) -> None:
        """Note that *connection* is lost."""
        self.connections.discard(connection)
        if not self.connections:
            self._all_gone.set()

    def _look_at_deadlines(self) -> None:
        # First, so that no fault of one connection leaves all others without deadlines.
        self._look = self.loop.call_later(LOOK_SECONDS, self._look_at_deadlines)
        now = self.loop.time()
        for connection in list(self.connections):
            connection.look_at_deadline(now)


def read_at(now: float) -> float:
    """Return when what comes *now* is read; both in steps, and at each whole one is a tick."""
    at = now + GATHERED
    tick, part = divmod(at, 1)
    if part > QUIET_FROM:
        return tick + QUIET_UNTIL
    return max(at, tick + QUIET_UNTIL - 1)


def _by_name(fields: list[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """Return *fields* as `Head.headers` has them."""
    headers = {name.lower(): value for name, value in fields}
    if len(headers) < len(fields):
        # Seldom: so only then each is looked for first.
        headers.clear()
        for name, value in fields:
            held = headers.get(name.lower())
            headers[name.lower()] = value if held is None else held + b"," + value
    return headers


def _host(transport: asyncio.Transport) -> str | None:
    peer = transport.get_extra_info("peername")
    return str(peer[0]) if isinstance(peer, tuple) and peer else None


def bound_open_files(config: Config) -> int:
    """Let this process have no more files open than its connections need; return how many.

    The system then closes what comes beyond at once, before a handshake costs anything: only it
    can count connections that are still in theirs.
    """
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = config.connections + FILES_BESIDES
    files = wanted if most == resource.RLIM_INFINITY else min(wanted, most)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, most))
    return files


def tls_context(config: Config) -> ssl.SSLContext | None:
    """Return the TLS settings, or None for plain HTTP.

    Raises:
        ConfigError: certificate or key cannot be read.
    """
    if not config.tls_certificate:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    # A resumed session would link two visits of one client.
    context.options |= ssl.OP_NO_TICKET
    context.num_tickets = 0
    _load_certificate(context, config)
    return context


def reload_certificate(context: ssl.SSLContext, config: Config) -> None:
    """Have handshakes from now on show the certificate that lies in the files now.

    Raises:
        ConfigError: certificate or key cannot be read; the one before stays.
    """
    # First into another context: what does not match would be left in this one by half.
    _load_certificate(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), config)
    _load_certificate(context, config)


def _load_certificate(context: ssl.SSLContext, config: Config) -> None:
    try:
        context.load_cert_chain(Path(config.tls_certificate), Path(config.tls_key))
    except (OSError, ssl.SSLError):
        raise ConfigError("tls_certificate and tls_key cannot be read or do not match") from None
