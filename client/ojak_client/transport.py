"""The client's one kind of request, over one connection for a whole visit.

This file alone decides what is an answer of the relay: status 200, the right type, no encoding
and exactly the expected length, all before one deadline. Nothing is followed, kept or believed:
no redirect, cookie, cache, proxy of the environment or compression. What is read is bounded before
it is stored (`incoming.py`), so that no server makes this process large or slow.

A sync is idempotent (docs/protocol.md, "Sync"), so a request whose connection turns out to have
been closed by the server before it answered anything is sent once more on a new one.
"""

import contextlib
import re
import select
import socket
from types import TracebackType
from typing import Final, Self

from ojak_client.dial import Deadline, dial
from ojak_client.errors import BadPass, NotReached, RelayRefused, Unsure, WrongPlace
from ojak_client.incoming import PIECE_BYTES, Head, Incoming, Look
from ojak_client.relay_url import ProxyUrl, RelayUrl, check_way
from ojak_protocol.values import dataclass

CONTENT_TYPE: Final = "application/cbor"
INFO_TYPE: Final = "application/json; charset=utf-8"
INFO_BYTES: Final = 4 * 1024
PATIENCE_SECONDS: Final = 60.0
"""A class-16 exchange takes 14 s at 50 kbit/s; this leaves room for a worse link."""

_BEARER_FORM: Final = r"[A-Za-z0-9._~+/-]{1,256}=*"
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
        if bearer_pass is not None and not re.fullmatch(_BEARER_FORM, bearer_pass):
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
        if self._stream is None:
            return
        # What TLS has read already, the system shows no more; a plain line has nothing like it.
        held: int = getattr(self._stream, "pending", int)()
        if held or select.select([self._stream], [], [], 0)[0]:
            self.close()

    def _once(self, request: bytes, expected: _Expected, deadline: Deadline) -> bytes:
        if self._stream is None:
            self._stream = dial(self._relay, self._proxy, deadline)
        incoming = Incoming(self._stream, deadline, self._look)
        reply = None
        try:
            reply, keep = _converse(self._stream, request, expected, incoming, deadline)
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


def _converse(
    stream: socket.socket,
    request: bytes,
    expected: _Expected,
    incoming: Incoming,
    deadline: Deadline,
) -> tuple[bytes, bool]:
    """Return the answer's body, and whether the connection may be used again."""
    # A relay may refuse before it has read all: its answer is worth more than our failed send.
    with contextlib.suppress(ConnectionError):
        _send(stream, request, deadline)
    head = incoming.head()
    size_bytes = _checked_size(head, expected)
    # What nobody asked for may follow: it is no part of a later answer.
    keeps = head.keeps and len(head.rest) <= size_bytes
    return incoming.body(head, size_bytes), keeps


def _send(stream: socket.socket, request: bytes, deadline: Deadline) -> None:
    rest = memoryview(request)
    while rest:
        stream.settimeout(deadline.left())
        rest = rest[stream.send(rest[:PIECE_BYTES]) :]


def _checked_size(head: Head, expected: _Expected) -> int:
    """Return the length of the body, or raise if the header is not that of a relay's reply."""
    status = head.status
    if status != 200:
        if 400 <= status <= 599 and status not in _NOT_A_RELAY:
            raise RelayRefused(status)
        raise WrongPlace("not an answer of a relay")
    if (
        head.all(b"content-type") != [expected.kind.encode()]
        or head.all(b"content-encoding")
        or head.all(b"transfer-encoding")
    ):
        raise WrongPlace("not the type of a relay's answer")
    lengths = head.all(b"content-length")
    # Compared as text, which leaves no second way to write a number.
    if len(lengths) != 1 or lengths[0] not in map(b"%d".__mod__, expected.sizes):
        raise WrongPlace("not the length of a relay's answer")
    return int(lengths[0])
