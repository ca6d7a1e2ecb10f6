"""A cycle at SnapPass: a secret is left by a form, and shown once, which deletes it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp

from tests.bench.peers.loop import BOX, Cycle, run

SECRET = BOX.hex()[:4000]


@asynccontextmanager
async def worker(port: int) -> AsyncIterator[Cycle]:
    url = f"http://127.0.0.1:{port}/"
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True)) as session:

        async def cycle() -> None:
            form, wanted = {"password": SECRET, "ttl": "Hour"}, {"Accept": "application/json"}
            async with session.post(url, data=form, headers=wanted) as answer:
                link: str = (await answer.json())["link"]
            key = link.rpartition("/")[2]
            async with session.post(url + key) as answer:
                if SECRET not in await answer.text():
                    raise RuntimeError("another secret")

        yield cycle


if __name__ == "__main__":
    run(worker)
