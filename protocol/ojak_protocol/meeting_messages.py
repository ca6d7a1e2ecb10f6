"""The two messages of a meeting, as bytes: the host's offer and the guest's answer.

    offer    version 1 ‖ suite 1 ‖ set 4 ‖ nonce 32 ‖ ek 1184 ‖ 4 × 2 shares of 32        1478
    answer   version 1 ‖ suite 1 ‖ nonce 32 ‖ until 8 ‖ 2 shares of 32 ‖ dh 32 ‖ ek 1184
             ‖ ct 1088                                                                    2410

Source: docs/protocol.md, "Offer and answer".
"""

from typing import Final

from ojak_protocol.box import DH_BYTES
from ojak_protocol.cpace import SHARE_BYTES, Share
from ojak_protocol.errors import Malformed, TooNew
from ojak_protocol.kem import CIPHERTEXT_BYTES, PUBLIC_BYTES
from ojak_protocol.meeting_places import RUNS
from ojak_protocol.primitives import u8, u32, u64
from ojak_protocol.values import dataclass

VERSION: Final = 1
SUITE: Final = 1
NONCE_BYTES: Final = 32
OFFER_BYTES: Final = 1 + 1 + 4 + NONCE_BYTES + PUBLIC_BYTES + RUNS * 2 * SHARE_BYTES
ANSWER_BYTES: Final = (
    1 + 1 + NONCE_BYTES + 8 + 2 * SHARE_BYTES + DH_BYTES + PUBLIC_BYTES + CIPHERTEXT_BYTES
)

SharePair = tuple[Share, Share]
"""The shares of the two branches of one run, in the order of the wire."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What a host lays out: keys for four runs, each for the right answers and for the alarm."""

    set_number: int
    nonce: bytes
    ek: bytes
    shares: tuple[SharePair, ...]

    def encode(self) -> bytes:
        """Return the 1478 bytes of this offer."""
        head = u8(VERSION) + u8(SUITE) + u32(self.set_number) + self.nonce + self.ek
        return head + b"".join(share for pair in self.shares for share in pair)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a guest lays down: shares for both branches of one run, and its first keys."""

    nonce: bytes
    until: int
    """Relay clock, Unix seconds, until which this guest looks for boxes."""
    shares: SharePair
    dh: bytes
    ek: bytes
    ct: bytes

    def encode(self) -> bytes:
        """Return the 2410 bytes of this answer."""
        return self._head() + b"".join(self.shares) + self._keys()

    def without_shares(self) -> bytes:
        """Return all but the shares: the data that CPace binds to them."""
        return self._head() + self._keys()

    def _head(self) -> bytes:
        return u8(VERSION) + u8(SUITE) + self.nonce + u64(self.until)

    def _keys(self) -> bytes:
        return self.dh + self.ek + self.ct


class _Reader:
    """Takes a message apart from the front, after its version and then its length were checked."""

    def __init__(self, data: bytes, size: int) -> None:
        # Version first: a later one may be longer, and its reader must hear of it.
        if len(data) >= 2 and data[:2] != u8(VERSION) + u8(SUITE):
            raise TooNew("a meeting of another version")
        if len(data) < size or any(data[size:]):
            raise Malformed("a message of another length")
        self._data = data
        self._at = 2

    def take(self, size: int) -> bytes:
        self._at += size
        return self._data[self._at - size : self._at]

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def share(self) -> Share:
        return Share(self.take(SHARE_BYTES))


def decode_offer(data: bytes) -> Offer:
    """Return the offer in *data*, behind which only zeros stand.

    Raises:
        Malformed: *data* has other than 1478 bytes before the zeros.
        TooNew: it is of another version or suite.
    """
    reader = _Reader(data, OFFER_BYTES)
    return Offer(
        set_number=reader.number(4),
        nonce=reader.take(NONCE_BYTES),
        ek=reader.take(PUBLIC_BYTES),
        shares=tuple((reader.share(), reader.share()) for _ in range(RUNS)),
    )


def decode_answer(data: bytes) -> Answer:
    """Return the answer in *data*, behind which only zeros stand.

    Raises:
        Malformed: *data* has other than 2410 bytes before the zeros.
        TooNew: it is of another version or suite.
    """
    reader = _Reader(data, ANSWER_BYTES)
    return Answer(
        nonce=reader.take(NONCE_BYTES),
        until=reader.number(8),
        shares=(reader.share(), reader.share()),
        dh=reader.take(DH_BYTES),
        ek=reader.take(PUBLIC_BYTES),
        ct=reader.take(CIPHERTEXT_BYTES),
    )
