"""What a relay looks at before it trusts servers with boxes, and why it refuses some.

Boxes lie in the memory of servers and nowhere else: a file of theirs would keep what was deleted. A
server that shows no settings is taken at its operator's word, and that is said.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from ojak_relay.errors import StoreAway, StoreUnusable
from ojak_relay.store import valkey_rules as rules
from ojak_relay.store.valkey_line import Line
from ojak_relay.store.valkey_primary import info, owners_at
from ojak_relay.store.valkey_wire import Address, Login

SKEW_SECONDS: Final = 60
AHEAD_SECONDS: Final = 3600
"""A relay whose clock is ahead of the servers' by more would erase what all others keep."""

LARGE_BYTES: Final = 1_048_576
"""Larger is nothing that a relay asks, or is answered; and what servers begin with."""

REST_SECONDS: Final = 5
"""A relay asks for something on each line at least every second or two; no `timeout` of a server
may be shorter than this."""

BYTES_A_BOX: Final = 4600
"""What a box takes of a server's memory, with its part of the sorted sets and some to spare."""

_OLDEST: Final = 7
_ON_DISK: Final = "it would keep on its disk what is deleted"


@dataclass(frozen=True, slots=True)
class Rule:
    """What one setting of a server must be.

    Attributes:
        allowed: its values.
        why: what happens otherwise.
        is_refused: whether the relay then does not start; otherwise it says so and starts.
        least: the smallest number that does no harm either, of a setting that a server need not
            have, or None.
    """

    allowed: tuple[str, ...]
    why: str
    is_refused: bool = True
    least: int | None = None

    def takes(self, value: str) -> bool:
        """Return whether *value* does no harm; it is empty where a server has no such setting."""
        if self.least is None:
            return value in self.allowed
        return value in ("", *self.allowed) or (value.isdigit() and int(value) >= self.least)


RULES: Final[Mapping[str, Rule]] = {
    "save": Rule(("",), _ON_DISK),
    "appendonly": Rule(("no",), _ON_DISK),
    "maxmemory-policy": Rule(("noeviction",), "it would drop boxes when its memory is full"),
    "repl-diskless-sync": Rule(("yes",), f"{_ON_DISK}, in files for its replicas"),
    "repl-diskless-load": Rule(
        ("swapdb", "on-empty-db", "flush-before-load"), f"{_ON_DISK}, in files from its primary"
    ),
    "slowlog-log-slower-than": Rule(
        ("-1",), "it notes ids of slow commands in its memory", is_refused=False
    ),
    "commandlog-request-larger-than": Rule(
        ("-1",),
        "it notes ids of what it is asked in its memory",
        is_refused=False,
        least=LARGE_BYTES,
    ),
    "commandlog-reply-larger-than": Rule(
        ("-1",),
        "it notes ids of what it is asked in its memory",
        is_refused=False,
        least=LARGE_BYTES,
    ),
    "timeout": Rule(
        ("0",),
        "it cuts lines on which nothing is asked for a while",
        is_refused=False,
        least=REST_SECONDS,
    ),
    "crash-log-enabled": Rule(
        ("no",), "it writes what it has in memory into its log if it crashes", is_refused=False
    ),
}


@dataclass(frozen=True, slots=True)
class Seen:
    """One server as it was found."""

    info: Mapping[str, str]
    settings: Mapping[str, str] | None
    time: int
    has_former: bool

    @property
    def replicas(self) -> list[Address]:
        """The replicas that it has now."""
        found = []
        for number in range(int(self.info["connected_slaves"])):
            parts = dict(part.split("=") for part in self.info[f"slave{number}"].split(","))
            found.append((parts["ip"], int(parts["port"])))
        return found

    def strange_keys(self, database: int, tags: int) -> int:
        """Return how many keys without an end *database* has that cannot be sets of its *tags*.

        These have one, but for a short while where they were made anew.
        """
        kept = self.info.get(f"db{database}", "keys=0,expires=0")
        counts = dict(part.split("=") for part in kept.split(","))
        most = int(counts["keys"]) - int(counts["expires"])
        return max(0, most - rules.KEYS_OF_A_TAG * tags)


