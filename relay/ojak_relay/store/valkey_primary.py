"""A server that answers for some ids, and how servers tell which of them that are."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from ojak_relay.errors import StoreAway
from ojak_relay.store import valkey_rules as rules
from ojak_relay.store.valkey_line import Line
from ojak_relay.store.valkey_refusals import is_full, is_moving, is_no_set
from ojak_relay.store.valkey_wire import Address, Login, Refusal, Reply, packed, packed_news


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

    @classmethod
    async def open(cls, address: Address, login: Login, lost: Callable[[], None]) -> Self:
        """Return the server at *address*.

        Raises:
            StoreAway: it is not there.
        """
        looks = await Line.open(address, login, lost)
        if not login.replicas:
            return cls(address, looks, looks)
        try:
            writes = await Line.open(address, login, lost, replicas=login.replicas)
        except StoreAway:
            looks.close()
            raise
        return cls(address, looks, writes)

    async def prepare(self, tags: Sequence[int], capacity: int) -> None:
        """Have it know the scripts, and keep the set of each of its *tags*.

        Args:
            tags: those that it answers for.
            capacity: how many boxes it and all others together may keep.

        Raises:
            StoreAway: it does not take that.
        """
        # A relay that may not tell of boxes would not hear that it is refused.
        begins = [*rules.loads(), packed_news(())]
        commands = [*begins, *[rules.keep(tag) for tag in tags]]
        self.base = rules.KEYS_OF_A_TAG * len(tags)
        self.limit = self.base + -(-capacity * len(tags) // rules.TAGS)
        replies = await self.looks.ask(commands, len(begins) + 2 * len(tags))
        if any(map(is_no_set, replies)):
            anew = [rules.anew(tag) for tag in tags]
            replies[len(begins) :] = await self.looks.ask(anew, len(tags))
        if not all(map(_is_taken, replies)):
            raise StoreAway("a server does not take what a store begins with")

    async def count(self) -> int:
        """Return how many boxes it keeps.

        Raises:
            StoreAway: it does not answer, or is no primary any more.
        """
        commands = [packed(b"INFO", b"REPLICATION"), packed(b"DBSIZE")]
        told, keys = await self.looks.ask(commands, 2)
        if not isinstance(keys, int) or not _is_primary(info(told)):
            raise StoreAway("not a primary")
        return keys - self.base


@dataclass(frozen=True, slots=True)
class Owners:
    """Who answers for what.

    Attributes:
        by_tag: the address of the primary of each tag.
        is_cluster: whether no command may reach more than the keys of one tag.
    """

    by_tag: Sequence[Address]
    is_cluster: bool


async def owners_at(address: Address, login: Login) -> Owners:
    """Return the primaries, as the server at *address* knows them.

    Raises:
        StoreAway: it does not answer, or knows none for some.
    """
    line = await Line.open(address, login, lambda: None)
    try:
        told = await line.one(b"INFO")
        if info(told).get("cluster_enabled") != "1":
            if not _is_primary(info(told)):
                raise StoreAway("not a primary")
            return Owners([address] * rules.TAGS, is_cluster=False)
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
    return Owners([owners[tag] for tag in range(rules.TAGS)], is_cluster=True)


def info(told: bytes) -> dict[str, str]:
    """Return what INFO told, by name."""
    lines = [line.partition(":") for line in told.decode("utf-8", "replace").splitlines()]
    return {name: value for name, _, value in lines}


def _is_primary(told: Mapping[str, str]) -> bool:
    return told.get("role") == "master"


def _is_taken(reply: Reply) -> bool:
    # A server from which some boxes are moved away serves all others.
    return not isinstance(reply, Refusal) or is_full(reply) or is_moving(reply)
