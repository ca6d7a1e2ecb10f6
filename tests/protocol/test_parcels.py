"""Parcels: cut, padded, sealed each part for its place, joined only into what was promised."""

import hashlib
import hmac
from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ojak_protocol.addresses import BOX_BYTES
from ojak_protocol.details import Parcel, ParcelWhat
from ojak_protocol.errors import LocalError, Malformed, Unopenable
from ojak_protocol.padding import MOST_PARCEL_BYTES, PART_BYTES
from ojak_protocol.parcels import (
    MOST_AHEAD_SECONDS,
    SealedPart,
    join,
    missing,
    open_part,
    pack,
    pack_timed,
    part_delete_key,
    part_ids,
    seal_parts,
)
from ojak_protocol.primitives import lv, seal, u32
from tests.people import ENTROPY, holds

NOW = 1_800_000_000
CONTENT = bytes(range(256)) * 40
PARCEL = pack(CONTENT, ParcelWhat.PHOTO, entropy=ENTROPY)
PARTS = tuple(seal_parts(PARCEL, CONTENT, entropy=ENTROPY))
OPENED = {index: open_part(PARCEL, index, part.box) for index, part in enumerate(PARTS)}


def sent(content: bytes) -> tuple[Parcel, tuple[SealedPart, ...]]:
    parcel = pack(content, ParcelWhat.OTHER, entropy=ENTROPY)
    return parcel, tuple(seal_parts(parcel, content, entropy=ENTROPY))


def fetched(parcel: Parcel, parts: tuple[SealedPart, ...]) -> bytes:
    lying = {part.id: part.box for part in parts}
    opened = {
        index: open_part(parcel, index, lying[place])
        for index, place in enumerate(part_ids(parcel))
    }
    return join(parcel, opened)


sizes = st.integers(1, 20 * PART_BYTES)


@given(size=sizes, byte=st.integers(0, 255))
@example(size=1, byte=0)
@example(size=PART_BYTES, byte=0)
@example(size=PART_BYTES + 1, byte=0)
@example(size=18 * PART_BYTES, byte=1)
@settings(max_examples=25)
def test_what_was_packed_comes_out_again(size: int, byte: int) -> None:
    content = bytes([byte]) * (size - 1) + b"."
    parcel, parts = sent(content)
    assert len(parts) == parcel.parts
    assert {len(part.box) for part in parts} == {BOX_BYTES}
    assert len({part.id for part in parts}) == len(parts)
    assert fetched(parcel, parts) == content


def test_the_largest_parcel_has_4_mib_in_1060_boxes() -> None:
    content = b"x" * MOST_PARCEL_BYTES
    parcel, parts = sent(content)
    assert len(parts) == 1060
    assert fetched(parcel, parts) == content


@pytest.mark.parametrize("content", [b"", b"x" * (MOST_PARCEL_BYTES + 1)], ids=["none", "too long"])
def test_a_parcel_of_nothing_or_of_too_much_is_our_mistake(content: bytes) -> None:
    with pytest.raises(LocalError):
        pack(content, ParcelWhat.OTHER, entropy=ENTROPY)


def test_places_keys_and_boxes_are_made_as_specified() -> None:
    parcel = replace(PARCEL, file_key=b"f" * 32)
    first = next(seal_parts(parcel, CONTENT, entropy=lambda size: b"n" * size))
    second = tuple(seal_parts(parcel, CONTENT, entropy=lambda size: b"n" * size))[1]
    assert parcel.parts == 3
    for index, part in enumerate((first, second)):
        at = index.to_bytes(4, "big")
        delete_key = hmac.digest(b"f" * 32, b"part" + at, "sha512")[:32]
        key = hmac.digest(b"f" * 32, b"part-key" + at, "sha512")[:32]
        place = hashlib.blake2b(delete_key, digest_size=32, person=b"box").digest()
        assert part.delete_key == part_delete_key(parcel, index) == delete_key
        assert part.id == part_ids(parcel)[index] == place
        content = CONTENT[index * 3960 :][:3960]
        bound_to = lv(place, at, (3).to_bytes(4, "big"))
        assert part.box == seal(key, content, bound_to=bound_to, nonce=b"n" * 24)
    assert parcel.digest == hashlib.blake2b(CONTENT, digest_size=32, person=b"parcel").digest()


def test_each_part_opens_as_itself_and_as_no_other_of_this_or_another_parcel() -> None:
    other = pack(CONTENT, ParcelWhat.PHOTO, entropy=ENTROPY)
    for index, part in enumerate(PARTS):
        for at in range(PARCEL.parts):
            if at != index:
                with pytest.raises(Unopenable):
                    open_part(PARCEL, at, part.box)
        with pytest.raises(Unopenable):
            open_part(other, index, part.box)


def test_a_part_is_bound_to_the_number_of_parts() -> None:
    larger = replace(PARCEL, size=PARCEL.size + PART_BYTES, parts=PARCEL.parts + 1)
    for index, part in enumerate(PARTS):
        with pytest.raises(Unopenable):
            open_part(larger, index, part.box)


