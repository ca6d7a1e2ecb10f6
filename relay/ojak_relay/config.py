"""Every setting of the relay, with its unit and default; unknown ones are refused.

Flags stand over `OJAK_RELAY_*` variables, these over the TOML file, that over the defaults. In the
file and in the environment a setting has the name of its field here: `capacity = 1000`,
`OJAK_RELAY_CAPACITY=1000`. `OJAK_RELAY_CONFIG` names the file itself.
"""

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Final, TypeAlias

from ojak_relay.errors import ConfigError
from ojak_relay.sources import parse_networks
from ojak_relay.store.valkey_address import parse_servers

PREFIX: Final = "OJAK_RELAY_"
STORES: Final = ("memory", "pages", "valkey")
LOG_FORMATS: Final = ("text", "json")
MOST: Final = 1_000_000_000
"""No number is higher: of boxes these are four terabytes."""

BYTES_PER_SECOND: Final = 2000
"""What the slowest honest line carries: 16 kbit/s."""

_MAY_BE_ZERO: Final = frozenset(
    {
        "requests_per_minute",
        "deposits_per_minute",
        "connections_per_source",
        "reply_milliseconds",
        "log_minutes",
        "valkey_replicas",
    }
)
_NUMBER: Final = re.compile("[0-9]{1,20}")
_NOT_SHOWN: Final = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_NAMES: Final = {int: "a number", str: "a text", bool: "true or false"}
_FILE: Final = "OJAK_RELAY_CONFIG"
_UNIX: Final = "unix:"
_PORT: Final = re.compile("[0-9]{1,5}")
_IN_ADDRESS: Final = re.compile(r"//[^/@]*@")


Address: TypeAlias = tuple[str, int] | Path
"""Host and port, or the path of a Unix socket."""


@dataclass(frozen=True, slots=True)
class Config:
    """The settings of one relay process.

    Raises:
        ConfigError: they cannot be used together, or one is outside its limits.
    """

    listen: str = "127.0.0.1:8080"
    """Host and port, or unix:PATH; port 0 takes a free one. IPv6 hosts stand in brackets."""
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
    """Replies leave at ticks so far apart, one or two after their request; 0 for at once."""
    stop_seconds: int = 10
    """For requests under way when the relay is told to stop."""
    drain_seconds: int = 60
    """For others to send requests elsewhere when the relay is told to drain."""
    control: str = ""
    """Unix socket for the operator's commands, or "off"; without one PATH.control of a pages store.
    """
    metrics_listen: str = ""
    """Host and port, or unix:PATH, for Prometheus; without one nothing is measured for it."""
    log_format: str = "text"
    """"text" or "json"."""
    log_minutes: int = 60
    """Between two lines with counts; 0 for none."""

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
            if type(value) is int and value > MOST:
                raise ConfigError(f"{field.name} must be {MOST} or less")
        if self.log_format not in LOG_FORMATS:
            raise ConfigError(f"log_format must be one of: {', '.join(LOG_FORMATS)}")
        if bool(self.valkey) != (self.store == "valkey"):
            raise ConfigError("store valkey and the setting valkey belong together")
        if self.valkey:
            parse_servers(self.valkey)
        parse_networks(self.trusted_proxies)
        self.address()
        self.metrics_address()

    def address(self) -> Address:
        """Return where to listen.

        Raises:
            ConfigError: `listen` is neither HOST:PORT nor unix:PATH.
        """
        return _address("listen", self.listen)

    def metrics_address(self) -> Address | None:
        """Return where to answer Prometheus, or None for nowhere.

        Raises:
            ConfigError: `metrics_listen` is neither HOST:PORT nor unix:PATH.
        """
        return _address("metrics_listen", self.metrics_listen) if self.metrics_listen else None

    def control_path(self) -> Path | None:
        """Return where the socket for the operator's commands lies, or None for nowhere."""
        if self.control == "off":
            return None
        if self.control:
            return Path(self.control)
        # Beside a store that one process alone can hold, so that no two relays want one socket.
        return Path(f"{self.path}.control") if self.store == "pages" else None

    def transfer_seconds(self, size_bytes: int) -> float:
        """Return how long a body or an answer of *size_bytes* may take on the line."""
        return self.body_seconds + size_bytes / BYTES_PER_SECOND

    def shown(self) -> dict[str, str | int]:
        """Return the settings for the operator to see: files are named, passwords are not."""
        return {field.name: _shown(getattr(self, field.name)) for field in fields(self)}

    def describe(self) -> str:
        """Return the settings as one line."""
        return " ".join(f"{name}={value}" for name, value in self.shown().items())

    def toml(self) -> str:
        """Return the settings as a TOML file that gives the same ones, passwords apart."""
        # A JSON string or number is one of TOML too, and so are its words for true and false.
        lines = (
            f"{name} = {json.dumps(value, ensure_ascii=False)}"
            for name, value in self.shown().items()
        )
        return "\n".join(lines) + "\n"


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


def _address(name: str, text: str) -> Address:
    if text.startswith(_UNIX) and len(text) > len(_UNIX):
        return Path(text.removeprefix(_UNIX))
    host, colon, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not colon or not is_host(host) or not _PORT.fullmatch(port) or int(port) > 65_535:
        raise ConfigError(f"{name} must be HOST:PORT or unix:PATH")
    return host, int(port)


def is_host(text: str) -> bool:
    """Say whether *text* has the form of an address or of a name that can be looked up."""
    try:
        return bool(text.encode("idna"))
    except UnicodeError:
        return False


def _shown(value: str | int) -> str | int:
    return _IN_ADDRESS.sub("//***@", value) if isinstance(value, str) else value


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
    if wanted is int and isinstance(value, str) and _NUMBER.fullmatch(value):
        return int(value)
    if wanted is str and isinstance(value, str) and _NOT_SHOWN.search(value):
        raise ConfigError(f"{name} must hold no control characters, and be UTF-8")
    if type(value) is wanted and isinstance(value, str | int):
        return value
    raise ConfigError(f"{name} must be {_NAMES[wanted]}")
