"""Visits that overlap on one box: it is not lost, given out too early, kept or waited for in vain.

With D4 for what the committing thread holds, and C3.
"""

import asyncio
import gc
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ojak_protocol.sync import DepositOutcome, Found, Nothing
from ojak_relay.errors import StoreFailed
from ojak_relay.store.base import Record
from ojak_relay.store.commits import Committer, Job
from ojak_relay.store.page import PAGE_BYTES
from ojak_relay.store.page_file import SUPERBLOCKS, PageFile
from ojak_relay.store.pages import PagesStore
from tests.relay.disks import SystemDisk
from tests.relay.kit import NOW, box, boxes_in, deposit, place

pytestmark = pytest.mark.asyncio
CAPACITY = 8
STORED = (DepositOutcome.STORED,)


@dataclass
class HeldDisk(SystemDisk):
    """Waits before a sync until told, and tells that it waits.

    Attributes:
        held: which syncs wait, counted from the next one.
    """

    held: range = range(0)
    waits: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))
    may_sync: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.get_running_loop)
    syncs: int = 0

    def fdatasync(self, fd: int) -> None:
        self.syncs += 1
        if self.syncs - 1 in self.held:
            self.loop.call_soon_threadsafe(self.waits.release)
            assert self.may_sync.acquire(timeout=20)
        super().fdatasync(fd)

    async def is_held(self) -> None:
        """Return once a sync waits."""
        async with asyncio.timeout(10):
            await self.waits.acquire()

    def hold(self, held: range) -> None:
        self.held, self.syncs = held, 0


async def held_store(folder: Path) -> tuple[PagesStore, HeldDisk]:
    """Return a store in which box 7 lies at place 1."""
    disk = HeldDisk()
    store = await PagesStore.open(folder / "store", CAPACITY, disk=disk, recent=0)
    await store.apply([], [deposit(1, 7)], now=NOW)
    return store, disk


async def looked(store: PagesStore, number: int) -> object:
    (result,) = await store.look([place(number)], room=1, now=NOW)
    return result


def kept_in_memory() -> int:
    """Return how many boxes of a store are in memory, also those that only a cycle keeps."""
    return sum(type(one) is Record for one in gc.get_objects())


@contextmanager
def no_cycles_sought() -> Iterator[None]:
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


async def test_d4_a_box_deleted_while_it_was_being_written_is_not_kept(tmp_path: Path) -> None:
    """The committing thread waits for the next commit meanwhile, which may be a minute away."""
    store, _ = await held_store(tmp_path)
    with no_cycles_sought():
        await asyncio.gather(
            store.apply([], [deposit(2, 8)], now=NOW), store.apply([place(2)], [], now=NOW)
        )
        # Whatever comes next into the loop finds it gone: the thread waits again.
        for _ in range(200):
            if not kept_in_memory():
                break
            await asyncio.sleep(0.01)
        assert kept_in_memory() == 0
    await store.close()


async def test_a_box_deleted_in_the_commit_that_writes_it_is_not_on_the_disk(
    tmp_path: Path,
) -> None:
    store, disk = await held_store(tmp_path)
    disk.hold(range(1000))
    before = asyncio.create_task(store.apply([], [deposit(3, 5)], now=NOW))
    await disk.is_held()
    # All come while another commit is under way, and so into one.
    asked = (
        store.apply([], [deposit(2, 8)], now=NOW),
        store.apply([place(2)], [], now=NOW),
        store.apply([], [deposit(4, 9)], now=NOW),
        store.apply([], [deposit(4, 6, shown=True)], now=NOW),
        store.apply([place(4)], [], now=NOW),
    )
    visits = [asyncio.create_task(visit) for visit in asked]
    await asyncio.sleep(0)
    disk.may_sync.release(1000)
    await asyncio.gather(before, *visits)
    # That before, and one with a second sync for what was replaced.
    assert disk.syncs == 3
    assert boxes_in((tmp_path / "store").read_bytes()) == {5, 7}
    await store.close()


