"""The one line by which a relay hears of boxes that come to others, whichever server has them.

It is heard only while somebody waits: what is told and wakes nobody costs servers and relay
for nothing. No word is missed by that: who waits goes on when the server has confirmed that it
tells, and looks for boxes after that; a line that is lost is told at once.
"""

import asyncio
from collections.abc import Callable, Collection

from ojak_protocol.addresses import ID_BYTES, MailboxId
from ojak_relay.errors import StoreAway
from ojak_relay.store.valkey_line import Line
from ojak_relay.store.valkey_wire import CHANNEL, Address, Login, Refusal, Reply, packed


class News:
    """What servers tell.

    Args:
        login: how to get in.
        told: called with each id of which a box came.
        lost: called when nothing is heard any more: some may be missed until it is opened again.
    """

    def __init__(
        self, login: Login, told: Callable[[MailboxId], None], lost: Callable[[], None]
    ) -> None:
        self._login = login
        self._told = told
        self._lost = lost
        self._line: Line | None = None
        self._address: Address | None = None
        self._begun: asyncio.Future[list[Reply]] | None = None
        """What the server answers to be asked to tell; None while it is not to."""

    @property
    def is_open(self) -> bool:
        """Whether something is heard, or can be."""
        return self._line is not None and self._line.is_open

    async def open(self, addresses: Collection[Address]) -> None:
        """Listen at one of *addresses*: all servers of a cluster tell the same.

        Raises:
            StoreAway: it is not there.
        """
        # A server that was one of them may still be there, and be told nothing any more.
        if not (self.is_open and self._address in addresses):
            self.close()
            self._address = next(iter(addresses))
            self._line = await Line.open(self._address, self._login, self._lost, told=self._hear)
        await self.listen()

    async def listen(self) -> None:
        """Return when all that comes from now on is heard.

        Raises:
            StoreAway: the line was lost, or the server does not tell.
        """
        if self._line is None or not self._line.is_open:
            raise StoreAway("the line was lost")
        if self._begun is None:
            self._begun = self._line.ask([packed(b"SUBSCRIBE", CHANNEL)], 1)
        begun = self._begun
        if not begun.done():
            # Others wait for the same: one that is broken off breaks off none of them.
            await asyncio.wait({begun})
        (told,) = begun.result()
        if isinstance(told, Refusal):
            self._begun = None
            raise StoreAway(f"the server refuses with {told.word}")

    def rest(self) -> None:
        """Hear nothing from now on, until it is asked to listen."""
        if self._begun is not None and self._line is not None:
            self._line.ask([packed(b"UNSUBSCRIBE", CHANNEL)], 1)
        self._begun = None

    def close(self) -> None:
        """Hear nothing any more."""
        self._begun = None
        if self._line is not None:
            self._line.close()

    def _hear(self, ids: bytes) -> None:
        for at in range(0, len(ids), ID_BYTES):
            self._told(MailboxId(ids[at : at + ID_BYTES]))
