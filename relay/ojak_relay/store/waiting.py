"""Who waits for a box to appear, and who is woken when one does."""

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from ojak_protocol.addresses import MailboxId


class Waiters:
    """The waits of one process. A wait that ends in any way leaves nothing behind."""

    def __init__(self) -> None:
        self._waiting: dict[MailboxId, set[asyncio.Future[None]]] = {}

    @contextmanager
    def waiting(self, ids: Iterable[MailboxId]) -> Iterator["asyncio.Future[None]"]:
        """Give what is done once one of *ids* is woken, from now to the end of the block."""
        woken = asyncio.get_running_loop().create_future()
        places = set(ids)
        for id_ in places:
            self._waiting.setdefault(id_, set()).add(woken)
        try:
            yield woken
        finally:
            for id_ in places:
                self._leave(id_, woken)

    async def wait(self, ids: Iterable[MailboxId], seconds: float) -> None:
        """Return when one of *ids* is woken, or after *seconds*."""
        with self.waiting(ids) as woken:
            await asyncio.wait({woken}, timeout=seconds)

    def wake(self, id_: MailboxId) -> None:
        """End the waits for *id_*."""
        for woken in self._waiting.get(id_, ()):
            if not woken.done():
                woken.set_result(None)

    def wake_all(self) -> None:
        """End every wait."""
        for id_ in self._waiting:
            self.wake(id_)

    def __len__(self) -> int:
        return len(self._waiting)

    def _leave(self, id_: MailboxId, woken: asyncio.Future[None]) -> None:
        others = self._waiting[id_]
        others.discard(woken)
        if not others:
            del self._waiting[id_]