async def test_d4_changes_that_overlap_without_end_keep_no_more_than_two_of_them(
    tmp_path: Path,
) -> None:
    store, disk = await held_store(tmp_path)
    disk.hold(range(0, 1000, 2))
    with no_cycles_sought():
        visits: list[asyncio.Task[tuple[DepositOutcome, ...]]] = []
        for content in range(40):
            replacing = store.apply([], [deposit(1, content, shown=True)], now=NOW)
            visits.append(asyncio.create_task(replacing))
            await asyncio.sleep(0)
            if content:
                # The one before is done; this one stands on it.
                disk.may_sync.release()
                assert await visits.pop(0) == STORED
            await disk.is_held()
        assert kept_in_memory() <= 4
        disk.may_sync.release()
        assert await visits.pop() == STORED
        for _ in range(200):
            if not kept_in_memory():
                break
            await asyncio.sleep(0.01)
        assert kept_in_memory() == 0
    disk.hold(range(0))
    await store.close()


async def test_of_two_replacements_the_second_is_not_given_out_while_only_the_first_is_durable(
    tmp_path: Path,
) -> None:
    store, disk = await held_store(tmp_path)
    disk.hold(range(1, 2))
    first = asyncio.create_task(store.apply([], [deposit(1, 8, shown=True)], now=NOW))
    # The first is durable, and what it replaced is erased, but not yet durably.
    await disk.is_held()
    second = asyncio.create_task(store.apply([], [deposit(1, 9, shown=True)], now=NOW))
    await asyncio.sleep(0)
    assert await looked(store, 1) == Found(box(8))
    third = asyncio.create_task(store.apply([place(1)], [], now=NOW))
    await asyncio.sleep(0)
    assert await looked(store, 1) == Found(box(8))
    disk.may_sync.release()
    assert [await first, await second, await third] == [STORED, STORED, ()]
    assert await looked(store, 1) == Nothing()
    await store.close()


@dataclass
class Pause:
    """Where a slow read stands."""

    asked: threading.Event = field(default_factory=threading.Event)
    may_read: threading.Event = field(default_factory=threading.Event)
    read: threading.Event = field(default_factory=threading.Event)
    may_return: threading.Event = field(default_factory=threading.Event)


@dataclass
class PausingDisk(SystemDisk):
    """Has nothing in memory. The next read that a thread waits for is made in steps.

    Attributes:
        pause: the steps, or None.
        bad: a place in the file that cannot be read, or None.
    """

    pause: Pause | None = None
    bad: int | None = None

    def preadv(
        self, fd: int, buffers: Sequence[bytearray | memoryview], offset: int, flags: int = 0, /
    ) -> int:
        if flags:
            raise BlockingIOError
        return super().preadv(fd, buffers, offset, flags)

    def pread(self, fd: int, length: int, offset: int, /) -> bytes:
        pause, self.pause = self.pause, None
        if pause is not None:
            pause.asked.set()
            assert pause.may_read.wait(20)
        if offset == self.bad:
            raise OSError("planted")
        found = super().pread(fd, length, offset)
        if pause is not None:
            pause.read.set()
            assert pause.may_return.wait(20)
        return found


async def test_c3_a_box_replaced_twice_while_its_page_was_read_is_not_taken_for_damaged(
    tmp_path: Path,
) -> None:
    """Between the two its page was erased, and that is what was read; now it holds the box."""
    disk = PausingDisk()
    store = await PagesStore.open(tmp_path / "store", CAPACITY, disk=disk, recent=0)
    await store.apply([], [deposit(1, 7)], now=NOW)
    disk.pause = pause = Pause()
    looking = asyncio.create_task(store.look([place(1)], room=1, now=NOW))
    assert await asyncio.to_thread(pause.asked.wait, 20)
    assert await store.apply([], [deposit(1, 8, shown=True)], now=NOW) == STORED
    pause.may_read.set()
    assert await asyncio.to_thread(pause.read.wait, 20)
    assert await store.apply([], [deposit(1, 9, shown=True)], now=NOW) == STORED
    pause.may_return.set()
    assert await looking == (Found(box(9)),)
    # In its order behind whatever that look might have had erased.
    await store.apply([], [deposit(2, 8)], now=NOW)
    assert await looked(store, 1) == Found(box(9))
    await store.close()


