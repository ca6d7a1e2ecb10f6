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
from ojak_relay.store import valkey_refusals as refusals
from ojak_relay.store import valkey_rules as rules
from ojak_relay.store.valkey_news import News
from ojak_relay.store.valkey_primary import Owners, Primary, owners_at
from ojak_relay.store.valkey_refusals import Operator
from ojak_relay.store.valkey_wire import Address, Login, Refusal, Reply

PATIENCE_SECONDS: Final = 6.0
"""How long a request waits for servers; longer than these have for an answer."""

_PAUSES: Final = (0.02, 0.1, 0.3, 1.0)
Pack = Callable[[Sequence[int], int], bytes]
"""Makes the commands for the ids with these numbers at a server with this limit of keys."""


class Servers:
    """All servers of one store.

    Args:
        seeds: some of them.
        login: how to get in.
        capacity: how many boxes all of them together may keep.
        told: called with each id of which a box came, and with None when some may have been missed.
        report: takes one line for the operator.
        patience_seconds: how long a request waits for servers before it is refused.
    """

    def __init__(
        self,
        seeds: Sequence[Address],
        login: Login,
        capacity: int,
        told: Callable[[MailboxId | None], None],
        report: Callable[[str], None],
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        self._seeds = tuple(seeds)
        self._login = login
        self._capacity = capacity
        self._told = told
        self._news = News(login, told, self.mend)
        self._report = report
        self._patience_seconds = patience_seconds
        self._primaries: dict[Address, Primary] = {}
        self._by_tag: list[Primary] = []
        self._single: Primary | None = None
        self._mending: asyncio.Task[None] | None = None
        self._operator = Operator(report)
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

    async def boxes(self, ids: Sequence[MailboxId]) -> list[Reply]:
        """Return head and box at each of *ids*, or None.

        Raises:
            StoreAway: it took too long.
        """
        if (single := self.single) is not None:
            with suppress(StoreAway):
                # One command costs half of what dozens do; what goes wrong is left to those.
                (some,) = await single.looks.ask(rules.all_wholes(ids), 1)
                if isinstance(some, list):
                    return some
        return await self.ask(
            ids, lambda numbers, _: rules.wholes([ids[number] for number in numbers])
        )

    async def ask(
        self, ids: Sequence[MailboxId], pack: Pack, *, writes: bool = False
    ) -> list[Reply]:
        """Return one reply for each of *ids*; where servers go, it is asked again for a while.

        Args:
            ids: whom it concerns.
            pack: makes the commands; asked twice, they must do no more than once.
            writes: whether replicas are to be waited for.

        Raises:
            StoreAway: it took too long, or too few replicas confirmed.
        """
        if not ids:
            return []
        if (primary := self.single) is not None:
            # Where all is well, as it is nearly always, no list is taken apart, and no timer set.
            line = primary.writes if writes else primary.looks
            try:
                replies = await line.ask(pack(range(len(ids)), primary.limit), len(ids))
            except StoreAway:
                if line.is_open:
                    self._operator.note_confirmed(is_missing=True, is_known=False)
                    raise
            else:
                if Refusal not in map(type, replies):
                    self._operator.note_confirmed(is_missing=False, is_known=writes)
                    return replies
        try:
            async with asyncio.timeout(self._patience_seconds):
                return await self._ask_again(ids, pack, writes=writes)
        except TimeoutError:
            raise StoreAway("no answer in time") from None

    async def every(self, make: Callable[[int], bytes]) -> list[Reply]:
        """Return the replies to one command for each tag, in no order, without what is refused.

        Raises:
            StoreAway: not all servers answer.
        """
        asked = []
        for primary, tags in self._tags().items():
            commands = b"".join([make(tag) for tag in tags])
            asked.append(primary.looks.ask(commands, len(tags)))
        replies = [reply for one in asked for reply in await one]
        if any(map(refusals.is_elsewhere, replies)):
            self.mend()
        return [reply for reply in replies if not isinstance(reply, Refusal)]

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

    async def _ask_again(
        self, ids: Sequence[MailboxId], pack: Pack, *, writes: bool
    ) -> list[Reply]:
        replies: list[Reply] = [None] * len(ids)
        todo: Sequence[int] = range(len(ids))
        tries = 0
        while todo:
            if self._mending is not None:
                # Never cancelled from here: all others wait for the same.
                await asyncio.wait({self._mending})
            if tries:
                # Ids that a cluster moves from one server to another can be asked for again and
                # again, and by many.
                await asyncio.sleep(_pause(tries - 1))
            todo = await self._ask_once(ids, todo, pack, replies, writes=writes)
            tries += 1
        return replies

    async def _ask_once(
        self,
        ids: Sequence[MailboxId],
        todo: Sequence[int],
        pack: Pack,
        replies: list[Reply],
        *,
        writes: bool,
    ) -> list[int]:
        """Ask for those of *ids* that are *todo*, and return which must be asked for again."""
        asked = []
        for primary, numbers in self._shares(ids, todo).items():
            line = primary.writes if writes else primary.looks
            asked.append((numbers, line, line.ask(pack(numbers, primary.limit), len(numbers))))
        again: list[int] = []
        is_elsewhere = False
        failure: StoreAway | None = None
        for numbers, line, done in asked:
            try:
                for number, reply in zip(numbers, await done, strict=True):
                    replies[number] = reply
                    is_elsewhere |= refusals.is_elsewhere(reply)
                    if refusals.passes(reply):
                        again.append(number)
                    else:
                        self._operator.note_refused(reply)
            except StoreAway as error:
                if line.is_open:
                    failure = error
                is_elsewhere = True
                again += numbers
        self._operator.note_confirmed(is_missing=failure is not None, is_known=writes and not again)
        if is_elsewhere:
            self.mend()
        if failure is not None:
            raise failure
        return again

    def _shares(
        self, ids: Sequence[MailboxId], todo: Sequence[int]
    ) -> Mapping[Primary, Sequence[int]]:
        shares: dict[Primary, list[int]] = {}
        for number in todo:
            shares.setdefault(self._by_tag[rules.tag_of(ids[number])], []).append(number)
        return shares

    def _tags(self) -> dict[Primary, list[int]]:
        tags: dict[Primary, list[int]] = {}
        for tag, primary in enumerate(self._by_tag):
            tags.setdefault(primary, []).append(tag)
        return tags

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
        self._told(None)
        tries = 0
        while True:
            with suppress(StoreAway):
                await self._look_up()
                break
            if tries == len(_PAUSES):
                self._report("the servers of the store do not all answer; they are tried again")
            await asyncio.sleep(_pause(tries))
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


def _pause(tries: int) -> float:
    """Return seconds until the next try: longer each time, and not the same for all."""
    return _PAUSES[min(tries, len(_PAUSES) - 1)] * random.uniform(0.7, 1.3)  # noqa: S311 (no secret)