async def check(
    seeds: Sequence[Address],
    login: Login,
    capacity: int,
    report: Callable[[str], None],
    *,
    now: int,
) -> int:
    """Look at every server of a store; return the earliest time that a primary says it is.

    Args:
        seeds: some of them.
        login: how to get in, and how many replicas each primary must have.
        capacity: how many boxes they shall keep.
        report: takes what the operator should know though it stops nothing.
        now: Unix seconds.

    Raises:
        StoreUnusable: one is not fit; the message says which, and what to do.
    """
    primaries = await _primaries(seeds, login)
    memory_bytes, times = 0, []
    for address, tags in primaries.items():
        primary = await _seen(address, login)
        if len(primary.replicas) < login.replicas:
            raise StoreUnusable(
                f"valkey_replicas is {login.replicas}, and {shown(address)} has "
                f"{len(primary.replicas)} replicas"
            )
        if primary.has_former:
            raise StoreUnusable(
                f"{shown(address)} keeps boxes of a relay of an earlier state: "
                "empty it, or name another database"
            )
        if primary.strange_keys(login.database, tags):
            raise StoreUnusable(
                f"{shown(address)} keeps other things than boxes: "
                "give the relay a database of its own"
            )
        times.append(primary.time)
        memory_bytes += int(primary.info["maxmemory"])
        for server, seen in await _with_replicas(address, primary, login):
            _judge(server, seen, report, now)
    if memory_bytes < capacity * BYTES_A_BOX:
        report(
            f"the servers of the store have maxmemory {memory_bytes} together; "
            f"{capacity} boxes need {capacity * BYTES_A_BOX}"
        )
    return min(times)


def shown(address: Address) -> str:
    """Return *address* for the operator."""
    host, port = address
    name = f"[{host}]" if ":" in host else host
    return f"the server at {name}:{port}" if port else f"the server at {host}"


async def _primaries(seeds: Sequence[Address], login: Login) -> Mapping[Address, int]:
    """Return each primary, and for how many tags it answers."""
    why, alone = "", []
    for address in seeds:
        try:
            owners = await owners_at(address, login)
        except StoreAway as error:
            why = why or f"{shown(address)}: {error}"
            continue
        if owners.is_cluster:
            return Counter(owners.by_tag)
        alone.append(address)
    if len(alone) > 1:
        # Relays that do not take the same one would not see each other's boxes.
        both = " and ".join(map(shown, alone[:2]))
        raise StoreUnusable(f"{both} are primaries both: name one, and its replicas")
    if not alone:
        raise StoreUnusable(f"the store cannot be opened: {why}")
    return {alone[0]: rules.TAGS}


async def _seen(address: Address, login: Login) -> Seen:
    try:
        line = await Line.open(address, login, lambda: None)
    except StoreAway as error:
        raise StoreUnusable(f"{shown(address)}: {error}") from None
    settings: dict[str, str] | None = None
    try:
        told = info(await line.one(b"INFO"))
        with suppress(StoreAway):
            words = [word.decode() for word in await line.one(b"CONFIG", b"GET", *_names())]
            settings = dict(zip(words[::2], words[1::2], strict=True))
        time, _ = await line.one(b"TIME")
        # In a cluster others have some of these, and a refusal is no 1.
        former = 1 in await line.ask(rules.former(), rules.TAGS)
    except StoreAway as error:
        raise StoreUnusable(f"{shown(address)}: {error}") from None
    finally:
        line.close()
    return Seen(told, settings, int(time), former)


def _names() -> list[bytes]:
    return [name.encode() for name in RULES]


async def _with_replicas(
    address: Address, primary: Seen, login: Login
) -> list[tuple[Address, Seen]]:
    return [(address, primary), *[(one, await _seen(one, login)) for one in primary.replicas]]


def _judge(address: Address, seen: Seen, report: Callable[[str], None], now: int) -> None:
    where = shown(address)
    version = seen.info.get("redis_version", "0")
    if int(version.partition(".")[0]) < _OLDEST:
        raise StoreUnusable(f"{where} is of version {version}: {_OLDEST}.0 or newer is needed")
    if seen.settings is None:
        report(f"{where} does not show its settings; see to it that it writes nothing to its disk")
    for name, rule in RULES.items():
        value = rule.allowed[0] if seen.settings is None else seen.settings.get(name, "")
        if rule.takes(value):
            continue
        wanted = rule.allowed[0] or '""'
        sentence = f"{where} has {name} {value}: {rule.why}; set it to {wanted}"
        if rule.is_refused:
            raise StoreUnusable(sentence)
        report(sentence)
    if now - seen.time > AHEAD_SECONDS:
        raise StoreUnusable(
            f"our clock is {now - seen.time} s ahead of that of {where}: boxes would be erased "
            "before their time; set both right"
        )
    if abs(seen.time - now) > SKEW_SECONDS:
        report(f"the clock of {where.removeprefix('the ')} is {seen.time - now} s ahead of ours")
