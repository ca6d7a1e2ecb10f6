"""The HTTP front: four routes, one shape for every refusal, nothing reflected, nothing logged.

    POST /v1/sync   one request of the protocol
    GET  /v1/info   versions, limits, clock, as JSON
    GET  /healthz   the process runs, and whether its clock can be trusted
    GET  /readyz    it can serve

What is refused is refused by its head alone, before its body is read.
"""

import asyncio
import hmac
import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import lru_cache, partial
from http import HTTPStatus
from typing import Final, NamedTuple

from ojak_protocol import sync
from ojak_protocol.errors import Malformed, TooNew
from ojak_protocol.sync import SyncReply, SyncRequest
from ojak_relay.config import Config
from ojak_relay.counts import Counts
from ojak_relay.errors import StoreAway, StoreFailed
from ojak_relay.http import PREFLIGHT, Again, Answer, Come, Head, Later, refusal
from ojak_relay.limits import Limits, Peer, Source
from ojak_relay.service import Service
from ojak_relay.sources import FORWARDED
from ojak_relay.store.base import Visited

MEDIA_TYPE: Final = "application/cbor"
_MEDIA_TYPE: Final = MEDIA_TYPE.encode()
JSON: Final = "application/json; charset=utf-8"
SYNC: Final = (b"POST", b"/v1/sync")
_READY_PATH: Final = b"/readyz"

_FORWARDED: Final = FORWARDED.lower().encode()
_LENGTHS: Final = {str(size).encode(): size for size in sync.REQUEST_BYTES}

# Made once: to look up a status by its name takes longer than most of what is checked.
_TOO_MANY: Final = refusal(HTTPStatus.TOO_MANY_REQUESTS, "too many requests from one source")
_NO_PATH: Final = refusal(HTTPStatus.NOT_FOUND)
_NO_METHOD: Final = refusal(HTTPStatus.METHOD_NOT_ALLOWED)
_ENCODED: Final = refusal(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "no encodings")
_FRAMED: Final = refusal(HTTPStatus.LENGTH_REQUIRED, "one Content-Length and no other framing")
_EXPECTING: Final = refusal(HTTPStatus.EXPECTATION_FAILED, "no expectations and no upgrades")
_HOSTS: Final = refusal(HTTPStatus.BAD_REQUEST, "exactly one Host")
_OTHER_VERSION: Final = refusal(HTTPStatus.BAD_REQUEST, "HTTP/1.1 or HTTP/1.0")
_TYPED: Final = refusal(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"the body must be {MEDIA_TYPE}")
_SIZED: Final = refusal(HTTPStatus.BAD_REQUEST, "the length of no class")
_BODIED: Final = refusal(HTTPStatus.BAD_REQUEST, "no body belongs here")
_NO_PASS: Final = refusal(HTTPStatus.UNAUTHORIZED, "this relay asks for a pass")
_NOT_READY: Final = refusal(HTTPStatus.SERVICE_UNAVAILABLE)
_OK: Final = HTTPStatus.OK


class _Begun(NamedTuple):
    """What is kept of a sync while servers are asked: where that is too little it is read again.

    So what it was read into is let go, and used again for the next one, while it is near.
    """

    taken: int
    deposits: int
    deletes: int
    room: int
    wait_seconds: int


