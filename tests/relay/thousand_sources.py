"""A10: a flood of boxes from a thousand addresses, and an honest visitor who comes meanwhile.

The visitor has an address of its own. Time and again it lays a box at a place of its own, replaces
one that lies there for long, polls for that, and deletes what it laid before.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count, cycle

from ojak_protocol.sync import DepositOutcome, Found, Nothing, SyncReply, SyncRequest
from tests.relay.full_relay import asking, sources
from tests.relay.kit import Relay, box, deposit, request, sync_over

FLOODERS = 2
"""Threads; each takes one address after the other."""
VISITOR = "127.67.1.1"
LIES, FIRST_OWN, FIRST_OF_FLOOD = 1, 2_000_000, 3_000_000
SOON_SECONDS = 0.02
OUTCOMES = {
    DepositOutcome.STORED: "stored",
    DepositOutcome.OCCUPIED: "occupied",
    DepositOutcome.FULL: "full",
    DepositOutcome.REFUSED: "refused",
}


@dataclass
class Visitor:
    """Who comes meanwhile, what is wrong with how it was served, and what was counted."""

    relay: Relay
    wrong: list[str] = field(default_factory=list)
    done: Counter[str] = field(default_factory=Counter)
    own: list[int] = field(default_factory=list)
    content: int = 1
    next_own: int = FIRST_OWN

    def begin(self) -> None:
        """Lay what is to lie there for long."""
        assert self._sync(request(deposits=(deposit(LIES, 1),))).deposits == (
            DepositOutcome.STORED,
        )

    def come(self, when: str) -> None:
        """Come once, and count what was answered under *when*."""
        # Every other time, so that some are left to be deleted when nothing else is taken any more.
        gone = self.own[: self.next_own % 2]
        self.next_own += 1
        deposits = (
            deposit(self.next_own, self.next_own),
            deposit(LIES, self.content + 1, shown=True),
        )
        reply = self._sync(request(LIES, *gone, deletes=tuple(gone), deposits=deposits, room=4))
        new, replaced = reply.deposits
        self.done[f"new ids {OUTCOMES[new]}, {when}"] += 1
        self.done[f"replacements {OUTCOMES[replaced]}, {when}"] += 1
        if new is DepositOutcome.STORED:
            self.own.append(self.next_own)
        self.content += replaced is DepositOutcome.STORED
        if reply.polls[0] != Found(box(self.content)):
            self.wrong.append(f"a poll {when} does not bring what lies there")
        if gone:
            self.own.remove(gone[0])
            self.done[f"deletions, {when}"] += 1
            if reply.polls[1] != Nothing():
                self.wrong.append(f"a deletion {when} was not done")
        self.done[f"polls, {when}"] += 1

    def end(self) -> None:
        """Look for everything that was acknowledged and not deleted."""
        for number in self.own:
            if self._sync(request(number)).polls[0] != Found(box(number)):
                self.wrong.append("an acknowledged box is not there")

    def _sync(self, asked: SyncRequest) -> SyncReply:
        with asking(self.relay, VISITOR) as line:
            # Asserts that it was served.
            return sync_over(line, asked)


@contextmanager
def _flooded(relay: Relay, froms: Sequence[str], told: Counter[DepositOutcome]) -> Iterator[None]:
    stop = threading.Event()

    def flood(first: int) -> None:
        for source, start in zip(cycle(froms[first::FLOODERS]), count(), strict=False):
            if stop.is_set():
                return
            at = FIRST_OF_FLOOD + 16 * (FLOODERS * start + first)
            asked = request(deposits=tuple(deposit(n, 1) for n in range(at, at + 16)))
            with asking(relay, source) as line:
                told.update(sync_over(line, asked).deposits)

    threads = [threading.Thread(target=flood, args=(number,)) for number in range(FLOODERS)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def visited_while_flooded(
    relay: Relay, *, addresses: int, goes_on: Callable[[Counter[str]], bool]
) -> tuple[list[str], Counter[str]]:
    """Flood *relay* until it is full and as long as wanted; return what is wrong, and counts."""
    visitor, told = Visitor(relay), Counter[DepositOutcome]()
    visitor.begin()
    began = time.monotonic()
    with _flooded(relay, sources(addresses), told):
        while not told[DepositOutcome.FULL] and not visitor.wrong:
            visitor.come("while it filled")
            time.sleep(SOON_SECONDS)
        visitor.done["milliseconds until it was full"] = int(1000 * (time.monotonic() - began))
        while goes_on(visitor.done) and not visitor.wrong:
            visitor.come("once it was full")
            time.sleep(SOON_SECONDS)
    visitor.end()
    visitor.done.update({f"of the flood {OUTCOMES[one]}": n for one, n in told.items()})
    return visitor.wrong, visitor.done
