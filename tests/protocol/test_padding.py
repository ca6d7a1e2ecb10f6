"""Parts come in few numbers, never more than 12 % above what is needed beyond nine."""

from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ojak_protocol import padding
from ojak_protocol.errors import LocalError
from ojak_protocol.padding import MOST_PARCEL_BYTES, PART_BYTES, PART_COUNTS, part_count


def test_a_part_fills_a_box_and_a_parcel_has_at_most_4_mib() -> None:
    assert PART_BYTES == 3960
    assert MOST_PARCEL_BYTES == 4_194_304
    assert PART_COUNTS[-1] == 1060 == -(-MOST_PARCEL_BYTES // PART_BYTES)


def test_the_table_of_the_docstring_is_the_ladder() -> None:
    assert padding.__doc__ is not None
    table = padding.__doc__.split("\n\n")[2]
    assert tuple(map(int, table.split())) == PART_COUNTS
    assert f"{len(PART_COUNTS)} sizes" in padding.__doc__


def test_steps_are_at_most_12_percent_and_never_smaller_than_they_could_be() -> None:
    for lower, upper in pairwise(PART_COUNTS):
        assert upper == lower + 1 or upper * 100 <= lower * 112
        assert upper == PART_COUNTS[-1] or upper == lower + 1 or (upper + 1) * 100 > lower * 112


@given(st.integers(1, MOST_PARCEL_BYTES))
@example(1)
@example(PART_BYTES)
@example(PART_BYTES + 1)
@example(MOST_PARCEL_BYTES)
def test_the_smallest_number_of_the_ladder_that_holds_the_size_is_taken(size: int) -> None:
    count = part_count(size)
    assert count * PART_BYTES >= size
    assert not any(lower * PART_BYTES >= size for lower in PART_COUNTS if lower < count)


@pytest.mark.parametrize("size", [-1, 0, MOST_PARCEL_BYTES + 1])
def test_a_size_outside_the_bounds_is_our_mistake(size: int) -> None:
    with pytest.raises(LocalError):
        part_count(size)
