"""aiohttp's low-level server with what it lacks: deadlines, a cap, silence.

A connection must show a whole header in time, from when it opens and from when it begins another
request; otherwise it is cut. Errors of the parser are answered with an empty body, because
aiohttp's own quotes what was sent, and its loggers would write it down with the address.
"""

import asyncio
import logging
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

LINGERING_SECONDS: Final = 2.0
"""How long what still comes in is read after a refusal, so that the refusal can be read."""

_SILENT: Final = logging.getLogger("ojak_relay.silent")
_SILENT.disabled = True

Answer = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class Connection(RequestHandler):
    """One connection with a deadline for each header."""

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
        self._header_seconds = config.header_seconds
        self._most = config.connections
        self._report = report
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection, or cut it at once if there are too many."""
        super().connection_made(transport)
        if len(self._server.connections) > self._most:
            cast("asyncio.Transport", transport).abort()
            return
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
        self._stop_deadline()
        super().connection_lost(exc)

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
            self._deadline = loop.call_later(self._header_seconds, self.transport.abort)

    def _stop_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


class Server(web.Server):
    """Makes a `Connection` for each connection.

    Args:
        answer: handles one request.
        config: the deadlines and the cap.
        report: takes one line for the operator.
    """

    def __init__(self, answer: Answer, config: Config, report: Callable[[str], None]) -> None:
        # A client that went away must not hold a wait until its end.
        super().__init__(answer, handler_cancellation=True)
        self._config = config
        self._report = report

    def __call__(self) -> RequestHandler:
        """Return the protocol for a new connection."""
        return Connection(self, self._config, self._report)


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
    try:
        context.load_cert_chain(Path(config.tls_certificate), Path(config.tls_key))
    except (OSError, ssl.SSLError):
        raise ConfigError("tls_certificate and tls_key cannot be read or do not match") from None
    return context
