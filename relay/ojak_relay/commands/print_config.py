"""`ojak-relay print-config`: every setting, wherever it comes from."""

import click

from ojak_relay.commands.options import ALL, options, settings


@click.command("print-config")
@options(*ALL)
def command(**flags: object) -> None:
    """Print the settings as a TOML file that gives the same ones.

    Files are named and not read. A password inside of an address is left out.
    """
    click.echo(settings(flags).toml(), nl=False)
