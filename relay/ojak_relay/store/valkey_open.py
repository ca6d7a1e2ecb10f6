"""From settings to an open store `valkey`: secrets are read here, and go to the servers only."""

import ssl
import time
from collections.abc import Callable
from pathlib import Path

from ojak_relay.config import Config
from ojak_relay.errors import ConfigError
from ojak_relay.store.valkey import ValkeyStore
from ojak_relay.store.valkey_address import parse_servers
from ojak_relay.store.valkey_wire import Login


async def open_valkey(config: Config, report: Callable[[str], None]) -> ValkeyStore:
    """Return the store that the settings name.

    Raises:
        ConfigError: a file that they name cannot be used.
        StoreUnusable: the servers are not there, or not fit.
    """
    named = parse_servers(config.valkey)
    login = Login(
        user=named.user,
        password=_password(config.valkey_password_file),
        database=named.database,
        tls=tls_from(config.valkey_ca) if named.is_tls else None,
        replicas=config.valkey_replicas,
    )
    return await ValkeyStore.open(
        named.addresses, login, config.capacity, report, now=int(time.time())
    )


def _password(file: str) -> str:
    if not file:
        return ""
    try:
        first_line = Path(file).read_text(encoding="utf-8").partition("\n")[0].strip()
    except (OSError, UnicodeDecodeError):
        raise ConfigError(f"valkey_password_file {file} cannot be read") from None
    if not first_line:
        raise ConfigError(f"the first line of valkey_password_file {file} must be a password")
    return first_line


def tls_from(file: str) -> ssl.SSLContext:
    """Return how lines are TLS where *file*, or whom the system knows, vouches for servers.

    Raises:
        ConfigError: *file* cannot be used.
    """
    try:
        context = ssl.create_default_context(cafile=file or None)
    except (OSError, ssl.SSLError):
        raise ConfigError(f"valkey_ca {file} cannot be read") from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
