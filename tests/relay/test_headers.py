"""Headers read many at once say what each says by itself."""

import random

import pytest

from ojak_relay.store import headers
from ojak_relay.store.base import Record
from ojak_relay.store.page import BOX, HEADER_BYTES, box_page, erased_page, read_header
from tests.relay.kit import box, place

MANY = 512


def some_heads(count: int, seed: int) -> bytearray:
    """Return *count* headers, of boxes and of erased pages."""
    chance = random.Random(seed)  # noqa: S311 (repeatable, and nothing secret)
    heads = bytearray()
    for number in range(count):
        at, expires_at, commit = (chance.randrange(2**40) for _ in range(3))
        is_box = chance.random() < 0.7
        record = Record(place(number), at, expires_at, box(0))
        page = box_page(record, commit) if is_box else erased_page(commit)
        heads += page[:HEADER_BYTES]
    return heads


def each(heads: bytearray) -> list[bytes]:
    return [bytes(heads[at : at + HEADER_BYTES]) for at in range(0, len(heads), HEADER_BYTES)]


@pytest.mark.parametrize("count", [1, 2, 31, MANY])
def test_columns_of_headers_are_what_each_header_says(count: int) -> None:
    heads = some_heads(count, count)
    seen = memoryview(heads)
    said = [header for header in map(read_header, each(heads)) if header is not None]
    assert len(said) == count
    magics, ids, commits, expires_at, released_at, _ = zip(*said, strict=True)
    assert headers.are_whole(seen)
    assert headers.which_are_whole(seen) == [True] * count
    assert headers.which_are_boxes(seen) == [magic == BOX for magic in magics]
    assert headers.are_boxes(seen) == (set(magics) == {BOX})
    assert headers.ids_in(seen) == b"".join(ids)
    assert headers.numbers_in(seen, headers.COMMIT).tolist() == list(commits)
    # An erased page has any times, and no box.
    assert headers.numbers_in(seen, headers.EXPIRES_AT).tolist() == list(expires_at)
    assert headers.numbers_in(seen, headers.RELEASED_AT).tolist() == list(released_at)


@pytest.mark.parametrize("flips", [1, 2, 3, 10])
def test_c4_a_header_that_is_not_whole_is_found_among_many(flips: int) -> None:
    """Also where two are damaged in the same way: the checksum over all must not cancel that."""
    heads = some_heads(MANY, 7)
    chance = random.Random(flips)  # noqa: S311 (repeatable, and nothing secret)
    for turn in range(60):
        damaged = bytearray(heads)
        alike = chance.randrange(HEADER_BYTES)
        for page in chance.sample(range(MANY), flips):
            at = alike if turn % 2 else chance.randrange(HEADER_BYTES)
            damaged[page * HEADER_BYTES + at] ^= 1 << (turn % 8)
        seen = memoryview(damaged)
        assert not headers.are_whole(seen)
        expected = [read_header(head) is not None for head in each(damaged)]
        assert headers.which_are_whole(seen) == expected
        assert expected.count(False) == flips


def test_c4_headers_of_zeros_are_not_whole() -> None:
    for count in (1, MANY):
        zeros = memoryview(bytearray(count * HEADER_BYTES))
        assert not headers.are_whole(zeros)
        assert headers.which_are_whole(zeros) == [False] * count
