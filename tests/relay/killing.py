"""A real relay process under load, killed at any moment: is it what was acknowledged?

What is asked for and what is told is noted here, outside of the process; then the relay is started
again and looked at. It is killed under load, while it starts, and while it stops.
"""

import http.client
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from ojak_protocol.sync import DepositOutcome, Found
from ojak_relay.store.page import PAGE_BYTES
from tests.relay.kit import (
    Relay,
    box,
    boxes_in,
    deposit,
    pages,
    place,
    request,
    start,
    sync_over,
)

WORKERS = 3
CAPACITY = 6000
TTL_SECONDS = 60
UNSURE_SECONDS = 3
"""Around the end of a box's time, when it may be there or not."""
SAMPLE = 32
RAW_EVERY = 25


@dataclass
class Ledger:
    """What one worker asked for and what it was told, of places that only it uses.

    Attributes:
        first: its places are this and those after it.
        lies: what must lie at each place, and when that was asked for; nothing, if it was deleted.
        uncertain: places whose last request was not answered.
        gone: contents that were deleted or replaced, acknowledged.
        tried: how many contents there were; each is used once.
    """

    first: int
    lies: dict[int, tuple[int | None, float]] = field(default_factory=dict)
    uncertain: set[int] = field(default_factory=set)
    gone: set[int] = field(default_factory=set)
    tried: int = 0

    def work(self, relay: Relay, seed: float) -> None:
        """Deposit, replace and delete until the relay is gone."""
        chance = random.Random(seed)  # noqa: S311 (repeatable on purpose)
        line = relay.connect()
        with suppress(OSError, http.client.HTTPException):
            while True:
                self._visit(line, chance)
        line.close()

    def _visit(self, line: http.client.HTTPConnection, chance: random.Random) -> None:
        known = [n for n, (content, _) in self.lies.items() if content and n not in self.uncertain]
        gone = chance.sample(known, min(len(known), chance.randrange(3)))
        changed = chance.sample(known, min(len(known), chance.randrange(2)))
        becomes: dict[int, int | None] = {n: self._new() for n in changed if n not in gone}
        becomes[self.first + len(self.lies) + len(self.uncertain - self.lies.keys())] = self._new()
        deposits = [
            deposit(number, content, shown=True, ttl=TTL_SECONDS)
            for number, content in becomes.items()
            if content
        ]
        becomes |= dict.fromkeys(gone)
        self.uncertain |= becomes.keys()
        asked_at = time.time()
        reply = sync_over(line, request(deletes=tuple(gone), deposits=tuple(deposits)))
        assert set(reply.deposits) == {DepositOutcome.STORED}, reply.deposits
        for number, content in becomes.items():
            before, _ = self.lies.get(number, (None, 0))
            if before:
                self.gone.add(before)
            self.lies[number] = content, asked_at
        self.uncertain -= becomes.keys()

    def _new(self) -> int:
        self.tried += 1
        return self.first * 1000 + self.tried

    def certain(self) -> list[int]:
        """Return the places of which is known what must lie there."""
        return sorted(self.lies.keys() - self.uncertain)

    def violations(self, relay: Relay, places: list[int]) -> list[str]:
        """Say what does not agree with what was acknowledged."""
        found = []
        line = relay.connect()
        for few in (places[at : at + 16] for at in range(0, len(places), 16)):
            reply = sync_over(line, request(*few, room=16))
            now = time.time()
            for number, result in zip(few, reply.polls, strict=False):
                content, asked_at = self.lies[number]
                is_right = result == Found(box(content)) if content else False
                age = now - asked_at
                must_lie = content is not None and age < TTL_SECONDS - UNSURE_SECONDS
                may_lie = content is not None and age < TTL_SECONDS + UNSURE_SECONDS
                if not is_right and (must_lie or isinstance(result, Found)):
                    there = boxes_in(result.box) if isinstance(result, Found) else result
                    found.append(
                        f"place {number}: {content} is not there but {there}, {age:.1f} s old,"
                        f" at {now:.3f}, by the relay's clock {reply.clock}"
                    )
                elif is_right and not may_lie:
                    found.append(f"place {number}: {content} is given out, {age:.1f} s old")
        line.close()
        return found


STARTER = """
import os, sys
from ojak_relay.__main__ import main
from ojak_relay.commands import serve
from ojak_relay.store import commits, pages, repair

{bug}

sys.argv = ["ojak-relay", "serve", "--listen", "127.0.0.1:0", *sys.argv[1:]]
for _ in sys.stdin:
    child = os.fork()
    if not child:
        print(os.getpid(), flush=True)
        main()
    os.waitpid(child, 0)
    print("over", flush=True)
"""


