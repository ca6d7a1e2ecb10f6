"""A pouch carries boxes and no delete key, has one of six lengths, and notices damage."""

import dataclasses
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ojak_protocol import cbor
from ojak_protocol.addresses import DeleteKey, MailboxId, mailbox_id
from ojak_protocol.errors import LocalError, Malformed, TooNew
from ojak_protocol.pouch import (
    CLASSES,
    PLACE_BYTES,
    POUCH_BYTES,
    Carried,
    decode_pouch,
    encode_pouch,
)
from ojak_protocol.primitives import blake2b
from ojak_protocol.sync import Deposit

EMPTY = bytes(PLACE_BYTES)


def one(number: int, *, ttl: int = 604_800) -> Carried:
    return Carried(MailboxId(number.to_bytes(32, "big")), ttl, b"%04d" % (number % 10_000) * 1000)


def place(number: int, *, ttl: int = 604_800) -> bytes:
    """A place as it stands in a pouch, written by another way than the program's."""
    carried = one(number)
    return carried.id + ttl.to_bytes(4, "big") + carried.box


def written(*places: cbor.Value, version: int = 1, check: bytes | None = None) -> bytes:
    """Any pouch with its right hash."""
    joined = b"".join(place for place in places if isinstance(place, bytes))
    return cbor.encode({0: version, 1: list(places), 2: check or blake2b(b"pouch", joined)})


carried = st.builds(
    Carried,
    st.binary(min_size=32, max_size=32).map(MailboxId),
    st.integers(60, 2_592_000),
    st.binary(min_size=1, max_size=20).map(lambda seed: (seed * 4000)[:4000]),
)
some = st.lists(carried, min_size=1, max_size=20, unique_by=lambda one: one.id)


@given(some)
def test_a_pouch_is_read_back_by_ascending_ids(boxes: list[Carried]) -> None:
    assert decode_pouch(encode_pouch(boxes)) == tuple(sorted(boxes, key=lambda one: one.id))


@given(some, st.randoms())
def test_the_order_in_which_boxes_were_written_does_not_show(
    boxes: list[Carried], random: Random
) -> None:
    mixed = random.sample(boxes, len(boxes))
    assert encode_pouch(mixed) == encode_pouch(boxes)


@pytest.mark.parametrize("most", CLASSES)
def test_every_pouch_of_a_class_has_one_length(most: int) -> None:
    least = max((size for size in CLASSES if size < most), default=0) + 1
    for count in {least, most}:
        pouch = encode_pouch(map(one, range(1, count + 1)))
        assert len(pouch) == POUCH_BYTES[most]
        assert len(decode_pouch(pouch)) == count


def test_a_pouch_is_the_places_and_hash_of_the_protocol() -> None:
    assert encode_pouch([one(2), one(1)]) == written(place(1), place(2), EMPTY, EMPTY)
    assert encode_pouch([one(1, ttl=60)]) == written(place(1, ttl=60))


def test_a_pouch_asks_the_relay_for_deposits_by_id_and_never_shows_a_delete_key() -> None:
    key = DeleteKey(b"k" * 32)
    carried = Carried(mailbox_id(key), 3600, b"b" * 4000)
    assert carried.deposit() == Deposit(mailbox_id(key), None, 3600, 0, b"b" * 4000)
    assert encode_pouch([carried]).find(key) == -1
    assert [field.name for field in dataclasses.fields(Carried)] == ["id", "ttl_seconds", "box"]


def test_neither_id_nor_box_is_in_the_repr() -> None:
    assert repr(one(1)) == "Carried(ttl_seconds=604800)"


@pytest.mark.parametrize(
    ("place", "ttl", "size"), [(31, 60, 4000), (32, 59, 4000), (32, 2_592_001, 4000), (32, 60, 1)]
)
def test_a_box_that_no_relay_takes_is_not_carried(place: int, ttl: int, size: int) -> None:
    with pytest.raises(LocalError):
        Carried(MailboxId(bytes(place)), ttl, bytes(size))


