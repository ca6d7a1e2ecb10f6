"""This file alone decides from where a request comes, and who cannot be told apart.

Behind a proxy every connection comes from the proxy, and only what it adds to `X-Forwarded-For`
says from where the request came. That field is believed from its right end on, as far as it was
written by proxies that the operator named: all further left may be the client's own invention.

Who comes from this machine is nobody in particular, unless it is a proxy that was named: it may be
Tor, or a proxy that was not named, and all the world stands behind either.
"""

import socket
from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from itertools import chain
from typing import Final, TypeAlias

from ojak_relay.errors import ConfigError

Networks: TypeAlias = tuple[IPv4Network | IPv6Network, ...]

FORWARDED: Final = "X-Forwarded-For"
SITE_SHARES: Final = 16
"""How many times as much as one IPv6 network of 64 bits may a whole site of 48 bits."""

_MAPPED: Final = bytes(10) + b"\xff\xff"
_THIS_MACHINE: Final = frozenset({b"\x7f\0\0\1", bytes(15) + b"\1"})


def parse_networks(text: str) -> Networks:
    """Return the addresses and networks in *text*, which spaces or commas part.

    Raises:
        ConfigError: one of them is neither.
    """
    try:
        return tuple(ip_network(part) for part in text.replace(",", " ").split())
    except ValueError:
        raise ConfigError(
            "trusted_proxies must be addresses or networks such as 10.0.0.2 or fd00::/64"
        ) from None


def source_address(peer: str | None, forwarded: Sequence[str], proxies: Networks) -> bytes | None:
    """Return from where a request comes, 4 or 16 bytes, or None where that cannot be told.

    Args:
        peer: the other end of the connection; None for one without an address.
        forwarded: every `X-Forwarded-For` of the request, in its order.
        proxies: those whose word is believed.
    """
    if not proxies:
        return _elsewhere(_address(peer or ""))
    for hop in chain([peer or ""], reversed(",".join(forwarded).split(","))):
        address = _address(hop)
        if address is None:
            return None
        if not any(ip_address(address) in network for network in proxies):
            return _elsewhere(address)
    return None


def prefixes(address: bytes) -> tuple[tuple[bytes, int], ...]:
    """Return what is counted for *address*: bytes of its own, and how many shares they have.

    An IPv4 address counts by itself. Who has one IPv6 address mostly has all of its 64-bit network,
    and who wants many gets a 48-bit site for nothing: both are counted.
    """
    if len(address) == 4:
        return ((address, 1),)
    return ((address[:8], 1), (address[:6], SITE_SHARES))


def _elsewhere(address: bytes | None) -> bytes | None:
    return None if address in _THIS_MACHINE else address


def _address(text: str) -> bytes | None:
    plain = text.strip().partition("%")[0]
    try:
        if ":" not in plain:
            return socket.inet_pton(socket.AF_INET, plain)
        address = socket.inet_pton(socket.AF_INET6, plain)
    except (OSError, ValueError):
        return None
    return address[12:] if address.startswith(_MAPPED) else address
