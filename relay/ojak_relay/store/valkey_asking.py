"""To ask the servers that keep the boxes, again and again for a while where they come and go."""

import asyncio
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

from ojak_protocol.addresses import MailboxId
from ojak_relay.errors import StoreAway
from ojak_relay.store import valkey_refusals as refusals
from ojak_relay.store import valkey_rules as rules
from ojak_relay.store.valkey_refusals import Operator
from ojak_relay.store.valkey_servers import Servers, pause
from ojak_relay.store.valkey_wire import Refusal, Reply

PATIENCE_SECONDS: Final = 6.0
"""How long a request waits for servers; longer than these have for an answer."""

Pack = Callable[[Sequence[int], int], Sequence[bytes]]
"""Makes commands for the ids with these numbers at a server with this limit of keys, in pieces."""


class Asker:
    """Asks *servers*.

    Args:
        servers: who answers for what.
        operator: is told what lasts.
        patience_seconds: how long a request waits for servers before it is refused.
    """

    def __init__(self, servers: Servers, operator: Operator, patience_seconds: float) -> None:
        self._servers = servers
        self._operator = operator
        self._patience_seconds = patience_seconds

    async def boxes(self, ids: Sequence[MailboxId]) -> list[Reply]:
        """Return head and box at each of *ids*, or None.

        Raises:
            StoreAway: it took too long.
        """
        if ids and (single := self._servers.single) is not None:
            with suppress(StoreAway):
                # One command costs half of what dozens do; what goes wrong is left to those.
                (some,) = await single.looks.ask(rules.all_wholes(ids), 1)
                if isinstance(some, list):
                    return some
        replies = await self.ask(
            ids, lambda numbers, _: [rules.wholes([ids[number] for number in numbers])]
        )
        return [reply[0] if isinstance(reply, list) else reply for reply in replies]

    async def ask(
        self,
        ids: Sequence[MailboxId],
        pack: Pack,
        *,
        writes: bool = False,
        news_from: int = sys.maxsize,
    ) -> list[Reply]:
        """Return one reply for each of *ids*; where servers go, it is asked again for a while.

        Args:
            ids: whom it concerns.
            pack: makes the commands; asked twice, they must do no more than once.
            writes: whether replicas are to be waited for.
            news_from: from which of *ids* on a box may come, which all relays are told.

        Raises:
            StoreAway: it took too long, or too few replicas confirmed.
        """
        if not ids:
            return []
        if (primary := self._servers.single) is not None:
            # Where all is well, as it is nearly always, no list is taken apart, and no timer set.
            line = primary.writes if writes else primary.looks
            try:
                commands = pack(range(len(ids)), primary.limit)
                replies = await line.ask(commands, len(ids), ids[news_from:])
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
                return await self._ask_again(ids, pack, writes=writes, news_from=news_from)
        except TimeoutError:
            raise StoreAway("no answer in time") from None

    async def listen(self) -> None:
        """Return when all boxes that come from now on are told.

        Raises:
            StoreAway: it took too long.
        """
        tries = 0
        try:
            async with asyncio.timeout(self._patience_seconds):
                while True:
                    with suppress(StoreAway):
                        return await self._servers.listen()
                    await asyncio.sleep(pause(tries))
                    tries += 1
        except TimeoutError:
            raise StoreAway("no answer in time") from None

    async def every(
        self, make: Callable[[int], bytes], commands: int = 1
    ) -> list[tuple[int, Reply]]:
        """Return each tag with the last reply to *commands* for it, in no order, if no refusal.

        Raises:
            StoreAway: not all servers answer.
        """
        asked = []
        for primary, tags in self._servers.tags().items():
            words = [make(tag) for tag in tags]
            asked.append((tags, primary.looks.ask(words, commands * len(tags))))
        replies: list[Reply] = []
        told: list[tuple[int, Reply]] = []
        for tags, one in asked:
            some = await one
            replies += some
            told += zip(tags, some[commands - 1 :: commands], strict=True)
        if any(map(refusals.is_elsewhere, replies)):
            self._servers.mend()
        if any(map(refusals.is_no_set, replies)):
            self._operator.note_strange()
        return [(tag, reply) for tag, reply in told if not isinstance(reply, Refusal)]

    async def _ask_again(
        self, ids: Sequence[MailboxId], pack: Pack, *, writes: bool, news_from: int
    ) -> list[Reply]:
        replies: list[Reply] = [None] * len(ids)
        todo: Sequence[int] = range(len(ids))
        tries = 0
        while todo:
            await self._servers.settled()
            if tries:
                # Ids that a cluster moves from one server to another can be asked for again and
                # again, and by many.
                await asyncio.sleep(pause(tries - 1))
            todo = await self._ask_once(
                ids, todo, pack, replies, writes=writes, news_from=news_from
            )
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
        news_from: int,
    ) -> list[int]:
        """Ask for those of *ids* that are *todo*, and return which must be asked for again."""
        asked = []
        for primary, numbers in self._servers.shares(ids, todo).items():
            line = primary.writes if writes else primary.looks
            # By the server that has the box, and so after it is there.
            news = [ids[number] for number in numbers if number >= news_from]
            commands = pack(numbers, primary.limit)
            asked.append((numbers, line, line.ask(commands, len(numbers), news)))
        again: list[int] = []
        is_elsewhere = False
        failure: StoreAway | None = None
        for numbers, line, done in asked:
            try:
                for number, reply in zip(numbers, await done, strict=True):
                    replies[number] = reply
                    is_elsewhere |= refusals.is_elsewhere(reply)
                    if refusals.is_no_set(reply):
                        self._operator.note_strange()
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
            self._servers.mend()
        if failure is not None:
            raise failure
        return again