@pytest.mark.parametrize("boxes", [[], [one(1), one(2), one(1)], [*map(one, range(1025))]], ids=len)
def test_no_box_two_for_one_place_and_more_than_1024_are_not_written(boxes: list[Carried]) -> None:
    with pytest.raises(LocalError):
        encode_pouch(boxes)


@pytest.mark.parametrize(
    "places",
    [
        pytest.param([EMPTY], id="nothing carried"),
        pytest.param([place(1), EMPTY, EMPTY, EMPTY], id="a larger class than needed"),
        pytest.param([place(2), place(1), EMPTY, EMPTY], id="ids that descend"),
        pytest.param([place(1), place(1), EMPTY, EMPTY], id="one id twice"),
        pytest.param([place(1), EMPTY, place(2), EMPTY], id="an empty place in between"),
        pytest.param([place(1), place(2), EMPTY, bytes(4035) + b"\1"], id="filling with a bit"),
        pytest.param([place(1, ttl=59)], id="too short a time to live"),
        pytest.param([place(1, ttl=2_592_001)], id="too long a time to live"),
    ],
)
def test_a_pouch_that_nobody_may_write_is_malformed(places: list[cbor.Value]) -> None:
    with pytest.raises(Malformed):
        decode_pouch(written(*places))


def test_what_has_the_length_of_a_pouch_and_is_none_is_malformed() -> None:
    good = encode_pouch([one(1)])
    other: list[cbor.Value] = [
        {0: 0, 1: [place(1)], 2: bytes(32)},
        {0: 1, 1: place(1) + b".", 2: bytes(32)},
        {0: 1, 1: [place(1)[:-1], ""], 2: bytes(32)},
        {0: 1, 1: [place(1)], 2: "t" * 32},
        {0: 1, 1: [place(1)], 3: bytes(32)},
        {0: 1, 1: [place(1)[:-1]], 2: bytes(31), 3: 0},
        {0: 1, 1: ["t" * PLACE_BYTES], 2: bytes(32)},
        [0, 1, 1, [place(1)], 2, bytes(32)],
    ]
    for value in other:
        data = cbor.encode(value)
        assert len(data) == len(good), value
        with pytest.raises(Malformed):
            decode_pouch(data)


def test_a_damaged_byte_anywhere_is_noticed() -> None:
    good = encode_pouch([one(1), one(2)])
    for position in [*range(60), *range(60, len(good), 97), len(good) - 1]:
        damaged = bytearray(good)
        damaged[position] ^= 0x80
        with pytest.raises(Malformed):
            decode_pouch(bytes(damaged))


def test_a_pouch_of_another_length_is_refused_unread() -> None:
    good = encode_pouch([one(1)])
    for data in (b"", good[:-1], good + b"\0", good * 2000):
        with pytest.raises(Malformed, match="length"):
            decode_pouch(data)


@pytest.mark.parametrize("rest", [b"", b"\xff", bytes(5_000_000)])
def test_a_later_version_is_told_whatever_stands_behind_it(rest: bytes) -> None:
    for head in (b"\xa0", b"\xa3", b"\xb7"):
        for version in (2, 23):
            with pytest.raises(TooNew):
                decode_pouch(head + bytes([0, version]) + rest)


@pytest.mark.parametrize("head", ["a30000", "a30001", "a30018", "a30102", "9f0002", "b80002", "a3"])
def test_what_only_looks_like_a_later_version_is_malformed(head: str) -> None:
    with pytest.raises(Malformed):
        decode_pouch(bytes.fromhex(head))


@given(st.binary(max_size=100), st.integers(0, 4078), st.binary(max_size=50))
def test_any_bytes_are_a_pouch_or_an_error_of_the_parser(
    data: bytes, position: int, change: bytes
) -> None:
    good = encode_pouch([one(1)])
    changed = good[:position] + change + good[position + len(change) :]
    for candidate in (data, changed):
        try:
            carried = decode_pouch(candidate)
        except (Malformed, TooNew):
            continue
        assert encode_pouch(carried) == candidate
