"""`ojak-relay migrate`: a store that an earlier version made."""

import os
from pathlib import Path

import click

from ojak_relay.commands.options import fail, options, settings
from ojak_relay.errors import StoreUnusable


@click.command("migrate")
@options("config", "path")
def command(**flags: object) -> None:
    """Bring a store of an earlier format to this one while no relay runs on it.

    All whole boxes stay, the earlier file is overwritten. The disk needs room for both. Killed at
    any moment nothing is lost, and the same command finishes.
    """
    from ojak_relay.store.migrate import migrate  # noqa: PLC0415 - `--help` needs no store

    path = Path(settings(flags).path)
    try:
        boxes = migrate(path, disk=os)
    except StoreUnusable as error:
        fail(str(error))
    if boxes is None:
        click.echo("the store is of this format already")
    else:
        click.echo(f"boxes brought over: {boxes}")
