"""C3: a disk that is full or fails is never answered with "stored", and what lies there is served.

Also C4's unreadable pages, and what a failed sync leaves in the memory of the system.
"""

import asyncio
import errno
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ojak_protocol.sync import DepositOutcome, Found, Nothing
from ojak_relay.errors import StoreFailed, StoreUnusable
from ojak_relay.service import Service
from ojak_relay.store.page import PAGE_BYTES
from ojak_relay.store.page_file import SUPERBLOCKS, PageFile
from ojak_relay.store.pages import PagesStore
from tests.images import CannotMount, mounted, new_image
from tests.relay.disks import RecordingDisk, RefusingDisk, SystemDisk
from tests.relay.kit import NOW, box, deposit, place

pytestmark = pytest.mark.asyncio
CAPACITY = 8
STORED = (DepositOutcome.STORED,)
FIRST_BOX = SUPERBLOCKS * PAGE_BYTES


async def opened(folder: Path, disk: RefusingDisk | RecordingDisk) -> PagesStore:
    return await PagesStore.open(folder / "store", CAPACITY, disk=disk, recent=0)


async def looked(store: PagesStore, *numbers: int) -> list[object]:
    return list(await store.look([place(number) for number in numbers], room=16, now=NOW))


@pytest.mark.parametrize("call", ["pwritev", "fdatasync"])
@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC])
async def test_c3_what_the_disk_refuses_is_not_stored_nor_anything_after_it(
    tmp_path: Path, call: str, number: int
) -> None:
    disk = RefusingDisk()
    store = await opened(tmp_path, disk)
    service = Service(store, lambda: NOW)
    await store.apply([], [deposit(1, 7)], now=NOW)
    disk.refused[call] = number
    with pytest.raises(StoreFailed):
        await store.apply([], [deposit(2, 8)], now=NOW)
    with pytest.raises(StoreFailed):
        await store.apply([place(1)], [], now=NOW)
    assert store.failed
    assert not service.ready
    disk.refused.clear()
    disk.calls.clear()
    # A second sync would call durable what the first one lost.
    with pytest.raises(StoreFailed):
        await store.apply([], [deposit(2, 8)], now=NOW)
    with pytest.raises(StoreFailed):
        await store.expire(now=NOW + 9000)
    assert not {"pwritev", "fdatasync"} & set(disk.calls)
    assert await looked(store, 1, 2) == [Found(box(7)), Nothing()]
    await store.close()


@pytest.mark.parametrize("refused", range(4))
async def test_c3_of_a_box_and_a_replacement_that_failed_one_is_given_out(
    tmp_path: Path, refused: int
) -> None:
    """Whichever step is refused: to write, to sync, to erase the former, to sync again."""
    disk = RecordingDisk()
    store = await opened(tmp_path, disk)
    await store.apply([], [deposit(1, 7), deposit(2, 8)], now=NOW)
    disk.refuse_after = refused
    with pytest.raises(StoreFailed):
        await store.apply([], [deposit(1, 9, shown=True)], now=NOW)
    assert await looked(store, 1, 2) == [Found(box(9 if refused == 3 else 7)), Found(box(8))]
    await store.close()


async def test_c3_all_who_wait_for_a_failed_sync_are_told(tmp_path: Path) -> None:
    disk = RefusingDisk()
    store = await opened(tmp_path, disk)
    disk.refused["fdatasync"] = errno.EIO
    async with asyncio.timeout(10):
        told = await asyncio.gather(
            *[store.apply([], [deposit(n % 3, 7)], now=NOW) for n in range(12)],
            return_exceptions=True,
        )
    assert {type(one) for one in told} == {StoreFailed}
    await store.close()


async def test_c3_a_box_that_cannot_be_read_fails_the_relay_and_not_the_other_boxes(
    tmp_path: Path,
) -> None:
    disk = RefusingDisk()
    store = await opened(tmp_path, disk)
    await store.apply([], [deposit(1, 7), deposit(2, 8)], now=NOW)
    disk.bad.add(FIRST_BOX)
    with pytest.raises(StoreFailed):
        await looked(store, 1)
    assert store.failed
    assert await looked(store, 2, 3) == [Found(box(8)), Nothing()]
    with pytest.raises(StoreFailed):
        await store.apply([], [deposit(3, 8)], now=NOW)
    await store.close()


async def test_c3_a_repeated_deposit_whose_box_cannot_be_read_leaves_nobody_waiting(
    tmp_path: Path,
) -> None:
    """The page is read between what was decided and what is written: both are given up."""
    disk = RefusingDisk()
    store = await opened(tmp_path, disk)
    await store.apply([], [deposit(1, 7), deposit(2, 8)], now=NOW)
    disk.bad.add(FIRST_BOX)
    async with asyncio.timeout(10):
        for deletes, deposits in (([place(2)], [deposit(1, 7)]), ([place(2)], []), ([], [])):
            if deletes or deposits:
                with pytest.raises(StoreFailed):
                    await store.apply(deletes, deposits, now=NOW)
        assert await looked(store, 2) == [Found(box(8))]
    await store.close()