class App:
    """Answers HTTP requests out of one service.

    Args:
        service: what the requests ask.
        config: the deadlines.
        limits: what one source may ask.
        relay_pass: what `Authorization: Bearer` must show, or empty for a public relay.
        report: takes one line for the operator; never what a request held.
    """

    def __init__(
        self,
        service: Service,
        config: Config,
        limits: Limits,
        relay_pass: str,
        report: Callable[[str], None],
    ) -> None:
        self._service = service
        self._config = config
        self._limits = limits
        self._authorization = f"Bearer {relay_pass}".encode() if relay_pass else b""
        self._report = report
        self.counts = Counts()
        self._takes_deposits = not config.read_only
        self._syncs = 0
        self._hurried = asyncio.Event()
        self._routes: dict[tuple[bytes, bytes], Callable[[], Answer]] = {
            (b"GET", b"/v1/info"): self._info,
            (b"GET", b"/healthz"): self._health,
            (b"GET", _READY_PATH): self._ready,
        }
        self._paths = {path for _, path in (*self._routes, SYNC)}

    @property
    def keeps_connections(self) -> bool:
        """Whether another request may follow on a connection."""
        return self._service.ready

    def source(self, peer: Peer, headers: Mapping[bytes, bytes]) -> Source:
        """Return who asks, from the other end of the connection and what proxies wrote."""
        said = headers.get(_FORWARDED)
        return self._limits.source(peer, () if said is None else (said.decode("latin-1"),))

    def receive(self, head: Head, source: Source) -> Answer | int:
        """Return the answer to a request, or how many bytes its body has and `sync` shall get."""
        answer = self._received(head, source)
        if isinstance(answer, Answer) and answer.closes and head.path != _READY_PATH:
            self.counts.refused(answer.status)
        return answer

    async def drain(self, quiet_seconds: float) -> None:
        """Refuse deposits, and return when no sync came for so long, or after the time for that.

        To `hurry` ends it at once.
        """
        self._takes_deposits = False
        with suppress(TimeoutError):
            async with asyncio.timeout(self._config.drain_seconds):
                seen = -1
                while seen != self._syncs and not self._hurried.is_set():
                    seen = self._syncs
                    with suppress(TimeoutError):
                        await asyncio.wait_for(self._hurried.wait(), quiet_seconds)

    def hurry(self) -> None:
        """Let `drain` return at once."""
        self._hurried.set()

    def _received(self, head: Head, source: Source) -> Answer | int:
        if not self._limits.takes_request(source):
            return _TOO_MANY
        route = (head.method, head.path)
        if route == SYNC:
            self._syncs += 1
            length = head.headers.get(b"content-length", b"")
            return _unfit(head) or self._refused(head.headers) or _LENGTHS[length]
        if route in self._routes:
            return _unfit(head) or _with_body(head) or self._routes[route]()
        return self._no_route(head)

    def sync(self, body: bytes, source: Source, come: Come) -> Answer | Later | None:
        """Return the answer to a sync of *body*, or what brings it once all is done.

        Or return None; then *come* is called, whether or not the connection is still there. Raises
        nothing, and what brings an answer nothing but cancellation.
        """
        try:
            asked = sync.decode_request(body)
            reply = self._service.at_once(asked)
            if reply:
                return self._served(reply, asked.room, len(asked.deletes))
            taken = self._taken(source, len(asked.deposits))
            if self._service.is_far and self._begins(asked, taken, come):
                return None
            return partial(self._done, asked, taken)
        except Exception as error:  # noqa: BLE001 (a defect costs one answer)
            return self._failed(error)

    def _begins(self, asked: SyncRequest, taken: int, come: Come) -> bool:
        begun = _Begun(
            taken, len(asked.deposits), len(asked.deletes), asked.room, asked.wait_seconds
        )
        return self._service.begin(asked, taken, partial(self._come, begun, come))

    def _come(self, begun: _Begun, come: Come, visited: Visited | None) -> None:
        answer: Answer | Again
        try:
            reply = visited and self._service.reply(
                visited, deposits=begun.deposits, wait_seconds=begun.wait_seconds
            )
            if reply is None:
                answer = partial(self._again, begun.taken, visited)
            else:
                answer = self._served(reply, begun.room, begun.deletes)
        except Exception as error:  # noqa: BLE001 (a defect costs one answer)
            answer = self._failed(error)
        come(answer)

    async def _again(self, taken: int, visited: Visited | None, body: bytes) -> Answer:
        try:
            asked = sync.decode_request(body)
        except Exception as error:  # noqa: BLE001 (a defect costs one answer)
            return self._failed(error)
        return await self._done(asked, taken, visited)

    async def _done(self, asked: SyncRequest, taken: int, visited: Visited | None = None) -> Answer:
        try:
            reply = await self._service.sync(asked, taken=taken, visited=visited)
            return self._served(reply, asked.room, len(asked.deletes))
        except Exception as error:  # noqa: BLE001 (a defect costs one answer, not the connection's task)
            return self._failed(error)

    def _served(self, reply: SyncReply, room: int, deletes: int) -> Answer:
        answer = Answer(_OK, sync.encode_reply(reply, room), MEDIA_TYPE)
        self.counts.served(reply, deletes)
        return answer

    def _failed(self, error: Exception) -> Answer:
        match error:
            case Malformed() | TooNew():
                answer = refusal(HTTPStatus.BAD_REQUEST, str(error))
            case StoreFailed():
                answer = _NOT_READY
                if not isinstance(error, StoreAway):
                    self._report("the disk refused; nothing is stored or deleted until a restart")
            case _:
                answer = refusal(HTTPStatus.INTERNAL_SERVER_ERROR)
                self._report(f"internal error: {type(error).__name__}")
        self.counts.refused(answer.status)
        return answer

    def _no_route(self, head: Head) -> Answer:
        # An absolute address (`POST http://elsewhere/v1/sync`) is no path of ours either.
        if head.path not in self._paths:
            return _NO_PATH
        if head.method == b"OPTIONS":
            return _unfit(head) or _with_body(head) or PREFLIGHT
        return _NO_METHOD

    def _taken(self, source: Source, count: int) -> int:
        """Return how many of *count* deposits are taken: what is short is room, nothing else."""
        if not self._takes_deposits:
            return 0
        return self._limits.takes_deposits(source, count, self._service.boxes)

    def _refused(self, headers: Mapping[bytes, bytes]) -> Answer | None:
        """Say why the body of a sync is not even read, or None."""
        if b"content-length" not in headers:
            return _FRAMED
        if headers.get(b"content-type") != _MEDIA_TYPE:
            return _TYPED
        if headers[b"content-length"] not in _LENGTHS:
            return _SIZED
        return None if self._has_pass(headers) else _NO_PASS

    def _has_pass(self, headers: Mapping[bytes, bytes]) -> bool:
        shown = headers.get(b"authorization", b"")
        return not self._authorization or hmac.compare_digest(shown, self._authorization)

    def _info(self) -> Answer:
        return _info_at(self._service.now(), has_pass=bool(self._authorization))

    def _health(self) -> Answer:
        # Not a failure: boxes then age by the time that passes.
        trusted = self._service.clock_is_trusted
        return Answer(_OK, b"ok" if trusted else b"ok, but the clock is not trusted")

    def _ready(self) -> Answer:
        return Answer(_OK, b"ok") if self._service.ready else _NOT_READY


