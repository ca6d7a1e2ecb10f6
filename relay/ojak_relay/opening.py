"""What the settings name, opened: the store, and the pass of a private relay."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

from ojak_relay.config import Config
from ojak_relay.errors import ConfigError, StoreUnusable
from ojak_relay.service_manager import ServiceManager
from ojak_relay.store.base import Store

_PASS: Final = re.compile(r"[A-Za-z0-9._~+/-]{1,256}=*")
"""What `Authorization: Bearer` can carry; a client sends no other."""


async def open_store(
    config: Config, report: Callable[[str], None], manager: ServiceManager
) -> Store:
    """Return the store that *config* names.

    Args:
        config: the settings.
        report: takes one line for the operator.
        manager: is told what goes on, and how far where that may take long.

    Raises:
        ConfigError: a file that it needs cannot be used.
        StoreUnusable: it cannot be opened.
    """
    from ojak_relay.store.memory import MemoryStore  # noqa: PLC0415 - commands need no store
    from ojak_relay.store.migrate import left_by_migration  # noqa: PLC0415 - the same
    from ojak_relay.store.pages import PagesStore  # noqa: PLC0415 - the same

    if config.store == "memory":
        return MemoryStore(config.capacity)
    if config.store == "valkey":
        try:
            from ojak_relay.store.valkey_open import open_valkey  # noqa: PLC0415 - an extra
        except ModuleNotFoundError:
            raise StoreUnusable(
                "the store valkey needs hiredis: pip install ojak[valkey]"
            ) from None
        manager.status("asking the servers of the store")
        return await open_valkey(config, report)
    path = Path(config.path)
    manager.status("opening the store")
    store = await PagesStore.open(
        path,
        config.capacity,
        progress=lambda page, of: manager.progress(f"reading the store: page {page} of {of}"),
    )
    if left_by_migration(path):
        report("boxes of an earlier format lie beside the store; to end that: ojak-relay migrate")
    return store


def read_pass(config: Config) -> str:
    """Return the pass of a private relay, or nothing for a public one.

    Raises:
        ConfigError: the file cannot be read or holds no pass.
    """
    if not config.pass_file:
        return ""
    try:
        text = Path(config.pass_file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise ConfigError(f"pass_file {config.pass_file} cannot be read") from None
    first_line = text.partition("\n")[0].strip()
    if not _PASS.fullmatch(first_line):
        raise ConfigError(
            f"the first line of pass_file {config.pass_file} must be a pass: "
            "letters, digits and -._~+/ only, = at its end"
        )
    return first_line