async def test_c4_pages_that_cannot_be_read_at_start_are_left_alone_and_the_rest_served(
    tmp_path: Path,
) -> None:
    disk = RefusingDisk()
    store = await opened(tmp_path, disk)
    for number in range(CAPACITY):
        await store.apply([], [deposit(number, number)], now=NOW)
    await store.close()
    disk.bad.add(FIRST_BOX + PAGE_BYTES + 5000)
    store = await opened(tmp_path, disk)
    assert store.unreadable_pages == 1
    found = await looked(store, *range(CAPACITY))
    assert found == [Found(box(n)) if n != 2 else Nothing() for n in range(CAPACITY)]
    assert await store.apply([], [deposit(20, 9)], now=NOW) == STORED
    await store.close()
    disk.bad.clear()
    store = await opened(tmp_path, disk)
    assert await looked(store, 2, 20) == [Found(box(2)), Found(box(9))]
    await store.close()


async def test_c4_of_a_box_and_its_replacement_the_older_is_erased_however_late_it_is_read_again(
    tmp_path: Path,
) -> None:
    disk = RefusingDisk()
    store = await opened(tmp_path, disk)
    await store.apply([], [deposit(1, 7)], now=NOW)
    await store.close()
    disk.bad.add(FIRST_BOX)
    store = await opened(tmp_path, disk)
    for number in (1, 2, 3):
        await store.apply([], [deposit(number, 8)], now=NOW)
    await store.close()
    disk.bad.clear()
    for _ in range(2):
        store = await opened(tmp_path, disk)
        assert await looked(store, 1) == [Found(box(8))]
        assert store.boxes == 3
        await store.close()
    assert box(7)[:8] not in (tmp_path / "store").read_bytes()


@pytest.mark.parametrize("call", ["pread", "fsync", "pwritev", "fdatasync", "posix_fallocate"])
async def test_c3_a_start_on_a_disk_that_refuses_says_so_and_lets_go(
    tmp_path: Path, call: str
) -> None:
    disk = RefusingDisk()
    store = await opened(tmp_path, disk)
    await store.apply([], [deposit(1, 7)], now=NOW)
    await store.close()
    disk.refused[call] = errno.EIO
    with pytest.raises(StoreUnusable, match=r"the store .* cannot be"):
        await opened(tmp_path, disk)
    disk.refused.clear()
    store = await opened(tmp_path, disk)
    assert await looked(store, 1) == [Found(box(7))]
    await store.close()


async def test_c3_a_store_that_does_not_fit_on_the_disk_leaves_no_half_made_one(
    tmp_path: Path,
) -> None:
    disk = RefusingDisk(refused={"posix_fallocate": errno.ENOSPC})
    with pytest.raises(StoreUnusable, match="No space left"):
        await PagesStore.open(tmp_path / "store", 9, disk=disk)
    disk.refused.clear()
    store = await opened(tmp_path, disk)
    assert await store.apply([], [deposit(1, 7)], now=NOW) == STORED
    await store.close()


async def test_c3_what_only_the_memory_of_the_system_holds_is_made_durable_before_it_is_served(
    tmp_path: Path,
) -> None:
    """After a failed sync a page reads as written though it is not on the disk."""
    disk = RecordingDisk()
    store = await opened(tmp_path, disk)
    await store.apply([], [deposit(1, 7)], now=NOW)
    await store.apply([], [deposit(2, 8)], now=NOW)
    before = bytes(disk.durable)
    await store.apply([place(1)], [deposit(3, 9)], now=NOW)
    await store.close()
    # The last commit stands in the file as it reads, and its sync failed unnoticed.
    disk.durable = bytearray(before)
    store = await opened(tmp_path, disk)
    assert await looked(store, 1, 2, 3) == [Nothing(), Found(box(8)), Found(box(9))]
    await store.close()
    (tmp_path / "store").write_bytes(disk.durable)
    store = await opened(tmp_path, RecordingDisk(durable=disk.durable))
    assert await looked(store, 1, 2, 3) == [Nothing(), Found(box(8)), Found(box(9))]
    await store.close()