@given(st.integers(0, BOX_BYTES * 8 - 1))
def test_a_flipped_bit_anywhere_is_unopenable(bit: int) -> None:
    box = bytearray(PARTS[1].box)
    box[bit // 8] ^= 1 << bit % 8
    with pytest.raises(Unopenable):
        open_part(PARCEL, 1, bytes(box))


@given(st.binary(max_size=100) | st.binary(min_size=BOX_BYTES, max_size=BOX_BYTES))
def test_arbitrary_bytes_are_malformed_or_unopenable(box: bytes) -> None:
    expected = Unopenable if len(box) == BOX_BYTES else Malformed
    with pytest.raises(expected):
        open_part(PARCEL, 0, box)


def test_a_box_longer_than_a_box_is_malformed_even_if_it_was_sealed_rightly() -> None:
    place = part_ids(PARCEL)[0]
    key = hmac.digest(PARCEL.file_key, b"part-key" + u32(0), "sha512")[:32]
    longer = seal(key, bytes(PART_BYTES + 1), bound_to=lv(place, u32(0), u32(3)), nonce=bytes(24))
    with pytest.raises(Malformed):
        open_part(PARCEL, 0, longer)


@given(st.sets(st.integers(0, PARCEL.parts - 1)))
def test_fetching_goes_on_with_what_is_missing(have: set[int]) -> None:
    parts = {index: OPENED[index] for index in have}
    left = missing(PARCEL, parts)
    assert set(left) == set(range(PARCEL.parts)) - have
    assert list(left) == sorted(left)
    if left:
        with pytest.raises(LocalError):
            join(PARCEL, parts)
    parts |= {index: OPENED[index] for index in left}
    assert join(PARCEL, parts) == CONTENT


def sealed_by_a_liar(parcel: Parcel, content: bytes) -> dict[int, bytes]:
    """Parts that open, of another content than the letter tells."""
    padded = content.ljust(parcel.parts * PART_BYTES, b"\0")
    return {index: padded[index * PART_BYTES :][:PART_BYTES] for index in range(parcel.parts)}


@pytest.mark.parametrize(
    ("parcel", "content"),
    [
        (PARCEL, CONTENT[:-1] + b"?"),
        (PARCEL, CONTENT + b"more"),
        (replace(PARCEL, size=len(CONTENT) - 1), CONTENT),
        (replace(PARCEL, size=len(CONTENT) + 1), CONTENT),
        (replace(PARCEL, digest=bytes(32)), CONTENT),
    ],
    ids=["other content", "filling", "shorter", "longer", "other hash"],
)
def test_parts_that_do_not_make_what_the_letter_tells_are_malformed(
    parcel: Parcel, content: bytes
) -> None:
    with pytest.raises(Malformed):
        join(parcel, sealed_by_a_liar(parcel, content))
    assert join(PARCEL, sealed_by_a_liar(PARCEL, CONTENT)) == CONTENT


def test_a_part_of_another_length_is_malformed() -> None:
    with pytest.raises(Malformed):
        join(PARCEL, OPENED | {2: OPENED[2] + b"\0"})
    with pytest.raises(Malformed):
        join(PARCEL, OPENED | {2: OPENED[2][:-1]})


@pytest.mark.parametrize("index", [-1, PARCEL.parts])
def test_there_is_no_part_outside_the_parcel(index: int) -> None:
    with pytest.raises(LocalError):
        part_delete_key(PARCEL, index)
    with pytest.raises(LocalError):
        open_part(PARCEL, index, PARTS[0].box)


def test_other_content_than_was_packed_is_our_mistake() -> None:
    with pytest.raises(LocalError):
        next(seal_parts(PARCEL, CONTENT + b"x", entropy=ENTROPY))
    with pytest.raises(LocalError):
        next(seal_parts(PARCEL, CONTENT[:-1] + b"?", entropy=ENTROPY))


def test_two_parcels_of_one_content_share_no_place_and_no_box() -> None:
    _, again = sent(CONTENT)
    assert not {part.id for part in again} & {part.id for part in PARTS}
    assert not {part.box for part in again} & {part.box for part in PARTS}


def test_a_part_does_not_hold_the_file_key_or_what_is_in_it() -> None:
    for part in PARTS:
        assert not holds(part, PARCEL.file_key)
        assert not holds(part, CONTENT[:16])


# Timed letters


@given(ahead=st.integers(1, MOST_AHEAD_SECONDS), size=st.integers(1, PART_BYTES))
def test_a_timed_letter_is_one_part_with_its_time_in_the_pointer(ahead: int, size: int) -> None:
    content = b"x" * size
    parcel = pack_timed(content, due_at=NOW + ahead, now=NOW, entropy=ENTROPY)
    assert (parcel.parts, parcel.what, parcel.due_at) == (1, ParcelWhat.LETTER, NOW + ahead)
    (part,) = seal_parts(parcel, content, entropy=ENTROPY)
    assert fetched(parcel, (part,)) == content
    assert pack(content, ParcelWhat.LETTER, entropy=ENTROPY).due_at == 0


@pytest.mark.parametrize(
    ("due_at", "size"),
    [(NOW, 5), (NOW - 1, 5), (NOW + MOST_AHEAD_SECONDS + 1, 5), (NOW + 1, 3961), (NOW + 1, 0)],
    ids=["now", "past", "beyond 30 days", "two parts", "nothing"],
)
def test_a_timed_letter_outside_its_bounds_is_our_mistake(due_at: int, size: int) -> None:
    with pytest.raises(LocalError):
        pack_timed(b"x" * size, due_at=due_at, now=NOW, entropy=ENTROPY)
