"""What is said to Valkey servers and what they say, as words of their protocol."""

import ssl
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

import hiredis

ANSWER_SECONDS: Final = 5.0
"""How long a server has for an answer; then the line counts as lost. Replicas have less, twice."""
Reply: TypeAlias = Any
"""What a server answers to a command: bytes, a number, None, a list of these, or a `Refusal`."""


class Refusal(hiredis.ReplyError):
    """A server's error as a reply; its first word says which."""

    @property
    def word(self) -> str:
        """The first word, such as MOVED."""
        return str(self).partition(" ")[0]


@dataclass(frozen=True, slots=True)
class Login:
    """How to get in: the same for all servers of a store.

    Attributes:
        user: or empty for the default one.
        password: or empty where none is asked for.
        database: of a single server; a cluster has number 0 only.
        tls: or None for a plain line.
        replicas: how many must have what was written before it is answered.
        answer_seconds: how long a server has for an answer; then the line counts as lost.
    """

    user: str = ""
    password: str = field(default="", repr=False)
    database: int = 0
    tls: ssl.SSLContext | None = None
    replicas: int = 0
    answer_seconds: float = ANSWER_SECONDS


Address: TypeAlias = tuple[str, int]
"""Host and port; port 0 for the path of a Unix socket."""


CHANNEL: Final = b"ojak"
"""Where the ids of boxes that come are told to all relays, some at once."""


def packed(*words: bytes) -> bytes:
    """Return one command as it goes over the line."""
    return b"".join([b"*%d\r\n" % len(words), *map(word, words)])


def packed_news(ids: Iterable[bytes]) -> bytes:
    """Return a command that tells all relays that boxes came to *ids*."""
    return packed(b"PUBLISH", CHANNEL, b"".join(ids))


def word(content: bytes) -> bytes:
    """Return one word of a command as it goes over the line."""
    return b"$%d\r\n%b\r\n" % (len(content), content)
