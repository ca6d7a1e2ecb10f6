"""A cycle at NATS JetStream: a message is stored in a stream on disk, fetched, and deleted."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import nats
from nats.errors import Error
from nats.js.api import StorageType

from tests.bench.peers.loop import BOX, Cycle, run

STREAM = "boxes"


@asynccontextmanager
async def worker(port: int) -> AsyncIterator[Cycle]:
    client = await nats.connect(f"nats://127.0.0.1:{port}")
    stream = client.jetstream()
    with suppress(Error):
        await stream.add_stream(name=STREAM, subjects=["box.>"], storage=StorageType.FILE)

    async def cycle() -> None:
        subject = f"box.{secrets.token_hex(8)}"
        stored = await stream.publish(subject, BOX, stream=STREAM)
        found = await stream.get_last_msg(STREAM, subject)
        if found.data != BOX:
            raise RuntimeError("another message")
        await stream.delete_msg(STREAM, stored.seq)

    try:
        yield cycle
    finally:
        await client.close()


if __name__ == "__main__":
    run(worker)
