"""How much one source may ask, without keeping who it is.

A source is known by an HMAC of its address under a key that is drawn anew every hour and lies in
memory only; with the key all that was counted goes. What is counted is bounded, whatever number of
sources come: those that were not seen for longest are forgotten first, which is to their favour.

A rate is spent from a minute's worth that fills up again evenly. Deposits cost more the less room
is left at the relay, so that one source cannot take what is left from all others.
"""

import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from ojak_relay.config import Config
from ojak_relay.sources import parse_networks, prefixes, source_address

KEY_SECONDS: Final = 3600.0
KEY_BYTES: Final = 32
DIGEST_BYTES: Final = 16
REMEMBERED: Final = 16_384
"""Of so many sources, and at most twice as many, is known what they spent: 6 MB a rate."""

_MINUTE: Final = 60.0
_ROUNDING: Final = 1e-6

Source: TypeAlias = tuple[tuple[bytes, int], ...]
"""What is counted for one request, each with its shares; nothing where nobody is told apart."""


@dataclass(slots=True, repr=False)
class Peer:
    """The other end of one connection: its address, and what `Limits` last counted for that.

    Attributes:
        address: None where it has none.
        source: what is counted for it where no proxy is believed.
        key_number: under which key, the first being 1; 0 before any.
    """

    address: str | None
    source: Source = ()
    key_number: int = 0


class Rate:
    """What each source may spend in a minute.

    Args:
        per_minute: how much; 0 for no limit.
        remembered: of how many sources is known what they spent.
    """

    def __init__(self, per_minute: int, remembered: int = REMEMBERED) -> None:
        self._per_minute = per_minute
        self._remembered = remembered
        # When each source will have all of its minute again. Two generations, because dropping
        # the older one whole costs less than finding who was not seen for longest.
        self._full_at: dict[bytes, float] = {}
        self._older: dict[bytes, float] = {}

    def __len__(self) -> int:
        return len(self._full_at) + len(self._older)

    def spend(self, source: Source, count: float, now: float) -> bool:
        """Spend *count* of what *source* has, and return True, or return False and spend nothing.

        Args:
            source: who.
            count: how much; more than a minute's worth is never had.
            now: seconds, of a clock that only goes forward.
        """
        if not source or not self._per_minute:
            return True
        full_at = []
        for digest, shares in source:
            known = self._full_at.get(digest) or self._older.get(digest, now)
            full_at.append(max(known, now) + count * _MINUTE / (self._per_minute * shares))
        if any(at > now + _MINUTE + _ROUNDING for at in full_at):
            return False
        if len(self._full_at) + len(source) > self._remembered:
            self._older, self._full_at = self._full_at, {}
        self._full_at.update(zip((digest for digest, _ in source), full_at, strict=True))
        return True

    def forget(self) -> None:
        """Forget what everybody spent."""
        self._full_at, self._older = {}, {}


class Limits:
    """What the relay allows each source.

    Args:
        config: the limits.
        clock: seconds, of a clock that only goes forward.
        entropy: returns as many random bytes as it is asked for.
    """

    def __init__(
        self, config: Config, clock: Callable[[], float], entropy: Callable[[int], bytes]
    ) -> None:
        self._config = config
        self._clock = clock
        self._entropy = entropy
        self._proxies = parse_networks(config.trusted_proxies)
        self._key = entropy(KEY_BYTES)
        self._key_made_at = clock()
        self._key_number = 1
        self._requests = Rate(config.requests_per_minute)
        self._deposits = Rate(config.deposits_per_minute)
        self._open: dict[bytes, int] = {}

    @property
    def remembered(self) -> int:
        """Of how many sources, each counted for each rate, is known what they spent."""
        return len(self._requests) + len(self._deposits)

    def source(self, peer: Peer, forwarded: Sequence[str] = ()) -> Source:
        """Return what is counted for a request, or nothing where nobody is told apart.

        Args:
            peer: the other end of the connection. What is counted for it is kept there, and found
                anew under another key; where a proxy is believed, for each request.
            forwarded: every `X-Forwarded-For` of the request.
        """
        if self._clock() - self._key_made_at >= KEY_SECONDS:
            self._key = self._entropy(KEY_BYTES)
            self._key_made_at = self._clock()
            self._key_number += 1
            self._requests.forget()
            self._deposits.forget()
        if self._proxies:
            return self._counted(peer, forwarded)
        if peer.key_number != self._key_number:
            peer.source, peer.key_number = self._counted(peer, ()), self._key_number
        return peer.source

    def _counted(self, peer: Peer, forwarded: Sequence[str]) -> Source:
        address = source_address(peer.address, forwarded, self._proxies)
        if address is None:
            return ()
        return tuple(
            (hmac.digest(self._key, prefix, "sha256")[:DIGEST_BYTES], shares)
            for prefix, shares in prefixes(address)
        )

    def takes_request(self, source: Source) -> bool:
        """Return whether *source* may ask once more."""
        return self._requests.spend(source, 1, self._clock())

    def takes_deposits(self, source: Source, count: int, boxes: int) -> int:
        """Return how many of *count* boxes *source* may deposit where *boxes* lie already.

        In the emptier half of the relay a box costs one; then as much more as room is short, up to
        a whole minute's worth.
        """
        if not source:
            return count
        half, free = self._config.capacity / 2, max(1, self._config.capacity - boxes)
        cost = min(max(1.0, half / free), max(1, self._config.deposits_per_minute))
        for taken in range(count):
            if not self._deposits.spend(source, cost, self._clock()):
                return taken
        return count

    def opens(self, source: Source) -> bool:
        """Count one more connection of *source*, and return True, or return False if it has many.

        Each that was counted is to be given back to `closes`.
        """
        most = self._config.connections_per_source
        if most and any(self._open.get(digest, 0) >= most * shares for digest, shares in source):
            return False
        for digest, _ in source:
            self._open[digest] = self._open.get(digest, 0) + 1
        return True

    def closes(self, source: Source) -> None:
        """Count one connection of *source* less."""
        for digest, _ in source:
            left = self._open[digest] - 1
            if left:
                self._open[digest] = left
            else:
                del self._open[digest]
