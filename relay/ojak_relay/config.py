"""Every setting of the relay, with its unit and default; unknown ones are refused.

Flags stand over `OJAK_RELAY_*` variables, these over the TOML file, that over the defaults. In the
file and in the environment a setting has the name of its field here: `capacity = 1000`,
`OJAK_RELAY_CAPACITY=1000`. `OJAK_RELAY_CONFIG` names the file itself.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Final

from ojak_relay.errors import ConfigError
from ojak_relay.sources import parse_networks
from ojak_relay.store.valkey_address import parse_servers

PREFIX: Final = "OJAK_RELAY_"
STORES: Final = ("memory", "pages", "valkey")
BYTES_PER_SECOND: Final = 2000
"""What the slowest honest line carries: 16 kbit/s."""

_MAY_BE_ZERO: Final = frozenset(
    {
        "requests_per_minute",
        "deposits_per_minute",
        "connections_per_source",
        "reply_milliseconds",
        "valkey_replicas",
    }
)
_NAMES: Final = {int: "a number", str: "a text", bool: "true or false"}
_FILE: Final = "OJAK_RELAY_CONFIG"


@dataclass(frozen=True, slots=True)
class Config:
    """The settings of one relay process.

    Raises:
        ConfigError: they cannot be used together, or one is outside its limits.
    """

    listen: str = "127.0.0.1:8080"
    """Host and port; port 0 takes a free one. IPv6 hosts stand in brackets."""
    store: str = "pages"
    """"pages" (durable), "memory" (forgotten at restart) or "valkey" (for several relays)."""
    path: str = "relay.store"
    """File of the pages store."""
    capacity: int = 25_000
    """Boxes that fit; 4096 bytes each."""
    valkey: str = ""
    """Servers of the valkey store, as `valkey://HOST:PORT`; several with commas between."""
    valkey_password_file: str = ""
    """File whose first line is the password at these servers."""
    valkey_ca: str = ""
    """PEM file: who vouches for the servers' certificates, if not who the system knows."""
    valkey_replicas: int = 0
    """How many replicas must have a box before its deposit is acknowledged."""
    tls_certificate: str = ""
    """PEM file; without one the relay speaks plain HTTP, for use behind a proxy."""
    tls_key: str = ""
    """PEM file."""
    pass_file: str = ""
    """File whose first line is the pass of a private relay."""
    read_only: bool = False
    """Whether every deposit is answered "refused"; polls and deletes are served."""
    trusted_proxies: str = ""
    """Addresses and networks of proxies whose `X-Forwarded-For` is believed."""
    requests_per_minute: int = 3000
    """That one source may make; 0 for no limit."""
    deposits_per_minute: int = 300
    """That one source may make while at least half of the room is free; 0 for no limit."""
    connections_per_source: int = 1000
    """Open at the same time from one source; 0 for no limit."""
    connections: int = 10_000
    """Open at the same time; further ones are closed at once."""
    header_seconds: int = 10
    """Until the first header of a connection, or a TLS handshake, must be whole."""
    idle_seconds: int = 75
    """Between two requests of one connection."""
    body_seconds: int = 10
    """For a body or an answer, on top of one second for each 2000 bytes."""
    reply_milliseconds: int = 10
    """Replies leave in steps of so long after their request; 0 for at once."""
    stop_seconds: int = 10
    """For requests under way when the relay is told to stop."""

    def __post_init__(self) -> None:
        if self.store not in STORES:
            raise ConfigError(f"store must be one of: {', '.join(STORES)}")
        if bool(self.tls_certificate) != bool(self.tls_key):
            raise ConfigError("tls_certificate and tls_key belong together")
        for field in fields(self):
            value = getattr(self, field.name)
            least = 0 if field.name in _MAY_BE_ZERO else 1
            if type(value) is int and value < least:
                raise ConfigError(f"{field.name} must be {least} or more")
        if bool(self.valkey) != (self.store == "valkey"):
            raise ConfigError("store valkey and the setting valkey belong together")
        if self.valkey:
            parse_servers(self.valkey)
        parse_networks(self.trusted_proxies)
        self.address()

    def address(self) -> tuple[str, int]:
        """Return host and port to listen on.

        Raises:
            ConfigError: `listen` is not HOST:PORT.
        """
        host, colon, port = self.listen.rpartition(":")
        if not colon or not host or not (port.isascii() and port.isdigit()) or int(port) > 65_535:
            raise ConfigError("listen must be HOST:PORT")
        return host.removeprefix("[").removesuffix("]"), int(port)

    def transfer_seconds(self, size_bytes: int) -> float:
        """Return how long a body or an answer of *size_bytes* may take on the line."""
        return self.body_seconds + size_bytes / BYTES_PER_SECOND

    def describe(self) -> str:
        """Return the settings as one line for the operator; files are named, not read."""
        return " ".join(f"{field.name}={getattr(self, field.name)}" for field in fields(self))


def load(flags: Mapping[str, object], environment: Mapping[str, str]) -> Config:
    """Return the settings that flags, environment and file give together.

    Args:
        flags: by field name, and "config" for the file; None where a flag was not given.
        environment: all variables of the process; only `OJAK_RELAY_*` are looked at.

    Raises:
        ConfigError: a setting is unknown or cannot be used.
    """
    given = {name: value for name, value in flags.items() if value is not None}
    file = given.pop("config", environment.get(_FILE))
    merged = _from_file(Path(str(file))) if file else {}
    for name, value in environment.items():
        if name.startswith(PREFIX) and name != _FILE:
            merged[name.removeprefix(PREFIX).lower()] = value
    return Config(**_typed(merged | given))  # type: ignore[arg-type]  # _typed checked each one


def _from_file(path: Path) -> dict[str, object]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        raise ConfigError(f"{path} is not valid TOML") from None


def _typed(given: Mapping[str, object]) -> dict[str, str | int]:
    types = {field.name: field.type for field in fields(Config)}
    return {name: _value(name, types.get(name), value) for name, value in given.items()}


def _value(name: str, wanted: object, value: object) -> str | int:
    if not isinstance(wanted, type):
        raise ConfigError(f"{name} is no setting of the relay")
    if wanted is bool and isinstance(value, str) and value in {"true", "false"}:
        return value == "true"
    if wanted is int and isinstance(value, str) and value.isascii() and value.isdigit():
        return int(value)
    if type(value) is wanted and isinstance(value, str | int):
        return value
    raise ConfigError(f"{name} must be {_NAMES[wanted]}")
