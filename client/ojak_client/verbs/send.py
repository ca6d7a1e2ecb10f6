"""`ojak send NAME`: write a letter to somebody who was met, or who is awaited."""

import time
from functools import partial
from typing import Final

import click

from ojak_client.errors import NoAnswer, RelayRefused
from ojak_client.exit_codes import ExitCode, exit_code
from ojak_client.failures import Failure, explain
from ojak_client.help_texts import HelpText
from ojak_client.i18n import told
from ojak_client.invocation import Invocation
from ojak_client.messages import Message
from ojak_client.notices import Notice, NoticeKind
from ojak_client.opening import choose_contact, connect, open_vault
from ojak_client.output import Output
from ojak_client.prepare import is_live
from ojak_client.profile import Contact, Profile, find, lies_at_relay, references_in, with_letter
from ojak_client.rounds import run_errands
from ojak_client.stopping import confirm_writing
from ojak_client.store import Store
from ojak_client.telling import tell
from ojak_client.typed import usable_text
from ojak_client.verb import verb
from ojak_protocol.estimate import GREETING_BELOW_BITS

EXPIRES_AFTER_SECONDS: Final = 30 * 24 * 3600


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
        confirm_writing(invocation, contact)
        text = usable_text(invocation.inputs.letter())
        # Holding a letter back is the careful one of the two, so it wins.
        early = (at_once or goes_early(contact)) and not wait_for_reply
        reference = add_letter(store, contact.name, text, at_once=early)
        return pass_on(invocation, store, contact, reference, proxy)


def goes_early(contact: Contact) -> bool:
    """Return whether a letter may be offered before a visit is confirmed, as a rule."""
    bits = min((one.point.bits for one in contact.sets), default=GREETING_BELOW_BITS)
    return bits >= GREETING_BELOW_BITS


def pass_on(
    invocation: Invocation, store: Store, contact: Contact, reference: int, proxy: str | None
) -> ExitCode:
    """Try to send the letter *reference*, which is kept already, and say how far it came.

    Raises:
        Failure: there is no room for it yet, or it may have gone.
    """
    if not _is_met(contact):
        invocation.output.say(Message.WAITS_FOR_MEETING)
        return ExitCode.DONE
    failure: Failure | None = None
    try:
        tell_most = partial(_tell_all_but_refusals, invocation.output)
        with connect(store, contact.relay, proxy, tell_most) as exchange:
            rounds = run_errands(exchange)
        if any(each.full for each in rounds):
            failure = Failure(Message.REFUSED)
    except (NoAnswer, RelayRefused) as error:
        failure = explain(error)
    return _say_where(invocation, find(store.read(), contact.name), reference, failure)


def _tell_all_but_refusals(output: Output, notices: tuple[Notice, ...]) -> None:
    # How the letter fared is said once, at the end.
    tell(output, (one for one in notices if one.kind is not NoticeKind.RELAY_FULL))


def add_letter(store: Store, name: str, text: str, *, at_once: bool) -> int:
    """Keep a letter for the contact called *name*, and return its reference.

    Raises:
        VaultError: it was not kept.
    """
    now = int(time.time())

    def add(profile: Profile) -> tuple[Profile, int]:
        expires = now + EXPIRES_AFTER_SECONDS
        changed = with_letter(profile, name, text, expires_at=expires, at_once=at_once)
        return changed, changed.references

    return store.update(add)


def _say_where(
    invocation: Invocation, contact: Contact | None, reference: int, failure: Failure | None
) -> ExitCode:
    """Say how far the letter came: what the relay confirmed, whatever happened afterwards."""
    if contact is not None and _has_left(contact, reference):
        invocation.output.say(Message.LEFT)
        return ExitCode.DONE
    if failure is None and (contact is None or not _is_met(contact)):
        # The conversation ended in this very sync; its notice has been told.
        invocation.output.say(Message.WAITS_FOR_MEETING)
        return ExitCode.DONE
    if failure is None:
        if contact is None or not _is_sealed(contact, reference):
            raise Failure(Message.TOO_MANY_WAITING)
        # Other bytes lie at its place: the next sync looks whose they are.
        failure = Failure(Message.REFUSED)
    if failure.message is Message.UNSURE:
        # The letter may have gone; the same bytes go again, and only one arrives.
        raise Failure(Message.UNSURE, command="ojak sync")
    invocation.output.warn(failure.message)
    invocation.output.say(Message.QUEUED)
    return exit_code(failure.message)


def _is_sealed(contact: Contact, reference: int) -> bool:
    return any(reference in references_in(line) for line in contact.lines)


def _has_left(contact: Contact, reference: int) -> bool:
    return lies_at_relay(contact, reference) or all(
        letter.reference != reference for letter in contact.waiting
    )


def _is_met(contact: Contact) -> bool:
    return any(is_live(contact, line, int(time.time())) for line in contact.lines)
