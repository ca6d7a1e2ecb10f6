"""The index, filled at once: it finds every id, and names all pages that have one in common."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ojak_protocol.addresses import ID_BYTES, MailboxId
from ojak_relay.store.index import Index

IDS = [MailboxId(bytes([number]) * ID_BYTES) for number in range(40)]
"""Few, so that many pages have the same; tables are small, so that many ids meet in them."""

lying = st.lists(st.sampled_from(IDS) | st.none(), max_size=600)


def filled(ids: list[MailboxId | None]) -> tuple[Index, list[tuple[int, int]]]:
    """Return an index in which page 1 and those behind it have *ids*, and what it says of them."""
    pages = [None, *ids]
    index = Index(bytearray(b"".join(id_ or bytes(ID_BYTES) for id_ in pages)))
    return index, index.put_all(bytearray(id_ is not None for id_ in pages))


@given(lying)
def test_an_index_filled_at_once_finds_each_id_and_names_all_pages_that_share_one(
    ids: list[MailboxId | None],
) -> None:
    index, others = filled(ids)
    pages_of: dict[MailboxId, set[int]] = {}
    for page, id_ in enumerate(ids, 1):
        if id_ is not None:
            pages_of.setdefault(id_, set()).add(page)
    assert len(index) == sum(map(len, pages_of.values()))
    for id_ in IDS:
        assert (index.find(id_) or 0) in pages_of.get(id_, {0})
    assert set(index.may_have(IDS)) >= {IDS.index(id_) for id_ in pages_of}
    named: dict[MailboxId, set[int]] = {}
    for page, other in others:
        assert index.id_of(page) == index.id_of(other)
        named.setdefault(index.id_of(page), set()).update({page, other})
    assert named == {id_: pages for id_, pages in pages_of.items() if len(pages) > 1}


@given(lying, st.lists(st.sampled_from(IDS), max_size=60))
def test_what_is_removed_and_put_later_is_found_as_what_was_there_at_first(
    ids: list[MailboxId | None], changed: list[MailboxId]
) -> None:
    once = [id_ if id_ not in ids[:at] else None for at, id_ in enumerate(ids)]
    index, others = filled([*once, *[None] * len(changed)])
    assert not others
    free = iter(range(len(ids) + 1, len(ids) + len(changed) + 1))
    page_of = {id_: page for page, id_ in enumerate(once, 1) if id_ is not None}
    for id_ in changed:
        if id_ in page_of:
            index.remove(page_of.pop(id_))
        else:
            page_of[id_] = next(free)
            assert index.put(id_, page_of[id_]) is None
    assert [index.find(id_) for id_ in IDS] == [page_of.get(id_) for id_ in IDS]
    assert set(index.may_have(IDS)) >= {IDS.index(id_) for id_ in page_of}
    assert len(index) == len(page_of)
    for page in page_of.values():
        index.remove(page)
    assert index.may_have(IDS) == []


def test_hardly_anything_is_looked_for_that_is_nowhere() -> None:
    held, others = filled([MailboxId(number.to_bytes(ID_BYTES)) for number in range(1, 2000)])
    assert not others
    polled = [MailboxId(number.to_bytes(ID_BYTES)) for number in range(2000, 4000)]
    # 61 of 2000, give or take 8: chance has no say.
    assert len(held.may_have(polled)) < 110


@pytest.mark.parametrize("asked", range(3))
def test_of_few_ids_too_those_that_lie_there_are_named(asked: int) -> None:
    index, _ = filled(list(IDS))
    assert index.may_have(IDS[:asked]) == list(range(asked))


def test_a_file_that_repeats_one_id_hundreds_of_times_is_indexed() -> None:
    pages = 300
    index, others = filled([IDS[7]] * pages)
    assert len(others) >= pages - 1
    for page in range(1, pages):
        index.remove(page)
    assert index.find(IDS[7]) == pages
    assert 1 in index.may_have(IDS[6:8])


def test_more_ids_than_are_read_in_one_step_are_all_found() -> None:
    ids = [MailboxId(number.to_bytes(ID_BYTES)) for number in range(1, 1000)]
    index, others = filled([*ids])
    assert not others
    assert [index.find(id_) for id_ in ids] == list(range(1, 1000))


def test_one_id_put_hundreds_of_times_is_found_until_the_last_is_removed() -> None:
    pages = 300
    index, _ = filled([None] * pages)
    for page in range(1, pages + 1):
        index.put(IDS[7], page)
    for page in range(1, pages):
        index.remove(page)
    assert index.find(IDS[7]) == pages
    assert 1 in index.may_have(IDS[6:8])
