"""`ojak-relay purge`: nothing is left of any box."""

import os
from pathlib import Path

import click

from ojak_relay.commands.options import fail, options, settings
from ojak_relay.errors import StoreUnusable


@click.command("purge")
@options("config", "path")
@click.option("--yes", is_flag=True, help="Do not ask.")
def command(*, yes: bool, **flags: object) -> None:
    """Overwrite every box of a store while no relay runs on it.

    What was not collected is lost to those it was for; their people send it again if they are told.
    Killed at any moment, some boxes are left: the same command finishes.
    """
    from ojak_relay.store.purge import purge  # noqa: PLC0415 - `--help` needs no store

    path = Path(settings(flags).path)
    if not yes:
        click.confirm(f"Overwrite every box in {path}?", abort=True, err=True)
    try:
        pages = purge(path, disk=os)
    except StoreUnusable as error:
        fail(str(error))
    click.echo(f"pages overwritten: {pages}")
