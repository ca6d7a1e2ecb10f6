"""The operator's own socket: who may open it is on this machine, and is this user or root.

A line with one word goes in, a line of JSON comes back. After `drain` the connection stays open
until the relay is gone, so that its end is the news.
"""

import asyncio
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, Self

from ojak_relay.sockets import own_number, removed, unix_listener

MODE: Final = 0o600
LINE_BYTES: Final = 64
SECONDS: Final = 5

Answer = Callable[[], Mapping[str, int]]


class Control:
    """The open socket; made by `open`."""

    def __init__(self, path: Path, answers: Mapping[str, Answer]) -> None:
        self._path = path
        self._number = 0
        self._answers = answers
        self._lines: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    @classmethod
    async def open(cls, path: Path, answers: Mapping[str, Answer]) -> Self:
        """Listen at *path*.

        Args:
            path: where the socket is made, for this user alone.
            answers: what gives the answer to each word.

        Raises:
            OSError: it cannot be made, or another relay answers there.
        """
        control = cls(path, answers)
        listening = unix_listener(path, MODE)
        control._number = own_number(path)
        control._server = await asyncio.start_unix_server(
            control._answer,
            sock=listening,
            limit=LINE_BYTES,
        )
        return control

    def close(self) -> None:
        """Take the socket away and end every connection."""
        if self._server is not None:
            self._server.close()
        removed(self._path, self._number)
        for line in self._lines:
            line.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._lines.add(writer)
        try:
            async with asyncio.timeout(SECONDS):
                word = (await reader.readline()).decode("ascii", "replace").strip()
            answer = self._answers.get(word)
            told = answer() if answer else {}
            writer.write(json.dumps(told).encode() + b"\n")
            await writer.drain()
            if told.get("draining"):
                await reader.read()
        except (OSError, ValueError, TimeoutError):
            return
        finally:
            self._lines.discard(writer)
            writer.close()
