"""The pages store on its disk: what is gone is gone, what a crash left is put right."""

import asyncio
import errno
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from ojak_protocol.sync import DepositOutcome, Found, Nothing
from ojak_relay.errors import StoreFailed, StoreUnusable
from ojak_relay.store.base import Record
from ojak_relay.store.page import HEADER_BYTES, PAGE_BYTES, box_page, erased_page
from ojak_relay.store.page_file import SPARE_PAGES, SUPERBLOCKS, PageFile
from ojak_relay.store.pages import PagesStore
from ojak_relay.store.repair import repair
from tests.relay.disks import RefusingDisk
from tests.relay.kit import NOW, box, deposit, place

pytestmark = pytest.mark.asyncio
CAPACITY = 8


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store"


async def opened(path: Path) -> PagesStore:
    return await PagesStore.open(path, CAPACITY)


@contextmanager
def file(path: Path) -> Iterator[PageFile]:
    pages = PageFile.open(path, CAPACITY)
    try:
        yield pages
    finally:
        pages.close()


def a_record(number: int, content: int) -> Record:
    return Record(place(number), NOW, NOW + 600, box(content))


def content(path: Path) -> bytes:
    return path.read_bytes()


def fill(path: Path, data: bytes) -> None:
    path.write_bytes(data)


def status(path: Path) -> os.stat_result:
    return path.stat()


def write(path: Path, page: int, data: bytes, *, at: int = 0) -> None:
    with path.open("r+b") as raw:
        raw.seek(page * PAGE_BYTES + at)
        raw.write(data)


async def test_boxes_outlive_a_restart_with_their_times(path: Path) -> None:
    store = await opened(path)
    await store.apply([], [deposit(1, 7), deposit(2, 8, after=100)], now=NOW)
    await store.close()
    store = await opened(path)
    ids = [place(1), place(2)]
    assert await store.look(ids, room=4, now=NOW) == (Found(box(7)), Nothing())
    assert await store.look(ids, room=4, now=NOW + 100) == (Found(box(7)), Found(box(8)))
    assert await store.look(ids, room=4, now=NOW + 600) == (Nothing(), Found(box(8)))
    await store.close()


async def test_no_byte_of_a_deleted_replaced_or_expired_box_is_left_in_the_file(path: Path) -> None:
    store = await opened(path)
    await store.apply([], [deposit(n, n, ttl=60) for n in range(5)], now=NOW)
    assert all(box(n)[:9] in content(path) for n in range(5))
    await store.apply([place(0), place(1)], [deposit(2, 9, shown=True)], now=NOW)
    written = content(path)
    assert [box(n)[:9] in written for n in (0, 1, 2, 3, 9)] == [False, False, False, True, True]
    assert not any(bytes(place(n)) in written for n in (0, 1))
    await store.expire(now=NOW + 60)
    written = content(path)
    assert not any(box(n)[:9] in written or bytes(place(n)) in written for n in (3, 4))
    await store.close()


async def test_the_file_is_whole_from_the_start_and_never_grows(path: Path) -> None:
    store = await opened(path)
    size = (SUPERBLOCKS + CAPACITY + SPARE_PAGES) * PAGE_BYTES
    assert status(path).st_size == size
    assert status(path).st_blocks * 512 >= size
    assert status(path).st_mode & 0o077 == 0
    await store.apply([], [deposit(n, n) for n in range(CAPACITY + 3)], now=NOW)
    assert status(path).st_size == size
    await store.close()


async def test_a_second_relay_on_one_file_is_refused_in_one_sentence(path: Path) -> None:
    store = await opened(path)
    with pytest.raises(StoreUnusable, match="is in use by another relay"):
        await opened(path)
    await store.close()
    await (await opened(path)).close()


async def test_a_file_that_is_something_else_is_refused_and_left_alone(path: Path) -> None:
    fill(path, b"a family photo" * 1000)
    with pytest.raises(StoreUnusable, match="not a store of this relay"):
        await opened(path)
    assert content(path) == b"a family photo" * 1000


