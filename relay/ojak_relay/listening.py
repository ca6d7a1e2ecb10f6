"""Sockets that a server answers on: a port with or without TLS, or a Unix socket."""

import asyncio
import ssl
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from ojak_relay.config import Address, Config
from ojak_relay.connections import Server
from ojak_relay.errors import CannotListen
from ojak_relay.sockets import named, own_number, reason, removed, unix_listener

UNIX_MODE: Final = 0o660
"""A proxy in front needs the group of the socket, or to be root."""

BACKLOG: Final = 1024


class Listening:
    """An address that is listened on until `close`."""

    def __init__(self, server: asyncio.Server, address: Address) -> None:
        self._server = server
        self._is_open = True
        self._number = own_number(address) if isinstance(address, Path) else 0
        self.address = address
        """Where; a free port that was asked for is named."""

    def close(self) -> None:
        """Take nothing new; what is open stays. To close twice does nothing."""
        if not self._is_open:
            # What lies at the path now may be the socket of another relay.
            return
        self._is_open = False
        self._server.close()
        if isinstance(self.address, Path):
            removed(self.address, self._number)


async def listen(
    server: Server, address: Address, config: Config, tls: ssl.SSLContext | None
) -> Listening:
    """Have *server* answer on *address*.

    Raises:
        CannotListen: it is in use or cannot be had.
    """
    try:
        return await _listen(server, address, config, tls)
    except OSError as error:
        raise CannotListen(f"cannot listen on {named(address)}: {reason(error)}") from None


async def _listen(
    server: Server, address: Address, config: Config, tls: ssl.SSLContext | None
) -> Listening:
    loop = asyncio.get_running_loop()
    limit = config.header_seconds if tls else None
    if isinstance(address, Path):
        own = await loop.create_unix_server(
            server,
            sock=unix_listener(address, UNIX_MODE),
            ssl=tls,
            ssl_handshake_timeout=limit,
            ssl_shutdown_timeout=limit,
            backlog=BACKLOG,
        )
        return Listening(own, address)
    host, port = address
    bound = await loop.create_server(
        server,
        host,
        port,
        ssl=tls,
        ssl_handshake_timeout=limit,
        ssl_shutdown_timeout=limit,
        backlog=BACKLOG,
    )
    name = bound.sockets[0].getsockname()
    return Listening(bound, (name[0], name[1]))


def is_public(address: Address) -> bool:
    """Say whether others than this machine and its own network may reach *address*."""
    if isinstance(address, Path):
        return False
    try:
        ip = ip_address(address[0])
    except ValueError:
        return True
    return ip.is_unspecified or ip.is_global
