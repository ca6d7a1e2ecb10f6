"""What stands between bytes and meaning: the head of a request, and an answer as bytes.

Every answer has the same few headers, and nothing of a request is ever in one.

Source: RFC 9110 and RFC 9112.
"""

import time
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import field
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from typing import Final, TypeAlias

from ojak_protocol.values import dataclass

PLAIN: Final = "text/plain; charset=utf-8"

_EVERY: Final = {
    "Server": "relay",
    "Cache-Control": "no-store",
    # A page opened from a file may be a client. No cookie or pass of a browser is ever sent along.
    "Access-Control-Allow-Origin": "*",
}
_PREFLIGHT_HEADERS: Final = {
    "Access-Control-Allow-Methods": "GET, POST",
    "Access-Control-Allow-Headers": "Authorization, Content-Type",
    "Access-Control-Max-Age": "86400",
}


@dataclass(frozen=True, slots=True)
class Head:
    """The head of one request, as the parser gives it.

    Attributes:
        method: in capitals.
        path: what was asked for, unchanged.
        version: "1.1" or "1.0"; the parser also takes "2.0" and "0.9".
        headers: by names in small letters; one that came several times, joined by commas.
    """

    method: bytes
    path: bytes = field(repr=False)
    version: str
    headers: Mapping[bytes, bytes] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer.

    Attributes:
        status: what became of the request.
        body: what is said.
        media_type: what kind the body is of.
        closes: whether the connection ends with this answer.
    """

    status: HTTPStatus
    body: bytes = field(default=b"", repr=False)
    media_type: str = PLAIN
    closes: bool = False

    def encoded(self, *, closes: bool, has_body: bool) -> bytes:
        """Return its bytes.

        Args:
            closes: whether the other end is told that the connection ends.
            has_body: False for an answer to HEAD.
        """
        head = _head(self.status, self.media_type, len(self.body), closes=closes)
        return b"".join((head, _date(int(time.time())), self.body if has_body else b""))


Later: TypeAlias = Callable[[], Coroutine[None, None, Answer]]
"""Brings an answer that must be waited for. No coroutine, because one that is never begun is told
of on standard error."""

Again: TypeAlias = Callable[[bytes], Coroutine[None, None, Answer]]
"""Brings an answer that must be waited for, if it is given the request's body once more."""

Come: TypeAlias = Callable[[Answer | Again], None]
"""Takes an answer, or what brings it: once, in a later turn of the loop."""


def refusal(status: HTTPStatus, reason: str = "") -> Answer:
    """Return a refusal: a status, at most one plain sentence, and the connection's end."""
    return Answer(status, reason.encode(), closes=True)


PREFLIGHT: Final = Answer(HTTPStatus.NO_CONTENT)
"""What a browser asks before it sends another page's request: all may ask."""


@lru_cache(maxsize=256)
def _head(status: HTTPStatus, media_type: str, length: int, *, closes: bool) -> bytes:
    headers: dict[str, str] = dict(_EVERY)
    if status is HTTPStatus.NO_CONTENT:
        headers |= _PREFLIGHT_HEADERS
    else:
        headers |= {"Content-Type": media_type, "Content-Length": str(length)}
    if closes:
        headers["Connection"] = "close"
    lines = [f"HTTP/1.1 {status.value} {status.phrase}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join((*lines, "Date: ")).encode()


@lru_cache(maxsize=2)
def _date(unix_seconds: int) -> bytes:
    return formatdate(unix_seconds, usegmt=True).encode() + b"\r\n\r\n"
