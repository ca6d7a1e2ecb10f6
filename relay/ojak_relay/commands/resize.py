"""`ojak-relay resize`: room for more boxes or fewer."""

import os
from pathlib import Path

import click

from ojak_relay.commands.options import fail, options, settings
from ojak_relay.errors import StoreUnusable


@click.command("resize")
@options("config", "path", "capacity")
def command(**flags: object) -> None:
    """Make a store larger or smaller while no relay runs on it.

    What lies there stays. Killed at any moment nothing is lost, and the same command finishes.
    """
    from ojak_relay.store.resize import resize  # noqa: PLC0415 - `--help` needs no store

    config = settings(flags)
    try:
        before = resize(Path(config.path), config.capacity, disk=os)
    except StoreUnusable as error:
        fail(str(error))
    click.echo(f"boxes that fit: {config.capacity} (before: {before})")
