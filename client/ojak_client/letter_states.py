"""What is known of each letter of ours, as `ojak status` says it, in words that are true.

Never what it says. The small number is the letter's reference: `ojak recall` takes it. Every line
names the contact, so that a program needs no line before it.
"""

from collections.abc import Iterator
from typing import Final

from ojak_client.due_times import local_time
from ojak_client.i18n import Text
from ojak_client.messages import Message
from ojak_client.our_letters import lies_at_relay
from ojak_client.output import Output
from ojak_client.pairing import goes_in_pairs, ready_letters
from ojak_client.profile import Contact, LetterState, OurLetter, Role
from ojak_client.timed_parts import part_of
from ojak_protocol.letters import Kind

SETTLED_SHOWN: Final = 10
"""How many letters that need no more care are named to a person, the newest; the others are only
counted. A program, and whoever says `--verbose`, gets all that are remembered."""

_SAID: Final = {
    LetterState.ASKED_BACK: Message.LETTER_ASKED_BACK,
    LetterState.COLLECTED: Message.LETTER_COLLECTED,
    LetterState.READ: Message.LETTER_READ,
    LetterState.TAKEN_BACK: Message.LETTER_TAKEN_BACK,
    LetterState.EXPIRED: Message.LETTER_EXPIRED_UNREAD,
}


def show_letters_of_ours(output: Output, contact: Contact) -> None:
    """Write what is known of each letter, and what harmless letters there are."""
    for letter in _named(output, contact):
        for message in states(contact, letter):
            output.show(message, name=contact.name, letter=letter.reference)
        part = part_of(contact, letter.reference)
        if part is not None:
            when = local_time(part.due_at)
            output.show(Message.LETTER_TIMED, name=contact.name, letter=letter.reference, when=when)
    harmless = contact.waiting_as(Role.COUNTERPART)
    if harmless or any(one.point.alarm is not None for one in contact.sets):
        output.show(Message.STATUS_HARMLESS, name=contact.name, n=len(harmless))
    waiting = sum(needs_harmless(contact, letter) for letter in contact.waiting)
    if waiting:
        output.warn(Message.WRITE_HARMLESS, name=contact.name, n=waiting)


def show_pointers(output: Output, contact: Contact) -> None:
    """Write a line for each letter of the other side that opens later."""
    for pointer in contact.pointers:
        when = local_time(pointer.due_at)
        output.show(Message.LETTER_FOR_LATER, name=contact.name, when=when)


def has_arrived(contact: Contact, letter: OurLetter) -> bool:
    """Return whether *letter* arrived; of a timed one only the pointer may have."""
    arrived = letter.state in {LetterState.COLLECTED, LetterState.READ}
    return arrived and part_of(contact, letter.reference) is None


def states(contact: Contact, letter: OurLetter) -> Iterator[Text]:
    """Yield what is to be said of *letter*."""
    if letter.state is LetterState.WAITING:
        yield _of_waiting(contact, letter)
    else:
        yield _of_settled(letter)
    arrived = letter.state in {LetterState.COLLECTED, LetterState.READ}
    if not arrived and (letter.possibly_read or _is_offered(contact, letter)):
        yield Message.LETTER_POSSIBLY_READ


def needs_harmless(contact: Contact, letter: OurLetter) -> bool:
    """Return whether *letter* is offered to nobody because no harmless one stands beside it.

    That matters as long as nobody is met for good: a conversation that stays gets every letter. One
    that lies at the relay was written to somebody before there was an alarm word.
    """
    if lies_at_relay(contact, letter.reference):
        return False
    present = contact.present_set
    if present is None or letter.role is not Role.FAMILY or not goes_in_pairs(letter):
        return False
    if any(line.kept and not line.alarm and not line.conversation.broken for line in contact.lines):
        return False
    return letter in contact.waiting and letter not in ready_letters(
        contact, paired=present.point.alarm is not None
    )


def _named(output: Output, contact: Contact) -> Iterator[OurLetter]:
    """Yield the letters that are named one by one, oldest first."""
    settled = [letter.reference for letter in contact.ours if _is_settled(contact, letter)]
    shown = settled if output.json or output.verbose else settled[-SETTLED_SHOWN:]
    for letter in contact.ours:
        used_up = letter.role is Role.COUNTERPART and _is_settled(contact, letter)
        if not used_up and (letter.reference in shown or letter.reference not in settled):
            yield letter


def _is_settled(contact: Contact, letter: OurLetter) -> bool:
    waits = letter.state in {LetterState.WAITING, LetterState.ASKED_BACK}
    return not waits and part_of(contact, letter.reference) is None


def _of_settled(letter: OurLetter) -> Text:
    match letter.state:
        case LetterState.COLLECTED if letter.kind == Kind.PARCEL:
            return Message.LETTER_TIMED_KNOWN
        case LetterState.EXPIRED if letter.possibly_read:
            return Message.LETTER_EXPIRED
    return _SAID[letter.state]


def _of_waiting(contact: Contact, letter: OurLetter) -> Text:
    if letter.role is Role.COUNTERPART:
        return Message.LETTER_HARMLESS
    if _is_withdrawn(contact, letter.reference):
        return Message.LETTER_EXPIRED
    if lies_at_relay(contact, letter.reference):
        return Message.LETTER_AT_RELAY
    if needs_harmless(contact, letter):
        return Message.LETTER_NEEDS_HARMLESS
    return Message.LETTER_HERE


def _is_withdrawn(contact: Contact, reference: int) -> bool:
    """Return whether the withdrawn form of a letter that nobody asked back lies, or is to lie.

    Then its time has passed: the other side may have read it before, and has not told.
    """
    sealed = [
        outgoing
        for line in contact.lines
        for outgoing in line.conversation.outbox
        if outgoing.reference == reference
    ]
    return bool(sealed) and not any(outgoing.letter for outgoing in sealed)


def _is_offered(contact: Contact, letter: OurLetter) -> bool:
    visits = (visit for one in contact.sets for visit in one.point.visits)
    return letter.role is Role.FAMILY and any(
        letter.reference in visit.references for visit in visits
    )
