"""The store that a restart forgets: a dict, for tests and for operators who want just that."""

import heapq
from collections.abc import Sequence

from ojak_protocol.addresses import MailboxId
from ojak_protocol.sync import NOTHING, Deposit, DepositOutcome, Found, NoRoom, PollResult
from ojak_relay.store.base import EXPIRE_AT_MOST, Record, Store, Verdict, judge, record_of
from ojak_relay.store.deleted import DeletedLately
from ojak_relay.store.waiting import Waiters


class MemoryStore(Store):
    """At most *capacity* boxes in memory."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._records: dict[MailboxId, Record] = {}
        self._due: list[tuple[int, MailboxId]] = []
        self._deleted = DeletedLately()
        self._waiters = Waiters()

    @property
    def boxes(self) -> int:
        """How many boxes lie here."""
        return len(self._records)

    @property
    def clock(self) -> int:
        """Memory knows no earlier time."""
        return 0

    @property
    def unreadable_pages(self) -> int:
        """Memory has no pages."""
        return 0

    @property
    def failed(self) -> bool:
        """Memory does not fail."""
        return False

    async def apply(
        self, deletes: Sequence[MailboxId], deposits: Sequence[Deposit], *, now: int
    ) -> tuple[DepositOutcome, ...]:
        """Delete, then deposit; as durable as this store can be at once."""
        for id_ in deletes:
            record = self._records.pop(id_, None)
            if record is not None and now < record.expires_at:
                self._deleted.remember(id_, now)
        return tuple([self._deposit(deposit, now) for deposit in deposits])

    async def look(
        self, ids: Sequence[MailboxId], *, room: int, now: int
    ) -> tuple[PollResult, ...]:
        """Return what lies at each id: at most *room* boxes."""
        return self.glance(ids, room=room, now=now)

    def glance(self, ids: Sequence[MailboxId], *, room: int, now: int) -> tuple[PollResult, ...]:
        """Do the same: nothing here is ever waited for."""
        results: list[PollResult] = []
        for id_ in ids:
            record = self._records.get(id_)
            if record is None or not record.released_at <= now < record.expires_at:
                results.append(NOTHING)
            elif room > 0:
                room -= 1
                results.append(Found(record.box))
            else:
                results.append(NoRoom())
        return tuple(results)

    async def wait_for(self, ids: Sequence[MailboxId], seconds: float, *, now: int) -> None:
        """Return when something lies visible at one of *ids*, or after *seconds*."""
        for id_ in ids:
            record = self._records.get(id_)
            if record is not None and now < record.expires_at:
                seconds = min(seconds, record.released_at - now)
        if seconds > 0:
            await self._waiters.wait(ids, seconds)

    def wake_all(self) -> None:
        """End every wait."""
        self._waiters.wake_all()

    def due(self, now: int) -> int:
        """Return how many boxes are past their time."""
        return sum(record.expires_at <= now for record in self._records.values())

    async def expire(self, *, now: int) -> bool:
        """Drop some boxes whose time is over."""
        self._deleted.forget(now)
        for _ in range(EXPIRE_AT_MOST):
            if not self._due or now < self._due[0][0]:
                return False
            _, id_ = heapq.heappop(self._due)
            record = self._records.get(id_)
            # The box that was due may have gone and another have come in its place.
            if record is not None and record.expires_at <= now:
                del self._records[id_]
        return True

    async def close(self) -> None:
        """Let go of everything."""
        self._waiters.wake_all()
        self._records.clear()

    def _deposit(self, deposit: Deposit, now: int) -> DepositOutcome:
        record = self._records.get(deposit.id)
        lying = record.box if record is not None and now < record.expires_at else None
        match judge(deposit, lying, deleted_lately=self._deleted.has(deposit.id, now)):
            case Verdict.KEEP:
                return DepositOutcome.STORED
            case Verdict.OCCUPIED:
                return DepositOutcome.OCCUPIED
        if record is None and len(self._records) >= self._capacity:
            return DepositOutcome.FULL
        self._records[deposit.id] = written = record_of(deposit, now)
        heapq.heappush(self._due, (written.expires_at, deposit.id))
        if len(self._due) > 2 * self._capacity:
            # Boxes replaced or deleted leave their times behind; one client could pile them up.
            self._due = [(one.expires_at, id_) for id_, one in self._records.items()]
            heapq.heapify(self._due)
        self._waiters.wake(deposit.id)
        return DepositOutcome.STORED
