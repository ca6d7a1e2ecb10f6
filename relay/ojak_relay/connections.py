"""aiohttp's low-level server with what it lacks: deadlines, a cap, silence.

A connection must show a whole header in time, from when it opens and from when it begins another
request, and must take an answer in time; otherwise it is cut. Errors of the parser are answered
with an empty body, because aiohttp's own quotes what was sent, and its loggers would write it down
with the address.
"""

import asyncio
import logging
import resource
import ssl
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from pathlib import Path
from typing import Final, cast

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from ojak_relay.app import refusal
from ojak_relay.config import Config
from ojak_relay.errors import ConfigError
from ojak_relay.limits import Limits, Source

LINGERING_SECONDS: Final = 2.0
"""How long what still comes in is read after a refusal, so that the refusal can be read."""

FILES_BESIDES: Final = 64
"""How many files are kept for what is no connection: the store, the listening socket, libraries."""

_SILENT: Final = logging.getLogger("ojak_relay.silent")
_SILENT.disabled = True

Answer = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class Connection(RequestHandler):
    """One connection with a deadline for each header and for each answer."""

    def __init__(self, server: "Server", config: Config, report: Callable[[str], None]) -> None:
        super().__init__(
            server,
            loop=asyncio.get_running_loop(),
            logger=_SILENT,
            access_log=cast("logging.Logger", None),
            keepalive_timeout=config.idle_seconds,
            lingering_time=LINGERING_SECONDS,
            auto_decompress=False,
        )
        self._server = server
        self._config = config
        self._report = report
        self._deadline: asyncio.TimerHandle | None = None
        self._source: Source | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection, or cut it at once if there are too many."""
        line = cast("asyncio.Transport", transport)
        source = self._server.limits.source(_host(line))
        if self._server.open >= self._config.connections or not self._server.limits.opens(source):
            self._server.cut += 1
            line.abort()
            return
        self._server.open += 1
        self._source = source
        # An answer counts as taken when none of it waits here any more, not when it fits a buffer:
        # otherwise whoever asks and never reads has the deadline of no answer.
        line.set_write_buffer_limits(high=0)
        super().connection_made(transport)
        self._await_header()

    def data_received(self, data: bytes) -> None:
        """Feed the parser; a header that has begun must become whole in time."""
        before = self._request_count
        super().data_received(data)
        if self._request_count != before:
            self._stop_deadline()
        elif not self._request_in_progress and not self._messages:
            self._await_header()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Forget the connection."""
        if self._source is not None:
            self._server.open -= 1
            self._server.limits.closes(self._source)
            self._source = None
        self._stop_deadline()
        super().connection_lost(exc)

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Send an answer; whoever takes it too slowly is cut."""
        if self.transport is None:
            return await super().finish_response(request, resp, start_time)
        seconds = self._config.transfer_seconds(resp.content_length or 0)
        deadline = asyncio.get_running_loop().call_later(seconds, self.transport.abort)
        try:
            return await super().finish_response(request, resp, start_time)
        finally:
            deadline.cancel()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002 (quotes what was sent)
    ) -> web.StreamResponse:
        """Answer what could not be parsed or handled with a status alone."""
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            self._report(f"internal error: {type(exc).__name__}")
        if request.writer.output_size > 0:
            raise ConnectionError("an answer has already begun")
        return refusal(HTTPStatus(status))

    def _await_header(self) -> None:
        if self._deadline is None and self.transport is not None:
            loop = asyncio.get_running_loop()
            self._deadline = loop.call_later(self._config.header_seconds, self.transport.abort)

    def _stop_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


class Server(web.Server):
    """Makes a `Connection` for each connection.

    Args:
        answer: handles one request.
        config: the deadlines and the cap.
        limits: how many connections one source may have.
        report: takes one line for the operator.
    """

    def __init__(
        self, answer: Answer, config: Config, limits: Limits, report: Callable[[str], None]
    ) -> None:
        # A client that went away must not hold a wait until its end.
        super().__init__(answer, handler_cancellation=True)
        self.open = 0
        """How many connections are open, those in a handshake apart."""
        self.cut = 0
        """How many were cut at once because there were too many."""
        self.limits = limits
        self._config = config
        self._report = report

    def __call__(self) -> RequestHandler:
        """Return the protocol for a new connection."""
        return Connection(self, self._config, self._report)


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
