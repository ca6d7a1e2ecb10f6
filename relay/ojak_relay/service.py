"""The relay's one service: everything a request asks for, in the order the protocol gives.

Deletes, deposits, polls; then, if nothing polled for is there, a wait. It knows no HTTP, so that
another front can stand before it, and no box: what happens to a box is the store's rule.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from ojak_protocol.addresses import mailbox_id
from ojak_protocol.sync import DepositOutcome, Nothing, PollResult, SyncReply, SyncRequest
from ojak_relay.clock import Clock
from ojak_relay.errors import StoreFailed
from ojak_relay.memory import ReadBuffer
from ojak_relay.store.base import Come, Store, Visited


class Service:
    """Answers syncs out of one store.

    Args:
        store: where the boxes lie.
        clock: Unix seconds, the only clock that boxes and replies follow.
    """

    def __init__(self, store: Store, clock: Callable[[], int]) -> None:
        self._store = store
        self._clock = clock
        self._ending = False
        self._draining = False

    @property
    def ready(self) -> bool:
        """Whether new requests are to come here."""
        return not self._ending and not self._store.failed

    @property
    def ending(self) -> bool:
        """Whether new requests are to go elsewhere, because this process will end."""
        return self._ending

    @property
    def clock_is_trusted(self) -> bool:
        """Whether the clock of the machine agrees with the time that boxes age by."""
        return not isinstance(self._clock, Clock) or self._clock.is_trusted

    def now(self) -> int:
        """Return the relay's clock, Unix seconds."""
        return self._clock()

    @property
    def boxes(self) -> int:
        """How many boxes lie here, those not yet swept away included."""
        return self._store.boxes

    @property
    def due(self) -> int:
        """How many of these are past their time."""
        return self._store.due(self._clock())

    @property
    def is_far(self) -> bool:
        """Whether `begin` is worth asking."""
        return self._store.is_far

    def at_once(self, request: SyncRequest) -> SyncReply | None:
        """Return the reply to *request* if it only looks, and waits for nothing; otherwise None."""
        if request.deletes or request.deposits:
            return None
        now = self._clock()
        results = self._store.glance(request.polls, room=request.room, now=now)
        if results is None or (request.wait_seconds and _are_nothing(results)):
            return None
        return SyncReply(clock=now, polls=results, deposits=())

    def begin(self, request: SyncRequest, taken: int, come: Come) -> bool:
        """Begin `sync` and return True, if the store needs no task for that; or begin nothing.

        Args:
            request: what is asked; it is not kept when the servers have been asked.
            taken: as for `sync`.
            come: is called with what `reply` and `sync` then need. Nothing breaks that off.
        """
        return self._store.begin_visit(
            [mailbox_id(key) for key in request.deletes],
            request.deposits[:taken],
            request.polls,
            room=request.room,
            now=self._clock(),
            come=come,
        )

    def reply(self, visited: Visited, *, deposits: int, wait_seconds: int) -> SyncReply | None:
        """Return what is replied to a request after all of its visit, or None if it has to wait.

        Args:
            visited: what was done and found.
            deposits: how many it asked for; what is more than was taken is refused.
            wait_seconds: how long it would wait.
        """
        outcomes, results = visited
        if wait_seconds and _are_nothing(results):
            return None
        outcomes += (DepositOutcome.REFUSED,) * (deposits - len(outcomes))
        return SyncReply(clock=self._clock(), polls=results, deposits=outcomes)

    async def sync(
        self, request: SyncRequest, *, taken: int | None = None, visited: Visited | None = None
    ) -> SyncReply:
        """Return the reply to *request*, once all that it asks for is durable.

        Args:
            request: what is asked.
            taken: how many of its deposits are taken, the first ones; the others are refused. All
                of them without it. Deletes and polls are served in any case.
            visited: what was done and found already.

        Raises:
            StoreFailed: the disk refused.
        """
        outcomes, results = visited or await self._store.visit(
            [mailbox_id(key) for key in request.deletes],
            request.deposits[:taken],
            request.polls,
            room=request.room,
            now=self._clock(),
        )
        if request.wait_seconds:
            results = await self._held(request, results)
        outcomes += (DepositOutcome.REFUSED,) * (len(request.deposits) - len(outcomes))
        return SyncReply(clock=self._clock(), polls=results, deposits=outcomes)

    def retire(self) -> None:
        """Say that new requests are to go elsewhere; those that come are served."""
        self._ending = True

    def drain(self) -> None:
        """Answer all who wait, and let nobody wait any more."""
        self._ending = self._draining = True
        self._store.wake_all()

    async def sweep(self) -> None:
        """Erase boxes whose time is over, in small pieces, as often as the store allows it."""
        read = ReadBuffer()
        try:
            while True:
                more = False
                with suppress(StoreFailed):
                    more = await self._store.expire(now=self._clock())
                await read.overwrite()
                await asyncio.sleep(0 if more else 1)
        finally:
            read.close()

    async def _look(self, request: SyncRequest) -> tuple[PollResult, ...]:
        return await self._store.look(request.polls, room=request.room, now=self._clock())

    async def _held(
        self, request: SyncRequest, results: tuple[PollResult, ...]
    ) -> tuple[PollResult, ...]:
        loop = asyncio.get_running_loop()
        until = loop.time() + request.wait_seconds
        while not self._draining and _are_nothing(results):
            left = until - loop.time()
            if left <= 0:
                break
            await self._store.wait_for(request.polls, left, now=self._clock())
            results = await self._look(request)
        return results


def _are_nothing(results: tuple[PollResult, ...]) -> bool:
    return all(isinstance(result, Nothing) for result in results)
