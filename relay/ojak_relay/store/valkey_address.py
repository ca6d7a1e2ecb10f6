"""The setting that names the servers of the store `valkey`; no library is needed to read it.

    valkey://HOST:PORT          several with commas between: nodes of a cluster, or a primary and
                                the replicas that may take its place
    valkeys://HOST:PORT         over TLS
    valkey://USER@HOST:PORT/2   a user of the server's, a database of a single server
    unix:///PATH                a socket on this machine

`redis` and `rediss` mean the same. No password stands in it: settings are shown.
"""

from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, urlsplit

from ojak_relay.errors import ConfigError

_PORT: Final = 6379
_PLAIN: Final = frozenset({"valkey", "redis"})
_TLS: Final = frozenset({"valkeys", "rediss"})
_WRONG: Final = "valkey must be valkey://HOST:PORT, valkeys://HOST:PORT or unix:///PATH"


@dataclass(frozen=True, slots=True)
class Named:
    """What the setting says.

    Attributes:
        addresses: host and port of each, port 0 for the path of a socket.
        user: at all of them, or empty.
        database: of a single server.
        is_tls: whether the lines are TLS.
    """

    addresses: tuple[tuple[str, int], ...]
    user: str
    database: int
    is_tls: bool


def parse_servers(setting: str) -> Named:
    """Return what *setting* says.

    Raises:
        ConfigError: it does not say it as above. The message repeats nothing of it.
    """
    named = [_one(part.strip()) for part in setting.split(",")]
    first = named[0]
    if any((one.user, one.database, one.is_tls) != _shared(first) for one in named):
        raise ConfigError("all servers in valkey must have the same scheme, user and database")
    return Named(tuple(address for one in named for address in one.addresses), *_shared(first))


def _shared(named: Named) -> tuple[str, int, bool]:
    return named.user, named.database, named.is_tls


def _one(part: str) -> Named:
    try:
        url = urlsplit(part)
        port = _PORT if url.port is None else url.port
    except ValueError:
        raise ConfigError(_WRONG) from None
    if url.password is not None:
        raise ConfigError("valkey must hold no password: put it into valkey_password_file")
    if url.query or url.fragment:
        raise ConfigError(_WRONG)
    if url.scheme == "unix" and url.path and not url.netloc:
        return Named(((url.path, 0),), "", 0, is_tls=False)
    if url.scheme not in _PLAIN | _TLS or not url.hostname or not port:
        raise ConfigError(_WRONG)
    return Named(((url.hostname, port),), url.username or "", _database(url), url.scheme in _TLS)


def _database(url: SplitResult) -> int:
    digits = url.path.removeprefix("/")
    if digits and not (digits.isascii() and digits.isdigit()):
        raise ConfigError(_WRONG)
    return int(digits or 0)
