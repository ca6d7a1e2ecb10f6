"""A cycle at mosquitto: a message is retained, fetched by subscribing, and replaced by nothing."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiomqtt

from tests.bench.peers.loop import BOX, Cycle, run


@asynccontextmanager
async def worker(port: int) -> AsyncIterator[Cycle]:
    async with aiomqtt.Client("127.0.0.1", port) as client:

        async def cycle() -> None:
            topic = f"box/{secrets.token_hex(8)}"
            await client.publish(topic, BOX, qos=1, retain=True)
            await client.subscribe(topic, qos=1)
            async for message in client.messages:
                if message.payload != BOX:
                    raise RuntimeError("another message")
                break
            await client.unsubscribe(topic)
            await client.publish(topic, b"", qos=1, retain=True)

        yield cycle


if __name__ == "__main__":
    run(worker)
