"""`ojak-relay drain`: a relay that ends when nobody comes any more."""

from typing import Final

import click

from ojak_relay.commands.asking import NotRunning, ask
from ojak_relay.commands.options import fail, options, settings

_BESIDES_SECONDS: Final = 60
"""For what is under way, on top of the time for draining: answers on slow lines included."""


@click.command("drain")
@options("config", "store", "path", "control")
def command(**flags: object) -> None:
    """Have a running relay end, and return when it is gone.

    `/readyz` says 503, so that a proxy sends people elsewhere; deposits are answered refused,
    polls and deletes served. When no sync came for three seconds, or after `drain_seconds`, it does
    what SIGTERM does at once: answer all who wait, finish what is under way, end with code 0.
    """
    config = settings(flags)
    try:
        ask(config, "drain", until_gone=config.drain_seconds + _BESIDES_SECONDS)
    except NotRunning:
        fail("no relay is running with these settings")
    click.echo("the relay has ended")