async def test_another_capacity_is_refused(path: Path) -> None:
    await (await opened(path)).close()
    with pytest.raises(StoreUnusable, match="holds 8 boxes, not 9"):
        await PagesStore.open(path, 9)


async def test_a_path_that_cannot_be_opened_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreUnusable, match="cannot be opened"):
        await opened(tmp_path / "missing" / "store")
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoreUnusable, match="cannot be opened"):
        await opened(tmp_path / "link")


@pytest.mark.parametrize("torn_at", [8, HEADER_BYTES - 1, HEADER_BYTES, PAGE_BYTES - 1])
async def test_a_torn_page_is_erased_at_start(path: Path, torn_at: int) -> None:
    """Only the first *torn_at* bytes of the newest page reached the disk."""
    await (await opened(path)).close()
    before = b"an older box".ljust(PAGE_BYTES, b"!")
    whole = box_page(a_record(1, 7), 5)
    write(path, 3, whole[:torn_at] + before[torn_at:])
    store = await opened(path)
    assert await store.look([place(1)], room=1, now=NOW) == (Nothing(),)
    assert store.boxes == 0
    assert b"!!!!" not in content(path)
    assert bytes(place(1)) not in content(path)
    await store.close()


async def test_a_torn_erasure_is_finished_at_start(path: Path) -> None:
    await (await opened(path)).close()
    write(path, 3, erased_page(5)[:2000] + box(7)[2000:] + bytes(96))
    store = await opened(path)
    assert box(7)[-20:] not in content(path)
    await store.close()


async def test_a_box_left_beside_its_replacement_is_erased_at_start(path: Path) -> None:
    await (await opened(path)).close()
    write(path, 2, box_page(a_record(1, 8), 6))
    write(path, 3, box_page(a_record(1, 7), 5))
    write(path, 4, box_page(a_record(2, 9), 7))
    store = await opened(path)
    assert await store.look([place(1)], room=1, now=NOW) == (Found(box(8)),)
    assert store.boxes == 2
    assert box(7)[:8] not in content(path)
    await store.close()


async def test_a_torn_replacement_leaves_the_box_it_was_to_replace(path: Path) -> None:
    await (await opened(path)).close()
    write(path, 2, box_page(a_record(1, 7), 5))
    write(path, 3, box_page(a_record(1, 8), 6)[:3000])
    for _ in range(2):
        store = await opened(path)
        assert await store.look([place(1)], room=1, now=NOW) == (Found(box(7)),)
        await store.close()


async def test_a_repair_cut_short_is_repeated_by_the_next_start(path: Path) -> None:
    """The erasures of a repair must not hide that the newest commit was torn."""
    await (await opened(path)).close()
    write(path, 2, box_page(a_record(1, 7), 5))
    write(path, 3, box_page(a_record(1, 8), 6)[:3000])
    write(path, 4, b"torn too")
    with file(path) as pages:
        with pytest.MonkeyPatch.context() as patch:
            erased: list[int] = []

            def write_one(page: int, data: bytes) -> None:
                if erased:
                    raise OSError("cut short")
                erased.append(page)
                os.pwrite(pages._descriptor, data, page * PAGE_BYTES)  # noqa: SLF001 (the fault)

            patch.setattr(pages, "write", write_one)
            with pytest.raises(OSError, match="cut short"):
                repair(pages)
    assert erased == [4]
    store = await opened(path)
    assert await store.look([place(1)], room=1, now=NOW) == (Found(box(7)),)
    await store.close()


async def test_a_damaged_box_is_never_given_out_and_its_place_is_free_again(path: Path) -> None:
    store = await opened(path)
    await store.apply([], [deposit(1, 7)], now=NOW)
    await store.apply([], [deposit(2, 8)], now=NOW)
    await store.close()
    damaged = content(path).index(box(7)[:8])
    write(path, 0, b"\xff", at=damaged + 1000)
    store = await opened(path)
    ids = [place(1), place(2)]
    assert await store.look(ids, room=2, now=NOW) == (Nothing(), Found(box(8)))
    assert await store.apply([], [deposit(1, 9)], now=NOW) == (DepositOutcome.STORED,)
    assert await store.look([place(1)], room=1, now=NOW) == (Found(box(9)),)
    await store.close()


