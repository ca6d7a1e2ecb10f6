"""This file alone opens connections: name, way, TLS, all before one deadline.

Nothing of a request leaves the device here, so every failure is `NotReached`, or `WrongPlace`
where TLS shows that the other end is not the relay. No environment variable is read except those
of the system's trust (SSL_CERT_FILE, SSL_CERT_DIR).
"""

import socket
from collections.abc import Callable
from threading import Thread
from typing import TYPE_CHECKING, TypeVar

from ojak_client.errors import NotReached, ProxyMissing, WrongPlace
from ojak_client.relay_url import ProxyUrl, RelayUrl, is_loopback
from ojak_client.steady import steady_seconds

if TYPE_CHECKING:
    import ssl

T = TypeVar("T")
Address = tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]


class Deadline:
    """A moment after which nothing is waited for any more, on a clock that nobody sets.

    A device that slept beyond it has nothing left when it wakes.
    """

    def __init__(self, seconds: float) -> None:
        self._end = steady_seconds() + seconds

    def left(self) -> float:
        """Return the seconds left, more than 0.

        Raises:
            TimeoutError: none are left.
        """
        left = self._end - steady_seconds()
        if left <= 0:
            raise TimeoutError
        return left


def dial(relay: RelayUrl, proxy: ProxyUrl | None, deadline: Deadline) -> socket.socket:
    """Return a connection to *relay*, with TLS for https, that the caller closes.

    Raises:
        NotReached: no connection before the deadline.
        WrongPlace: no TLS there, or a certificate that is not this relay's.
        ProxyMissing: a proxy is asked for and python-socks is not installed.
    """
    try:
        plain = _through(proxy, relay, deadline) if proxy else _directly(relay, deadline)
    except OSError:
        raise NotReached("no connection to the relay") from None
    try:
        return _secured(plain, relay.host, deadline) if relay.is_secure else plain
    except BaseException:
        plain.close()
        raise


def _directly(relay: RelayUrl, deadline: Deadline) -> socket.socket:
    """Return a connection to the first address of the name that takes one.

    The time left is shared out, so that a dead first address leaves some for the next.
    """
    found = [
        (family, address)
        for family, address in _before(deadline, lambda: _resolved(relay))
        if relay.is_secure or is_loopback(str(address[0]))
    ]
    for position, (family, address) in enumerate(found):
        connection = socket.socket(family, socket.SOCK_STREAM)
        try:
            connection.settimeout(deadline.left() / (len(found) - position))
            connection.connect(address)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError:
            connection.close()
        except BaseException:
            connection.close()
            raise
        else:
            return connection
    raise ConnectionError


def _resolved(relay: RelayUrl) -> list[tuple[int, Address]]:
    found = socket.getaddrinfo(relay.host.encode("ascii"), relay.port, type=socket.SOCK_STREAM)
    return [(family, address) for family, _, _, _, address in found]


def _through(proxy: ProxyUrl, relay: RelayUrl, deadline: Deadline) -> socket.socket:
    try:
        from python_socks import ProxyError, ProxyType  # noqa: PLC0415 - an extra, used by few
        from python_socks.sync import Proxy  # noqa: PLC0415 - of the same extra
    except ImportError:
        raise ProxyMissing("the extra ojak[tor] is not installed") from None
    socks = Proxy(ProxyType.SOCKS5, proxy.host, proxy.port, rdns=True)
    seconds = deadline.left()
    try:
        return _before(deadline, lambda: socks.connect(relay.host, relay.port, timeout=seconds))
    except ProxyError:
        raise OSError from None


def _before(deadline: Deadline, work: Callable[[], T]) -> T:
    """Return what *work* returns, or leave it behind when the deadline comes first.

    The system's resolver and a SOCKS exchange keep no deadline for the whole of them.

    Raises:
        TimeoutError: the deadline came first; the thread ends by itself or with the process.
    """
    values: list[T] = []
    errors: list[Exception] = []

    def run() -> None:
        try:
            values.append(work())
        except Exception as error:  # noqa: BLE001 - raised in the thread that waits
            errors.append(error)

    thread = Thread(target=run, daemon=True)
    thread.start()
    thread.join(deadline.left())
    if values:
        return values[0]
    raise errors[0] if errors else TimeoutError


def _secured(plain: socket.socket, host: str, deadline: Deadline) -> socket.socket:
    import ssl

    try:
        plain.settimeout(deadline.left())
        return _tls().wrap_socket(plain, server_hostname=host.encode("ascii"))
    except ssl.SSLCertVerificationError:
        raise WrongPlace("the certificate is not this relay's") from None
    except (ssl.SSLEOFError, ssl.SSLZeroReturnError):
        raise NotReached("the connection was closed before TLS was agreed") from None
    except ssl.SSLError:
        raise WrongPlace("no usable TLS at this place") from None
    except OSError:
        raise NotReached("TLS was not agreed in time") from None


def _tls() -> "ssl.SSLContext":
    """Return settings that check chain and name against the system's trust.

    Not `ssl.create_default_context`: that one writes the session's keys to a file if the
    environment's SSLKEYLOGFILE says so. A new context for each connection, so that no session is
    ever resumed, which would tell the relay that two visits are one device's.
    """
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_default_certs()
    return context
