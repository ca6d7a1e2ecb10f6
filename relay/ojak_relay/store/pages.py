"""The durable store: one page a box, an index in memory, every answer after its sync.

Two views of the same boxes. The *index* is what is durable: only that is ever given out. The
*pending* changes are what was decided but is not durable yet: later decisions stand on them, and
whoever asks for the same thing again waits for the same sync, so that "stored" and "deleted" are
never said too early. A miss costs a look into the index.
"""

import asyncio
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

from ojak_protocol.addresses import MailboxId
from ojak_protocol.sync import NOTHING, Deposit, DepositOutcome, Found, NoRoom, PollResult
from ojak_relay.errors import StoreFailed, StoreUnusable
from ojak_relay.store.base import EXPIRE_AT_MOST, Record, Store, Verdict, judge, record_of
from ojak_relay.store.commits import Committer, Job
from ojak_relay.store.deleted import DeletedLately
from ojak_relay.store.disk import Disk
from ojak_relay.store.due import Due
from ojak_relay.store.page_file import PageFile
from ojak_relay.store.repair import Progress, Start, repair, untold
from ojak_relay.store.waiting import Waiters

RECENT_AT_MOST: Final = 256
"""So many boxes are also kept in memory, 1 MB, until they are deleted, newer ones
come or `expire` is called."""


@dataclass(frozen=True, slots=True)
class _Pending:
    """What will lie at an id once *job* is durable: *record* in *page*, or nothing."""

    job: "_Change"
    page: int | None
    record: Record | None


@dataclass(slots=True, eq=False)
class _Change(Job):
    """A job that remembers which id goes from which page to which."""

    moves: list[tuple[MailboxId, int | None, int | None, Record | None]] = field(
        default_factory=list
    )
    settles: set[Job] = field(default_factory=set)
    """What must be durable too before this change is answered. Never itself: what leads back to
    itself stays in memory, with its boxes, until the interpreter looks for such."""
    drop: Callable[["_Change"], None] | None = None
    """Told when the disk refused it, so that no box is kept that nobody will ever be given."""

    def settle(self, *, is_durable: bool) -> None:
        """Publish it if it is durable, and otherwise forget its boxes; wake who waits."""
        if not is_durable and self.drop is not None:
            self.drop(self)
        Job.settle(self, is_durable=is_durable)


