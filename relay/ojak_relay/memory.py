"""What is no longer needed does not stay in the memory of the process.

Python frees a box and leaves its bytes where they were. Two things are done about it:

- The C library is told to overwrite whatever it frees (glibc's `M_PERTURB`; elsewhere nothing is
  done). That reaches all that is longer than 512 bytes, so every box, request and reply.
- uvloop reads all connections into one buffer that it keeps. As often as something may have gone,
  zeros are sent through the loop itself and end in the same buffer.

Out of reach: memory that the system wrote to swap, and its page cache, which holds the file.
"""

import asyncio
import ctypes
import socket
from contextlib import suppress
from typing import Final

_M_PERTURB: Final = -6
_FILL: Final = 0xA5
_READ_BYTES: Final = 128 * 1024
"""More than the largest request has."""


def overwrite_freed() -> None:
    """Have all memory overwritten that is freed from now on, where the system can do that."""
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).mallopt(_M_PERTURB, _FILL)


class ReadBuffer:
    """Overwrites what the event loop last read."""

    def __init__(self) -> None:
        self._ours, self._theirs = socket.socketpair()
        self._ours.settimeout(0)
        self._theirs.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2 * _READ_BYTES)
        self._ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2 * _READ_BYTES)
        self._transport: asyncio.BaseTransport | None = None

    async def overwrite(self) -> None:
        """Send zeros through the loop; they are read when it next reads."""
        if self._transport is None:
            loop = asyncio.get_running_loop()
            self._transport, _ = await loop.create_connection(asyncio.Protocol, sock=self._theirs)
        with suppress(BlockingIOError):
            self._ours.send(bytes(_READ_BYTES))

    def close(self) -> None:
        """Let go of both ends."""
        if self._transport is not None:
            self._transport.close()
        self._theirs.close()
        self._ours.close()
