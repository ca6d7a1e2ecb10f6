"""`ojak-relay check-config`: what would keep a relay from starting, known before it is stopped."""

import os
import shutil
from pathlib import Path

import click

from ojak_relay.commands.options import ALL, WRONG_SETTINGS, fail, options, settings
from ojak_relay.config import Config
from ojak_relay.errors import ConfigError, StoreUnusable


@click.command("check-config")
@options(*ALL)
def command(**flags: object) -> None:
    """Say in one sentence whether a relay could start with these settings.

    Nothing is changed, and a relay may be running meanwhile. Ends with 0; with 2 where the settings
    cannot be used; with 1 where the store does not fit them.
    """
    from ojak_relay.connections import tls_context  # noqa: PLC0415 - `--help` needs no server
    from ojak_relay.opening import read_pass  # noqa: PLC0415 - the same

    config = settings(flags)
    try:
        read_pass(config)
        tls_context(config)
        _check_files(config)
    except ConfigError as error:
        fail(str(error), WRONG_SETTINGS)
    try:
        _check_store(config)
        _check_sockets(config)
    except StoreUnusable as error:
        fail(str(error))
    click.echo("a relay can start with these settings")


def _check_files(config: Config) -> None:
    for name in ("valkey_password_file", "valkey_ca"):
        file = getattr(config, name)
        if file and not os.access(file, os.R_OK):
            raise ConfigError(f"{name} {file} cannot be read")


def _check_store(config: Config) -> None:
    from ojak_relay.store.page import PAGE_BYTES  # noqa: PLC0415 - `--help` needs no store
    from ojak_relay.store.page_file import check, pages_for  # noqa: PLC0415 - the same

    if config.store != "pages":
        return
    path = Path(config.path)
    if path.exists():
        check(path, config.capacity)
        if path.stat().st_size:
            return
    elif not _can_make(path):
        raise StoreUnusable(f"no store can be made in {path.parent}")
    needed = pages_for(config.capacity).stop * PAGE_BYTES
    if shutil.disk_usage(path.parent).free < needed:
        room = f"{config.capacity} boxes, {needed / 10**9:.0f} GB"
        raise StoreUnusable(f"the disk has no room for {room}: make capacity less")


def _check_sockets(config: Config) -> None:
    for path in (config.control_path(), config.address(), config.metrics_address()):
        if isinstance(path, Path) and not _can_make(path):
            raise StoreUnusable(f"no socket can be made in {path.parent}")


def _can_make(path: Path) -> bool:
    return os.access(path.parent, os.W_OK | os.X_OK)
