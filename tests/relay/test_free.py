"""Free pages: always the lowest, none twice, none lost."""

from hypothesis import given
from hypothesis import strategies as st

from ojak_relay.store.free import FreePages

TOTAL = 3000
"""Nearly three blocks."""


@given(st.lists(st.integers(0, TOTAL - 1) | st.none(), max_size=80))
def test_what_is_taken_is_the_lowest_of_all_that_were_given(steps: list[int | None]) -> None:
    free, known = FreePages(bytearray(TOTAL)), set[int]()
    for page in steps:
        if page is None and known:
            assert free.take() == min(known)
            known.remove(min(known))
        elif page is not None and page not in known:
            free.give(page)
            known.add(page)
        assert len(free) == len(known)
    assert [free.take() for _ in known] == sorted(known)


def test_every_page_can_be_given_and_taken() -> None:
    free = FreePages(bytearray(TOTAL))
    for page in reversed(range(TOTAL)):
        free.give(page)
    assert [free.take() for _ in range(TOTAL)] == list(range(TOTAL))
    assert len(free) == 0


@given(st.sets(st.integers(0, TOTAL - 1)))
def test_what_is_free_at_first_is_taken(pages: set[int]) -> None:
    free = FreePages(bytearray(page in pages for page in range(TOTAL)))
    assert len(free) == len(pages)
    assert [free.take() for _ in pages] == sorted(pages)
