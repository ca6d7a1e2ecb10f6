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
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Final

from aiohttp import web

from ojak_protocol import sync
from ojak_protocol.errors import Malformed, TooNew
from ojak_relay.config import Config
from ojak_relay.errors import StoreFailed
from ojak_relay.service import Service

BODY_BYTES_PER_SECOND: Final = 2000
"""What the slowest honest line sends: 16 kbit/s."""

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

_LENGTHS: Final = {str(size): size for size in sync.REQUEST_BYTES}

Handler = Callable[[web.BaseRequest], Awaitable[web.Response]]


def refusal(status: HTTPStatus, reason: str = "") -> web.Response:
    """Return a refusal: a status, at most one plain sentence, and the connection's end."""
    response = web.Response(status=status, text=reason, headers=HEADERS)
    response.force_close()
    return response


class App:
    """Answers HTTP requests out of one service.

    Args:
        service: what the requests ask.
        config: the deadlines.
        relay_pass: what `Authorization: Bearer` must show, or empty for a public relay.
        report: takes one line for the operator; never what a request held.
    """

    def __init__(
        self, service: Service, config: Config, relay_pass: str, report: Callable[[str], None]
    ) -> None:
        self._service = service
        self._config = config
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
        handler = self._routes.get((request.method, request.raw_path))
        if handler is None:
            return self._no_route(request)
        try:
            return await handler(request)
        except (Malformed, TooNew) as error:
            return refusal(HTTPStatus.BAD_REQUEST, str(error))
        except StoreFailed:
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

    async def _sync(self, request: web.BaseRequest) -> web.Response:
        refused = self._refused(request)
        if refused is not None:
            return refused
        size = _LENGTHS[request.headers["Content-Length"]]
        async with asyncio.timeout(self._config.body_seconds + size / BODY_BYTES_PER_SECOND):
            body = await request.content.readexactly(size)
        asked = sync.decode_request(body)
        reply = await self._service.sync(asked)
        return web.Response(
            body=sync.encode_reply(reply, asked.room), content_type=MEDIA_TYPE, headers=HEADERS
        )

    def _refused(self, request: web.BaseRequest) -> web.Response | None:
        """Say why the body of a sync is not even read, or None."""
        headers = request.headers
        lengths = headers.getall("Content-Length", [])
        one_length = len(lengths) == 1 and "Transfer-Encoding" not in headers
        checks = (
            ("Content-Encoding" not in headers, HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "no encodings"),
            (one_length, HTTPStatus.LENGTH_REQUIRED, "one Content-Length and no other framing"),
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
        for fits, status, reason in checks:
            if not fits:
                return refusal(status, reason)
        return None

    def _has_pass(self, headers: Mapping[str, str]) -> bool:
        shown = headers.get("Authorization", "").encode("utf-8", "surrogateescape")
        return not self._authorization or hmac.compare_digest(shown, self._authorization)

    async def _info(self, _: web.BaseRequest) -> web.Response:
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

    async def _health(self, _: web.BaseRequest) -> web.Response:
        return web.Response(text="ok", headers=HEADERS)

    async def _ready(self, _: web.BaseRequest) -> web.Response:
        if self._service.ready:
            return web.Response(text="ok", headers=HEADERS)
        return refusal(HTTPStatus.SERVICE_UNAVAILABLE)
