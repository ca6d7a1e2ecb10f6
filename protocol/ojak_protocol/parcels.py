"""A parcel: a photograph, a voice or a long letter in boxes whose places come from one file key.

    dk_i = MAC(file key, "part" ‖ u32 i)         key_i = MAC(file key, "part-key" ‖ u32 i)
    box_i = seal(key_i, 3960 bytes, bound to lv(id_i, u32 i, u32 count))

The file key travels in a letter (`Parcel`), which is the only way from one part to the next: to
whoever does not hold it the boxes look like any others. The last parts are filled with zeros, up
to a number of parts that `padding` allows. Each part opens by itself, so that fetching can stop at
any part and go on later; the whole is checked by its hash when all parts are there.

A timed letter is a parcel of one part: its box is deposited with `after`, so that the relay shows
it to nobody before its time, and the letter in the conversation carries only the pointer.

Source: docs/protocol.md, "Parcels".
"""

import hmac
from collections.abc import Iterator, Mapping
from typing import Final

from ojak_protocol.addresses import BOX_BYTES, DeleteKey, MailboxId, mailbox_id
from ojak_protocol.details import Parcel, ParcelWhat
from ojak_protocol.errors import LocalError, Malformed
from ojak_protocol.hidden import Hidden
from ojak_protocol.labels import H_PARCEL, MAC_PART, MAC_PART_KEY
from ojak_protocol.padding import PART_BYTES, part_count
from ojak_protocol.primitives import (
    KEY_BYTES,
    NONCE_BYTES,
    Entropy,
    blake2b,
    lv,
    mac,
    seal,
    u32,
    unseal,
)
from ojak_protocol.values import dataclass

MOST_AHEAD_SECONDS: Final = 30 * 24 * 3600
"""How far ahead a timed letter may be due: longer no relay holds a box back."""


@dataclass(frozen=True, slots=True, repr=False)
class SealedPart(Hidden):
    """One part as it is to be deposited."""

    delete_key: DeleteKey
    box: bytes

    @property
    def id(self) -> MailboxId:
        """Where the box lies."""
        return mailbox_id(self.delete_key)


def pack(content: bytes, what: ParcelWhat, *, entropy: Entropy) -> Parcel:
    """Return the details of a parcel that holds *content*, with a fresh file key.

    Raises:
        LocalError: *content* is empty, or has over 4 MiB.
    """
    return Parcel(
        entropy(KEY_BYTES), len(content), _digest(content), part_count(len(content)), what
    )


def pack_timed(content: bytes, *, due_at: int, now: int, entropy: Entropy) -> Parcel:
    """Return the details of a letter that is shown from *due_at* on, in one part.

    Args:
        content: the letter's text in UTF-8, 1 to 3960 bytes.
        due_at: Unix seconds, after *now* and within 30 days of it.
        now: Unix seconds.
        entropy: fresh randomness.

    Raises:
        LocalError: *content* or *due_at* is outside these bounds.
    """
    if not now < due_at <= now + MOST_AHEAD_SECONDS:
        raise LocalError("a timed letter is due within 30 days")
    digest, parts = _digest(content), part_count(len(content))
    return Parcel(entropy(KEY_BYTES), len(content), digest, parts, ParcelWhat.LETTER, due_at)


def seal_parts(parcel: Parcel, content: bytes, *, entropy: Entropy) -> Iterator[SealedPart]:
    """Yield every part of *parcel* in order, each made only when it is asked for.

    What is yielded is not made again: a part sealed a second time has another nonce, which is safe
    (see `primitives.seal`) but makes other bytes, and the relay answers "occupied" to those.

    Raises:
        LocalError: *content* is not what *parcel* was packed from.
    """
    if not _is_whole(parcel, content):
        raise LocalError("a parcel is sealed with the content it was packed from")
    for index in range(parcel.parts):
        start = index * PART_BYTES
        padded = content[start : start + PART_BYTES].ljust(PART_BYTES, b"\0")
        delete_key = part_delete_key(parcel, index)
        place = mailbox_id(delete_key)
        yield SealedPart(
            delete_key,
            seal(
                _part_key(parcel, index),
                padded,
                bound_to=_bound_to(place, index, parcel.parts),
                nonce=entropy(NONCE_BYTES),
            ),
        )


def part_delete_key(parcel: Parcel, index: int) -> DeleteKey:
    """Return the key that takes part *index* away from the relay, for either side, 32 bytes.

    Raises:
        LocalError: there is no such part.
    """
    if not 0 <= index < parcel.parts:
        raise LocalError("a parcel has no such part")
    return DeleteKey(mac(parcel.file_key, MAC_PART + u32(index)))


def part_ids(parcel: Parcel) -> tuple[MailboxId, ...]:
    """Return where the parts lie, in order: also those that hold nothing but zeros."""
    return tuple(mailbox_id(part_delete_key(parcel, index)) for index in range(parcel.parts))


def open_part(parcel: Parcel, index: int, box: bytes) -> bytes:
    """Return the 3960 bytes of part *index*, which lay as *box* at its id.

    Raises:
        LocalError: there is no such part.
        Malformed: *box* has not 4000 bytes.
        Unopenable: it was not sealed as this part of this parcel.
    """
    place = mailbox_id(part_delete_key(parcel, index))
    if len(box) != BOX_BYTES:
        raise Malformed("a box has 4000 bytes")
    bound_to = _bound_to(place, index, parcel.parts)
    return unseal(_part_key(parcel, index), box, bound_to=bound_to)


def missing(parcel: Parcel, parts: Mapping[int, bytes]) -> tuple[int, ...]:
    """Return which parts are still to be fetched, in order."""
    return tuple(index for index in range(parcel.parts) if index not in parts)


def join(parcel: Parcel, parts: Mapping[int, bytes]) -> bytes:
    """Return the content of *parcel*.

    Args:
        parcel: the details of the letter.
        parts: what `open_part` returned, by index.

    Raises:
        LocalError: a part is missing.
        Malformed: the parts do not make what the letter tells: its writer sealed something else.
    """
    if missing(parcel, parts):
        raise LocalError("a parcel is joined from all its parts")
    joined = b"".join(parts[index] for index in range(parcel.parts))
    content, filling = joined[: parcel.size], joined[parcel.size :]
    if not _is_whole(parcel, content) or len(joined) != parcel.parts * PART_BYTES or any(filling):
        raise Malformed("a parcel is not what its letter tells")
    return content


def _is_whole(parcel: Parcel, content: bytes) -> bool:
    return hmac.compare_digest(_digest(content), parcel.digest)


def _digest(content: bytes) -> bytes:
    return blake2b(H_PARCEL, content)


def _part_key(parcel: Parcel, index: int) -> bytes:
    return mac(parcel.file_key, MAC_PART_KEY + u32(index))


def _bound_to(place: MailboxId, index: int, count: int) -> bytes:
    return lv(place, u32(index), u32(count))