async def test_every_flipped_byte_of_the_file_leaves_the_other_boxes(path: Path) -> None:
    store = await opened(path)
    await store.apply([], [deposit(n, n) for n in range(4)], now=NOW)
    await store.close()
    whole = content(path)
    for position in range(0, 6 * PAGE_BYTES, 97):
        write(path, 0, bytes([whole[position] ^ 1]), at=position)
        store = await opened(path)
        results = await store.look([place(n) for n in range(4)], room=4, now=NOW)
        right = [result == Found(box(n)) for n, result in enumerate(results)]
        assert right.count(False) <= 1
        assert all(result in (Nothing(), Found(box(n))) for n, result in enumerate(results))
        await store.close()
        fill(path, whole)


async def test_a_disk_that_refuses_is_never_answered_with_stored(path: Path) -> None:
    store = await opened(path)
    await store.apply([], [deposit(1, 7)], now=NOW)
    with pytest.MonkeyPatch.context() as patch:

        def refuse(_: int) -> None:
            raise OSError

        patch.setattr(os, "fdatasync", refuse)
        with pytest.raises(StoreFailed):
            await store.apply([], [deposit(2, 8)], now=NOW)
    # Not even once the disk is well again: what the failed sync left behind is unknown.
    for _ in range(2):
        with pytest.raises(StoreFailed):
            await store.apply([place(1)], [], now=NOW)
    assert store.failed
    assert await store.look([place(1), place(2)], room=2, now=NOW) == (Found(box(7)), Nothing())
    await store.close()


async def test_nothing_is_acknowledged_or_given_out_before_its_sync(path: Path) -> None:
    """Nor is what another visit asked for while the first one's sync is still under way."""
    store = await opened(path)
    await store.apply([], [deposit(1, 7)], now=NOW)
    may_sync = threading.Event()
    with pytest.MonkeyPatch.context() as patch:
        honest = os.fdatasync
        patch.setattr(os, "fdatasync", lambda file: may_sync.wait(20) and honest(file))
        visits = [
            asyncio.create_task(store.apply(deletes, deposits, now=NOW))
            for deletes, deposits in (
                ([place(1)], []),
                ([place(1)], []),
                ([], [deposit(1, 7)]),
                ([], [deposit(2, 8)]),
                ([], [deposit(2, 8)]),
                ([], [deposit(2, 9)]),
            )
        ]
        done, _ = await asyncio.wait(visits, timeout=0.2)
        assert not done
        assert await store.look([place(2)], room=1, now=NOW) == (Nothing(),)
        may_sync.set()
        outcomes = [await visit for visit in visits]
    stored, occupied = (DepositOutcome.STORED,), (DepositOutcome.OCCUPIED,)
    assert outcomes == [(), (), stored, stored, stored, occupied]
    assert await store.look([place(1), place(2)], room=2, now=NOW) == (Nothing(), Found(box(8)))
    await store.close()


async def test_who_waits_at_a_box_that_is_being_erased_leaves_the_loop_to_others(
    path: Path,
) -> None:
    """Its page is unreadable and its index entry still there: to look again at once never ends."""
    store = await PagesStore.open(path, CAPACITY, recent=0)
    await store.apply([], [deposit(1, 7)], now=NOW)
    may_sync, erased = threading.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    with pytest.MonkeyPatch.context() as patch:
        honest = os.fdatasync

        def held(file: int) -> None:
            loop.call_soon_threadsafe(erased.set)
            assert may_sync.wait(20)
            honest(file)

        patch.setattr(os, "fdatasync", held)
        deleting = asyncio.create_task(store.apply([place(1)], [], now=NOW))
        await erased.wait()
        assert await store.look([place(1)], room=1, now=NOW) == (Nothing(),)
        waiting = asyncio.create_task(store.wait_for([place(1)], 20, now=NOW))
        await asyncio.sleep(0)
        assert not waiting.done()
        may_sync.set()
        await deleting
    store.wake_all()
    await waiting
    await store.close()