class PagesStore(Store):
    """The boxes of one `PageFile`; made by `open`."""

    def __init__(self, file: PageFile, start: Start, recent: int) -> None:
        self._file = file
        self._index = start.index
        self._released_at = start.released_at
        self._due = Due(start.expires_at)
        self._free = start.free
        self._boxes = len(self._index)
        self._pending: dict[MailboxId, _Pending] = {}
        self._replacements: dict[int, int] = {}
        """The page that is pending in place of another, and is durable before that is erased."""
        self._recent: dict[int, Record] = {}
        """What was written last, by its page: somebody may be waiting for it."""
        self._recent_at_most = recent
        self._deleted = DeletedLately()
        self._waiters = Waiters()
        self._commits = Committer(file, start.commit, is_all_known=not start.unreadable)
        self._unreadable = len(start.unreadable)
        self._refused = _Change(self._publish, 0)
        self._refused.settle(is_durable=False)

    @classmethod
    async def open(
        cls,
        path: Path,
        capacity: int,
        *,
        disk: Disk = os,
        recent: int = RECENT_AT_MOST,
        progress: Progress = untold,
    ) -> Self:
        """Open or make the store at *path* for *capacity* boxes, and put right what a crash left.

        Of the newest boxes *recent* are given out from memory until the next `expire`. How far it
        is read, is told to *progress* meanwhile.

        Raises:
            StoreUnusable: it is in use, is something else, or cannot be made, read or written.
        """
        file = PageFile.open(path, capacity, disk=disk)
        return cls(file, start_of(file, progress), recent)

    @property
    def boxes(self) -> int:
        """How many boxes lie here, pending changes included."""
        return self._boxes

    @property
    def clock(self) -> int:
        """A time that the clock had reached when the store was last used, or 0."""
        return self._file.clock

    @property
    def unreadable_pages(self) -> int:
        """How many pages the disk did not give at start. They are left alone until the next."""
        return self._unreadable

    @property
    def failed(self) -> bool:
        """Whether the disk refused once."""
        return self._commits.failed

    async def apply(
        self, deletes: Sequence[MailboxId], deposits: Sequence[Deposit], *, now: int
    ) -> tuple[DepositOutcome, ...]:
        """Delete, then deposit; return one outcome per deposit once all of it is durable."""
        if not deletes and not deposits:
            return ()
        self._check()
        for deposit in deposits:
            page = self._index.find(deposit.id)
            if page is not None and deposit.id not in self._pending:
                # Have it in memory, so that to read it holds up nobody.
                await self._warm_read(page)
        # Once more: a change that met the failure meanwhile is pending and will never be settled.
        # From here until it is submitted nothing is awaited.
        self._check()
        change = self._change(now)
        for id_ in deletes:
            self._delete(id_, change)
        outcomes = tuple([self._deposit(deposit, change) for deposit in deposits])
        await self._commit(change)
        return outcomes

    async def look(
        self, ids: Sequence[MailboxId], *, room: int, now: int
    ) -> tuple[PollResult, ...]:
        """Return what lies durably at each id: at most *room* boxes."""
        results: list[PollResult] = [NOTHING] * len(ids)
        for at in self._index.may_have(ids):
            page = self._index.find(ids[at])
            if page is None or not self._visible(page, now):
                continue
            if room <= 0:
                results[at] = NoRoom()
            elif record := await self._visible_record(ids[at], page, now):
                room -= 1
                results[at] = Found(record.box)
        return tuple(results)

    def glance(
        self, ids: Sequence[MailboxId], *, room: int, now: int
    ) -> tuple[PollResult, ...] | None:
        """Return what `look` would, where all of it is in memory; None where it is not."""
        results: list[PollResult] = [NOTHING] * len(ids)
        for at in self._index.may_have(ids):
            page = self._index.find(ids[at])
            if page is None or not self._visible(page, now):
                continue
            record = self._recent.get(page)
            if room <= 0:
                results[at] = NoRoom()
            elif record is None:
                return None
            else:
                room -= 1
                results[at] = Found(record.box)
        return tuple(results)

    async def wait_for(self, ids: Sequence[MailboxId], seconds: float, *, now: int) -> None:
        """Return when something lies visible at one of *ids*, or after *seconds*."""
        for id_ in ids:
            page = self._index.find(id_)
            # A page about to be erased or replaced may be unreadable already. What comes in its
            # place wakes whoever waits; to return at once would only have them look again.
            if page is not None and id_ not in self._pending and now < self._due[page]:
                seconds = min(seconds, self._released_at[page] - now)
        if seconds > 0:
            await self._waiters.wait(ids, seconds)

    def wake_all(self) -> None:
        """End every wait."""
        self._waiters.wake_all()

    def due(self, now: int) -> int:
        """Return how many boxes are past their time."""
        return self._due.count(now)

    async def expire(self, *, now: int) -> bool:
        """Erase some boxes whose time is over; return whether more may be due."""
        self._recent.clear()
        self._deleted.forget(now)
        self._check()
        change = self._change(now)
        for page in self._due.take(now, EXPIRE_AT_MOST):
            self._erase(self._index.id_of(page), page, change)
        more = bool(change.moves)
        await self._commit(change)
        return more

    async def close(self) -> None:
        """Finish what was asked for and let go of the file."""
        self._waiters.wake_all()
        await self._commits.close()
        self._file.close()

    def _check(self) -> None:
        if self._commits.failed:
            raise StoreFailed("the disk refused before")

    def _change(self, now: int) -> _Change:
        return _Change(self._publish, now, drop=self._drop)

    async def _commit(self, change: _Change) -> None:
        """Return when *change*, and all that it stands on, is durable."""
        if change.moves or self._commits.wants(change.now):
            # Jobs are settled in their order, so this one after all it stands on. To remember
            # those would keep each with its boxes, and those before it, as long as they overlap.
            change.settles.clear()
            self._commits.submit(change)
            await change.durable()
        for job in change.settles:
            await job.durable()

    def _visible(self, page: int, now: int) -> bool:
        return self._released_at[page] <= now < self._due[page]

    def _lying(self, id_: MailboxId, change: _Change) -> tuple[int | None, int]:
        """Return page and expiry of what lies at *id_*, or will; *change* then settles with it."""
        pending = self._pending.get(id_)
        if pending is not None:
            if pending.job is not change:
                change.settles.add(pending.job)
            expires_at = pending.record.expires_at if pending.record else 0
            return pending.page, expires_at
        page = self._index.find(id_)
        return page, 0 if page is None else self._due[page]

    def _box(self, id_: MailboxId, page: int) -> bytes | None:
        pending = self._pending.get(id_)
        record = pending.record if pending is not None else self._recent.get(page)
        if pending is None and record is None:
            record = self._read(page)
        return record.box if record is not None and record.id == id_ else None

    def _delete(self, id_: MailboxId, change: _Change) -> None:
        page, expires_at = self._lying(id_, change)
        if page is None:
            return
        self._move(change, id_, page, None)
        if change.now < expires_at:
            self._deleted.remember(id_, change.now)

    def _deposit(self, deposit: Deposit, change: _Change) -> DepositOutcome:
        now = change.now
        page, expires_at = self._lying(deposit.id, change)
        lying = self._box(deposit.id, page) if page is not None and now < expires_at else None
        match judge(deposit, lying, deleted_lately=self._deleted.has(deposit.id, now)):
            case Verdict.KEEP:
                return DepositOutcome.STORED
            case Verdict.OCCUPIED:
                return DepositOutcome.OCCUPIED
        if not self._free or (page is None and self._boxes >= self._file.capacity):
            return DepositOutcome.FULL
        self._move(change, deposit.id, page, record_of(deposit, now), self._free.take())
        return DepositOutcome.STORED

    def _erase(self, id_: MailboxId, page: int, change: _Change) -> None:
        if id_ not in self._pending:
            self._move(change, id_, page, None)

    def _move(
        self,
        change: _Change,
        id_: MailboxId,
        old_page: int | None,
        record: Record | None,
        new_page: int | None = None,
    ) -> None:
        if new_page is not None:
            change.writes.append((new_page, record))
            if old_page is not None and record is not None:
                change.replaced.append(old_page)
                self._replacements[old_page] = new_page
        elif old_page is not None:
            change.writes.append((old_page, None))
        self._boxes += (new_page is not None) - (old_page is not None)
        change.moves.append((id_, old_page, new_page, record))
        self._pending[id_] = _Pending(change, new_page, record)

    def _publish(self, job: Job) -> None:
        """Make a durable change visible; a page is free again only now."""
        if not isinstance(job, _Change):
            raise TypeError("not a change of this store")
        for id_, old_page, new_page, record in job.moves:
            if old_page is not None:
                self._index.remove(old_page)
                self._due.clear(old_page)
                self._free.give(old_page)
                self._replacements.pop(old_page, None)
                self._recent.pop(old_page, None)
            if new_page is not None and record is not None:
                self._index.put(id_, new_page)
                self._remember(new_page, record)
                self._due.set(new_page, record.expires_at)
                self._released_at[new_page] = record.released_at
                self._waiters.wake(id_)
            if (pending := self._pending.get(id_)) is not None and pending.job is job:
                del self._pending[id_]

    def _drop(self, change: _Change) -> None:
        """Keep of what the disk refused only where it may lie: nothing is written any more."""
        for id_, _, new_page, _ in change.moves:
            if (pending := self._pending.get(id_)) is not None and pending.job is change:
                self._pending[id_] = _Pending(self._refused, new_page, None)
        change.moves.clear()
        change.writes.clear()
        change.settles.clear()

    async def _visible_record(self, id_: MailboxId, page: int, now: int) -> Record | None:
        """Return what lies visible at *id_*, whose page the index said to be *page*."""
        record = await self._warm_read(page)
        lies_in = self._index.find(id_)
        if lies_in is None or not self._visible(lies_in, now):
            return None
        if lies_in != page:
            # Replaced while the disk was waited for.
            return await self._visible_record(id_, lies_in, now)
        if record is None or record.id != id_:
            # Perhaps replaced twice meanwhile: it was read while its page was free, and holds the
            # box again. It is in memory now, and unless a change is pending nobody writes to it.
            record = self._read(page)
        if record is not None and record.id == id_:
            return record
        if id_ in self._pending:
            # The page was just erased: what comes in its place is durable before that.
            record = self._replacement(id_, page)
            return record if record and record.released_at <= now < record.expires_at else None
        if not self.failed:
            # Damaged on the disk: it can never be given out, so its place is cleared.
            change = self._change(now)
            self._erase(id_, page, change)
            self._commits.submit(change)
        return None

    def _replacement(self, id_: MailboxId, page: int) -> Record | None:
        """Return what lies in place of the box of *id_* that *page* held, if it is there yet."""
        while (page := self._replacements.get(page, -1)) >= 0:
            record = self._read(page)
            if record is not None and record.id == id_:
                return record
        return None

    def _remember(self, page: int, record: Record) -> None:
        self._recent[page] = record
        if len(self._recent) > self._recent_at_most:
            del self._recent[next(iter(self._recent))]

    async def _warm_read(self, page: int) -> Record | None:
        if page in self._recent:
            return self._recent[page]
        try:
            return self._guarded(self._file.read_cached, page)
        except BlockingIOError:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(None, self._guarded, self._file.read, page)

    def _read(self, page: int) -> Record | None:
        return self._guarded(self._file.read, page)

    def _guarded(self, read: Callable[[int], Record | None], page: int) -> Record | None:
        try:
            return read(page)
        except StoreFailed:
            # A disk that does not give what it holds is not to be trusted with more.
            self._commits.fail()
            raise


def start_of(file: PageFile, progress: Progress = untold) -> Start:
    """Put *file* right and return what it holds; close it if that fails.

    Raises:
        StoreUnusable: the disk refused.
    """
    try:
        return repair(file, progress)
    except OSError as error:
        file.close()
        why = error.strerror or "in part only"
        raise StoreUnusable(f"the store {file.path} cannot be written: {why}") from None
    except StoreFailed as error:
        file.close()
        raise StoreUnusable(f"the store {file.path} cannot be read: {error}") from None
