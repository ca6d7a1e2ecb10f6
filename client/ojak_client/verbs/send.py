"""`ojak send NAME`: write a letter to somebody who was met, or who is awaited."""

import time
from typing import Final

import click

from ojak_client.errors import NoAnswer, RelayRefused
from ojak_client.exit_codes import ExitCode, exit_code
from ojak_client.failures import Failure, explain
from ojak_client.help_texts import HelpText
from ojak_client.i18n import told
from ojak_client.invocation import Invocation
from ojak_client.messages import Message
from ojak_client.opening import choose_contact, connect, open_vault
from ojak_client.profile import Contact, Profile, with_letter
from ojak_client.rounds import run_errands
from ojak_client.telling import tell
from ojak_client.verb import verb
from ojak_protocol.letters import MOST_TEXT_BYTES

EXPIRES_AFTER_SECONDS: Final = 30 * 24 * 3600
AT_ONCE_BITS: Final = 25
"""Below this estimate a letter waits for the reply unless the person says otherwise."""


@verb(HelpText.SEND, examples=("ojak send 엄마", "ojak send 엄마 < letter.txt"))
@click.argument("name", metavar=told(HelpText.NAME_METAVAR))
@click.option("--at-once", is_flag=True, help=told(HelpText.AT_ONCE))
@click.option("--wait-for-reply", is_flag=True, help=told(HelpText.WAIT_FOR_REPLY))
@click.option("--proxy", help=told(HelpText.PROXY), metavar=told(HelpText.PROXY_METAVAR))
def command(
    invocation: Invocation, name: str, *, at_once: bool, wait_for_reply: bool, proxy: str | None
) -> ExitCode:
    """Keep a letter and try to send it."""
    with open_vault(invocation) as store:
        contact = choose_contact(store.read(), name)
        text = usable_text(invocation.inputs.letter())
        now = int(time.time())
        bits = contact.point.bits if contact.point is not None else AT_ONCE_BITS
        early = at_once or (bits >= AT_ONCE_BITS and not wait_for_reply)

        def add(profile: Profile) -> tuple[Profile, None]:
            changed = with_letter(
                profile,
                contact.name,
                text,
                now=now,
                expires_at=now + EXPIRES_AFTER_SECONDS,
                at_once=early,
            )
            return changed, None

        store.update(add)
        if not _is_met(contact):
            invocation.output.say(Message.WAITS_FOR_MEETING)
            return ExitCode.DONE
        try:
            with connect(store, contact.relay, proxy) as exchange:
                rounds = run_errands(exchange, guest=True)
        except (NoAnswer, RelayRefused) as error:
            message = explain(error).message
            invocation.output.warn(message)
            invocation.output.say(Message.QUEUED)
            return exit_code(message)
        for each in rounds:
            tell(invocation.output, each.notices)
        if rounds[-1].refused:
            invocation.output.say(Message.QUEUED)
            return ExitCode.RELAY_REFUSED
        invocation.output.say(Message.LEFT)
    return ExitCode.DONE


def usable_text(text: str) -> str:
    """Return *text* as it may stand in a letter.

    Raises:
        Failure: it has more than 1500 bytes.
    """
    if len(text.encode()) > MOST_TEXT_BYTES:
        raise Failure(Message.TOO_BIG)
    return text


def _is_met(contact: Contact) -> bool:
    return any(line.kept and not line.conversation.broken for line in contact.lines)