# Thousands asked for in one breath wait as one until they are taken.
@lru_cache(maxsize=2)
def _info_at(clock: int, *, has_pass: bool) -> Answer:
    info = {
        "versions": [sync.VERSION, sync.VERSION],
        "clock": clock,
        "classes": [
            {
                "deposits": size.deposits,
                "polls": size.polls,
                "deletes": size.deletes,
                "request_bytes": size.body_bytes,
            }
            for size in sync.SyncClass
        ],
        "rooms": [{"boxes": room, "reply_bytes": size} for room, size in sync.REPLY_BYTES.items()],
        "ttl_seconds": [sync.MIN_TTL_SECONDS, sync.MAX_TTL_SECONDS],
        "after_seconds": [0, sync.MAX_AFTER_SECONDS],
        "wait_seconds": [0, sync.MAX_WAIT_SECONDS],
        "pass": has_pass,
    }
    return Answer(_OK, json.dumps(info).encode(), JSON)


def _unfit(head: Head) -> Answer | None:
    """Return the refusal of a request of any route that is not framed by its length alone."""
    headers = head.headers
    if b"content-encoding" in headers:
        return _ENCODED
    if b"transfer-encoding" in headers:
        return _FRAMED
    if b"expect" in headers or b"upgrade" in headers:
        return _EXPECTING
    if head.version == "1.1":
        return _HOSTS if b"," in headers.get(b"host", b",") else None
    return None if head.version == "1.0" else _OTHER_VERSION


def _with_body(head: Head) -> Answer | None:
    """Return the refusal of a body where none is looked at."""
    return None if head.headers.get(b"content-length", b"0") == b"0" else _BODIED
