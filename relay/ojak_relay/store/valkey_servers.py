"""The servers that keep the boxes: which of them answers for which id, and what if one goes.

One server, a primary with its replicas, or a cluster. When a line is lost or a server says that it
is not the one, all of it is looked up anew, again and again, until every id has a primary.
"""

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from ojak_protocol.addresses import MailboxId
from ojak_relay.errors import StoreAway
from ojak_relay.store import valkey_rules as rules
from ojak_relay.store.valkey_line import Address, Line, Login, Refusal, Reply

PATIENCE_SECONDS: Final = 4.0
"""Longer than replicas have for confirming."""

_PAUSES: Final = (0.02, 0.1, 0.3, 1.0)
_GONE_ELSEWHERE: Final = frozenset(
    {
        "ASK",
        "CLUSTERDOWN",
        "LOADING",
        "MASTERDOWN",
        "MOVED",
        "NOREPLICAS",
        "NOSCRIPT",
        "READONLY",
        "TRYAGAIN",
    }
)
"""Refusals after which it is looked up anew who answers."""

Pack = Callable[[Sequence[int], int], bytes]
"""Makes the commands for the ids with these numbers at a server with this limit of keys."""


@dataclass(slots=True, eq=False)
class Primary:
    """A server that answers for some tags.

    Attributes:
        address: where.
        looks: the line for what changes nothing, which waits for no replicas.
        writes: the line for all else; the same where no replicas are waited for.
        limit: how many keys it may have.
        base: how many of them are no boxes.
    """

    address: Address
    looks: Line
    writes: Line
    limit: int = 0
    base: int = 0

    @property
    def is_open(self) -> bool:
        """Whether it can be asked."""
        return self.looks.is_open and self.writes.is_open

    def close(self) -> None:
        """Cut both lines."""
        self.looks.close()
        self.writes.close()


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
        self._report = report
        self._patience_seconds = patience_seconds
        self._primaries: dict[Address, Primary] = {}
        self._by_tag: list[Primary] = []
        self._news: Line | None = None
        self._mending: asyncio.Task[None] | None = None
        self._is_unconfirmed = False
        self._is_closed = False

    @property
    def is_away(self) -> bool:
        """Whether some ids have no server now, as far as is known."""
        return self._mending is not None

    @property
    def primaries(self) -> list[Primary]:
        """Those that answer for ids."""
        return list(self._primaries.values())

    async def open(self) -> None:
        """Find the servers.

        Raises:
            StoreAway: they are not all there.
        """
        await self._look_up()

    async def boxes(self, ids: Sequence[MailboxId]) -> list[Reply]:
        """Return head and box at each of *ids*, or None.

        Raises:
            StoreAway: it took too long.
        """
        if self._mending is None and len(self._primaries) == 1:
            with suppress(StoreAway):
                # One command costs half of what dozens do; what goes wrong is left to those.
                (some,) = await self._by_tag[0].looks.ask(rules.all_wholes(ids), 1)
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
        try:
            async with asyncio.timeout(self._patience_seconds):
                return await self._ask_again(ids, pack, writes=writes)
        except TimeoutError:
            raise StoreAway("no answer in time") from None

    async def every(self, make: Callable[[int], bytes]) -> list[Reply]:
        """Return the replies to one command for each tag, in no order.

        Raises:
            StoreAway: not all servers answer.
        """
        asked = []
        for primary, tags in self._tags().items():
            commands = b"".join([make(tag) for tag in tags])
            asked.append(primary.looks.ask(commands, len(tags)))
        return [reply for one in asked for reply in await one]

    def close(self) -> None:
        """Let go of all lines."""
        self._is_closed = True
        if self._mending is not None:
            self._mending.cancel()
        for primary in self._primaries.values():
            primary.close()
        if self._news is not None:
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
        while todo:
            if self._mending is not None:
                # Shielded: all others wait for the same.
                await asyncio.shield(self._mending)
            todo = await self._ask_once(ids, todo, pack, replies, writes=writes)
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
        failure: StoreAway | None = None
        for numbers, line, done in asked:
            try:
                for number, reply in zip(numbers, await done, strict=True):
                    if isinstance(reply, Refusal) and reply.word in _GONE_ELSEWHERE:
                        again.append(number)
                    replies[number] = reply
            except StoreAway as error:
                if line.is_open:
                    failure = error
                again += numbers
        self._note_confirmed(is_missing=failure is not None, is_known=writes and not again)
        if failure is not None:
            raise failure
        if again:
            self.mend()
        return again

    def _note_confirmed(self, *, is_missing: bool, is_known: bool) -> None:
        """Tell the operator once when replicas begin or cease to confirm."""
        if is_missing and not self._is_unconfirmed:
            self._report("too few replicas confirm: deposits and deletes are refused until they do")
        elif is_known and self._is_unconfirmed and not is_missing:
            self._report("enough replicas confirm again")
        self._is_unconfirmed = is_missing or (self._is_unconfirmed and not is_known)

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
        news = self._news is not None and self._news.is_open
        return news and all(primary.is_open for primary in self._primaries.values())

    async def _mend(self) -> None:
        self._told(None)
        tries = 0
        while True:
            with suppress(StoreAway):
                await self._look_up()
                break
            if tries == len(_PAUSES):
                self._report("the servers of the store do not all answer; they are tried again")
            pause = _PAUSES[min(tries, len(_PAUSES) - 1)]
            # Not all relays at the same moment.
            await asyncio.sleep(pause * random.uniform(0.7, 1.3))  # noqa: S311 (no secret)
            tries += 1
        if tries > len(_PAUSES):
            self._report("the servers of the store answer again")

    async def _look_up(self) -> None:
        owners = await self._owners()
        primaries: dict[Address, Primary] = {}
        try:
            for address in dict.fromkeys(owners):
                primaries[address] = self._primaries.get(address) or await self._primary(address)
                if not primaries[address].is_open:
                    primaries[address] = await self._primary(address)
            for address, primary in primaries.items():
                await self._prepare(
                    primary, [tag for tag, owner in enumerate(owners) if owner == address]
                )
        except StoreAway:
            for address, primary in primaries.items():
                if self._primaries.get(address) is not primary:
                    primary.close()
            raise
        gone = [one for one in self._primaries.values() if one not in primaries.values()]
        self._primaries = primaries
        self._by_tag = [primaries[address] for address in owners]
        for primary in gone:
            primary.close()
        await self._subscribe(next(iter(primaries)))

    async def _owners(self) -> list[Address]:
        """Return the address of the primary of each tag, as the first server says that knows."""
        known = dict.fromkeys((*self._primaries, *self._seeds))
        for address in known:
            with suppress(StoreAway):
                return await owners_at(address, self._login)
        raise StoreAway("no server knows a primary for every id")

    async def _primary(self, address: Address) -> Primary:
        looks = await Line.open(address, self._login, self.mend)
        if not self._login.replicas:
            return Primary(address, looks, looks)
        try:
            writes = await Line.open(address, self._login, self.mend, replicas=self._login.replicas)
        except StoreAway:
            looks.close()
            raise
        return Primary(address, looks, writes)

    async def _prepare(self, primary: Primary, tags: Sequence[int]) -> None:
        """Have *primary* know the scripts, and keep the sets of its *tags*."""
        commands = [*rules.scripts(), *[rules.keep(tag) for tag in tags]]
        count = len(rules.scripts()) + rules.KEYS_OF_A_TAG * len(tags)
        replies = await primary.looks.ask(b"".join(commands), count)
        # A server whose memory is full goes on giving out and deleting.
        if any(isinstance(reply, Refusal) and reply.word != "OOM" for reply in replies):
            raise StoreAway("a server does not take what a store begins with")
        primary.base = rules.KEYS_OF_A_TAG * len(tags)
        primary.limit = primary.base + -(-self._capacity * len(tags) // rules.TAGS)

    async def _subscribe(self, address: Address) -> None:
        if self._news is None or not self._news.is_open:
            self._news = await Line.open(address, self._login, self.mend, told=self._hear)
            await self._news.one(b"SUBSCRIBE", rules.CHANNEL)
            self._told(None)

    def _hear(self, published: Reply) -> None:
        if isinstance(published, list) and published[0] == b"message":
            self._told(MailboxId(published[2]))


async def owners_at(address: Address, login: Login) -> list[Address]:
    """Return the address of the primary of each tag, as the server at *address* knows it.

    Raises:
        StoreAway: it does not answer, or knows none for some.
    """
    line = await Line.open(address, login, lambda: None)
    try:
        told = await line.one(b"INFO")
        if info(told).get("cluster_enabled") != "1":
            if info(told)["role"] != "master":
                raise StoreAway("not a primary")
            return [address] * rules.TAGS
        if b"cluster_state:ok" not in await line.one(b"CLUSTER", b"INFO"):
            raise StoreAway("the cluster is not whole")
        ranges = await line.one(b"CLUSTER", b"SLOTS")
    finally:
        line.close()
    owners = {}
    for first, last, (host, port, *_), *_ in ranges:
        for tag, slot in enumerate(rules.TAG_SLOTS):
            if first <= slot <= last:
                owners[tag] = ((host or b"").decode() or address[0], port)
    if len(owners) < rules.TAGS:
        raise StoreAway("some ids have no primary")
    return [owners[tag] for tag in range(rules.TAGS)]


def info(told: bytes) -> dict[str, str]:
    """Return what INFO told, by name."""
    lines = [line.partition(":") for line in told.decode("utf-8", "replace").splitlines()]
    return {name: value for name, _, value in lines}
