"""What an acknowledgement means for a letter of ours: read, taken back, lost, or not known yet.

An acknowledgement says that the other side's client opened the box and recorded what it read. Of a
side that keeps its state it says no more: its person may read days later, or never. A side that
forgets its state shows a letter before it acknowledges it, because nothing else remembers it; and
who answered a question had it on the screen. Only these two are called *read*.
"""

from typing import assert_never

from ojak_client.kinds import SHOWN
from ojak_client.notices import Notice, NoticeKind
from ojak_client.our_letters import due_at, in_state, sealed_references
from ojak_client.profile import Contact, LetterState, OurLetter, Role
from ojak_protocol.acknowledgement import Outcome
from ojak_protocol.letters import Kind
from ojak_protocol.values import replace

Step = tuple[Contact, tuple[Notice, ...]]


def settle(
    contact: Contact, reference: int, outcome: Outcome, now: int, *, forgets: bool = False
) -> Step:
    """Record what became of a letter, unless another line has settled it already.

    Args:
        contact: after what it was sealed in was acknowledged.
        reference: of the letter.
        outcome: what the acknowledgement says.
        now: device clock.
        forgets: whether the side that acknowledged keeps nothing after its visit.
    """
    letter = next((one for one in contact.ours if one.reference == reference), None)
    if letter is None or letter.state not in {LetterState.WAITING, LetterState.ASKED_BACK}:
        return contact, ()
    asked_back = letter.state is LetterState.ASKED_BACK
    expired = 0 < letter.expires_at <= now
    still_sealed = reference in sealed_references(contact)
    match outcome:
        case Outcome.ARRIVED:
            after, kind = _arrived(letter, forgets=forgets)
        case _ if letter.role is Role.COUNTERPART and not asked_back:
            # Nobody saw it: it can stand in the place of another letter.
            return contact, ()
        case _ if (asked_back or expired) and still_sealed:
            # Somebody else may still have read it.
            return contact, ()
        case Outcome.WITHDRAWN if not asked_back and not expired:
            # What stood beside it in a visit was asked back, not this one: it waits again.
            return contact, ()
        case Outcome.LOST if not asked_back:
            # The other side can never open it: it waits again, for the next place.
            after, kind = letter, NoticeKind.LETTER_LOST
        case Outcome.WITHDRAWN if not asked_back:
            after, kind = in_state(letter, LetterState.EXPIRED), NoticeKind.LETTER_EXPIRED
        case Outcome.WITHDRAWN | Outcome.LOST:
            # Of one that somebody else may have read nobody can say that it came back unread.
            known = letter.possibly_read
            state = LetterState.ASKED_BACK if known else LetterState.TAKEN_BACK
            after, kind = in_state(letter, state), NoticeKind.LETTER_TAKEN_BACK
        case _:
            assert_never(outcome)
    unread = kind in {NoticeKind.LETTER_TAKEN_BACK, NoticeKind.LETTER_EXPIRED}
    silent = letter.role is Role.COUNTERPART or (unread and letter.possibly_read)
    notices = () if silent else (Notice(kind, contact.name),)
    return _with_letter(contact, letter, after), notices


def answered(contact: Contact, reference: int) -> Contact:
    """Return the contact after the question in our letter *reference* was answered by a person."""
    letter = next((one for one in contact.ours if one.reference == reference), None)
    if letter is None or letter.state in {LetterState.TAKEN_BACK, LetterState.EXPIRED}:
        return contact
    return _with_letter(contact, letter, in_state(letter, LetterState.READ))


def _with_letter(contact: Contact, before: OurLetter, after: OurLetter) -> Contact:
    return replace(contact, ours=tuple(after if one is before else one for one in contact.ours))


def _arrived(letter: OurLetter, *, forgets: bool) -> tuple[OurLetter, NoticeKind]:
    """Return *letter* after the other side acknowledged it, and what that means."""
    was_shown = forgets and letter.kind in SHOWN
    after = in_state(letter, LetterState.READ if was_shown else LetterState.COLLECTED)
    if letter.state is LetterState.WAITING:
        if due_at(letter):
            return after, NoticeKind.POINTER_COLLECTED
        return after, NoticeKind.LETTER_READ if was_shown else NoticeKind.LETTER_COLLECTED
    if letter.kind == Kind.PARCEL:
        # Its pointer came; whether anybody fetched what it points to, nothing says.
        return replace(letter, possibly_read=True), NoticeKind.POINTER_NOT_TAKEN_BACK
    return after, NoticeKind.LETTER_NOT_TAKEN_BACK
