"""What is known of each letter of ours that has not arrived, as `ojak status` says it.

Never what it says. The small number is the letter's reference: `ojak recall` takes it.
"""

from collections.abc import Iterator

from ojak_client.due_times import local_time
from ojak_client.messages import Message
from ojak_client.our_letters import lies_at_relay
from ojak_client.output import Output
from ojak_client.pairing import goes_in_pairs, ready_letters
from ojak_client.profile import Contact, LetterState, OurLetter, Role
from ojak_client.timed_parts import part_of


def show_letters_of_ours(output: Output, contact: Contact) -> None:
    """Write a line for each letter that has not arrived, and what harmless letters there are."""
    for letter in contact.ours:
        for message in states(contact, letter):
            output.show(message, letter=letter.reference)
        part = part_of(contact, letter.reference)
        if part is not None:
            when = local_time(part.due_at)
            output.show(Message.LETTER_TIMED, letter=letter.reference, when=when)
    harmless = contact.waiting_as(Role.COUNTERPART)
    if harmless or any(one.point.alarm is not None for one in contact.sets):
        output.show(Message.STATUS_HARMLESS, n=len(harmless))
    waiting = sum(needs_harmless(contact, letter) for letter in contact.waiting)
    if waiting:
        output.warn(Message.WRITE_HARMLESS, n=waiting)


def show_pointers(output: Output, contact: Contact) -> None:
    """Write a line for each letter of the other side that opens later."""
    for pointer in contact.pointers:
        when = local_time(pointer.due_at)
        output.show(Message.LETTER_FOR_LATER, name=contact.name, when=when)


def has_arrived(contact: Contact, letter: OurLetter) -> bool:
    """Return whether *letter* arrived; of a timed one only the pointer may have."""
    collected = letter.state is LetterState.COLLECTED
    return collected and part_of(contact, letter.reference) is None


def states(contact: Contact, letter: OurLetter) -> Iterator[Message]:
    """Yield what is to be said of *letter*: nothing once it needs no more care."""
    match letter.state:
        case LetterState.COLLECTED | LetterState.TAKEN_BACK:
            return
        case LetterState.ASKED_BACK:
            yield Message.LETTER_ASKED_BACK
        case LetterState.WAITING if letter.role is Role.COUNTERPART:
            yield Message.LETTER_HARMLESS
        case LetterState.WAITING if lies_at_relay(contact, letter.reference):
            yield Message.LETTER_AT_RELAY
        case LetterState.WAITING if needs_harmless(contact, letter):
            yield Message.LETTER_NEEDS_HARMLESS
        case LetterState.WAITING:
            yield Message.LETTER_HERE
    if letter.possibly_read or _is_offered(contact, letter):
        yield Message.LETTER_POSSIBLY_READ


def needs_harmless(contact: Contact, letter: OurLetter) -> bool:
    """Return whether *letter* is offered to nobody because no harmless one stands beside it.

    That matters as long as nobody is met for good: a conversation that stays gets every letter.
    """
    present = contact.present_set
    if present is None or letter.role is not Role.FAMILY or not goes_in_pairs(letter):
        return False
    if any(line.kept and not line.alarm and not line.conversation.broken for line in contact.lines):
        return False
    return letter in contact.waiting and letter not in ready_letters(
        contact, paired=present.point.alarm is not None
    )


def _is_offered(contact: Contact, letter: OurLetter) -> bool:
    visits = (visit for one in contact.sets for visit in one.point.visits)
    return letter.role is Role.FAMILY and any(
        letter.reference in visit.references for visit in visits
    )
