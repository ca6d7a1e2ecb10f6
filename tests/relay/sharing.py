"""Two relay processes over one Valkey under load, while servers or relays are killed.

Each worker deposits and deletes, at places that only it uses and at either relay, and notes what
was acknowledged. Afterwards all of it is looked for: what is missing, and what is back.
"""

import http.client
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http import HTTPStatus

from ojak_protocol.sync import DepositOutcome, Found, SyncReply, decode_reply
from ojak_protocol.sync import encode_request as encoded
from tests.relay.kit import CBOR, Relay, box, deposit, request, running
from tests.relay.valkeys import Valkey, cluster_of_six, is_followed, is_whole, until

WORKERS = 3
TTL_SECONDS = 3600


def over(
    servers: Sequence[Valkey], *, replicas: int = 0, capacity: int = 20_000
) -> tuple[str, ...]:
    """Return the arguments for a relay over *servers*."""
    urls = ",".join(server.url for server in servers)
    number = ("--capacity", str(capacity), "--valkey-replicas", str(replicas))
    return "--store", "valkey", "--valkey", urls, *number


@contextmanager
def relays(
    servers: Sequence[Valkey], count: int = 2, *, replicas: int = 0
) -> Iterator[list[Relay]]:
    """Run relays over *servers*."""
    if not count:
        yield []
        return
    with running(*over(servers, replicas=replicas)) as one:
        with relays(servers, count - 1, replicas=replicas) as others:
            yield [one, *others]


@dataclass
class Worker:
    """Deposits and deletes at the *relays* until told to stop.

    Attributes:
        relays: taken in turn by chance.
        first: its places are this and those after it.
        lies: the places that must hold a box, whose content is their number.
        gone: the places whose box was deleted, acknowledged.
        refused: how many requests were not served.
    """

    relays: Sequence[Relay]
    first: int
    chance: random.Random
    lies: set[int] = field(default_factory=set)
    gone: set[int] = field(default_factory=set)
    refused: int = 0
    asked: int = 0

    def work(self, stop: threading.Event) -> None:
        lines: dict[int, http.client.HTTPConnection] = {}
        while not stop.is_set():
            relay = self.chance.choice(self.relays)
            line = lines.pop(relay.port, None) or relay.connect(timeout=20)
            deletes = self.chance.sample(sorted(self.lies), min(len(self.lies), self.asked % 2))
            number = self.first + self.asked
            self.asked += 1
            self.lies -= set(deletes)
            reply = None
            with suppress(OSError, http.client.HTTPException):
                reply = self._sync(line, tuple(deletes), number)
            if reply is None:
                self.refused += 1
                line.close()
                continue
            assert reply.deposits == (DepositOutcome.STORED,)
            self.lies.add(number)
            self.gone |= set(deletes)
            lines[relay.port] = line
        for line in lines.values():
            line.close()

    def _sync(
        self, line: http.client.HTTPConnection, deletes: tuple[int, ...], number: int
    ) -> SyncReply | None:
        mine = deposit(number, number, ttl=TTL_SECONDS)
        asked = request(deletes=deletes, deposits=(mine,))
        line.request("POST", "/v1/sync", encoded(asked), CBOR)
        answer = line.getresponse()
        body = answer.read()
        if answer.status == HTTPStatus.SERVICE_UNAVAILABLE:
            return None
        assert answer.status == HTTPStatus.OK, answer.status
        return decode_reply(body, asked)


@contextmanager
def load(relays_: Sequence[Relay], chance: random.Random, first: int) -> Iterator[list[Worker]]:
    """Keep the relays busy for the length of the block."""
    stop = threading.Event()
    workers = [
        Worker(relays_, first + 100_000 * n, random.Random(chance.random()))  # noqa: S311 (seeded)
        for n in range(WORKERS)
    ]
    threads = [threading.Thread(target=one.work, args=(stop,)) for one in workers]
    for thread in threads:
        thread.start()
    try:
        yield workers
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def compared(relay: Relay, workers: Sequence[Worker]) -> Counter[str]:
    """Return how much was acknowledged, how much of it is missing, and how much is back."""
    counts = Counter[str]()
    for worker in workers:
        counts["acknowledged boxes"] += len(worker.lies)
        counts["deletions"] += len(worker.gone)
        counts["requests refused"] += worker.refused
        counts["lost"] += len(worker.lies - there(relay, sorted(worker.lies)))
        counts["back"] += len(there(relay, sorted(worker.gone)))
    return counts


