"""One line to a relay as a client has it."""

import http.client
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Timer
from types import TracebackType
from typing import Final, Self, cast

from ojak_protocol.errors import RemoteError
from ojak_protocol.sync import SyncReply, SyncRequest, decode_reply, encode_request
from ojak_relay.selftest.certificate import Certificate, shown
from ojak_relay.selftest.target import Target

SECONDS: Final = 40
"""For anything more to come on a line: more than a relay may hold an answer."""

STEP_SECONDS: Final = 120
"""For all of an answer, so that nobody holds a visit for days with a byte now and then."""

MOST_BYTES: Final = 1_000_000


class NoAnswer(Exception):
    """The relay was not reached, or what came back is no answer of a relay; says which."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer: its status, its fields and its body, and how long it took."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes = field(repr=False)
    seconds: float

    def get(self, name: str) -> str | None:
        """Return the first field of that name."""
        return next((value for own, value in self.headers if own.lower() == name.lower()), None)


class Line:
    """One connection; as a context it is closed at the end.

    Args:
        target: where to.
        step_seconds: for a connection to be there, and for each answer to come whole.

    Raises:
        NoAnswer: nobody is reached there.
    """

    def __init__(self, target: Target, *, step_seconds: float = STEP_SECONDS) -> None:
        self._target = target
        self._step_seconds = step_seconds
        self._held: socket.socket | None = None
        self.certificate: Certificate | None = None
        self._http = http.client.HTTPConnection(target.host, target.port, timeout=SECONDS)
        self._began = 0.0
        try:
            self._http.sock = self._dial()
        except OSError as error:
            raise NoAnswer(f"nobody is reached there: {type(error).__name__}") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._http.close()
        if self._held is not None:
            self._held.close()

    def send(self, method: str, path: str, body: bytes = b"", **fields: str) -> None:
        """Send one request; `receive` brings its answer.

        Raises:
            NoAnswer: the line broke.
        """
        headers = {name.replace("_", "-"): value for name, value in fields.items()}
        if self._target.relay_pass and self._is_trusted():
            headers["Authorization"] = f"Bearer {self._target.relay_pass}"
        self._began = time.monotonic()
        try:
            self._http.request(method, path, body or None, headers)
        except (OSError, http.client.HTTPException) as error:
            raise NoAnswer(f"the line broke: {type(error).__name__}") from None

    def receive(self) -> Answer:
        """Return the answer to what was sent last.

        Raises:
            NoAnswer: the line broke, or what came is no HTTP.
        """
        try:
            with self._in_time():
                got = self._http.getresponse()
                body = got.read(MOST_BYTES)
        except (OSError, http.client.HTTPException) as error:
            raise NoAnswer(f"the line broke: {type(error).__name__}") from None
        return Answer(got.status, got.getheaders(), body, time.monotonic() - self._began)

    def ask(self, method: str, path: str, body: bytes = b"", **fields: str) -> Answer:
        """Send one request and return its answer."""
        self.send(method, path, body, **fields)
        return self.receive()

    def send_sync(self, asked: SyncRequest) -> None:
        """Send one sync."""
        body = encode_request(asked)
        self.send("POST", "/v1/sync", body, Content_Type="application/cbor", **_ENCODINGS)

    def receive_sync(self, asked: SyncRequest) -> tuple[SyncReply, Answer]:
        """Return the reply to *asked*, and the answer that brought it.

        Raises:
            NoAnswer: it is not the answer of a relay.
        """
        answer = self.receive()
        if answer.status != http.HTTPStatus.OK:
            raise NoAnswer(f"a sync is answered with {answer.status}")
        try:
            return decode_reply(answer.body, asked), answer
        except RemoteError:
            raise NoAnswer("what answers a sync is no relay") from None

    def sync(self, asked: SyncRequest) -> tuple[SyncReply, Answer]:
        """Send one sync and return its reply, and the answer that brought it."""
        self.send_sync(asked)
        return self.receive_sync(asked)

    def _is_trusted(self) -> bool:
        """Return whether the pass reaches the relay and nobody else."""
        if self.certificate is None:
            return self._target.is_sealed_otherwise
        return not self.certificate.why_not

    @contextmanager
    def _in_time(self) -> Iterator[None]:
        """Break the line where a step takes too long, however much comes meanwhile."""
        held = cast("socket.socket", self._held)
        clock = Timer(self._step_seconds, _broken, (held,))
        clock.daemon = True
        clock.start()
        try:
            yield
        finally:
            clock.cancel()

    def _connected(self) -> socket.socket:
        plain = socket.create_connection((self._target.host, self._target.port), SECONDS)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._held is not None:
            self._held.close()
        # TLS takes the other one away.
        self._held = plain.dup()
        return plain

    def _sealed(self, context: ssl.SSLContext) -> ssl.SSLSocket:
        plain = self._connected()
        with self._in_time():
            return context.wrap_socket(plain, server_hostname=self._target.host)

    def _dial(self) -> socket.socket:
        if self._target.scheme == "http":
            return self._connected()
        try:
            line = self._sealed(ssl.create_default_context())
        except ssl.SSLCertVerificationError as error:
            why_not = error.verify_message
        else:
            self.certificate = _certificate(line, "")
            return line
        # All else is told nevertheless, but the pass does not go over this line.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        line = self._sealed(context)
        self.certificate = _certificate(line, why_not)
        return line


_ENCODINGS: Final = {"Accept_Encoding": "gzip, deflate, br, zstd"}


def _broken(line: socket.socket) -> None:
    with suppress(OSError):
        line.shutdown(socket.SHUT_RDWR)


def _certificate(line: ssl.SSLSocket, why_not: str) -> Certificate:
    try:
        return shown(line, why_not)
    except ValueError:
        raise NoAnswer("the certificate cannot be read") from None