async def test_a_place_is_never_seen_empty_while_its_box_is_replaced(path: Path) -> None:
    store = await opened(path)
    await store.apply([], [deposit(1, 0)], now=NOW)
    over = asyncio.Event()

    async def replace() -> None:
        for content in range(1, 60):
            await store.apply([], [deposit(1, content, shown=True)], now=NOW)
        over.set()

    replacing = asyncio.create_task(replace())
    while not over.is_set():
        (result,) = await store.look([place(1)], room=1, now=NOW)
        assert isinstance(result, Found)
        await asyncio.sleep(0)
    await replacing
    await store.close()


async def test_a_timed_replacement_is_never_seen_early(path: Path) -> None:
    store = await opened(path)
    for number in range(8):
        await store.apply([], [deposit(number, 0)], now=NOW)
        timed = deposit(number, 1, shown=True, after=100)
        replacing = asyncio.create_task(store.apply([], [timed], now=NOW))
        while not replacing.done():
            (result,) = await store.look([place(number)], room=1, now=NOW)
            assert result in (Found(box(0)), Nothing())
            await asyncio.sleep(0)
        await replacing
    await store.close()


async def test_replacing_many_boxes_of_a_full_store_never_needs_more_than_its_file(
    path: Path,
) -> None:
    store = await opened(path)
    await store.apply([], [deposit(n, 0) for n in range(CAPACITY)], now=NOW)
    for content in range(1, 30):
        replacing = [deposit(n, content, shown=True) for n in range(CAPACITY)]
        outcomes = await store.apply([], replacing, now=NOW)
        assert outcomes == (DepositOutcome.STORED,) * CAPACITY
    assert store.boxes == CAPACITY
    await store.close()


async def test_a_closed_store_refuses_and_leaves_nobody_waiting(path: Path) -> None:
    store = await opened(path)
    last = asyncio.create_task(store.apply([], [deposit(1, 7)], now=NOW))
    await asyncio.sleep(0)
    closing = asyncio.create_task(store.close())
    await asyncio.sleep(0)
    async with asyncio.timeout(10):
        with pytest.raises(StoreFailed):
            await store.apply([], [deposit(2, 8)], now=NOW)
        assert await last == (DepositOutcome.STORED,)
        await closing
    store = await opened(path)
    assert await store.look([place(1), place(2)], room=2, now=NOW) == (Found(box(7)), Nothing())
    await store.close()


@dataclass
class KnowsNoHoles(RefusingDisk):
    """A file system that says of everything that it was written, in pieces of *piece_bytes*."""

    piece_bytes: int = 2**40

    def lseek(self, fd: int, offset: int, how: int, /) -> int:
        if how == os.SEEK_DATA:
            return offset if offset < size(fd) else no_more()
        return min(offset + self.piece_bytes, size(fd))


def size(descriptor: int) -> int:
    return os.fstat(descriptor).st_size


def no_more() -> int:
    raise OSError(errno.ENXIO, os.strerror(errno.ENXIO))


async def test_a_start_finds_the_same_whether_or_not_the_disk_knows_what_was_never_written(
    path: Path,
) -> None:
    capacity = 3000
    store = await PagesStore.open(path, capacity)
    await store.apply([], [deposit(number, number) for number in range(40)], now=NOW)
    await store.apply([place(number) for number in range(20)], [], now=NOW)
    await store.close()
    cannot_tell = RefusingDisk(refused={"lseek": errno.EINVAL})
    disks = (RefusingDisk(), KnowsNoHoles(), KnowsNoHoles(piece_bytes=1024), cannot_tell)
    ids = [place(number) for number in range(60)]
    found = []
    for disk in disks:
        store = await PagesStore.open(path, capacity, disk=disk)
        found.append((store.boxes, await store.look(ids, room=60, now=NOW)))
        assert await store.apply([], [deposit(99, 99)], now=NOW) == (DepositOutcome.STORED,)
        await store.apply([place(99)], [], now=NOW)
        await store.close()
    assert found == [found[0]] * len(disks)
    assert found[0][0] == 20
    reads = [disk.calls.count("preadv") for disk in disks]
    assert reads[0] < min(reads[1:])
