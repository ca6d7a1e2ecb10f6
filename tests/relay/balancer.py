"""A load balancer as plain as can be: each connection goes to the next relay that accepts it."""

import asyncio
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import cycle

from tests.relay.kit import Relay


@contextmanager
def balanced(relays: Sequence[Relay]) -> Iterator[str]:
    """Give an address behind which the *relays* have their turns."""
    ready, stop = threading.Event(), asyncio.Event()
    running: list[asyncio.AbstractEventLoop] = []
    ports: list[int] = []
    turns = cycle(relays)

    async def serve() -> None:
        async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            for relay in (next(turns) for _ in relays):
                with suppress(OSError):
                    theirs = await asyncio.open_connection(relay.host, relay.port)
                    await asyncio.gather(_pass(reader, theirs[1]), _pass(theirs[0], writer))
                    return
            writer.close()

        server = await asyncio.start_server(take, "127.0.0.1", 0)
        running.append(asyncio.get_running_loop())
        ports.append(server.sockets[0].getsockname()[1])
        ready.set()
        await stop.wait()
        server.close()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    try:
        ready.wait(20)
        yield f"http://127.0.0.1:{ports[0]}"
    finally:
        running[0].call_soon_threadsafe(stop.set)
        thread.join()


async def _pass(source: asyncio.StreamReader, goal: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while piece := await source.read(65_536):
            goal.write(piece)
            await goal.drain()
    goal.close()
