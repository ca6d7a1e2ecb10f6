"""The durable store: one page a box, an index in memory, every answer after its sync.

Two views of the same boxes. The *index* is what is durable: only that is ever given out. The
*pending* changes are what was decided but is not durable yet: later decisions stand on them, and
whoever asks for the same thing again waits for the same sync, so that "stored" and "deleted" are
never said too early. A miss costs a look into a dict.
"""

import asyncio
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

from ojak_protocol.addresses import MailboxId
from ojak_protocol.sync import Deposit, DepositOutcome, Found, NoRoom, Nothing, PollResult
from ojak_relay.errors import StoreFailed
from ojak_relay.store.base import EXPIRE_AT_MOST, Record, Verdict, judge, record_of
from ojak_relay.store.commits import Committer, Job
from ojak_relay.store.deleted import DeletedLately
from ojak_relay.store.page_file import Header, PageFile
from ojak_relay.store.repair import Start, repair
from ojak_relay.store.waiting import Waiters

_NEVER: Final = 2**63
"""Expiry of a page without a box."""

SWEPT_AT_MOST: Final = 20_000
"""How many pages one call of `expire` looks at: about a millisecond."""


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
    settles: set[asyncio.Future[None]] = field(default_factory=set)
    """What must be durable before this change is answered."""


