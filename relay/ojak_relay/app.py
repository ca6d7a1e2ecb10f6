"""The HTTP front: four routes, one shape for every refusal, nothing reflected, nothing logged.

    POST /v1/sync   one request of the protocol
    GET  /v1/info   versions, limits, clock, as JSON
    GET  /healthz   the process runs
    GET  /readyz    it can serve

What is refused is refused before its body is read. aiohttp's low-level server is used without
router and without loggers: its own error pages quote what was sent.
"""

import asyncio
import hmac
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Final

from aiohttp import web

from ojak_protocol import sync
from ojak_protocol.errors import Malformed, TooNew
from ojak_relay.config import Config
from ojak_relay.errors import StoreAway, StoreFailed
from ojak_relay.limits import Limits, Source
from ojak_relay.pace import in_steps
from ojak_relay.service import Service
from ojak_relay.sources import FORWARDED

MEDIA_TYPE: Final = "application/cbor"

HEADERS: Final = {
    "Server": "relay",
    "Cache-Control": "no-store",
    # A page opened from a file may be a client. No cookie or pass of a browser is ever sent along.
    "Access-Control-Allow-Origin": "*",
}
PREFLIGHT: Final = HEADERS | {
    "Access-Control-Allow-Methods": "GET, POST",
    "Access-Control-Allow-Headers": "Authorization, Content-Type",
    "Access-Control-Max-Age": "86400",
}

_ONE_LENGTH: Final = "one Content-Length and no other framing"
_LENGTHS: Final = {str(size): size for size in sync.REQUEST_BYTES}

Checks = Iterable[tuple[bool, HTTPStatus, str]]
"""What must hold, and status and reason of the refusal where it does not."""
Handler = Callable[[web.BaseRequest, Source], Awaitable[web.Response]]


def refusal(status: HTTPStatus, reason: str = "") -> web.Response:
    """Return a refusal: a status, at most one plain sentence, and the connection's end."""
    response = web.Response(status=status, text=reason, headers=HEADERS)
    response.force_close()
    return response


def _first_unfit(checks: Checks) -> web.Response | None:
    for fits, status, reason in checks:
        if not fits:
            return refusal(status, reason)
    return None