async def test_c3_who_stands_on_a_change_that_met_a_bad_page_is_told_and_does_not_wait_for_ever(
    tmp_path: Path,
) -> None:
    disk = PausingDisk()
    store = await PagesStore.open(tmp_path / "store", CAPACITY, disk=disk, recent=0)
    await store.apply([], [deposit(number, 7) for number in (1, 2, 3)], now=NOW)
    disk.pause = pause = Pause()
    later = asyncio.create_task(store.apply([place(3)], [deposit(2, 7)], now=NOW))
    assert await asyncio.to_thread(pause.asked.wait, 20)
    pause.may_read.set()
    assert await asyncio.to_thread(pause.read.wait, 20)

    def fails_from_now_on() -> None:
        disk.bad = SUPERBLOCKS * PAGE_BYTES

    # Its page is read once ahead, and once more when all is decided: only then it is bad.
    honest = store._warm_read  # noqa: SLF001 (the moment between the two)

    async def warm(page: int) -> Record | None:
        record = await honest(page)
        fails_from_now_on()
        return record

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PagesStore, "_warm_read", lambda _, page: warm(page))
        with pytest.raises(StoreFailed):
            await store.apply([place(3)], [deposit(1, 7)], now=NOW)
    pause.may_return.set()
    async with asyncio.timeout(10):
        with pytest.raises(StoreFailed):
            await later
    await store.close()


async def test_a_change_asked_for_while_the_store_closes_leaves_nobody_waiting(
    tmp_path: Path,
) -> None:
    store, disk = await held_store(tmp_path)
    disk.hold(range(1))
    closing = asyncio.create_task(store.close())
    await disk.is_held()
    async with asyncio.timeout(10):
        for _ in range(2):
            # The second changes nothing itself: it only stands on the first.
            with pytest.raises(StoreFailed):
                await store.apply([place(1)], [], now=NOW)
        disk.may_sync.release()
        await closing


@pytest.mark.parametrize("which", [0, 1])
async def test_a_change_that_cannot_be_shown_leaves_nobody_waiting(
    tmp_path: Path, which: int
) -> None:
    file = PageFile.open(tmp_path / "store", CAPACITY)
    commits = Committer(file, 0)
    told: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, what: told.append(what["exception"]))

    def publish(job: Job) -> None:
        if job is jobs[which]:
            raise LookupError("planted")

    jobs = [Job(publish, NOW), Job(publish, NOW)]
    for job in jobs:
        commits.submit(job)
    async with asyncio.timeout(10):
        outcomes = await asyncio.gather(*[job.durable() for job in jobs], return_exceptions=True)
    # What it lacks nobody can see: neither it nor what comes after it is called durable.
    assert [type(one) for one in outcomes] == [type(None)] * which + [StoreFailed] * (2 - which)
    assert commits.failed
    assert [type(one) for one in told] == [LookupError]
    with pytest.raises(StoreFailed):
        commits.submit(Job(publish, NOW))
    await commits.close()
    file.close()


async def test_a_visit_that_is_broken_off_leaves_what_it_asked_for_and_those_who_wait_for_it(
    tmp_path: Path,
) -> None:
    store, disk = await held_store(tmp_path)
    disk.hold(range(1))
    visits = [asyncio.create_task(store.apply([], [deposit(2, 8)], now=NOW)) for _ in range(3)]
    await disk.is_held()
    visits[0].cancel()
    visits[1].cancel()
    await asyncio.wait(visits[:2])
    assert not visits[2].done()
    disk.may_sync.release()
    assert await visits[2] == STORED
    assert await looked(store, 2) == Found(box(8))
    await store.close()
