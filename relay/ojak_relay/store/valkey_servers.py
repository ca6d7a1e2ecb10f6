"""The servers that keep the boxes: which of them answers for which id, and what if one goes.

One server, a primary with its replicas, or a cluster. When a line is lost or a server says that it
is not the one, all of it is looked up anew, again and again, until every id has a primary.
"""

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Final

from ojak_protocol.addresses import MailboxId
from ojak_relay.errors import StoreAway
from ojak_relay.store import valkey_rules as rules
from ojak_relay.store.valkey_news import News
from ojak_relay.store.valkey_primary import Owners, Primary, owners_at
from ojak_relay.store.valkey_wire import Address, Login

_PAUSES: Final = (0.02, 0.1, 0.3, 1.0)


class Servers:
    """All servers of one store.

    Args:
        seeds: some of them.
        login: how to get in.
        capacity: how many boxes all of them together may keep.
        told: called with each id of which a box came, and with None when some may have been missed.
        report: takes one line for the operator.
    """

    def __init__(
        self,
        seeds: Sequence[Address],
        login: Login,
        capacity: int,
        told: Callable[[MailboxId | None], None],
        report: Callable[[str], None],
    ) -> None:
        self._seeds = tuple(seeds)
        self._login = login
        self._capacity = capacity
        self._told = told
        self._news = News(login, told, self.mend)
        self._report = report
        self._primaries: dict[Address, Primary] = {}
        self._by_tag: list[Primary] = []
        self._single: Primary | None = None
        self._mending: asyncio.Task[None] | None = None
        self._is_closed = False

    @property
    def is_away(self) -> bool:
        """Whether some ids have no server now, as far as is known."""
        return self._mending is not None

    async def open(self) -> None:
        """Find the servers.

        Raises:
            StoreAway: they are not all there.
        """
        await self._look_up()

    @property
    def single(self) -> Primary | None:
        """The only one that answers, if there is no cluster and it can be asked."""
        return self._single if self._mending is None else None

    def shares(
        self, ids: Sequence[MailboxId], todo: Sequence[int]
    ) -> Mapping[Primary, Sequence[int]]:
        """Return for each server which numbers of *todo* among *ids* it answers for."""
        shares: dict[Primary, list[int]] = {}
        for number in todo:
            shares.setdefault(self._by_tag[rules.tag_of(ids[number])], []).append(number)
        return shares

    def tags(self) -> Mapping[Primary, Sequence[int]]:
        """Return for each server which tags it answers for."""
        tags: dict[Primary, list[int]] = {}
        for tag, primary in enumerate(self._by_tag):
            tags.setdefault(primary, []).append(tag)
        return tags

    async def settled(self) -> None:
        """Return when all of it has been looked up, if that is under way."""
        if self._mending is not None:
            # Never cancelled from here: all others wait for the same.
            await asyncio.wait({self._mending})

    async def listen(self) -> None:
        """Return when all boxes that come from now on are told, once it has been looked up.

        Raises:
            StoreAway: no server tells.
        """
        await self.settled()
        await self._news.listen()

    def rest(self) -> None:
        """Be told nothing, until `listen`."""
        self._news.rest()

    async def count(self) -> int:
        """Return how many boxes there are.

        Raises:
            StoreAway: not all servers answer, or one is no primary any more.
        """
        try:
            return sum([await primary.count() for primary in self._primaries.values()])
        except StoreAway:
            # To a relay that only looks, a server without a cluster does not say that it is not
            # the one any more: it answers with what it had.
            self.mend()
            raise

    def close(self) -> None:
        """Let go of all lines."""
        self._is_closed = True
        if self._mending is not None:
            self._mending.cancel()
        for primary in self._primaries.values():
            primary.close()
        self._news.close()

    def mend(self) -> None:
        """Look up anew which server answers for what, unless that is under way."""
        if self._mending is None and not self._is_closed:
            self._mending = asyncio.create_task(self._mend())
            self._mending.add_done_callback(self._mended)

    def _mended(self, task: "asyncio.Task[None]") -> None:
        self._mending = None
        if task.cancelled():
            return
        if (error := task.exception()) is not None:
            # Whoever asks next begins anew.
            asyncio.get_running_loop().call_exception_handler({"exception": error})
        elif not self._is_whole():
            # Lost again while the last of it was being put right.
            self.mend()

    def _is_whole(self) -> bool:
        return self._news.is_open and all(one.is_open for one in self._primaries.values())

    async def _mend(self) -> None:
        # Whoever waits looks again, and for that waits until all of it has been looked up.
        self._told(None)
        tries = 0
        while True:
            with suppress(StoreAway):
                await self._look_up()
                break
            if tries == len(_PAUSES):
                self._report("the servers of the store do not all answer; they are tried again")
            await asyncio.sleep(pause(tries))
            tries += 1
        if tries > len(_PAUSES):
            self._report("the servers of the store answer again")

    async def _look_up(self) -> None:
        owners = await self._owners()
        primaries: dict[Address, Primary] = {}
        try:
            for address in dict.fromkeys(owners.by_tag):
                primaries[address] = self._primaries.get(address) or await Primary.open(
                    address, self._login, self.mend
                )
                if not primaries[address].is_open:
                    primaries[address] = await Primary.open(address, self._login, self.mend)
            for address, primary in primaries.items():
                tags = [tag for tag, owner in enumerate(owners.by_tag) if owner == address]
                await primary.prepare(tags, self._capacity)
        except StoreAway:
            for address, primary in primaries.items():
                if self._primaries.get(address) is not primary:
                    primary.close()
            raise
        gone = [one for one in self._primaries.values() if one not in primaries.values()]
        self._primaries = primaries
        self._by_tag = [primaries[address] for address in owners.by_tag]
        self._single = None if owners.is_cluster else self._by_tag[0]
        for primary in gone:
            primary.close()
        await self._news.open(primaries)

    async def _owners(self) -> Owners:
        """Return the primaries, as the first server says that knows them all."""
        known = dict.fromkeys((*self._primaries, *self._seeds))
        for address in known:
            with suppress(StoreAway):
                return await owners_at(address, self._login)
        raise StoreAway("no server knows a primary for every id")


def pause(tries: int) -> float:
    """Return seconds until the next try: longer each time, and not the same for all."""
    return _PAUSES[min(tries, len(_PAUSES) - 1)] * random.uniform(0.7, 1.3)  # noqa: S311 (no secret)
