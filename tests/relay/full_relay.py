"""A9: a relay filled to its last page by one source or by a thousand, and what it may do then."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from itertools import cycle

from ojak_protocol.sync import DepositOutcome, Found, Nothing
from tests.relay.kit import Relay, box, deposit, request, sync_over

FAMILY = range(8)
"""What lay there before: it is collected and deleted at the end."""
FIRST = 1_000_000
"""Of the places that are filled; further on lie none that a request is filled up with."""
ONE_MORE = 9_000_000
"""A place of nobody who took part."""


@dataclass
class Filled:
    """What became of the deposits, and which were acknowledged."""

    outcomes: Counter[DepositOutcome] = field(default_factory=Counter)
    acknowledged: list[int] = field(default_factory=list)


def sixteens(numbers: Sequence[int]) -> list[Sequence[int]]:
    """Return *numbers* in parts of sixteen, as many as one sync carries."""
    return [numbers[start : start + 16] for start in range(0, len(numbers), 16)]


def sources(count: int) -> list[str]:
    """Return *count* addresses of this machine that no relay takes for this machine."""
    return [f"127.66.{number // 200}.{1 + number % 200}" for number in range(count)]


@contextmanager
def asking(relay: Relay, source: str) -> Iterator[HTTPConnection]:
    """Give a connection from *source*."""
    line = HTTPConnection(relay.host, relay.port, timeout=40, source_address=(source, 0))
    with closing(line):
        yield line


def fill(relay: Relay, capacity: int, froms: list[str], ttl: int = 3600) -> Filled:
    """Deposit three times as much as fits, sixteen boxes at a time, from each source in turn."""
    filled = Filled()
    assert set(relay.sync(request(deposits=tuple(deposit(n, n) for n in FAMILY))).deposits) == {
        DepositOutcome.STORED
    }
    numbers = sixteens(range(FIRST, FIRST + 3 * capacity))
    for source, part in zip(cycle(froms), numbers, strict=False):
        with asking(relay, source) as line:
            asked = request(deposits=tuple(deposit(n, n, ttl=ttl) for n in part))
            outcomes = sync_over(line, asked).deposits
        filled.outcomes.update(outcomes)
        filled.acknowledged += [
            number
            for number, outcome in zip(part, outcomes, strict=True)
            if outcome is DepositOutcome.STORED
        ]
    return filled


def violations(relay: Relay, filled: Filled) -> list[str]:
    """Return what a full relay does that it may not."""
    stored, full, refused = DepositOutcome.STORED, DepositOutcome.FULL, DepositOutcome.REFUSED
    wrong = []
    if not filled.outcomes.keys() <= {stored, full, refused}:
        wrong.append(f"answered {filled.outcomes}")
    if not filled.outcomes.keys() & {full, refused}:
        wrong.append("took three times as much as fits")
    for part in sixteens(filled.acknowledged):
        found = relay.sync(request(*part, room=16)).polls[: len(part)]
        if found != tuple(Found(box(number)) for number in part):
            wrong.append(f"of {part} not all that was acknowledged is there")
    if relay.sync(request(*FAMILY, room=16)).polls[:8] != tuple(Found(box(n)) for n in FAMILY):
        wrong.append("what waited was not given out")
    reply = relay.sync(request(0, deposits=(deposit(0, 99, shown=True),)))
    if (reply.deposits, reply.polls[0]) != ((stored,), Found(box(99))):
        wrong.append("what waited was not replaced")
    gone = relay.sync(request(*FAMILY, deletes=tuple(FAMILY), room=16)).polls
    if set(gone) != {Nothing()}:
        wrong.append("what waited was not deleted")
    return wrong
