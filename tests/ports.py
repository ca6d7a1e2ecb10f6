"""Ports for programs that have to be told theirs."""

import secrets
import socket
from collections.abc import Container
from contextlib import suppress

BUS = 10_000
"""What a server of a Valkey cluster adds to its port, to listen for the others of it."""

_LOWEST = 10_000


def free_port(taken: Container[int] = ()) -> int:
    """Return a port from 10000 on that is free, as is the one *BUS* above it, and not in *taken*.

    Both are below those that Linux gives away by itself (from 32768 on): there, whatever runs
    beside could get the port before the program listens, and who tries it could meet itself.
    """
    while True:
        port = _LOWEST + secrets.randbelow(BUS)
        if port not in taken and _is_free(port) and _is_free(port + BUS):
            return port


def _is_free(port: int) -> bool:
    with socket.socket() as listening, suppress(OSError):
        listening.bind(("127.0.0.1", port))
        return True
    return False
