"""The one line by which a relay hears of boxes that come to others, whichever server has them."""

from collections.abc import Callable, Collection

from ojak_protocol.addresses import MailboxId
from ojak_relay.store import valkey_rules as rules
from ojak_relay.store.valkey_line import Line
from ojak_relay.store.valkey_wire import Address, Login, Reply


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

    @property
    def is_open(self) -> bool:
        """Whether something is heard."""
        return self._line is not None and self._line.is_open

    async def open(self, addresses: Collection[Address]) -> None:
        """Listen at one of *addresses*: all servers of a cluster tell the same.

        Raises:
            StoreAway: it is not there.
        """
        # A server that was one of them may still be there, and be told nothing any more.
        if self.is_open and self._address in addresses:
            return
        self.close()
        self._address = next(iter(addresses))
        self._line = await Line.open(self._address, self._login, self._lost, told=self._hear)
        await self._line.one(b"SUBSCRIBE", rules.CHANNEL)

    def close(self) -> None:
        """Hear nothing any more."""
        if self._line is not None:
            self._line.close()

    def _hear(self, published: Reply) -> None:
        if isinstance(published, list) and published[0] == b"message":
            self._told(MailboxId(published[2]))