class PagesStore:
    """The boxes of one `PageFile`; made by `open`."""

    def __init__(self, file: PageFile, start: Start) -> None:
        self._file = file
        self._index: dict[MailboxId, int] = {}
        self._ids: list[MailboxId | None] = [None] * file.pages.stop
        self._expires_at = array("Q", [_NEVER]) * file.pages.stop
        self._released_at = array("Q", [0]) * file.pages.stop
        for page, header in start.boxes.values():
            self._place(page, header)
        self._free = [page for page in reversed(file.pages) if self._ids[page] is None]
        self._boxes = len(self._index)
        self._hand = 0
        self._pending: dict[MailboxId, _Pending] = {}
        self._deleted = DeletedLately()
        self._waiters = Waiters()
        self._commits = Committer(file, start.commit)

    @classmethod
    async def open(cls, path: Path, capacity: int) -> Self:
        """Open or make the store at *path* for *capacity* boxes, and put right what a crash left.

        Raises:
            StoreUnusable: it is in use, is something else, or cannot be made.
        """
        file = PageFile.open(path, capacity)
        return cls(file, repair(file))

    @property
    def boxes(self) -> int:
        """How many boxes lie here, pending changes included."""
        return self._boxes

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
        change = self._change()
        for id_ in deletes:
            self._delete(id_, now, change)
        outcomes = tuple([self._deposit(deposit, now, change) for deposit in deposits])
        self._submit(change)
        for settled in change.settles:
            # Shielded: others may wait for the same sync when this request is broken off.
            await asyncio.shield(settled)
        return outcomes

    async def look(
        self, ids: Sequence[MailboxId], *, room: int, now: int
    ) -> tuple[PollResult, ...]:
        """Return what lies durably at each id: at most *room* boxes."""
        results: list[PollResult] = []
        for id_ in ids:
            page = self._index.get(id_)
            if page is None or not self._visible(page, now):
                results.append(Nothing())
            elif room <= 0:
                results.append(NoRoom())
            elif (record := await self._read(id_, page, now)) is None:
                results.append(Nothing())
            else:
                room -= 1
                results.append(Found(record.box))
        return tuple(results)

    async def wait_for(self, ids: Sequence[MailboxId], seconds: float, *, now: int) -> None:
        """Return when something lies visible at one of *ids*, or after *seconds*."""
        for id_ in ids:
            page = self._index.get(id_)
            # A page about to be erased or replaced may be unreadable already. What comes in its
            # place wakes whoever waits; to return at once would only have them look again.
            if page is not None and id_ not in self._pending and now < self._expires_at[page]:
                seconds = min(seconds, self._released_at[page] - now)
        if seconds > 0:
            await self._waiters.wait(ids, seconds)

    def wake_all(self) -> None:
        """End every wait."""
        self._waiters.wake_all()

    async def expire(self, *, now: int) -> bool:
        """Erase some boxes whose time is over; return whether more may be due.

        A hand goes round all pages, so that nothing need be kept in order of expiry.
        """
        self._deleted.forget(now)
        stop = min(self._hand + SWEPT_AT_MOST, len(self._expires_at))
        piece = self._expires_at[self._hand : stop]
        due = [page for page, at in enumerate(piece, self._hand) if at <= now][:EXPIRE_AT_MOST]
        more = len(due) == EXPIRE_AT_MOST
        if not more:
            self._hand = stop % len(self._expires_at)
        change = self._change()
        for page in due:
            self._expire(page, change)
        self._submit(change)
        for settled in change.settles:
            await asyncio.shield(settled)
        return more

    async def close(self) -> None:
        """Finish what was asked for and let go of the file."""
        self._waiters.wake_all()
        await self._commits.close()
        self._file.close()

    def _change(self) -> _Change:
        return _Change(asyncio.get_running_loop().create_future(), self._publish)

    def _submit(self, change: _Change) -> None:
        if change.moves:
            change.settles.add(change.done)
            self._commits.submit(change)
        elif self._commits.failed:
            raise StoreFailed("the disk refused before")

    def _visible(self, page: int, now: int) -> bool:
        return self._released_at[page] <= now < self._expires_at[page]

    def _lying(self, id_: MailboxId, change: _Change) -> tuple[int | None, int]:
        """Return page and expiry of what lies at *id_*, or will; *change* then settles with it."""
        pending = self._pending.get(id_)
        if pending is not None:
            change.settles.add(pending.job.done)
            expires_at = pending.record.expires_at if pending.record else 0
            return pending.page, expires_at
        page = self._index.get(id_)
        return page, 0 if page is None else self._expires_at[page]

    def _box(self, id_: MailboxId, page: int) -> bytes | None:
        pending = self._pending.get(id_)
        record = pending.record if pending is not None else self._file.read(page)
        return record.box if record is not None and record.id == id_ else None

    def _delete(self, id_: MailboxId, now: int, change: _Change) -> None:
        page, expires_at = self._lying(id_, change)
        if page is None:
            return
        change.writes.append((page, None))
        self._move(change, id_, page, None)
        self._boxes -= 1
        if now < expires_at:
            self._deleted.remember(id_, now)

    def _deposit(self, deposit: Deposit, now: int, change: _Change) -> DepositOutcome:
        page, expires_at = self._lying(deposit.id, change)
        lying = self._box(deposit.id, page) if page is not None and now < expires_at else None
        match judge(deposit, lying, deleted_lately=self._deleted.has(deposit.id, now)):
            case Verdict.KEEP:
                return DepositOutcome.STORED
            case Verdict.OCCUPIED:
                return DepositOutcome.OCCUPIED
        if not self._free or (page is None and self._boxes >= self._file.capacity):
            return DepositOutcome.FULL
        record = record_of(deposit, now)
        new_page = self._free.pop()
        change.writes.append((new_page, record))
        if page is None:
            self._boxes += 1
        else:
            change.replaced.append(page)
        self._move(change, deposit.id, page, record, new_page)
        return DepositOutcome.STORED

    def _expire(self, page: int, change: _Change) -> None:
        id_ = self._ids[page]
        if id_ is None or id_ in self._pending:
            return
        change.writes.append((page, None))
        self._move(change, id_, page, None)
        self._boxes -= 1

    def _move(
        self,
        change: _Change,
        id_: MailboxId,
        old_page: int | None,
        record: Record | None,
        new_page: int | None = None,
    ) -> None:
        change.moves.append((id_, old_page, new_page, record))
        self._pending[id_] = _Pending(change, new_page, record)

    def _publish(self, job: Job) -> None:
        """Make a durable change visible; a page is free again only now."""
        if not isinstance(job, _Change):
            raise TypeError("not a change of this store")
        for id_, old_page, new_page, record in job.moves:
            if old_page is not None:
                self._clear(id_, old_page)
            if new_page is not None and record is not None:
                self._place(new_page, record)
                self._waiters.wake(id_)
            if (pending := self._pending.get(id_)) is not None and pending.job is job:
                del self._pending[id_]

    def _place(self, page: int, box: Record | Header) -> None:
        self._index[box.id] = page
        self._ids[page] = box.id
        self._expires_at[page] = box.expires_at
        self._released_at[page] = box.released_at

    def _clear(self, id_: MailboxId, page: int) -> None:
        if self._index.get(id_) == page:
            del self._index[id_]
        self._ids[page] = None
        self._expires_at[page] = _NEVER
        self._free.append(page)

    async def _read(self, id_: MailboxId, page: int, now: int) -> Record | None:
        try:
            record = self._file.read_cached(page)
        except BlockingIOError:
            loop = asyncio.get_running_loop()
            record = await loop.run_in_executor(None, self._file.read, page)
        if record is not None and record.id == id_:
            return record
        pending = self._pending.get(id_)
        if pending is not None:
            # The page was just erased: what comes in its place is durable before that.
            record = pending.record
            return record if record and record.released_at <= now < record.expires_at else None
        if self._index.get(id_) == page:
            # Damaged on the disk: it can never be given out, so its place is cleared.
            change = self._change()
            self._expire(page, change)
            self._submit(change)
        return None
