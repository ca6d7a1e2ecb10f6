"""The client's one kind of request, over one connection for a whole visit.

This file alone decides what is an answer of the relay: status 200, the right type, no encoding
and exactly the expected length, all before one deadline. Nothing is followed, kept or believed:
no redirect, cookie, cache, proxy of the environment or compression. Everything read is counted
against a budget before it is stored, so that no server makes this process large or slow.

A sync is idempotent (docs/protocol.md, "Sync"), so a request whose connection turns out to have
been closed by the server before it answered anything is sent once more on a new one.
"""

import contextlib
import io
import re
import select
import socket
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self, cast

from ojak_client.dial import Deadline, dial
from ojak_client.errors import BadPass, NotReached, RelayRefused, Unsure, WrongPlace
from ojak_client.relay_url import ProxyUrl, RelayUrl, check_way
from ojak_client.steady import steady_seconds
from ojak_protocol.values import dataclass

if TYPE_CHECKING:
    from http.client import HTTPResponse

CONTENT_TYPE: Final = "application/cbor"
INFO_TYPE: Final = "application/json; charset=utf-8"
HEADER_BYTES: Final = 8 * 1024
"""What status line and header of an answer may have together."""
INFO_BYTES: Final = 4 * 1024
PIECE_BYTES: Final = 16 * 1024
"""What is handed to the system at once: one TLS record."""
PATIENCE_SECONDS: Final = 60.0
"""A class-16 exchange takes 14 s at 50 kbit/s; this leaves room for a worse link."""
LOOK_SECONDS: Final = 1.0
"""How often, while the answer has not begun, whoever waits may look around."""

Look = Callable[[socket.socket, float], None]
"""Called with the connection and the seconds since the last call; what it raises ends the wait, the
connection with it. A little over `LOOK_SECONDS` is usual; many more, and this process was stopped
or the device slept."""

_PASS: Final = re.compile(r"[A-Za-z0-9._~+/-]{1,256}=*")
_NOT_A_RELAY: Final = frozenset({404, 405, 511})
"""No such place, not such a request, and "log in to this network first"."""


@dataclass(frozen=True, slots=True)
class _Expected:
    """What the answer to one call must be: its only type, and the lengths it may have."""

    kind: str
    sizes: range


class RelayConnection:
    """One relay, spoken to over one connection that is made at the first request.

    Attributes:
        asked_again: how many requests were sent once more, over another connection.

    Args:
        relay: where it is.
        proxy: through which SOCKS proxy.
        bearer_pass: the pass of a private relay, sent to this relay only.
        patience_seconds: how long one request may take, connecting included and the wait that
            was asked for not included.
        look: called while a request was sent and nothing of its answer has come.

    Raises:
        ProxyNeeded: an onion address without *proxy*.
        UnsafeRelay: plain http through a proxy on another device.
        BadPass: *bearer_pass* has characters that no pass has.
    """

    def __init__(
        self,
        relay: RelayUrl,
        *,
        proxy: ProxyUrl | None = None,
        bearer_pass: str | None = None,
        patience_seconds: float = PATIENCE_SECONDS,
        look: Look | None = None,
    ) -> None:
        check_way(relay, proxy)
        if bearer_pass is not None and not _PASS.fullmatch(bearer_pass):
            raise BadPass("a pass has letters, digits and -._~+/= only")
        self._relay = relay
        self._proxy = proxy
        self._pass = bearer_pass
        self._patience_seconds = patience_seconds
        self._look = look
        self._stream: socket.socket | None = None
        self.asked_again = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection; a later request makes a new one."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    def sync(self, body: bytes, *, reply_bytes: int, wait_seconds: int) -> bytes:
        """Return the relay's reply to *body*, exactly *reply_bytes* long.

        Args:
            body: a whole sync request.
            reply_bytes: the length every reply to this request has.
            wait_seconds: for how long *body* asks the relay to hold its answer.

        Raises:
            NotReached: no connection; nothing of *body* left this device.
            Unsure: the relay may have *body*; no whole answer came in time.
            WrongPlace: what answered is not this relay.
            RelayRefused: the relay answered with an error.
        """
        fields = {"Content-Type": CONTENT_TYPE, "Content-Length": str(len(body))}
        request = self._head("POST /v1/sync", fields) + body
        deadline = Deadline(self._patience_seconds + wait_seconds)
        expected = _Expected(CONTENT_TYPE, range(reply_bytes, reply_bytes + 1))
        return self._exchange(request, expected, deadline)

    def info(self) -> bytes:
        """Return what the relay says of itself, 1 to 4096 bytes of JSON; raise as `sync` does."""
        expected = _Expected(INFO_TYPE, range(1, INFO_BYTES + 1))
        request = self._head("GET /v1/info", {})
        return self._exchange(request, expected, Deadline(self._patience_seconds))

    def _head(self, call: str, fields: dict[str, str]) -> bytes:
        method, path = call.split(" ")
        fields = {"Host": self._relay.authority, "Accept-Encoding": "identity", **fields}
        if self._pass is not None:
            fields["Authorization"] = f"Bearer {self._pass}"
        lines = [f"{method} {self._relay.prefix}{path} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in fields.items()]
        return "\r\n".join([*lines, "", ""]).encode("ascii")

    def _exchange(self, request: bytes, expected: _Expected, deadline: Deadline) -> bytes:
        self._close_if_stale()
        is_kept = self._stream is not None
        try:
            return self._once(request, expected, deadline)
        except _ClosedUnanswered:
            if not is_kept:
                raise Unsure("the relay closed the connection without an answer") from None
        self.asked_again += 1
        try:
            return self._once(request, expected, deadline)
        except (NotReached, _ClosedUnanswered):
            # The first connection may have carried the request, whatever the second did.
            raise Unsure("the connection was lost") from None

    def _close_if_stale(self) -> None:
        """Close a kept connection on which something waits: its end, or what nobody asked for."""
        if self._stream is not None and select.select([self._stream], [], [], 0)[0]:
            self.close()

    def _once(self, request: bytes, expected: _Expected, deadline: Deadline) -> bytes:
        if self._stream is None:
            self._stream = dial(self._relay, self._proxy, deadline)
        incoming = _Incoming(self._stream, deadline, HEADER_BYTES, self._look)
        reply = None
        try:
            reply, keep = _converse(self._stream, request, expected, incoming)
        except TimeoutError:
            raise Unsure("no whole answer in time") from None
        except OSError:
            if incoming.has_begun:
                raise Unsure("the connection was lost") from None
            raise _ClosedUnanswered from None
        finally:
            if reply is None or not keep:
                self.close()
        return reply


class _ClosedUnanswered(Exception):
    """The connection ended before one byte of an answer."""


class _Incoming(io.RawIOBase):
    """What a connection brings, up to a deadline and a number of bytes.

    Each receive gets the time that is left of the whole: http.client's own timeout is for each
    receive anew, so that a server that drips is never cut.
    """

    def __init__(
        self, stream: socket.socket, deadline: Deadline, budget_bytes: int, look: Look | None
    ) -> None:
        super().__init__()
        self._look = look
        self._stream = stream
        self._deadline = deadline
        self._budget_bytes = budget_bytes
        self.has_begun = False
        self.has_ended = False

    def makefile(self, _mode: str) -> io.BufferedReader:
        """Return this as the file that http.client reads."""
        return io.BufferedReader(self)

    def seconds_left(self) -> float:
        return self._deadline.left()

    def allow(self, more_bytes: int) -> None:
        self._budget_bytes += more_bytes

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "memoryview[int]") -> int:  # type: ignore[override] # of its only caller
        # The base class takes any buffer; BufferedReader, our only caller, gives this one.
        if not self._budget_bytes:
            raise WrongPlace("the answer is longer than any answer of a relay")
        count = self._received(buffer[: self._budget_bytes])
        self._budget_bytes -= count
        self.has_begun = self.has_begun or count > 0
        self.has_ended = count == 0
        return count

    def _received(self, buffer: "memoryview[int]") -> int:
        while True:
            left = self._deadline.left()
            look = None if self.has_begun else self._look
            self._stream.settimeout(left if look is None else min(left, LOOK_SECONDS))
            began = steady_seconds()
            try:
                return self._stream.recv_into(buffer)
            except TimeoutError:
                if look is None:
                    raise
            look(self._stream, steady_seconds() - began)


