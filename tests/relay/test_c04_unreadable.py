"""C4: what comes of pages that could not be read at one start, and can be at the next."""

import os
from pathlib import Path

import pytest

from ojak_protocol.sync import Found, Nothing
from ojak_relay.store.base import Record
from ojak_relay.store.page import PAGE_BYTES, box_page, erased_page
from ojak_relay.store.page_file import SPARE_PAGES, SUPERBLOCKS
from ojak_relay.store.pages import PagesStore
from tests.relay.disks import RefusingDisk, SystemDisk
from tests.relay.kit import NOW, box, deposit, place

pytestmark = pytest.mark.asyncio
CAPACITY = 8
FIRST_BOX = SUPERBLOCKS * PAGE_BYTES


async def opened(path: Path, *bad: int) -> PagesStore:
    """Open the store at *path* on a disk that does not give the places *bad*."""
    disk = RefusingDisk(bad=set(bad)) if bad else SystemDisk()
    return await PagesStore.open(path, CAPACITY, disk=disk, recent=0)


async def looked(store: PagesStore, number: int) -> object:
    (result,) = await store.look([place(number)], room=1, now=NOW)
    return result


def content_of(path: Path) -> bytes:
    return path.read_bytes()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store"


def write(path: Path, page: int, data: bytes) -> None:
    with path.open("r+b") as raw:
        raw.seek(page * PAGE_BYTES)
        raw.write(data)


def record(number: int, content: int) -> Record:
    return Record(place(number), NOW, NOW + 600, box(content))


async def test_c4_a_torn_replacement_that_was_unreadable_for_a_while_costs_no_box(
    path: Path,
) -> None:
    """It is not of the newest commit any more when it can be read, and must still be looked at."""
    await (await opened(path)).close()
    write(path, 2, box_page(record(1, 7), 5))
    write(path, 3, box_page(record(1, 8), 6)[:3000] + bytes(1096))
    write(path, 4, box_page(record(2, 9), 7))
    store = await opened(path)
    assert await looked(store, 1) == Found(box(7))
    assert box(8)[:8] not in content_of(path)
    await store.close()


async def test_c4_what_a_cut_left_of_a_box_is_erased_once_its_page_can_be_read(
    path: Path,
) -> None:
    """Also if the relay was stopped in between: not all pages were looked at before."""
    store = await opened(path)
    await store.apply([], [deposit(1, 7), deposit(2, 7)], now=NOW)
    await store.apply([place(1)], [], now=NOW)
    await store.apply([place(2)], [], now=NOW)
    store._commits.fail()  # noqa: SLF001 (so that it does not end as after a stop)
    await store.close()
    # A box was on its way into the first page: its header is still that of an erased one.
    with path.open("r+b") as raw:
        os.pwrite(raw.fileno(), box(8)[1000:], FIRST_BOX + PAGE_BYTES - 3000)
    store = await opened(path, FIRST_BOX)
    assert store.unreadable_pages == 1
    await store.apply([], [deposit(4, 9)], now=NOW)
    await store.close()
    store = await opened(path)
    assert box(8)[2000:2020] not in content_of(path)
    assert await looked(store, 4) == Found(box(9))
    await store.close()


async def test_c4_what_is_stored_while_the_newest_box_cannot_be_read_is_newer_than_it(
    path: Path,
) -> None:
    """The highest number that is read says too little: each start without it counts further on."""
    store = await opened(path)
    for content in range(6):
        await store.apply([], [deposit(1, content, shown=True)], now=NOW)
    await store.close()
    bad = [content_of(path).index(box(5)[:8])]
    for content in (6, 7, 8):
        store = await opened(path, *bad)
        assert store.unreadable_pages == len(bad)
        assert await looked(store, 1) == Nothing()
        await store.apply([], [deposit(1, content)], now=NOW)
        await store.close()
        bad.append(content_of(path).index(box(content)[:8]))
    for _ in range(2):
        store = await opened(path)
        assert await looked(store, 1) == Found(box(8))
        assert store.boxes == 1
        await store.close()
    assert [n for n in range(8) if box(n)[:8] in content_of(path)] == []


@pytest.mark.parametrize("page", [0, 31, 32, CAPACITY + SPARE_PAGES - 1])
async def test_c4_each_page_that_cannot_be_read_is_counted_and_left_alone(
    path: Path, page: int
) -> None:
    """Also the first and the last of those that are read together, and of all."""
    await (await opened(path)).close()
    with path.open("r+b") as raw:
        for at in range(FIRST_BOX, FIRST_BOX + (CAPACITY + SPARE_PAGES) * PAGE_BYTES, PAGE_BYTES):
            os.pwrite(raw.fileno(), erased_page(5), at)
    store = await opened(path, FIRST_BOX + page * PAGE_BYTES + 9)
    assert store.unreadable_pages == 1
    assert len(store._free) == CAPACITY + SPARE_PAGES - 1  # noqa: SLF001 (what can be written)
    await store.close()
