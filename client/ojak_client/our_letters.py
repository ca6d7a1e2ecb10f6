"""Letters of our person: made, sealed into boxes, and followed until nothing is left to do.

Questions about a contact that hold for its letters alone; pure.
"""

from collections.abc import Collection
from typing import Final

from ojak_client.profile import (
    Contact,
    LetterState,
    Line,
    OurLetter,
    Profile,
    Role,
    get,
    with_contact,
)
from ojak_client.sharing import check_room
from ojak_protocol.conversation import Conversation
from ojak_protocol.details import Details, Parcel
from ojak_protocol.letters import Body, Kind, details_of, encode_details
from ojak_protocol.values import replace
from ojak_protocol.visits import Visit

EXPIRES_AFTER_SECONDS: Final = 30 * 24 * 3600
"""After how long a letter that has not arrived is taken back. Word of new questions, of another
number or relay, and harmless letters stay good for as long as it takes."""


def with_letter(
    profile: Profile,
    name: str,
    text: str,
    *,
    expires_at: int,
    at_once: bool,
    role: Role = Role.FAMILY,
    kind: Kind = Kind.TEXT,
    details: Details | None = None,
) -> Profile:
    """Return the profile with a letter to the contact called *name* waiting to go.

    Its reference is the profile's highest now.

    Raises:
        ContactGone: there is no such contact.
        VaultFull: it would leave too little for what others send, or for its own way; a stop is
            kept all the same.
    """
    contact = get(profile, name)
    letter = OurLetter(
        profile.references + 1,
        text,
        expires_at,
        at_once,
        role=role,
        kind=kind,
        details=b"" if details is None else encode_details(details),
    )
    profile = replace(profile, references=letter.reference)
    profile = with_contact(profile, replace(contact, ours=(*contact.ours, letter)))
    if kind != Kind.STOP:
        check_room(profile.contacts)
    return profile


def reader_of(profile: Profile, reference: int) -> Contact | None:
    """Return the contact to whom our letter *reference* is, whatever it is called by now."""
    return next(
        (
            contact
            for contact in profile.contacts
            if any(letter.reference == reference for letter in contact.ours)
        ),
        None,
    )


def body_of(letter: OurLetter) -> Body:
    """Return what a box says that carries *letter*."""
    return Body(
        letter.kind,
        letter.text,
        expires_at=letter.expires_at,
        details=details_of(letter.kind, letter.details),
    )


def in_state(letter: OurLetter, state: LetterState) -> OurLetter:
    """Return the letter in another state; what it says is erased unless it still waits."""
    if state is LetterState.WAITING:
        return replace(letter, state=state)
    return replace(letter, state=state, text="", details=b"")


def due_at(letter: OurLetter) -> int:
    """Return from when *letter* is to be shown, Unix seconds; 0: it is no timed letter."""
    if letter.kind != Kind.PARCEL:
        return 0
    details = details_of(letter.kind, letter.details)
    return details.due_at if isinstance(details, Parcel) else 0


def was_offered(visit: Visit) -> bool:
    """Return whether boxes were written for whoever came; reopening a point changes nothing."""
    return any(branch.outbox for branch in visit.branches)


def references_in(line: Line) -> tuple[int, ...]:
    """Return which of our letters are sealed in *line* and unacknowledged."""
    return tuple(out.reference for out in line.conversation.outbox if out.reference)


def marked_possibly_read(contact: Contact, references: Collection[int]) -> Contact:
    """Return the contact with what went to somebody who never told marked as possibly read."""
    return replace(
        contact,
        ours=tuple(
            replace(letter, possibly_read=True) if letter.reference in references else letter
            for letter in contact.ours
        ),
    )


def sealed_references(contact: Contact) -> frozenset[int]:
    """Return which of our letters somebody may have read, or may yet tell of."""
    visits = (visit for one in contact.sets for visit in one.point.visits)
    return frozenset(
        reference
        for references in (
            *(references_in(line) for line in contact.lines),
            *(visit.references for visit in visits),
            left_references(contact),
        )
        for reference in references
    )


def left_references(contact: Contact) -> tuple[int, ...]:
    """Return which of our letters were left for a host that was not there."""
    attempt = None if contact.visiting is None else contact.visiting.attempt
    if attempt is None:
        return ()
    return tuple(out.reference for branch in attempt.branches for out in branch.outbox)


def lies_at_relay(contact: Contact, reference: int) -> bool:
    """Return whether the relay said that our letter *reference* lies there for a confirmed side.

    A letter left for an absent host counts once it lies there in both branches.
    """
    attempt = None if contact.visiting is None else contact.visiting.attempt
    if attempt is not None:
        return all(_is_deposited(branch, reference) for branch in attempt.branches)
    return any(_is_deposited(line.conversation, reference) for line in contact.lines)


def _is_deposited(conversation: Conversation, reference: int) -> bool:
    return any(out.reference == reference and out.deposited_at for out in conversation.outbox)
