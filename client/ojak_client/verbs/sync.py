"""`ojak sync`: send and collect once."""

import click

from ojak_client.exit_codes import ExitCode
from ojak_client.failures import Failure
from ojak_client.help_texts import HelpText
from ojak_client.i18n import told
from ojak_client.invocation import Invocation
from ojak_client.messages import Message
from ojak_client.notices import NoticeKind
from ojak_client.opening import connect, open_vault, relays_of
from ojak_client.rounds import run_errands
from ojak_client.telling import tell
from ojak_client.verb import verb


@verb(HelpText.SYNC, examples=("ojak sync",))
@click.option("--proxy", help=told(HelpText.PROXY), metavar=told(HelpText.PROXY_METAVAR))
def command(invocation: Invocation, proxy: str | None) -> ExitCode:
    """Do what `ojak keep` does, once and without waiting."""
    arrived = refused = False
    with open_vault(invocation) as store:
        relays = relays_of(store.read())
        if not relays:
            raise Failure(Message.NO_CONTACTS, command="ojak invite")
        for relay in relays:
            with connect(store, relay, proxy) as exchange:
                exchange.learn_clock()
                for each in run_errands(exchange, guest=True):
                    tell(invocation.output, each.notices)
                    refused |= each.refused
                    arrived |= any(n.kind is NoticeKind.LETTER_ARRIVED for n in each.notices)
    if refused:
        return ExitCode.RELAY_REFUSED
    if not arrived:
        raise Failure(Message.NOTHING)
    invocation.output.say(Message.SYNCED)
    return ExitCode.DONE
