"""A line that is no socket, for connections of a server that runs in the test itself."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from ojak_relay.connections import Connection, Server

if TYPE_CHECKING:
    import asyncio


@dataclass
class MemoryLine:
    """Takes all that is sent to it."""

    sent: bytes = b""
    is_ended: bool = False

    def get_extra_info(self, name: str) -> object:
        return ("192.0.2.1", 5) if name == "peername" else None

    def set_write_buffer_limits(self, high: int) -> None:
        assert high

    def write(self, data: bytes) -> None:
        self.sent += data

    def is_closing(self) -> bool:
        return self.is_ended

    def can_write_eof(self) -> bool:
        return True

    def end(self) -> None:
        self.is_ended = True

    write_eof = close = abort = end

    def pause_reading(self) -> None:
        pass

    resume_reading = pause_reading


def connected_to(server: Server) -> tuple[Connection, MemoryLine]:
    """Return a new connection of *server*, and its line."""
    connection, line = server(), MemoryLine()
    connection.connection_made(cast("asyncio.Transport", line))
    return connection, line
