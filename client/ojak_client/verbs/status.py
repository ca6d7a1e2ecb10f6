"""`ojak status`: what became of each letter, and how often somebody failed to confirm himself."""

import time

import click

from ojak_client.exit_codes import ExitCode
from ojak_client.failures import Failure
from ojak_client.help_texts import HelpText
from ojak_client.i18n import command_line, told
from ojak_client.invocation import Invocation
from ojak_client.kinds import unread
from ojak_client.letter_states import has_arrived, show_letters_of_ours, show_pointers
from ojak_client.messages import Message
from ojak_client.news import standing, untold
from ojak_client.opening import choose_contact, open_vault
from ojak_client.our_letters import lies_at_relay
from ojak_client.output import Output
from ojak_client.profile import Contact, Role
from ojak_client.room import keep_no_more
from ojak_client.store import vault_path
from ojak_client.telling import mark_told, tell_news
from ojak_client.vault_files import is_move_begun
from ojak_client.verb import verb
from ojak_protocol.meeting_point import MeetingPoint
from ojak_protocol.number import format_number


@verb(HelpText.STATUS, examples=("ojak status", "ojak status 엄마"))
@click.argument("name", required=False, metavar=told(HelpText.OPTIONAL_NAME_METAVAR))
def command(invocation: Invocation, name: str | None) -> ExitCode:
    """Write what is known of one contact, or of each."""
    with open_vault(invocation) as store:
        profile = store.read()
        if is_move_begun(vault_path(invocation.own_profile())):
            invocation.output.warn(Message.MOVE_NOT_FINISHED, command=command_line("move --back"))
        contacts = profile.contacts if name is None else (choose_contact(profile, name),)
        if not contacts:
            raise Failure(Message.NO_CONTACTS, command=command_line("invite"))
        full = keep_no_more(profile.contacts)
        for contact in contacts:
            _show(invocation.output, contact, keeps_more=contact.name not in full)
        if invocation.output.results_are_read:
            mark_told(store, [one for contact in contacts for one in untold(contact)])
    return ExitCode.DONE


def _show(output: Output, contact: Contact, *, keeps_more: bool) -> None:
    name = contact.name
    output.show(Message.STATUS_OF, name=name)
    tell_news(output.show, name, standing(contact, int(time.time())))
    if contact.sets:
        number = format_number(contact.sets[0].point.number)
        output.show(Message.YOUR_NUMBER, name=name, number=number)
    for one in contact.sets:
        _show_point(output, one.point, name)
    output.show(Message.LETTERS_UNREAD, name=name, n=unread(contact))
    if not keeps_more:
        output.show(Message.NO_MORE_KEPT, name=name)
    waiting = (*contact.waiting, *contact.waiting_as(Role.FORCED))
    left = sum(lies_at_relay(contact, letter.reference) for letter in waiting)
    output.show(Message.STATUS_UNSENT, name=name, n=len(waiting) - left)
    output.show(Message.STATUS_UNACKNOWLEDGED, name=name, n=left)
    collected = [
        one
        for one in contact.ours
        if has_arrived(contact, one) and one.role is not Role.COUNTERPART
    ]
    output.show(Message.STATUS_COLLECTED, name=name, n=len(collected))
    show_letters_of_ours(output, contact)
    show_pointers(output, contact)


def _show_point(output: Output, point: MeetingPoint, name: str) -> None:
    of_set = {"name": name, "set": point.set_number}
    output.show(Message.SET_KEPT, **of_set)
    if point.spent:
        output.show(Message.STATUS_SPENT, **of_set)
    if point.alarm is not None:
        output.show(Message.STATUS_ALARM, **of_set)
    output.show(Message.STATUS_TRIES, **of_set, n=point.unconfirmed)
    if point.unconfirmed:
        # Whole numbers: the chance itself may be smaller than any float.
        output.show(Message.LUCK, **of_set, one_in=max(1, 2**point.bits // point.unconfirmed))
    if point.dead:
        output.show(Message.SET_DEAD, **of_set)
    elif point.closed:
        output.show(Message.POINT_CLOSED, **of_set)
    if point.occupied:
        output.show(Message.NUMBER_TAKEN, **of_set)
    if point.disturbed:
        output.show(Message.NUMBER_DISTURBED, **of_set)
