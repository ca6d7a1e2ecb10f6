"""This file alone decides which relays may be spoken to, and by which way.

https goes anywhere. Plain http goes only where nobody reads along: to a loopback address of this
device and to an onion address, whose circuit is sealed by Tor. An onion address needs a proxy,
which must resolve names itself (socks5h): a resolver that is asked for an onion name, or for the
relay's, tells others where this device is going.
"""

import re
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import Final
from urllib.parse import SplitResult, urlsplit

from ojak_client.errors import BadProxyUrl, BadRelayUrl, ProxyNeeded, UnsafeRelay
from ojak_protocol.values import dataclass

MAX_URL_CHARACTERS: Final = 300
DEFAULT_PORTS: Final = {"https": 443, "http": 80}

# urlsplit drops tabs and line ends silently, so characters are looked at before it sees them.
_ALLOWED: Final = r"[A-Za-z0-9._~:/\[\]-]+"
_PREFIX: Final = r"(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*"
_LABEL: Final = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_ONION: Final = r"[a-z2-7]{56}"
_LOOPBACK: Final = IPv6Address("::1")


@dataclass(frozen=True, slots=True)
class RelayUrl:
    """The checked address of a relay.

    Attributes:
        scheme: "https" or "http".
        host: lower case; an IPv6 address without brackets.
        port: 1 to 65535.
        prefix: empty, or a path that begins and does not end with a slash.
    """

    scheme: str
    host: str
    port: int
    prefix: str = ""

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}{self.prefix}"

    @property
    def authority(self) -> str:
        """Host and, unless it is the scheme's own, port, as the Host header names them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def is_onion(self) -> bool:
        """Whether the host is an onion address."""
        return self.host.endswith(".onion")

    @property
    def is_secure(self) -> bool:
        """Whether TLS is spoken."""
        return self.scheme == "https"


@dataclass(frozen=True, slots=True)
class ProxyUrl:
    """The checked address of a SOCKS5 proxy that resolves names itself."""

    host: str
    port: int


def parse_relay_url(text: str) -> RelayUrl:
    """Return the relay that *text* names.

    Args:
        text: `https://HOST[:PORT][/PREFIX]`, or `http://` for loopback and onion addresses.

    Raises:
        BadRelayUrl: not an address of this form (a user, query or fragment is none).
        UnsafeRelay: plain http to another host.
    """
    try:
        parts = _split(text)
        host = _host(parts)
        port = _port(parts, DEFAULT_PORTS.get(parts.scheme))
    except ValueError:
        raise BadRelayUrl("not the address of a relay") from None
    prefix = parts.path.removesuffix("/")
    if parts.scheme not in DEFAULT_PORTS or not re.fullmatch(_PREFIX, prefix):
        raise BadRelayUrl("an address of a relay is https://HOST, and a plain path may follow")
    relay = RelayUrl(scheme=parts.scheme, host=host, port=port, prefix=prefix)
    if not relay.is_secure and not relay.is_onion and not is_loopback(host):
        raise UnsafeRelay("plain http is for this device and for onion addresses")
    return relay


def parse_proxy_url(text: str) -> ProxyUrl:
    """Return the proxy that *text*, `socks5h://HOST:PORT`, names.

    Raises:
        BadProxyUrl: another form. `socks5://` is refused because names would be resolved here.
    """
    try:
        parts = _split(text)
        proxy = ProxyUrl(host=_host(parts), port=_port(parts, None))
    except ValueError:
        raise BadProxyUrl("not the address of a proxy") from None
    if parts.scheme != "socks5h" or parts.path not in {"", "/"}:
        raise BadProxyUrl("the address of a proxy is socks5h://HOST:PORT")
    return proxy


def check_way(relay: RelayUrl, proxy: ProxyUrl | None) -> None:
    """Return if *relay* may be spoken to through *proxy*, or directly if that is None.

    Raises:
        ProxyNeeded: an onion address without a proxy.
        UnsafeRelay: plain http through a proxy on another device, which would read along.
    """
    if proxy is None:
        if relay.is_onion:
            raise ProxyNeeded("an onion address needs --proxy")
    elif not relay.is_secure and not is_loopback(proxy.host):
        raise UnsafeRelay("plain http goes only through a proxy on this device")


def is_loopback(host: str) -> bool:
    """Return whether *host* is localhost or a loopback address of this device."""
    if host == "localhost":
        return True
    try:
        if ":" in host:
            # Whether `is_loopback` looks through an IPv4 address in one of IPv6 depends on Python.
            return IPv6Address(host) == _LOOPBACK
        return IPv4Address(host).is_loopback
    except AddressValueError:
        return False


def _split(text: str) -> SplitResult:
    if len(text) > MAX_URL_CHARACTERS or not re.fullmatch(_ALLOWED, text):
        raise ValueError
    return urlsplit(text)


def _port(parts: SplitResult, default: int | None) -> int:
    port = default if parts.port is None else parts.port
    if not port:
        raise ValueError
    return port


def _host(parts: SplitResult) -> str:
    """Return the host if it is an address or a name that no resolver takes for an address."""
    host = parts.hostname or ""
    if ":" in host:
        return str(IPv6Address(host))
    *_, above, last = ["", *host.split(".")]
    if last.isdigit() or last.startswith("0x"):
        # "127.1" and "2130706433" are addresses to a resolver; only four plain numbers are to us.
        return str(IPv4Address(host))
    if not all(re.fullmatch(_LABEL, label) for label in host.split(".")) or len(host) > 253:
        raise ValueError
    if last == "onion" and not re.fullmatch(_ONION, above):
        raise ValueError
    return host