async def test_c3_on_a_small_disk_a_store_fits_or_is_refused_and_never_meets_its_end(
    tmp_path: Path,
) -> None:
    try:
        with mounted(new_image(tmp_path / "image", mebibytes=8)) as disk:
            with pytest.raises(StoreUnusable, match="No space left on device"):
                await PagesStore.open(disk / "store", 3000)
            store = await PagesStore.open(disk / "store", 200)
            with (disk / "filler").open("wb") as filler, suppress(OSError):
                while filler.write(bytes(4096)):
                    filler.flush()
            for number in range(250):
                outcome = await store.apply([], [deposit(number, number)], now=NOW)
                expected = DepositOutcome.STORED if number < 200 else DepositOutcome.FULL
                assert outcome == (expected,)
            assert await looked(store, 199, 200) == [Found(box(199)), Nothing()]
            await store.apply([place(199)], [], now=NOW)
            assert await store.apply([], [deposit(200, 7)], now=NOW) == STORED
            await store.close()
    except CannotMount as reason:
        pytest.skip(f"NO FULL DISK WAS TRIED: {reason}")


@dataclass
class SlowDisk(SystemDisk):
    """Has nothing in memory; the first read of a page takes until told."""

    reads: threading.Event = field(default_factory=threading.Event)
    may_read: threading.Event = field(default_factory=threading.Event)
    is_slow: bool = False

    def preadv(
        self, fd: int, buffers: Sequence[bytearray | memoryview], offset: int, flags: int = 0, /
    ) -> int:
        if flags:
            raise BlockingIOError
        return super().preadv(fd, buffers, offset, flags)

    def pread(self, fd: int, length: int, offset: int, /) -> bytes:
        found = super().pread(fd, length, offset)
        if self.is_slow:
            self.is_slow = False
            self.reads.set()
            assert self.may_read.wait(20)
        return found


@pytest.mark.parametrize("deleted", [False, True])
async def test_what_changed_while_a_slow_disk_was_read_is_given_as_it_is_now(
    tmp_path: Path, *, deleted: bool
) -> None:
    disk = SlowDisk()
    store = await PagesStore.open(tmp_path / "store", CAPACITY, disk=disk, recent=0)
    await store.apply([], [deposit(1, 7)], now=NOW)
    disk.is_slow = True
    looking = asyncio.create_task(store.look([place(1)], room=1, now=NOW))
    assert await asyncio.to_thread(disk.reads.wait, 20)
    if deleted:
        await store.apply([place(1)], [], now=NOW)
    else:
        await store.apply([], [deposit(1, 8, shown=True)], now=NOW)
    disk.may_read.set()
    assert await looking == ((Nothing() if deleted else Found(box(8))),)
    await store.close()


class ShortDisk(SystemDisk):
    """Takes a part of the next write, as a system does that is interrupted or full."""

    is_short = False

    def pwritev(self, fd: int, buffers: Sequence[bytes], offset: int, /) -> int:
        if not self.is_short:
            return super().pwritev(fd, buffers, offset)
        return super().pwritev(fd, [*buffers[:-1], buffers[-1][:512]], offset)


async def test_c3_of_what_the_disk_took_in_part_nothing_is_stored(tmp_path: Path) -> None:
    disk = ShortDisk()
    store = await PagesStore.open(tmp_path / "store", CAPACITY, disk=disk, recent=0)
    await store.apply([], [deposit(1, 7)], now=NOW)
    disk.is_short = True
    with pytest.raises(StoreFailed):
        await store.apply([], [deposit(number, 8) for number in (2, 3)], now=NOW)
    assert store.failed
    await store.close()
    store = await PagesStore.open(tmp_path / "store", CAPACITY)
    assert await looked(store, 1, 3) == [Found(box(7)), Nothing()]
    await store.close()


async def test_what_lies_side_by_side_is_written_in_one_call(tmp_path: Path) -> None:
    disk = RefusingDisk()
    store = await opened(tmp_path, disk)
    # The first commit notes the time as well.
    await store.apply([], [deposit(9, 9)], now=NOW)
    disk.calls.clear()
    await store.apply([], [deposit(number, number) for number in range(4)], now=NOW)
    await store.apply([place(number) for number in range(4)], [], now=NOW)
    assert disk.calls.count("pwritev") == 2
    await store.close()
    filled = (tmp_path / "store").read_bytes()
    assert [n for n in range(4) if box(n)[:8] in filled] == []


async def test_what_lies_apart_and_what_is_too_much_for_one_call_is_all_written(
    tmp_path: Path,
) -> None:
    capacity = 1200
    pages = [*range(2, 1100), 1102, 1104, 1105]
    file = PageFile.open(tmp_path / "store", capacity)
    file.write_all({page: page.to_bytes(PAGE_BYTES, "big") for page in reversed(pages)})
    found = [page for page in file.pages if any(file.read_page(page))]
    assert found == pages
    assert all(int.from_bytes(file.read_page(page), "big") == page for page in pages)
    file.close()
