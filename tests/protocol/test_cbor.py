"""The strict deterministic CBOR: one encoding for each value, one error for everything else."""

import struct

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ojak_protocol import cbor
from ojak_protocol.errors import LocalError, Malformed

MAX_BYTES = 70_000

values = st.recursive(
    st.integers(0, cbor.MAX_INTEGER) | st.binary(max_size=300) | st.text(max_size=30),
    lambda inside: (
        st.lists(inside, max_size=4)
        | st.dictionaries(st.integers(0, cbor.MAX_KEY), inside, max_size=4)
    ),
    max_leaves=5,
).filter(lambda value: _depth(value) <= cbor.MAX_DEPTH)


def _depth(value: cbor.Value) -> int:
    if isinstance(value, dict):
        return 1 + max(map(_depth, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(_depth, value), default=0)
    return 0


def _tag(number: int) -> bytes:
    if number < 24:
        return bytes([0xC0 | number])
    return b"\xd8" + bytes([number]) if number < 256 else b"\xd9" + struct.pack(">H", number)


HOSTILE = {
    "nothing": b"",
    "depth 9": b"\x81" * 9 + b"\x80",
    "depth 400": b"\x81" * 400 + b"\x80",
    "depth 60,000": b"\x81" * 60_000 + b"\x80",
    "indefinite array": b"\x9f\x01\xff",
    "indefinite map": b"\xbf\x01\x02\xff",
    "indefinite bytes": b"\x5f\x41\x01\xff",
    "indefinite text": b"\x7f\x61a\xff",
    "array of 2^32": b"\x9b" + struct.pack(">Q", 2**32),
    "bytes of 2^32": b"\x5a\xff\xff\xff\xff",
    "bytes of 2^60": b"\x5b" + struct.pack(">Q", 2**60),
    "text of 2^60": b"\x7b" + struct.pack(">Q", 2**60),
    "map of 2^60": b"\xbb" + struct.pack(">Q", 2**60),
    "duplicate keys": b"\xa2\x01\x02\x01\x03",
    "unsorted keys": b"\xa2\x02\x00\x01\x00",
    "text key": b"\xa1\x61a\x00",
    "bytes key": b"\xa1\x41a\x00",
    "boolean key": b"\xa1\xf5\x00",
    "null key": b"\xa1\xf6\x00",
    "negative key": b"\xa1\x20\x00",
    "large key": b"\xa1\x19\x01\x00\x00",
    "array key": b"\xa1\x80\x00",
    "key written long": b"\xa1\x18\x01\x00",
    "integer written long": b"\x18\x01",
    "integer written very long": b"\x1b\x00\x00\x00\x00\x00\x00\x00\x01",
    "length written long": b"\x58\x01a",
    "trailing byte": b"\x01\x00",
    "trailing value": b"\x80\x80",
    "negative integer": b"\x20",
    "true": b"\xf5",
    "null": b"\xf6",
    "undefined": b"\xf7",
    "simple value": b"\xf8\xff",
    "lone break": b"\xff",
    "half float": b"\xf9\x7e\x00",
    "double": b"\xfb" + bytes(8),
    "not a number": b"\xfb\x7f\xf8" + bytes(6),
    "bad UTF-8": b"\x62\xc3\x28",
    "surrogate in UTF-8": b"\x63\xed\xa0\x80",
    "huge big number": b"\xc2\x5a\x00\x00\xff\x00" + b"\xff" * 0xFF00,
    "fraction that hangs": b"\xc4\x82\x1a\x3b\x9a\xca\x00\x01",
    "shared reference to itself": b"\xd8\x1c\x81\xd8\x1d\x00",
    "string reference": b"\xd9\x01\x00\x82\x44aaaa\xd8\x19\x00",
    "64 KB of empty arrays": b"\x99\xff\x00" + b"\x80" * 0xFF00,
    "64 KB of empty maps": b"\x99\xff\x00" + b"\xa0" * 0xFF00,
    "64 KB of dates": b"\x99\x7f\x80" + b"\xc1\x00" * 0x7F80,
    "64 KB of nested lists": b"\x98\xff" + (b"\x98\xff" + b"\x80" * 0xFF) * 0xFF,
    "64 KB of keys": b"\xb9\x3f\x00"
    + b"".join(b"\x19" + struct.pack(">H", n + 300) + b"\x80" for n in range(0x3F00)),
} | {
    f"tag {number}": _tag(number) + b"\x00"
    for number in (
        0,
        1,
        2,
        3,
        4,
        5,
        24,
        28,
        29,
        30,
        35,
        36,
        37,
        52,
        54,
        100,
        258,
        260,
        1004,
        43_000,
        55_799,
        60_000,
    )
}


@given(values)
def test_every_value_reads_back_as_it_was(value: cbor.Value) -> None:
    assert cbor.decode(cbor.encode(value), max_bytes=MAX_BYTES) == value


@given(st.binary(max_size=60) | values.map(lambda value: cbor2.dumps([value, 1])))
def test_any_bytes_are_the_one_encoding_of_their_value_or_malformed(data: bytes) -> None:
    try:
        value = cbor.decode(data, max_bytes=MAX_BYTES)
    except Malformed:
        return
    assert cbor.encode(value) == data


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_input_is_malformed_and_nothing_else(data: bytes) -> None:
    with pytest.raises(Malformed):
        cbor.decode(data, max_bytes=MAX_BYTES)


@pytest.mark.parametrize("inside", [b"\x00", b"\x60", b"\x40", b"\x80", b"\x82\x00\x00"])
def test_no_tag_is_ever_interpreted(inside: bytes) -> None:
    for number in (*range(1100), 43_000, 55_799, 65_535):
        with pytest.raises(Malformed, match="profile"):
            cbor.decode(_tag(number) + inside, max_bytes=MAX_BYTES)


def test_input_above_the_cap_is_refused_unread() -> None:
    assert cbor.decode(b"\x41a", max_bytes=2) == b"a"
    with pytest.raises(Malformed, match="too long"):
        cbor.decode(b"\x41a", max_bytes=1)


def test_the_bounds_of_depth_and_items_are_exact() -> None:
    deep: cbor.Value = []
    for _ in range(cbor.MAX_DEPTH - 1):
        deep = [deep]
    assert cbor.decode(cbor.encode(deep), max_bytes=MAX_BYTES) == deep
    with pytest.raises(LocalError):
        cbor.encode([deep])
    most: cbor.Value = [0] * cbor.MAX_ITEMS
    assert cbor.decode(cbor.encode(most), max_bytes=MAX_BYTES) == most
    with pytest.raises(Malformed):
        cbor.decode(cbor2.dumps([0] * (cbor.MAX_ITEMS + 1)), max_bytes=MAX_BYTES)


def test_keys_are_sorted_when_written() -> None:
    assert cbor.encode({2: 0, 1: 0}) == b"\xa2\x01\x00\x02\x00"


@pytest.mark.parametrize(
    "value",
    [
        True,
        None,
        1.0,
        -1,
        2**64,
        (1,),
        {"a": 1},
        {True: 1},
        {-1: 1},
        {256: 1},
        [{1: None}],
        "\ud800",
        {1},
        bytearray(1),
    ],
    ids=repr,
)
def test_what_is_outside_the_profile_is_not_written(value: cbor.Value) -> None:
    with pytest.raises(LocalError):
        cbor.encode(value)


def test_a_value_that_contains_itself_is_not_written() -> None:
    loop: list[cbor.Value] = []
    loop.append(loop)
    with pytest.raises(LocalError):
        cbor.encode(loop)


def test_the_error_never_quotes_what_was_sent() -> None:
    with pytest.raises(Malformed) as caught:
        cbor.decode(b"\x66marker\x00", max_bytes=MAX_BYTES)
    assert "marker" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("bits", [0, 4, 5, 8, 9, 16, 17, 32, 33, 63])
def test_a_head_is_the_shortest_one(bits: int) -> None:
    for number in (2**bits - 1, 2**bits):
        assert cbor.head(0, number) == cbor2.dumps(number)
    assert cbor.head(2, 300) + bytes(300) == cbor2.dumps(bytes(300))
    assert cbor.head(4, 2) + b"\0\0" == cbor2.dumps([0, 0])


def test_who_reads_to_write_again_gets_no_longer_input() -> None:
    assert cbor.read(b"\x18\x05", max_bytes=2) == 5
    with pytest.raises(Malformed):
        cbor.read(b"\x18\x05", max_bytes=1)


class Ended(BaseException):
    """What ends a program is no `Exception`, as KeyboardInterrupt is none."""


@pytest.mark.parametrize(
    "tagged", [b"\xc0\x00", b"\xd9\xff\xff\x00"], ids=["known tag", "other tag"]
)
def test_what_ends_the_program_while_a_tag_is_refused_is_not_taken_for_what_was_sent(
    monkeypatch: pytest.MonkeyPatch, tagged: bytes
) -> None:
    with pytest.raises(Malformed):
        cbor.decode(tagged, max_bytes=100)

    class Signalled(Malformed):
        def __init__(self, *_: object) -> None:
            monkeypatch.undo()
            raise Ended

    monkeypatch.setattr(cbor, "Malformed", Signalled)
    with pytest.raises(Ended):
        cbor.decode(tagged, max_bytes=100)