def _wrongly_framed(headers: Mapping[str, str]) -> web.Response | None:
    """Return the refusal of a body that is not framed by its length alone, or None."""
    return _first_unfit(
        (
            ("Content-Encoding" not in headers, HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "no encodings"),
            ("Transfer-Encoding" not in headers, HTTPStatus.LENGTH_REQUIRED, _ONE_LENGTH),
        )
    )


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
        self._routes: dict[tuple[str, str], Handler] = {
            ("POST", "/v1/sync"): self._sync,
            ("GET", "/v1/info"): self._info,
            ("GET", "/healthz"): self._health,
            ("GET", "/readyz"): self._ready,
        }
        self._paths = {path for _, path in self._routes}
        self._under_way = 0
        self._idle = asyncio.Event()
        self._idle.set()

    async def handle(self, request: web.BaseRequest) -> web.Response:
        """Return the answer to any request; raises nothing but cancellation."""
        self._under_way += 1
        self._idle.clear()
        try:
            response = await self._answer(request)
        finally:
            self._under_way -= 1
            if not self._under_way:
                self._idle.set()
        if not self._service.ready:
            response.force_close()
        return response

    async def finish(self) -> None:
        """Return when no request is under way, or after the time allowed for that."""
        try:
            async with asyncio.timeout(self._config.stop_seconds):
                await self._idle.wait()
        except TimeoutError:
            return

    async def _answer(self, request: web.BaseRequest) -> web.Response:
        source = self._limits.source(request.remote, request.headers.getall(FORWARDED, ()))
        if not self._limits.takes_request(source):
            return refusal(HTTPStatus.TOO_MANY_REQUESTS, "too many requests from one source")
        handler = self._routes.get((request.method, request.raw_path))
        if handler is None:
            return self._no_route(request)
        try:
            return _wrongly_framed(request.headers) or await handler(request, source)
        except (Malformed, TooNew) as error:
            return refusal(HTTPStatus.BAD_REQUEST, str(error))
        except StoreFailed as error:
            if not isinstance(error, StoreAway):
                self._report("the disk refused; nothing is stored or deleted until a restart")
            return refusal(HTTPStatus.SERVICE_UNAVAILABLE)
        except (TimeoutError, ConnectionError, asyncio.IncompleteReadError):
            return refusal(HTTPStatus.REQUEST_TIMEOUT)

    def _no_route(self, request: web.BaseRequest) -> web.Response:
        # An absolute address (`POST http://elsewhere/v1/sync`) is no path of ours either.
        if request.raw_path not in self._paths:
            return refusal(HTTPStatus.NOT_FOUND)
        if request.method == "OPTIONS":
            return web.Response(status=HTTPStatus.NO_CONTENT, headers=PREFLIGHT)
        return refusal(HTTPStatus.METHOD_NOT_ALLOWED)

    async def _sync(self, request: web.BaseRequest, source: Source) -> web.Response:
        refused = self._refused(request)
        if refused is not None:
            return refused
        size = _LENGTHS[request.headers["Content-Length"]]
        async with asyncio.timeout(self._config.transfer_seconds(size)):
            body = await request.content.readexactly(size)
        reply = await in_steps(self._reply(body, source), self._config.reply_milliseconds / 1000)
        return web.Response(body=reply, content_type=MEDIA_TYPE, headers=HEADERS)

    async def _reply(self, body: bytes, source: Source) -> bytes:
        asked = sync.decode_request(body)
        taken = self._taken(source, len(asked.deposits))
        reply = await self._service.sync(asked, taken=taken)
        return sync.encode_reply(reply, asked.room)

    def _taken(self, source: Source, count: int) -> int:
        """Return how many of *count* deposits are taken: what is short is room, nothing else."""
        if self._config.read_only:
            return 0
        return self._limits.takes_deposits(source, count, self._service.boxes)

    def _refused(self, request: web.BaseRequest) -> web.Response | None:
        """Say why the body of a sync is not even read, or None."""
        headers = request.headers
        lengths = headers.getall("Content-Length", [])
        checks = (
            (len(lengths) == 1, HTTPStatus.LENGTH_REQUIRED, _ONE_LENGTH),
            (
                headers.get("Content-Type") == MEDIA_TYPE,
                HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
                f"the body must be {MEDIA_TYPE}",
            ),
            (
                "Expect" not in headers and "Upgrade" not in headers,
                HTTPStatus.EXPECTATION_FAILED,
                "no expectations and no upgrades",
            ),
            (set(lengths) <= _LENGTHS.keys(), HTTPStatus.BAD_REQUEST, "the length of no class"),
            (self._has_pass(headers), HTTPStatus.UNAUTHORIZED, "this relay asks for a pass"),
        )
        return _first_unfit(checks)

    def _has_pass(self, headers: Mapping[str, str]) -> bool:
        shown = headers.get("Authorization", "").encode("utf-8", "surrogateescape")
        return not self._authorization or hmac.compare_digest(shown, self._authorization)

    async def _info(self, _: web.BaseRequest, __: Source) -> web.Response:
        info = {
            "versions": [sync.VERSION, sync.VERSION],
            "clock": self._service.now(),
            "classes": [
                {
                    "deposits": size.deposits,
                    "polls": size.polls,
                    "deletes": size.deletes,
                    "request_bytes": size.body_bytes,
                }
                for size in sync.SyncClass
            ],
            "rooms": [
                {"boxes": room, "reply_bytes": size} for room, size in sync.REPLY_BYTES.items()
            ],
            "ttl_seconds": [sync.MIN_TTL_SECONDS, sync.MAX_TTL_SECONDS],
            "after_seconds": [0, sync.MAX_AFTER_SECONDS],
            "wait_seconds": [0, sync.MAX_WAIT_SECONDS],
            "pass": bool(self._authorization),
        }
        return web.json_response(info, headers=HEADERS, dumps=json.dumps)

    async def _health(self, _: web.BaseRequest, __: Source) -> web.Response:
        return web.Response(text="ok", headers=HEADERS)

    async def _ready(self, _: web.BaseRequest, __: Source) -> web.Response:
        if self._service.ready:
            return web.Response(text="ok", headers=HEADERS)
        return refusal(HTTPStatus.SERVICE_UNAVAILABLE)