def there(relay: Relay, places: Sequence[int]) -> set[int]:
    """Return which of *places* hold their box."""
    found: set[int] = set()
    for few in (places[at : at + 16] for at in range(0, len(places), 16)):
        reply = relay.sync(request(*few, room=16))
        for number, result in zip(few, reply.polls, strict=False):
            if isinstance(result, Found):
                assert result.box == box(number)
                found.add(number)
    return found


def serves(relay: Relay) -> bool:
    """Return whether *relay* says that it can serve, and does."""
    line = relay.connect()
    try:
        line.request("GET", "/readyz")
        if line.getresponse().status != HTTPStatus.OK:
            return False
    finally:
        line.close()
    with suppress(AssertionError):
        relay.sync(request(1, deletes=(9_999_999,)))
        return True
    return False


Fault = Callable[[Valkey, Valkey], None]
"""Does something to a primary of which the second one is the replica."""


def kills(primary: Valkey, replica: Valkey) -> None:
    """The primary is killed, and forgets everything."""
    del replica
    primary.kill()


def kills_while_the_replica_is_behind(primary: Valkey, replica: Valkey) -> None:
    """The replica has missed what came in the last moment before its primary was killed."""
    replica.signal(signal.SIGSTOP)
    primary.ask("CLIENT", "KILL", "TYPE", "REPLICA")
    time.sleep(0.3)
    primary.kill()
    replica.signal(signal.SIGCONT)


def hangs(primary: Valkey, replica: Valkey) -> None:
    """The primary stands still until it is no primary any more, and then goes on."""
    primary.signal(signal.SIGSTOP)
    until(lambda: replica.role() == "master")
    primary.signal(signal.SIGCONT)


FAULTS: Mapping[str, Fault] = {
    "primaries killed": kills,
    "primaries that hung": hangs,
    "primaries killed whose replica was behind": kills_while_the_replica_is_behind,
}


def failovers(
    *, seed: int, replicas: int, goes_on: Callable[[Counter[str]], bool], faults: Sequence[str]
) -> Counter[str]:
    """Have one primary of a cluster after the other fail under load; return what was counted.

    Args:
        seed: for what is chosen.
        replicas: how many the relays wait for.
        goes_on: asked after each failover.
        faults: what happens, in turn.
    """
    chance = random.Random(seed)  # noqa: S311 (repeatable on purpose)
    counts = Counter[str]()
    with cluster_of_six() as servers, relays(servers, replicas=replicas) as both:
        while not counts or goes_on(counts):
            fault = faults[counts["failovers"] % len(faults)]
            primary = chance.choice([one for one in servers if one.role() == "master"])
            replica = next(one for one in servers if one.port == primary.replicas()[0])
            with load(both, chance, 1_000_000 * (1 + counts["failovers"])) as workers:
                time.sleep(chance.uniform(0.2, 0.5))
                FAULTS[fault](primary, replica)
                began = time.monotonic()
                until(lambda: replica.role() == "master")  # noqa: B023 (asked here and now)
                if primary.process is None:
                    # Somebody has to confirm what its replica takes from now on.
                    primary.start()
                until(lambda: all(serves(relay) for relay in both))
                counts["milliseconds until both relays served"] += int(
                    1000 * (time.monotonic() - began)
                )
                time.sleep(0.2)
            counts += compared(chance.choice(both), workers)
            counts["failovers"] += 1
            counts[fault] += 1
            until(lambda: is_followed(replica) and all(is_whole(one) for one in servers))  # noqa: B023 (as above)
    return counts
