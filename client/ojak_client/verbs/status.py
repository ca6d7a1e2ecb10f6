"""`ojak status`: what waits, what arrived, and how often somebody failed to confirm himself."""

from ojak_client.exit_codes import ExitCode
from ojak_client.failures import Failure
from ojak_client.help_texts import HelpText
from ojak_client.invocation import Invocation
from ojak_client.kinds import unread
from ojak_client.letter_states import has_arrived, show_letters_of_ours, show_pointers
from ojak_client.messages import Message
from ojak_client.opening import open_vault
from ojak_client.our_letters import lies_at_relay
from ojak_client.output import Output
from ojak_client.profile import Contact, Role
from ojak_client.verb import verb
from ojak_protocol.meeting_point import MeetingPoint
from ojak_protocol.number import format_number


@verb(HelpText.STATUS, examples=("ojak status",))
def command(invocation: Invocation) -> ExitCode:
    """Write what is known of each contact."""
    with open_vault(invocation) as store:
        contacts = store.read().contacts
    if not contacts:
        raise Failure(Message.NO_CONTACTS, command="ojak invite")
    for contact in contacts:
        _show(invocation.output, contact)
    return ExitCode.DONE


def _show(output: Output, contact: Contact) -> None:
    output.show(Message.STATUS_OF, name=contact.name)
    if contact.sets:
        output.show(Message.YOUR_NUMBER, number=format_number(contact.sets[0].point.number))
    for one in contact.sets:
        _show_point(output, one.point, contact.name)
    output.show(Message.LETTERS_UNREAD, n=unread(contact))
    waiting = (*contact.waiting, *contact.waiting_as(Role.FORCED))
    left = sum(lies_at_relay(contact, letter.reference) for letter in waiting)
    output.show(Message.STATUS_UNSENT, n=len(waiting) - left)
    output.show(Message.STATUS_UNACKNOWLEDGED, n=left)
    collected = [
        one
        for one in contact.ours
        if has_arrived(contact, one) and one.role is not Role.COUNTERPART
    ]
    output.show(Message.STATUS_COLLECTED, n=len(collected))
    show_letters_of_ours(output, contact)
    show_pointers(output, contact)


def _show_point(output: Output, point: MeetingPoint, name: str) -> None:
    output.show(Message.SET_KEPT, set=point.set_number)
    if point.spent:
        output.show(Message.STATUS_SPENT, set=point.set_number)
    if point.alarm is not None:
        output.show(Message.STATUS_ALARM, set=point.set_number)
    output.show(Message.STATUS_TRIES, name=name, n=point.unconfirmed)
    if point.unconfirmed:
        # Whole numbers: the chance itself may be smaller than any float.
        output.show(Message.LUCK, one_in=max(1, 2**point.bits // point.unconfirmed))
    if point.dead:
        output.show(Message.SET_DEAD, name=name)
    elif point.closed:
        output.show(Message.POINT_CLOSED, name=name)
    if point.occupied:
        output.show(Message.NUMBER_TAKEN, name=name)
    if point.disturbed:
        output.show(Message.NUMBER_DISTURBED, name=name)
