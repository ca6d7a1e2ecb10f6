"""A cycle at a bare Valkey or Redis: a value is set with its time to live, got, and deleted."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from redis.asyncio import Redis

from tests.bench.peers.loop import BOX, Cycle, run


@asynccontextmanager
async def worker(port: int) -> AsyncIterator[Cycle]:
    async with Redis(host="127.0.0.1", port=port) as client:

        async def cycle() -> None:
            key = secrets.token_bytes(32)
            await client.set(key, BOX, nx=True, px=600_000)
            if await client.get(key) != BOX:
                raise RuntimeError("another value")
            await client.delete(key)

        yield cycle


if __name__ == "__main__":
    run(worker)
