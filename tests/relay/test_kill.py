"""SIGKILL at any moment: nothing that was acknowledged is lost, nothing deleted comes back.

The checker drives a real relay process, notes what was acknowledged, kills, starts again and
compares. That it can fail is shown by running it on relays with a planted bug.
"""

import http.client
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ojak_protocol.sync import DepositOutcome, Found, Nothing, PollResult
from tests.relay.kit import Relay, address_of, box, deposit, pages, request, start, sync_over

CYCLES = 50
WORKERS = 3
SEED = 20_260_704


@dataclass
class Ledger:
    """What one worker asked for and what it was told; only its own places."""

    first: int
    stored: dict[int, int] = field(default_factory=dict)
    deleted: set[int] = field(default_factory=set)
    uncertain: set[int] = field(default_factory=set)

    def work(self, relay: Relay, seed: float) -> None:
        """Deposit, replace and delete until the relay is gone."""
        chance = random.Random(seed)  # noqa: S311 (repeatable on purpose)
        line = relay.connect()
        try:
            while True:
                self._visit(line, chance)
        except (OSError, http.client.HTTPException):
            pass
        finally:
            line.close()

    def _visit(self, line: http.client.HTTPConnection, chance: random.Random) -> None:
        known = [number for number in self.stored if number not in self.uncertain]
        gone = set(chance.sample(known, min(len(known), chance.randrange(3))))
        changed = set(chance.sample(known, min(len(known), chance.randrange(2)))) - gone
        fresh = self.first + len(self.stored) + len(self.deleted)
        asked = {number: chance.randrange(1000) for number in (*changed, fresh)}
        touched = gone | set(asked)
        self.uncertain |= touched
        reply = sync_over(
            line,
            request(
                deletes=tuple(gone),
                deposits=tuple(deposit(n, content, shown=True) for n, content in asked.items()),
            ),
        )
        assert set(reply.deposits) == {DepositOutcome.STORED}
        self.uncertain -= touched
        self.deleted |= gone
        self.stored = {n: c for n, c in self.stored.items() if n not in gone} | asked

    def violations(self, relay: Relay) -> list[str]:
        """Say what does not agree with what was acknowledged."""
        found = []
        line = relay.connect()
        certain = sorted({*self.stored, *self.deleted} - self.uncertain)
        for few in (certain[at : at + 16] for at in range(0, len(certain), 16)):
            reply = sync_over(line, request(*few, room=16))
            found += [
                f"box {number}: expected {self.stored.get(number, 'nothing')}, found another"
                for number, lies in zip(few, reply.polls, strict=False)
                if lies != self._expected(number)
            ]
        line.close()
        return found

    def _expected(self, number: int) -> PollResult:
        return Found(box(self.stored[number])) if number in self.stored else Nothing()


STARTER = """
import os, sys
from ojak_relay.__main__ import main
from ojak_relay.store import commits

{bug}

sys.argv = ["ojak-relay", "serve", "--listen", "127.0.0.1:0", *sys.argv[1:]]
for _ in sys.stdin:
    child = os.fork()
    if not child:
        print(os.getpid(), flush=True)
        main()
    os.waitpid(child, 0)
"""


@contextmanager
def starter(folder: Path, bug: str = "") -> Iterator[Callable[[], Relay]]:
    """Give a function that starts a relay process, without the time its imports take."""
    script = folder / "starter.py"
    script.write_text(STARTER.format(bug=bug))
    process = start(*pages(folder / "store", capacity=5000), program=(str(script),))
    assert process.stdin is not None
    assert process.stdout is not None
    stdin, stdout = process.stdin, process.stdout

    def start_one() -> Relay:
        stdin.write("start\n")
        stdin.flush()
        pid = int(stdout.readline())
        return Relay(process, *address_of(process), pid)

    try:
        yield start_one
    finally:
        process.communicate()


def kill_loop(folder: Path, *, cycles: int, seed: int, bug: str = "") -> list[str]:
    """Kill the relay *cycles* times under load; return every violation."""
    chance = random.Random(seed)  # noqa: S311 (repeatable on purpose)
    ledgers: list[Ledger] = []
    found: list[str] = []
    done: Counter[str] = Counter()
    with starter(folder, bug) as start_one:
        for cycle in range(cycles + 1):
            relay = start_one()
            try:
                for ledger in ledgers:
                    found += ledger.violations(relay)
                done.update(
                    stored=sum(len(one.stored) for one in ledgers),
                    deleted=sum(len(one.deleted) for one in ledgers),
                )
                if cycle == cycles or found:
                    break
                base = 1_000_000 * (cycle + 1)
                ledgers = [Ledger(base + 10_000 * worker) for worker in range(WORKERS)]
                _load_and_kill(relay, ledgers, chance)
            finally:
                relay.kill()
    assert found or min(done["stored"], done["deleted"]) > 2 * cycles, done
    return found


def _load_and_kill(relay: Relay, ledgers: list[Ledger], chance: random.Random) -> None:
    workers = [
        threading.Thread(target=ledger.work, args=(relay, seed))
        for ledger, seed in ((ledger, chance.random()) for ledger in ledgers)
    ]
    for worker in workers:
        worker.start()
    killer = threading.Timer(chance.uniform(0.02, 0.1), relay.kill)
    killer.start()
    for worker in workers:
        worker.join()
    killer.join()


def test_fifty_kills_lose_nothing_acknowledged_and_bring_nothing_back(tmp_path: Path) -> None:
    assert kill_loop(tmp_path, cycles=CYCLES, seed=SEED) == []


ACKNOWLEDGE_BEFORE_THE_WRITE = """
import time
honest, answer = commits.Committer.commit, commits.Committer._finish

def commit(self, jobs):
    self._loop.call_soon_threadsafe(answer, self, jobs, True)
    time.sleep(0.02)
    honest(self, jobs)

commits.Committer.commit = commit
commits.Committer._finish = lambda *_: None
"""

DELETE_ONLY_IN_MEMORY = """
honest = commits.Committer._write
commits.Committer._write = lambda self, writes: honest(self, [one for one in writes if one[1]])
"""


@pytest.mark.parametrize(
    "bug", [ACKNOWLEDGE_BEFORE_THE_WRITE, DELETE_ONLY_IN_MEMORY], ids=["early", "kept"]
)
def test_the_kill_loop_finds_a_planted_bug(tmp_path: Path, bug: str) -> None:
    assert kill_loop(tmp_path, cycles=20, seed=SEED, bug=bug) != []
