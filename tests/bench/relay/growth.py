"""P3 to P6: what a million boxes cost: a cycle, the disk, the memory, a restart, and their end.

Four relays hold a thousand to a million boxes and have their turns one after the other.
"""

import asyncio
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import uvloop

from ojak_protocol.addresses import BOX_BYTES, ID_BYTES, MailboxId
from ojak_protocol.sync import Deposit
from ojak_relay.service import Service
from ojak_relay.store.pages import PagesStore
from tests.bench.measure import Row
from tests.bench.relay.cycles import Cycles
from tests.bench.relay.loader import CONNECTIONS, drive
from tests.bench.relay.servers import our_relay
from tests.bench.relay.throughput import take_turns

SIZES = (1_000, 10_000, 100_000, 1_000_000)
SPARE = 1_000
TURNS = 21
TURN_SECONDS = 1.0
TTL_SECONDS = 86_400
EXPIRING = 250_000
BATCH = 2_000


@dataclass(frozen=True)
class Growth:
    """What a store of *boxes* costs."""

    boxes: int
    cpu_us_a_cycle: float
    disk_bytes_a_box: float
    memory_bytes: int
    restart_seconds: float


def rows() -> Iterator[Row]:
    """Measure and give the lines."""
    return rows_of(measure_growth())


def rows_of(grown: Mapping[int, Growth]) -> Iterator[Row]:
    """Give the lines of what was measured, and measure how long deposits wait."""
    least, most = grown[SIZES[0]], grown[SIZES[-1]]
    ratio = most.cpu_us_a_cycle / least.cpu_us_a_cycle
    yield Row(
        "P3", "a cycle at 1,000,000 boxes, of one at 1,000", f"{ratio:.2f}x", "1.15x", "1.10x"
    )
    disk = most.disk_bytes_a_box / BOX_BYTES
    yield Row("P4", "disk for a box, of its 4000 bytes", f"{disk:.3f}x", "1.05x", "")
    memory = (most.memory_bytes - least.memory_bytes) / (most.boxes - least.boxes)
    yield Row("P4", "memory for a box", f"{memory:.0f} B", "256 B", "128 B")
    restart = f"{most.restart_seconds:.1f} s"
    yield Row("P5", "from start to first answer with 1,000,000 boxes", restart, "3 s", "1 s")
    quiet, expiring = uvloop.run(longest_waits())
    waits = f"{expiring:.1f} ms ({quiet:.1f} without)"
    yield Row("P6", f"longest wait for a deposit, {EXPIRING:,} expiring", waits, "10 ms", "5 ms")


def measure_growth() -> dict[int, Growth]:
    """Return what each of `SIZES` costs."""
    with TemporaryDirectory() as name, ExitStack() as running:
        relays, starts = {}, {}
        for size in SIZES:
            folder = Path(name) / str(size)
            folder.mkdir()
            asyncio.run(_fill(folder / "relay.store", size, size + SPARE, TTL_SECONDS))
            began = time.perf_counter()
            relays[size] = running.enter_context(our_relay(folder, capacity=size + SPARE))
            uvloop.run(drive(relays[size], [Cycles().cycle], 0.1, warm_up_seconds=0))
            starts[size] = time.perf_counter() - began - 0.1
        servers = {
            # Of each relay its own: what a turn cuts off, the next one there deletes.
            str(size): (relay, [Cycles().cycle for _ in range(CONNECTIONS)])
            for size, relay in relays.items()
        }
        turns = take_turns(servers, turns=TURNS, seconds=TURN_SECONDS)
        return {
            size: Growth(
                size,
                1e6 / median(turn.per_cpu_second for turn in turns[str(size)]),
                (Path(name) / str(size) / "relay.store").stat().st_blocks * 512 / (size + SPARE),
                relays[size].memory_bytes(),
                starts[size],
            )
            for size in SIZES
        }


async def longest_waits() -> tuple[float, float]:
    """Return the longest wait for a deposit in ms, first while nothing else happens.

    Then while a quarter of a million boxes expire, and as many deposits as before.
    """
    with TemporaryDirectory() as name:
        path = Path(name) / "relay.store"
        await _fill(path, EXPIRING, EXPIRING + SPARE, 60)
        store = await PagesStore.open(path, EXPIRING + SPARE)
        now = int(time.time())
        quiet = [await _deposit(store, now) for _ in range(200)]
        # A service whose clock is past the time of them all.
        service = Service(store, clock=lambda: now + 3600)
        sweeping = asyncio.create_task(service.sweep())
        waits = []
        while store.boxes > SPARE:
            waits.append(await _deposit(store, now + 3600))
        sweeping.cancel()
        await asyncio.gather(sweeping, return_exceptions=True)
        await store.close()
    return 1000 * max(quiet), 1000 * max(waits)


async def _deposit(store: PagesStore, now: int) -> float:
    box = Deposit(MailboxId(os.urandom(ID_BYTES)), None, 60, 0, bytes(BOX_BYTES))
    began = time.perf_counter()
    await store.apply((), (box,), now=now)
    took = time.perf_counter() - began
    # Else they fill the store, and a deposit that is refused waits for nothing.
    await store.apply((box.id,), (), now=now)
    return took


async def _fill(path: Path, boxes: int, capacity: int, ttl_seconds: int) -> None:
    store = await PagesStore.open(path, capacity)
    box = os.urandom(BOX_BYTES)
    for first in range(0, boxes, BATCH):
        count = min(BATCH, boxes - first)
        ids = (MailboxId(os.urandom(ID_BYTES)) for _ in range(count))
        deposits = [Deposit(one, None, ttl_seconds, 0, box) for one in ids]
        await store.apply((), deposits, now=int(time.time()))
    await store.close()
