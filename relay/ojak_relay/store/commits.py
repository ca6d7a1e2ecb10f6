"""Group commit: one thread writes what queued up during the last commit, and syncs once for all.

A job is what one request changes. Its pages are written and synced before it is done; pages whose
boxes were replaced are erased only after the new ones are durable, in a second sync, so that no
crash loses both. After the first refusal of the disk nothing is written any more: what a failed
sync left behind cannot be known, and a second one would hide it.

Once a minute a commit also notes the time in the superblock, for the clock of the next start.
"""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Final

from ojak_relay.errors import StoreFailed
from ojak_relay.store.base import Record
from ojak_relay.store.page import box_page, erased_page
from ojak_relay.store.page_file import PageFile

NOTED_SECONDS: Final = 60
"""How far the noted time may stay behind the clock."""


@dataclass(slots=True, eq=False)
class Job:
    """What must be durable together before one request is answered.

    Attributes:
        publish: makes what was written visible; runs in the event loop, in the order of jobs.
        writes: page and what it shall hold; None erases it.
        replaced: pages to erase once the writes are durable.
        now: the clock when it was asked for, Unix seconds.
    """

    publish: Callable[["Job"], None]
    now: int
    writes: list[tuple[int, Record | None]] = field(default_factory=list)
    replaced: list[int] = field(default_factory=list)
    _is_durable: bool | None = None
    _waiting: list[asyncio.Future[None]] = field(default_factory=list)

    async def durable(self) -> None:
        """Return once it is durable and published. Whoever is broken off here breaks off nobody.

        Raises:
            StoreFailed: the disk refused.
        """
        if self._is_durable is None:
            settled = asyncio.get_running_loop().create_future()
            self._waiting.append(settled)
            await settled
        if not self._is_durable:
            raise StoreFailed("the disk refused to write")

    def settle(self, *, is_durable: bool) -> None:
        """Publish it if it is durable, and wake who waits, also where it cannot be published."""
        self._is_durable = False
        try:
            if is_durable:
                self.publish(self)
                self._is_durable = True
        finally:
            for settled in self._waiting:
                if not settled.done():
                    settled.set_result(None)


class Committer:
    """Makes jobs durable in the order they come, many at a time.

    Args:
        file: where to write; no other thread writes to it.
        commit: number of the last commit in it.
        is_all_known: whether the file may be called closed at the end. A page that was not read
            at start may be torn, and is looked at only in a file that was not closed.
    """

    def __init__(self, file: PageFile, commit: int, *, is_all_known: bool = True) -> None:
        self._file = file
        self._commit = commit
        self._is_all_known = is_all_known
        self._noted = file.clock
        self._failed = False
        self._closed = False
        self._loop = asyncio.get_running_loop()
        self._asked: list[Job] = []
        self._queue: SimpleQueue[list[Job] | None] = SimpleQueue()
        # A daemon: a crash elsewhere must not leave a process that holds the lock and serves none.
        self._thread = threading.Thread(target=self._run, name="commits", daemon=True)
        self._thread.start()

    @property
    def failed(self) -> bool:
        """Whether the disk refused once."""
        return self._failed

    def wants(self, now: int) -> bool:
        """Say whether it is time to note the time, even if there is nothing else to do."""
        return now >= self._noted + NOTED_SECONDS

    def fail(self) -> None:
        """Write nothing any more."""
        self._failed = True

    def submit(self, job: Job) -> None:
        """Queue *job*; its `durable` tells the rest.

        Raises:
            StoreFailed: the disk refused before, or this was closed.
        """
        if self._failed or self._closed:
            # Another may stand on it already.
            job.settle(is_durable=False)
            raise StoreFailed("the disk refused before, or the store was closed")
        if not self._asked:
            # The thread is woken once for all that one turn of the loop asks for.
            self._loop.call_soon(self._hand_over)
        self._asked.append(job)

    async def close(self) -> None:
        """Return when everything queued is durable and the thread has ended."""
        self._hand_over()
        self._closed = True
        self._queue.put(None)
        await self._loop.run_in_executor(None, self._thread.join)

    def _hand_over(self) -> None:
        self._queue.put(self._asked)
        self._asked = []

    def _run(self) -> None:
        while self._commit_queued():
            pass
        if not self._failed and self._is_all_known:
            with suppress(OSError):
                self._file.note(is_closed=True)
                self._file.sync()

    def _commit_queued(self) -> bool:
        """Wait for jobs and make them durable; return whether more may come.

        A call of its own, so that nothing here keeps their boxes while the next are waited for.
        """
        taken = [self._queue.get(), *self._queued()]
        jobs = [job for some in taken if some is not None for job in some]
        if not self._failed:
            try:
                self.commit(jobs)
            except Exception:  # noqa: BLE001 - whatever it is, nobody may hear that it is durable
                self._failed = True
        self._loop.call_soon_threadsafe(self._finish, jobs, not self._failed)
        return None not in taken

    def _queued(self) -> list[list[Job] | None]:
        queued: list[list[Job] | None] = []
        try:
            while True:
                queued.append(self._queue.get_nowait())
        except Empty:
            return queued

    def commit(self, jobs: list[Job]) -> None:
        """Write and sync all of *jobs*."""
        if not jobs:
            return
        self._write([write for job in jobs for write in job.writes])
        now = max(job.now for job in jobs)
        if self.wants(now):
            self._file.note(clock=now)
            self._noted = now
        self._file.sync()
        replaced: list[tuple[int, Record | None]]
        replaced = [(page, None) for job in jobs for page in job.replaced]
        if replaced:
            self._write(replaced)
            self._file.sync()

    def _write(self, writes: list[tuple[int, Record | None]]) -> None:
        self._commit += 1
        # One is enough for all pages of a commit: no two need to differ.
        erased = erased_page(self._commit)
        # A page that one job fills and a later one erases is only erased.
        self._file.write_all(
            {
                page: erased if record is None else box_page(record, self._commit)
                for page, record in writes
            }
        )

    def _finish(self, jobs: list[Job], durable: bool) -> None:  # noqa: FBT001 (called by the loop)
        for job in jobs:
            try:
                job.settle(is_durable=durable)
            except Exception as error:  # noqa: BLE001 - the others are waited for as well
                # What the index lacks now nothing may stand on.
                self._failed, durable = True, False
                self._loop.call_exception_handler({"message": "commits", "exception": error})
