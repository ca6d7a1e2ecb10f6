"""The store of several relays: boxes in the memory of Valkey or Redis, one server or a cluster.

Relays share it and keep nothing: any of them answers for any box, and killing one loses nothing.
What a server decides it decides at once (`valkey_rules`), who it is that decides is known by
`valkey_servers`. Durable is what those replicas have that are waited for, never what a disk has.
"""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, Self

from ojak_protocol.addresses import MailboxId
from ojak_protocol.sync import Deposit, DepositOutcome, PollResult
from ojak_relay.errors import StoreAway, StoreUnusable
from ojak_relay.store import valkey_rules as rules
from ojak_relay.store import valkey_scripts as scripts
from ojak_relay.store.base import EXPIRE_AT_MOST, Come, Store, Visited
from ojak_relay.store.deleted import REMEMBERED_AT_MOST, REMEMBERED_SECONDS
from ojak_relay.store.valkey_asking import PATIENCE_SECONDS, Asker
from ojak_relay.store.valkey_checks import SKEW_SECONDS, check
from ojak_relay.store.valkey_refusals import Operator
from ojak_relay.store.valkey_replies import outcome, results, sound
from ojak_relay.store.valkey_servers import Servers
from ojak_relay.store.valkey_turns import Told, Turns
from ojak_relay.store.valkey_wire import Address, Login, Reply
from ojak_relay.store.waiting import Waiters

FORGET_EVERY: Final = 30
"""Every so many sweeps, of which there is one a second, deletions of an hour ago are forgotten."""


