"""The meeting point: places that follow from the number, and how what lies there is sealed.

The key follows from the number too, which the go-between carries: sealing only makes an offer,
an answer or a "seen" look like any other box. Nothing here depends on the answers, so that a
relay has nothing to try words against.

Source: docs/protocol.md, "The meeting point".
"""

from typing import Final

from ojak_protocol.addresses import BOX_BYTES, MailboxId
from ojak_protocol.errors import LocalError, Malformed
from ojak_protocol.labels import H_MEET, H_MEET_SEAL
from ojak_protocol.primitives import (
    NONCE_BYTES,
    SEAL_OVERHEAD_BYTES,
    Entropy,
    blake2b,
    lv,
    seal,
    u8,
    u32,
    unseal,
)
from ojak_protocol.stretch import Seed

DAY_SECONDS: Final = 24 * 3600
LAST_DAY: Final = 2**32 - 1
"""The last day that an offer's place can name."""
RUNS: Final = 4
"""How many answers one offer takes."""
OFFERS_A_DAY: Final = 3
"""How many offers a host lays for one day, each when the one before is used up."""

MESSAGE_BYTES: Final = BOX_BYTES - SEAL_OVERHEAD_BYTES
"""What a box at a meeting place carries: a message and zeros behind it."""


def offer_place(seed: Seed, set_number: int, day: int, n: int) -> MailboxId:
    """Return where offer *n* (0 to 2) of UTC day *day* (days since 1970) lies."""
    return _place(seed, b"offer", u32(set_number), u32(day), u8(n))


def answer_place(seed: Seed, nonce: bytes, run: int) -> MailboxId:
    """Return where the answer to *run* (0 to 3) of the offer with *nonce* lies."""
    return _place(seed, b"answer", nonce, u8(run))


def seen_place(seed: Seed, nonce: bytes, run: int) -> MailboxId:
    """Return where the host leaves word that it took the answer to *run*."""
    return _place(seed, b"seen", nonce, u8(run))


def seal_at(seed: Seed, place: MailboxId, message: bytes, *, entropy: Entropy) -> bytes:
    """Return the box of 4000 bytes that carries *message* at *place*.

    Raises:
        LocalError: *message* has more than 3960 bytes.
    """
    if len(message) > MESSAGE_BYTES:
        raise LocalError("too long for a meeting place")
    return seal(
        _key(seed),
        message.ljust(MESSAGE_BYTES, b"\0"),
        bound_to=place,
        nonce=entropy(NONCE_BYTES),
    )


def open_at(seed: Seed, place: MailboxId, box: bytes) -> bytes:
    """Return the message that the box at *place* carries, with the zeros behind it: 3960 bytes.

    Raises:
        Unopenable: it was not sealed for this place by somebody who has the number.
        Malformed: *box* has not 4000 bytes.
    """
    if len(box) != BOX_BYTES:
        raise Malformed("a box has 4000 bytes")
    return unseal(_key(seed), box, bound_to=place)


def _key(seed: Seed) -> bytes:
    return blake2b(H_MEET_SEAL, seed)


def _place(seed: Seed, kind: bytes, *parts: bytes) -> MailboxId:
    return MailboxId(blake2b(H_MEET, lv(seed, kind, *parts)))
