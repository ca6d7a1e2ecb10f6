"""The pouch: deposits that somebody carries to a relay, as one file of one of six sizes.

    pouch = CBOR {0: version, 1: [place × n], 2: H("pouch", all places joined)}
    place = id 32 ‖ u32 ttl ‖ box 4000, or 4036 zeros where nothing is carried

Nothing here can hold a delete key: whoever carries a pouch can deposit what is in it, and can
read, delete and replace none of it. How many boxes are carried is hidden from those who see the
length alone; ids ascend, so that the order does not tell which was written first.

The hash notices a card that lost a bit, before a damaged box takes a place that it then blocks. It
protects against accidents, not against the one who carries the pouch, who can make another.

Source: docs/protocol.md, "Pouch"; schema: docs/pouch.cddl.
"""

from collections.abc import Iterable
from dataclasses import field
from itertools import pairwise
from typing import Final

from ojak_protocol.addresses import BOX_BYTES, ID_BYTES, MailboxId
from ojak_protocol.cbor import Value, decode, encode
from ojak_protocol.errors import LocalError, Malformed, TooNew
from ojak_protocol.labels import H_POUCH
from ojak_protocol.primitives import KEY_BYTES, blake2b, u32
from ojak_protocol.sync import Deposit
from ojak_protocol.values import dataclass

VERSION: Final = 1
_LAST_SHORT_VERSION: Final = 23
"""Larger numbers do not stand in one byte."""

CLASSES: Final = (1, 4, 16, 64, 256, 1024)
"""How many places a pouch may have, in ascending order."""

_TTL_END: Final = ID_BYTES + 4
PLACE_BYTES: Final = _TTL_END + BOX_BYTES
_EMPTY: Final = bytes(PLACE_BYTES)


def _length(size_class: int) -> int:
    # Heads of map, keys, list, hash and places; a list of more than 23 or 255 has a longer head.
    longer = (size_class > 23) + (size_class > 255)
    return 1 + 2 + 2 + longer + size_class * (3 + PLACE_BYTES) + 3 + KEY_BYTES


POUCH_BYTES: Final = {size: _length(size) for size in CLASSES}
"""Length of every pouch, by its places."""


@dataclass(frozen=True, slots=True)
class Carried:
    """One box to keep at *id*, for *ttl_seconds* from the moment at which the relay stores it.

    Attributes:
        id: 32 bytes.
        ttl_seconds: 60 s to 30 days.
        box: 4000 bytes.

    Raises:
        LocalError: an attribute is outside these limits.
    """

    id: MailboxId = field(repr=False)
    ttl_seconds: int
    box: bytes = field(repr=False)

    def __post_init__(self) -> None:
        # The limits of a deposit stand once, where deposits are made.
        self.deposit()

    def deposit(self) -> Deposit:
        """Return what is asked of the relay: to keep the box unless something lies there."""
        return Deposit(self.id, None, self.ttl_seconds, 0, self.box)


def encode_pouch(carried: Iterable[Carried]) -> bytes:
    """Return the pouch that carries these boxes, in one of six lengths up to 4,135,978 bytes.

    Raises:
        LocalError: there are none or more than 1024, or two are for one place.
    """
    ordered = sorted(carried, key=lambda one: one.id)
    if not 1 <= len(ordered) <= CLASSES[-1]:
        raise LocalError("a pouch carries 1 to 1024 boxes")
    if any(one.id == other.id for one, other in pairwise(ordered)):
        raise LocalError("a pouch carries one box to a place")
    places = [one.id + u32(one.ttl_seconds) + one.box for one in ordered]
    return _written(places + [_EMPTY] * (_size_class(len(places)) - len(places)))


def decode_pouch(data: bytes) -> tuple[Carried, ...]:
    """Return what the pouch in *data* carries, 1 to 1024 boxes by ascending ids.

    Raises:
        Malformed: *data* is not a pouch, or a byte of it was damaged.
        TooNew: it is one of a later version.
    """
    # First of all: a later version may have other lengths, and its reader must hear of it.
    if _is_later(data):
        raise TooNew("a pouch of a later version")
    if len(data) not in POUCH_BYTES.values():
        raise Malformed("the length is that of no pouch")
    match decode(data, max_bytes=len(data)):
        case {0: int(version), 1: [*places], 2: bytes(), **rest} if version == VERSION and not rest:
            carried = _carried(places)
        case _:
            raise Malformed("not a pouch")
    # Compared as bytes: the hash, the order, the empty places behind all others and the smallest
    # class are as a writer makes them, or this is no pouch.
    try:
        same = encode_pouch(carried) == data
    except LocalError:
        raise Malformed("a pouch that nobody may write") from None
    if not same:
        raise Malformed("not the one form of this pouch, or damaged")
    return carried


def _is_later(data: bytes) -> bool:
    # The head of a map of up to 23 entries, the key 0, and a number that takes one byte.
    return (
        len(data) > 2
        and 0xA0 <= data[0] <= 0xB7
        and data[1] == 0
        and VERSION < data[2] <= _LAST_SHORT_VERSION
    )


def _size_class(count: int) -> int:
    return next(size for size in CLASSES if size >= count)


def _written(places: list[bytes]) -> bytes:
    fields: dict[int, Value] = {
        0: VERSION,
        1: list[Value](places),
        2: blake2b(H_POUCH, b"".join(places)),
    }
    return encode(fields)


def _carried(places: list[Value]) -> tuple[Carried, ...]:
    try:
        return tuple([_one(place) for place in places if place != _EMPTY])
    except LocalError as outside_limits:
        # The limits stand once, where a deposit is made. Their messages quote nothing.
        raise Malformed(str(outside_limits)) from None


def _one(place: Value) -> Carried:
    if type(place) is not bytes or len(place) != PLACE_BYTES:
        raise Malformed("not a place of a pouch")
    ttl_seconds = int.from_bytes(place[ID_BYTES:_TTL_END], "big")
    return Carried(MailboxId(place[:ID_BYTES]), ttl_seconds, place[_TTL_END:])
