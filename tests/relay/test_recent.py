"""The newest boxes are given out from memory for a moment; their deletion takes them from it."""

import gc
from pathlib import Path

import pytest

from ojak_protocol.sync import Found, NoRoom, Nothing
from ojak_relay.errors import StoreFailed
from ojak_relay.store.pages import PagesStore
from tests.relay.disks import RefusingDisk
from tests.relay.kit import NOW, box, deposit, place
from tests.relay.test_c03_disk import FIRST_BOX
from tests.relay.test_overlaps import kept_in_memory, looked

pytestmark = pytest.mark.asyncio
CAPACITY = 8


async def store_on(disk: RefusingDisk, folder: Path, *, recent: int = 2) -> PagesStore:
    """Return a store whose disk gives back nothing from its first page of a box on."""
    store = await PagesStore.open(folder / "store", CAPACITY, disk=disk, recent=recent)
    disk.bad.update(range(FIRST_BOX, FIRST_BOX + CAPACITY * 4096, 512))
    return store


async def test_what_was_just_stored_is_given_out_without_the_disk(tmp_path: Path) -> None:
    store = await store_on(RefusingDisk(), tmp_path)
    await store.apply([], [deposit(1, 7)], now=NOW)
    assert await looked(store, 1) == Found(box(7))
    await store.apply([], [deposit(1, 8, shown=True)], now=NOW)
    assert await looked(store, 1) == Found(box(8))
    assert store.glance([place(1)], room=1, now=NOW) == (Found(box(8)),)
    assert store.glance([place(1)], room=1, now=NOW + 600) == (Nothing(),)
    await store.expire(now=NOW)
    assert store.glance([place(1), place(2)], room=1, now=NOW) is None
    assert store.glance([place(1), place(2)], room=0, now=NOW) == (NoRoom(), Nothing())
    await store.close()


async def test_only_as_many_as_said_are_kept_and_the_newest_of_them(tmp_path: Path) -> None:
    store = await store_on(RefusingDisk(), tmp_path, recent=2)
    await store.apply([], [deposit(number, number) for number in (1, 2, 3)], now=NOW)
    assert await looked(store, 2) == Found(box(2))
    assert await looked(store, 3) == Found(box(3))
    with pytest.raises(StoreFailed):
        await looked(store, 1)
    await store.close()


async def test_d4_the_next_sweep_forgets_them(tmp_path: Path) -> None:
    store = await store_on(RefusingDisk(), tmp_path)
    await store.apply([], [deposit(1, 7)], now=NOW)
    gc.collect()
    assert kept_in_memory() == 1
    await store.expire(now=NOW)
    gc.collect()
    assert kept_in_memory() == 0
    with pytest.raises(StoreFailed):
        await looked(store, 1)
    await store.close()


async def test_d4_a_sweep_forgets_them_also_where_the_disk_refused(tmp_path: Path) -> None:
    disk = RefusingDisk()
    store = await store_on(disk, tmp_path)
    await store.apply([], [deposit(1, 7)], now=NOW)
    disk.refused["fdatasync"] = 5
    with pytest.raises(StoreFailed):
        await store.apply([], [deposit(2, 8)], now=NOW)
    with pytest.raises(StoreFailed):
        await store.expire(now=NOW)
    gc.collect()
    assert kept_in_memory() == 0
    await store.close()


async def test_d4_a_deletion_forgets_them_at_once(tmp_path: Path) -> None:
    store = await store_on(RefusingDisk(), tmp_path)
    await store.apply([], [deposit(1, 7)], now=NOW)
    await store.apply([], [deposit(2, 8)], now=NOW)
    await store.apply([place(1)], [], now=NOW)
    assert await looked(store, 1) == Nothing()
    gc.collect()
    assert kept_in_memory() == 1
    await store.close()


async def test_a_time_that_is_over_is_over_in_memory_too(tmp_path: Path) -> None:
    store = await store_on(RefusingDisk(), tmp_path)
    one = deposit(1, 7)
    await store.apply([], [one], now=NOW)
    (late,) = await store.look([place(1)], room=1, now=NOW + one.ttl_seconds)
    assert late == Nothing()
    await store.close()
