"""A load balancer as plain as can be: each connection goes to the next server that accepts it."""

import asyncio
import ssl
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import cycle


@contextmanager
def balanced(ports: Sequence[int], tls: ssl.SSLContext | None = None) -> Iterator[int]:
    """Give a port behind which those who listen at *ports* have their turns, with TLS before."""
    ready, stop = threading.Event(), asyncio.Event()
    running: list[asyncio.AbstractEventLoop] = []
    ours: list[int] = []
    turns = cycle(ports)

    async def serve() -> None:
        async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            for port in (next(turns) for _ in ports):
                with suppress(OSError):
                    theirs = await asyncio.open_connection("127.0.0.1", port)
                    await asyncio.gather(_pass(reader, theirs[1]), _pass(theirs[0], writer))
                    return
            writer.close()

        server = await asyncio.start_server(take, "127.0.0.1", 0, ssl=tls)
        running.append(asyncio.get_running_loop())
        ours.append(server.sockets[0].getsockname()[1])
        ready.set()
        await stop.wait()
        server.close()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    try:
        ready.wait(20)
        yield ours[0]
    finally:
        running[0].call_soon_threadsafe(stop.set)
        thread.join()


async def _pass(source: asyncio.StreamReader, goal: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while piece := await source.read(65_536):
            goal.write(piece)
            await goal.drain()
    goal.close()
