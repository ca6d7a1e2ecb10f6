"""A cycle at magic-wormhole's mailbox server: a connection to leave a message, another to fetch it.

Its durable store is SQLite. One side leaves and fetches; closing the mailbox deletes it.
"""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from tests.bench.peers.loop import BOX, Cycle, run


@asynccontextmanager
async def worker(port: int) -> AsyncIterator[Cycle]:
    async with aiohttp.ClientSession() as session:

        async def until(socket: aiohttp.ClientWebSocketResponse, kind: str) -> dict[str, Any]:
            while True:
                message: dict[str, Any] = await socket.receive_json()
                if message["type"] == kind:
                    return message
                if message["type"] == "error":
                    raise RuntimeError(message["error"])

        async def cycle() -> None:
            mailbox, side, url = secrets.token_hex(8), "one", f"http://127.0.0.1:{port}/v1"
            async with session.ws_connect(url) as socket:
                await socket.send_json({"type": "bind", "appid": "bench", "side": side})
                await socket.send_json({"type": "open", "mailbox": mailbox})
                await socket.send_json({"type": "add", "phase": "0", "body": BOX.hex()})
                await until(socket, "message")
            async with session.ws_connect(url) as socket:
                await socket.send_json({"type": "bind", "appid": "bench", "side": side})
                await socket.send_json({"type": "open", "mailbox": mailbox})
                found = await until(socket, "message")
                if found["body"] != BOX.hex():
                    raise RuntimeError("another message")
                await socket.send_json({"type": "close", "mailbox": mailbox, "mood": "happy"})
                await until(socket, "closed")

        yield cycle


if __name__ == "__main__":
    run(worker)
