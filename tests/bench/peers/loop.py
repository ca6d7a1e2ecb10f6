"""Many workers that do one cycle after the other at a peer, in a process of its own.

It writes "begin" once all are warm, and the number of cycles when the time is over; whoever started
it looks at the peer's CPU time at both moments.
"""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager

WARM_UP_SECONDS = 1.0
BOX = bytes(range(250)) * 16
"""4000 bytes."""

Cycle = Callable[[], Awaitable[None]]
"""Deposits a box, collects it and deletes it; raises if it was not the same."""


def run(worker: Callable[[int], AbstractAsyncContextManager[Cycle]]) -> None:
    """Do cycles for as long and with as many at once as the command line says.

    It is PORT SECONDS CONNECTIONS.
    """
    port, seconds, connections = int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])
    asyncio.run(_run(worker, port, seconds, connections))


async def _run(
    worker: Callable[[int], AbstractAsyncContextManager[Cycle]],
    port: int,
    seconds: float,
    connections: int,
) -> None:
    done = 0
    ends_at = time.monotonic() + WARM_UP_SECONDS + seconds

    async def work() -> None:
        nonlocal done
        async with worker(port) as cycle:
            while time.monotonic() < ends_at:
                await cycle()
                done += 1

    working = [asyncio.create_task(work()) for _ in range(connections)]
    await asyncio.sleep(WARM_UP_SECONDS)
    before = done
    print("begin", flush=True)  # noqa: T201 - read by whoever started us
    await asyncio.sleep(seconds)
    print(done - before, flush=True)  # noqa: T201 - as above
    await asyncio.gather(*working)