def _converse(
    stream: socket.socket, request: bytes, expected: _Expected, incoming: _Incoming
) -> tuple[bytes, bool]:
    """Return the answer's body, and whether the connection may be used again."""
    from http.client import HTTPException, HTTPResponse  # noqa: PLC0415 - loads ssl and email

    # A relay may refuse before it has read all: its answer is worth more than our failed send.
    with contextlib.suppress(ConnectionError):
        _send(stream, request, incoming)
    # http.client asks of a socket only its makefile, which is where deadline and budget are.
    with contextlib.closing(HTTPResponse(cast("socket.socket", incoming))) as response:
        try:
            response.begin()
        except ConnectionError:
            raise
        except HTTPException:
            # `from None`: the cause would repeat what the other end said.
            if incoming.has_ended:
                raise Unsure("the answer was cut off") from None
            raise WrongPlace("not an answer of a relay") from None
        if incoming.has_ended:
            raise Unsure("the answer was cut off")
        size_bytes = _checked_size(response, expected)
        incoming.allow(size_bytes)
        body = response.read(size_bytes)
        if len(body) != size_bytes:
            raise Unsure("the answer was cut off")
        return body, not response.will_close


def _send(stream: socket.socket, request: bytes, incoming: _Incoming) -> None:
    rest = memoryview(request)
    while rest:
        stream.settimeout(incoming.seconds_left())
        rest = rest[stream.send(rest[:PIECE_BYTES]) :]


def _checked_size(response: "HTTPResponse", expected: _Expected) -> int:
    """Return the length of the body, or raise if the header is not that of a relay's reply."""
    status = response.status
    if status != 200:
        if 400 <= status <= 599 and status not in _NOT_A_RELAY:
            raise RelayRefused(status)
        raise WrongPlace("not an answer of a relay")
    fields = response.headers
    if (
        fields.get_all("Content-Type") != [expected.kind]
        or "Content-Encoding" in fields
        or "Transfer-Encoding" in fields
    ):
        raise WrongPlace("not the type of a relay's answer")
    lengths = fields.get_all("Content-Length") or []
    # Compared as text, which leaves no second way to write a number.
    if len(lengths) != 1 or lengths[0] not in map(str, expected.sizes):
        raise WrongPlace("not the length of a relay's answer")
    return int(lengths[0])
