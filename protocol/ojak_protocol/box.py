"""One box of a conversation: a sealed header and a sealed body, exactly 4000 bytes.

    nonce 24 ‖ sealed header 2328 ‖ nonce 24 ‖ sealed body 1624

The header carries the writer's new keys and is repeated in every box of a chain. It is bound to
the box's id; the body is bound to the id and to the sealed header, so that neither opens in
another place or beside another.

Source: docs/protocol.md, "The box".
"""

from typing import Final

from ojak_protocol.addresses import BOX_BYTES, MailboxId
from ojak_protocol.errors import LocalError, Malformed
from ojak_protocol.hidden import Hidden
from ojak_protocol.kem import CIPHERTEXT_BYTES, PUBLIC_BYTES
from ojak_protocol.primitives import (
    NONCE_BYTES,
    SEAL_OVERHEAD_BYTES,
    Entropy,
    lv,
    seal,
    u32,
    unseal,
)
from ojak_protocol.values import dataclass

DH_BYTES: Final = 32
HEADER_BYTES: Final = DH_BYTES + PUBLIC_BYTES + CIPHERTEXT_BYTES + 4 + 4
SEALED_HEADER_BYTES: Final = HEADER_BYTES + SEAL_OVERHEAD_BYTES
SEAL_BYTES: Final = 8
BODY_BYTES: Final = BOX_BYTES - SEALED_HEADER_BYTES - SEAL_OVERHEAD_BYTES


@dataclass(frozen=True, slots=True, repr=False)
class TurnKeys(Hidden):
    """The public keys that open a chain, the same in every box of it."""

    dh: bytes
    """X25519 public key, 32 bytes."""
    ek: bytes
    """ML-KEM-768 public key, 1184 bytes."""
    ct: bytes
    """ML-KEM-768 ciphertext to the other side's last key, 1088 bytes; all zero in chain 0."""


@dataclass(frozen=True, slots=True, repr=False)
class Header(Hidden):
    """What stands in front of each body."""

    keys: TurnKeys
    index: int
    """Place of the box in its chain, from 0."""
    previous_length: int
    """How many boxes the writer's previous chain has."""

    def encode(self) -> bytes:
        """Return the 2312 bytes of this header."""
        keys = self.keys
        return keys.dh + keys.ek + keys.ct + u32(self.index) + u32(self.previous_length)


def decode_header(data: bytes) -> Header:
    """Return the header in *data*.

    Raises:
        Malformed: *data* has not 2312 bytes.
    """
    if len(data) != HEADER_BYTES:
        raise Malformed("a header has 2312 bytes")
    ek_end = DH_BYTES + PUBLIC_BYTES
    ct_end = ek_end + CIPHERTEXT_BYTES
    return Header(
        keys=TurnKeys(dh=data[:DH_BYTES], ek=data[DH_BYTES:ek_end], ct=data[ek_end:ct_end]),
        index=int.from_bytes(data[ct_end : ct_end + 4], "big"),
        previous_length=int.from_bytes(data[ct_end + 4 :], "big"),
    )


def seal_box(
    place: MailboxId,
    *,
    header_key: bytes,
    header: Header,
    body_key: bytes,
    body: bytes,
    entropy: Entropy,
) -> bytes:
    """Return the box for *place*, 4000 bytes that look random.

    Raises:
        LocalError: *body* has not 1608 bytes.
    """
    return seal_forms(
        place,
        header_key=header_key,
        header=header,
        body_key=body_key,
        bodies=(body,),
        entropy=entropy,
    )[0]


def seal_forms(
    place: MailboxId,
    *,
    header_key: bytes,
    header: Header,
    body_key: bytes,
    bodies: tuple[bytes, ...],
    entropy: Entropy,
) -> tuple[bytes, ...]:
    """Return a box for each of *bodies*, of which one at a time may lie at *place*.

    They begin with the same sealed header, by which a reader knows that one state sealed them all:
    another header that opens there is a copy's.

    Raises:
        LocalError: a body has not 1608 bytes.
    """
    if any(len(body) != BODY_BYTES for body in bodies):
        raise LocalError("a body has 1608 bytes")
    sealed_header = seal(header_key, header.encode(), bound_to=place, nonce=entropy(NONCE_BYTES))
    bound_to = lv(place, sealed_header)
    return tuple(
        sealed_header + seal(body_key, body, bound_to=bound_to, nonce=entropy(NONCE_BYTES))
        for body in bodies
    )


def seal_of(box: bytes) -> bytes:
    """Return the 8 bytes by which the sealed header of *box* is known: of its random nonce.

    Whoever does not hold the header key can make no other box that opens there with these.
    """
    return box[:SEAL_BYTES]


def open_header(place: MailboxId, box: bytes, *, header_key: bytes) -> Header:
    """Return the header of the box that lies at *place*.

    Raises:
        Malformed: *box* has not 4000 bytes.
        Unopenable: it was not sealed for this place under this key.
    """
    if len(box) != BOX_BYTES:
        raise Malformed("a box has 4000 bytes")
    return decode_header(unseal(header_key, box[:SEALED_HEADER_BYTES], bound_to=place))


def open_body(place: MailboxId, box: bytes, *, body_key: bytes) -> bytes:
    """Return the 1608 bytes of the body of the box that lies at *place*.

    Raises:
        Unopenable: it was not sealed for this place, with this header, under this key.
    """
    sealed_header, sealed_body = box[:SEALED_HEADER_BYTES], box[SEALED_HEADER_BYTES:]
    return unseal(body_key, sealed_body, bound_to=lv(place, sealed_header))