class Starter:
    """Starts relay processes one after the other, without the time that their imports take."""

    def __init__(self, folder: Path, bug: str, path: Path, capacity: int) -> None:
        script = folder / "starter.py"
        script.write_text(STARTER.format(bug=bug))
        self.path = path
        self._last: Relay | None = None
        # To a file: thousands of starts say more than fits in a pipe that nobody reads.
        self._errors = (folder / "errors").open("w")
        arguments = pages(path, capacity=capacity)
        self.process = start(*arguments, program=(str(script),), errors=self._errors)

    def fork(self) -> Relay:
        """Return a relay that may not listen yet."""
        assert self.process.stdin is not None
        self.process.stdin.write("start\n")
        self.process.stdin.flush()
        self._last = Relay(self.process, "", 0, int(self._line()))
        return self._last

    def start(self) -> Relay:
        """Return a relay that listens."""
        relay = self.fork()
        said = self._line()
        assert said.startswith("listening on "), said
        relay.host, _, port = said.strip().partition("://")[2].rpartition(":")
        relay.port = int(port)
        return relay

    def until_over(self) -> None:
        """Return when the last one started is gone."""
        while self._line() != "over\n":
            pass
        self._last = None

    def close(self) -> None:
        """Leave no process behind."""
        if self._last is not None:
            self._last.kill()
        self.process.communicate()
        self._errors.close()

    def _line(self) -> str:
        # Never by asking whether the pipe has something: two lines may have come at once.
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, "what starts relays is gone"
        return line


@contextmanager
def starter(
    folder: Path, bug: str = "", *, path: Path | None = None, capacity: int = CAPACITY
) -> Iterator[Starter]:
    """Give what starts relays on a store at *path*, with a planted *bug* or without."""
    one = Starter(folder, bug, path or folder / "store", capacity)
    try:
        yield one
    finally:
        one.close()


class KillLoop:
    """Kills a relay over and over; made anew for each store."""

    def __init__(self, starts: Starter, chance: random.Random) -> None:
        self._starts = starts
        self._chance = chance
        self._last: list[Ledger] = []
        self._earlier: list[Ledger] = []
        self._next_place = 1_000_000
        self.done: Counter[str] = Counter()

    def cycle(self) -> list[str]:
        """Start, compare, kill; return every violation."""
        if self._chance.random() < 0.1:
            return self._kill_at_start()
        relay = self._starts.start()
        try:
            found = self._compare(relay)
            self._load(relay)
        finally:
            relay.kill()
            self._starts.until_over()
        self.done["kills"] += 1
        if self.done["kills"] % RAW_EVERY == 0:
            found += self.raw()
        return found

    def raw(self) -> list[str]:
        """Say which deleted or replaced boxes lie in the file, once it is put right."""
        relay = self._starts.start()
        relay.kill()
        self._starts.until_over()
        lies = self._starts.path.read_bytes()
        ledgers = [*self._last, *self._earlier]
        gone = {content for ledger in ledgers for content in ledger.gone}
        deleted = {
            bytes(place(number))
            for ledger in ledgers
            for number in ledger.certain()
            if ledger.lies[number][0] is None
        }
        self.done["boxes and ids searched for in the file"] += len(gone) + len(deleted)
        ids = {lies[at + 8 : at + 40] for at in range(0, len(lies), PAGE_BYTES)}
        wrong = [f"box {number} is in the file" for number in boxes_in(lies) & gone]
        return wrong + ["the id of a deleted box is in the file"] * len(ids & deleted)

    def _kill_at_start(self) -> list[str]:
        relay = self._starts.fork()
        time.sleep(self._chance.uniform(0, 0.08))
        relay.kill()
        self._starts.until_over()
        self.done["kills"] += 1
        self.done["of them while it started"] += 1
        return []

    def _compare(self, relay: Relay) -> list[str]:
        found = []
        for ledger in self._last:
            found += ledger.violations(relay, ledger.certain())
            self.done["acknowledged boxes compared"] += len(ledger.certain())
        for ledger in self._chance.sample(self._earlier, min(4, len(self._earlier))):
            few = ledger.certain()
            found += ledger.violations(relay, self._chance.sample(few, min(SAMPLE, len(few))))
        self._earlier = (self._earlier + self._last)[-2000:]
        self.done["deletions compared"] += sum(len(one.gone) for one in self._last)
        return found

    def _load(self, relay: Relay) -> None:
        self._last = []
        for _ in range(WORKERS):
            self._last.append(Ledger(self._next_place))
            self._next_place += 1000
        workers = [
            threading.Thread(target=ledger.work, args=(relay, self._chance.random()))
            for ledger in self._last
        ]
        for worker in workers:
            worker.start()
        time.sleep(self._chance.uniform(0.005, 0.08))
        if self._chance.random() < 0.15:
            self.done["of them while it stopped"] += 1
            relay.signal(signal.SIGTERM)
            time.sleep(self._chance.uniform(0, 0.05))
        relay.kill()
        for worker in workers:
            worker.join()


def kill_loop(
    folder: Path, *, seed: int, goes_on: Callable[[Counter[str]], bool], bug: str = ""
) -> tuple[list[str], Counter[str]]:
    """Kill for as long as *goes_on* says; return every violation, and what was done."""
    found: list[str] = []
    with starter(folder, bug) as starts:
        loop = KillLoop(starts, random.Random(seed))  # noqa: S311 (repeatable on purpose)
        while not found and goes_on(loop.done):
            found += loop.cycle()
        if not found:
            found += loop.raw()
    return found, loop.done
