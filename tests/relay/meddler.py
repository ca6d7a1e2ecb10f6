"""What stands between a relay and its server, and cuts lines where a test wants it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from tests.relay.valkeys import Valkey


@dataclass
class Meddler:
    """Passes bytes on between relays and a server.

    Attributes:
        port: where it listens.
        asked_left: how many bytes of what is asked still pass, then the line is cut; None for all.
        answers_left: the same for answers.
        injected: goes to a relay before the next answer.
        changed: what is changed in all answers, and into what.
    """

    port: int = 0
    asked_left: int | None = None
    answers_left: int | None = None
    injected: bytes = b""
    changed: tuple[bytes, bytes] = (b"\r", b"\r")
    passing: set["asyncio.Task[None]"] = field(default_factory=set)

    def heal(self) -> None:
        """Let everything pass from now on."""
        self.asked_left = self.answers_left = None

    async def take(self, line: asyncio.StreamReader, ours: asyncio.StreamWriter, port: int) -> None:
        """Pass on what one relay asks, and what it is answered."""
        answers, theirs = await asyncio.open_connection("127.0.0.1", port)
        both = (self._pass(line, theirs, "asked_left"), self._pass(answers, ours, "answers_left"))
        tasks = [asyncio.create_task(one) for one in both]
        self.passing |= set(tasks)
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for writer in (ours, theirs):
            writer.close()

    async def _pass(
        self, source: asyncio.StreamReader, goal: asyncio.StreamWriter, counted: str
    ) -> None:
        with suppress(OSError):
            while piece := await source.read(65_536):
                left: int | None = getattr(self, counted)
                if counted == "answers_left":
                    piece, self.injected = self.injected + piece.replace(*self.changed), b""
                if left is None:
                    goal.write(piece)
                    continue
                setattr(self, counted, left - len(piece))
                goal.write(piece[:left])
                if len(piece) > left:
                    # What comes next finds the way free.
                    self.heal()
                    return


@asynccontextmanager
async def meddled(server: Valkey) -> AsyncIterator[Meddler]:
    """Give a meddler before *server*."""
    meddler = Meddler()
    listening = await asyncio.start_server(
        lambda line, writer: meddler.take(line, writer, server.port), "127.0.0.1", 0
    )
    meddler.port = listening.sockets[0].getsockname()[1]
    try:
        yield meddler
    finally:
        listening.close()
        for task in meddler.passing:
            task.cancel()
        await asyncio.gather(*meddler.passing, return_exceptions=True)
