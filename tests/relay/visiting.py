"""A visit of a store, or of a service, as the relay makes it where it does not answer at once."""

import asyncio
from collections.abc import Sequence

from ojak_protocol.addresses import MailboxId
from ojak_protocol.sync import Deposit, SyncReply, SyncRequest
from ojak_relay.service import Service
from ojak_relay.store.base import Come, Store, Visited
from ojak_relay.store.memory import MemoryStore


class Far(MemoryStore):
    """Answers later: of four visits one is not begun, and of one not all was answered."""

    def __init__(self, capacity: int) -> None:
        super().__init__(capacity)
        self.begun = 0
        self.visits = 0
        self.visiting: list[asyncio.Task[None]] = []

    @property
    def is_far(self) -> bool:
        return True

    async def visit(
        self,
        deletes: Sequence[MailboxId],
        deposits: Sequence[Deposit],
        polls: Sequence[MailboxId],
        *,
        room: int,
        now: int,
    ) -> Visited:
        self.visits += 1
        return await super().visit(deletes, deposits, polls, room=room, now=now)

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
        self.begun += 1
        if self.begun % 4 == 0:
            return False

        async def visit(begun: int = self.begun) -> None:
            again = begun % 4 == 1
            come(None if again else await self.visit(deletes, deposits, polls, room=room, now=now))

        self.visiting.append(asyncio.create_task(visit()))
        return True


async def visited(
    store: Store,
    deletes: Sequence[MailboxId],
    deposits: Sequence[Deposit],
    polls: Sequence[MailboxId],
    *,
    room: int,
    now: int,
) -> Visited:
    """Return what *store* does and finds, asked again where it says so; it says it once."""
    came: list[Visited | None] = []
    is_there = asyncio.Event()

    def come(visit: Visited | None) -> None:
        came.append(visit)
        is_there.set()

    if store.begin_visit(deletes, deposits, polls, room=room, now=now, come=come):
        await is_there.wait()
        await asyncio.sleep(0)
        (visit,) = came
        if visit is not None:
            return visit
    return await store.visit(deletes, deposits, polls, room=room, now=now)


async def served(service: Service, request: SyncRequest, *, taken: int | None = None) -> SyncReply:
    """Return the reply of *service*."""
    came: asyncio.Future[Visited | None] = asyncio.get_running_loop().create_future()
    deposits = len(request.deposits)
    taken = deposits if taken is None else taken
    visit = await came if service.begin(request, taken, came.set_result) else None
    reply = visit and service.reply(visit, deposits=deposits, wait_seconds=request.wait_seconds)
    return reply or await service.sync(request, taken=taken, visited=visit)
