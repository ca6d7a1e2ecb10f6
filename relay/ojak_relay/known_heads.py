"""Heads of requests that a connection showed before, so that the same bytes are parsed once.

Whoever sends several requests on one connection writes the same few heads each time, and to parse
one takes longer than all that is decided by it. What a parser finds in a head follows from its
bytes alone, where it begins a message: so a head that is the same to the byte needs no parser. What
is decided by it, such as whether its source may ask once more, is decided each time.
"""

from typing import Final

from ojak_relay.http import Head

KNOWN_AT_MOST: Final = 2
"""Of one connection: a visit has two kinds of requests, what to leave and what to look for."""

HEAD_BYTES_AT_MOST: Final = 512

_END: Final = b"\r\n\r\n"
_KEPT: Final = frozenset(
    (b"host", b"content-type", b"content-length", b"authorization", b"accept-encoding")
)
"""Heads with any other header are not kept: it may say who asks, and a proxy's connection is that
of many."""


class KnownHeads:
    """The last heads of one connection that were taken, each with the length of its body."""

    __slots__ = ("_heads",)

    def __init__(self) -> None:
        self._heads: dict[bytes, tuple[Head, int]] = {}

    def split(self, data: bytes) -> tuple[Head, bytes] | None:
        """Return head and body of *data* if it is one whole request with a head that is known.

        Args:
            data: what came, from the beginning of a message on.
        """
        if not self._heads:
            return None
        end = data.find(_END) + len(_END)
        known = self._heads.get(data[:end])
        if known is None or len(data) != end + known[1]:
            return None
        return known[0], data[end:]

    def remember(self, data: bytes, head: Head, body: bytes) -> None:
        """Keep a *head* that was taken, if *data* is it and *body* and nothing else.

        Args:
            data: all that the parser was fed since the message before was whole.
            head: what it found.
            body: what followed.
        """
        end = data.find(_END) + len(_END)
        raw = data[:end]
        if (
            data[end:] != body
            or end > HEAD_BYTES_AT_MOST
            # Lines that end otherwise could end the head elsewhere.
            or b"\n" in raw.replace(b"\r\n", b"")
            or not raw.startswith(head.method)
            or not head.headers.keys() <= _KEPT
        ):
            return
        if len(self._heads) == KNOWN_AT_MOST:
            del self._heads[next(iter(self._heads))]
        self._heads[raw] = head, len(body)
