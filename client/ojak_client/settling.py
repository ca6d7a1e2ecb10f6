"""What an acknowledgement means for a letter of ours: read, taken back, lost, or not known yet."""

from dataclasses import replace
from typing import assert_never

from ojak_client.notices import Notice, NoticeKind
from ojak_client.our_letters import due_at, in_state, sealed_references
from ojak_client.profile import Contact, LetterState, OurLetter, Role
from ojak_protocol.acknowledgement import Outcome
from ojak_protocol.letters import Kind

Step = tuple[Contact, tuple[Notice, ...]]


def settle(contact: Contact, reference: int, outcome: Outcome, now: int) -> Step:
    """Record what became of a letter, unless another line has settled it already."""
    letter = next((one for one in contact.ours if one.reference == reference), None)
    if letter is None or letter.state not in {LetterState.WAITING, LetterState.ASKED_BACK}:
        return contact, ()
    asked_back = letter.state is LetterState.ASKED_BACK
    still_sealed = reference in sealed_references(contact)
    match outcome:
        case Outcome.ARRIVED:
            after, kind = _read(letter)
        case _ if letter.role is Role.COUNTERPART and not asked_back:
            # Nobody saw it: it can stand in the place of another letter.
            return contact, ()
        case _ if asked_back and still_sealed:
            # Somebody else may still have read it.
            return contact, ()
        case Outcome.WITHDRAWN if not asked_back and not 0 < letter.expires_at <= now:
            # What stood beside it in a visit was asked back, not this one: it waits again.
            return contact, ()
        case Outcome.LOST if not asked_back:
            # The other side can never open it: it waits again, for the next place.
            after, kind = letter, NoticeKind.LETTER_LOST
        case Outcome.WITHDRAWN | Outcome.LOST:
            # Of one that somebody else may have read nobody can say that it came back unread.
            known = letter.possibly_read
            state = LetterState.ASKED_BACK if known else LetterState.TAKEN_BACK
            after, kind = in_state(letter, state), NoticeKind.LETTER_TAKEN_BACK
        case _:
            assert_never(outcome)
    ours = tuple(after if one is letter else one for one in contact.ours)
    unsaid = after.state is LetterState.ASKED_BACK and kind is NoticeKind.LETTER_TAKEN_BACK
    silent = letter.role is Role.COUNTERPART or unsaid
    return replace(contact, ours=ours), () if silent else (Notice(kind, contact.name),)


def _read(letter: OurLetter) -> tuple[OurLetter, NoticeKind]:
    """Return *letter* after the other side acknowledged it, and what that means."""
    collected = in_state(letter, LetterState.COLLECTED)
    if letter.state is LetterState.WAITING:
        kind = NoticeKind.POINTER_COLLECTED if due_at(letter) else NoticeKind.LETTER_COLLECTED
        return collected, kind
    if letter.kind == Kind.PARCEL:
        # Its pointer came; whether anybody fetched what it points to, nothing says.
        return replace(letter, possibly_read=True), NoticeKind.POINTER_NOT_TAKEN_BACK
    return collected, NoticeKind.LETTER_NOT_TAKEN_BACK