class ValkeyStore(Store):
    """At most *capacity* boxes in the memory of servers that other relays use as well.

    Open one with `ValkeyStore.open`.
    """

    def __init__(
        self,
        seeds: Sequence[Address],
        login: Login,
        capacity: int,
        report: Callable[[str], None],
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        self._waiters = Waiters()
        self._servers = Servers(seeds, login, capacity, self._hear, report)
        self._operator = Operator(report)
        self._turns = Turns()
        self._asker = Asker(self._servers, self._operator, patience_seconds)
        self._clock = 0
        self._boxes = 0
        self._over: list[MailboxId] = []
        self._sweeps = 0
        self._has_waited = False

    @classmethod
    async def open(
        cls,
        seeds: Sequence[Address],
        login: Login,
        capacity: int,
        report: Callable[[str], None],
        *,
        now: int,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> Self:
        """Return the store that the servers keep.

        Args:
            seeds: some of them.
            login: how to get in.
            capacity: boxes that fit into all of them together.
            report: takes one line for the operator.
            now: Unix seconds; what they say the time is, is compared with it.
            patience_seconds: how long a request waits for servers before it is refused.

        Raises:
            StoreUnusable: they are not there, or not fit to keep boxes; the message says why.
        """
        time = await check(seeds, login, capacity, report, now=now)
        store = cls(seeds, login, capacity, report, patience_seconds)
        store._clock = time - SKEW_SECONDS
        try:
            await store._servers.open()
            store._boxes = max(0, await store._servers.count())
        except StoreAway as error:
            await store.close()
            raise StoreUnusable(f"the store cannot be opened: {error}") from None
        return store

    @property
    def boxes(self) -> int:
        """How many boxes lie here, as of the last sweep and what this relay did since."""
        return self._boxes

    @property
    def clock(self) -> int:
        """What the servers said the time is at the start, less what clocks may differ by."""
        return self._clock

    @property
    def unreadable_pages(self) -> int:
        """Memory has no pages."""
        return 0

    def due(self, now: int) -> int:
        """Return 0: the servers end boxes by themselves."""
        del now
        return 0

    @property
    def failed(self) -> bool:
        """Whether some boxes cannot be reached now; it ends by itself."""
        return self._servers.is_away

    async def apply(
        self, deletes: Sequence[MailboxId], deposits: Sequence[Deposit], *, now: int
    ) -> tuple[DepositOutcome, ...]:
        """Delete, then deposit; return once the replicas that are waited for have all of it.

        Raises:
            StoreAway: what was asked for may or may not have happened; it can be asked again.
        """
        ids = [*deletes, *[one.id for one in deposits]]
        pack = rules.changes(deletes, deposits, now)
        replies = await self._asker.ask(ids, pack, writes=True, news_from=len(deletes))
        return self._applied(replies, len(deletes))

    async def look(
        self, ids: Sequence[MailboxId], *, room: int, now: int
    ) -> tuple[PollResult, ...]:
        """Return what lies at each id: at most *room* boxes.

        Raises:
            StoreAway: not all servers answer.
        """
        # Whole boxes at once, though there may be no room for some: to ask twice would cost more.
        return self._looked(await self._asker.boxes(ids), room, now)

    @property
    def is_far(self) -> bool:
        """Whether there is a single server, and it can be asked."""
        return self._servers.single is not None

    def begin_visit(
        self,
        deletes: Sequence[MailboxId],
        deposits: Sequence[Deposit],
        polls: Sequence[MailboxId],
        *,
        room: int,
        now: int,
        come: Come,
    ) -> bool:
        """Begin `visit` and return True, if one server does all of it on one line, in its order."""
        single, count = self._servers.single, len(deletes) + len(deposits)
        if not polls or single is None or (count and single.writes is not single.looks):
            return False
        changes = rules.all_changes(deletes, deposits, now, single.limit) if count else ()
        news = [one.id for one in deposits]
        told = partial(self._come, len(deletes), room, now, come)
        self._turns.ask(single, changes, count, news, polls, told)
        return True

    def _come(self, deletes: int, room: int, now: int, come: Come, told: Told | None) -> None:
        visited: Visited | None = None
        try:
            if told is not None:
                outcomes = self._applied(told.changes, deletes) if told.changes else ()
                visited = outcomes, self._looked(told.lying, room, now)
        except Exception:  # noqa: BLE001 - `visit` asks again, and raises what stays
            visited = None
        come(visited)

    async def wait_for(self, ids: Sequence[MailboxId], seconds: float, *, now: int) -> None:
        """Return when something lies visible at one of *ids*, or after *seconds*.

        Raises:
            StoreAway: not all servers answer.
        """
        # It waits before it is looked, so that nothing comes unnoticed between the two.
        with self._waiters.waiting(ids) as woken:
            self._has_waited = True
            await self._asker.listen()
            lying = await self._asker.ask(
                ids, lambda numbers, _: [rules.exists([ids[number] for number in numbers])]
            )
            # Nearly always nothing does.
            some = [id_ for id_, lies in zip(ids, lying, strict=True) if sound(lies)]
            for whole in await self._asker.boxes(some):
                times = whole and rules.times(sound(whole))
                if times and now < times[1]:
                    seconds = min(seconds, times[0] - now)
            if seconds > 0:
                await asyncio.wait({woken}, timeout=seconds)

    def wake_all(self) -> None:
        """End every wait."""
        self._waiters.wake_all()

    async def expire(self, *, now: int) -> bool:
        """Erase some boxes whose time is over, unless the servers did; return if more may be due.

        Raises:
            StoreAway: not all servers answer.
        """
        if not self._over:
            if self._sweeps % FORGET_EVERY == 0:
                await self._forget(now)
            self._sweeps += 1
            found = await self._asker.every(lambda tag: rules.over(tag, now))
            self._over = [
                MailboxId(id_) for tag, some in found for id_ in some if rules.is_due(id_, tag)
            ]
            await self._drop(
                [(tag, id_) for tag, some in found for id_ in some if not rules.is_due(id_, tag)]
            )
        some, self._over = self._over[:EXPIRE_AT_MOST], self._over[EXPIRE_AT_MOST:]
        if some:
            replies = await self._asker.ask(
                some,
                lambda numbers, _: [rules.clear(some[one], now) for one in numbers],
                writes=True,
            )
            for reply in replies:
                sound(reply)
        self._boxes = max(0, await self._servers.count())
        if not some:
            self._rest()
        return bool(some)

    async def close(self) -> None:
        """Let go of the servers; what is under way fails."""
        self._waiters.wake_all()
        self._servers.close()

    async def _forget(self, now: int) -> None:
        """Forget deletions of an hour ago, and the oldest where too many are remembered."""
        await self._asker.every(rules.keep, 2)
        kept_seconds = REMEMBERED_SECONDS
        while True:
            until = now + REMEMBERED_SECONDS - kept_seconds
            told = await self._asker.every(lambda tag: rules.forget(tag, until), 2)  # noqa: B023 (asked here and now)
            if sum(count for _, count in told) <= REMEMBERED_AT_MOST or not kept_seconds:
                return
            kept_seconds = kept_seconds * 7 // 8

    def _rest(self) -> None:
        """Have servers tell nothing where nobody has waited from one sweep to the next."""
        if not self._has_waited and not self._waiters:
            self._servers.rest()
        self._has_waited = False

    async def _drop(self, strange: Sequence[tuple[int, bytes]]) -> None:
        """Take out of the sets what stands for no box: pairs of a tag and a member."""
        for _ in strange:
            self._operator.note_strange()
        await self._asker.ask(
            [MailboxId(bytes([tag])) for tag, _ in strange],
            lambda numbers, _: [rules.drop(*strange[number]) for number in numbers],
        )

    def _applied(self, replies: Sequence[Reply], deletes: int) -> tuple[DepositOutcome, ...]:
        gone = sum(map(sound, replies[:deletes]))
        added = replies.count(scripts.ADDED)
        self._boxes += added - gone
        if added == len(replies) - deletes:
            # As it nearly always is.
            return (DepositOutcome.STORED,) * added
        outcomes = tuple(map(outcome, replies[deletes:]))
        for _ in range(replies.count(scripts.MENDED)):
            self._operator.note_strange()
        return outcomes

    def _looked(self, replies: Sequence[Reply], room: int, now: int) -> tuple[PollResult, ...]:
        return results(replies, room, now, self._operator.note_strange)

    def _hear(self, id_: MailboxId | None) -> None:
        if id_ is None:
            self._waiters.wake_all()
        else:
            self._waiters.wake(id_)
