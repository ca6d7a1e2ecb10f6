"""How much of what the other side sent is kept for one contact, and of whom.

Whoever knows the answers must not be able to fill the vault, nor to take the room of the family.
What a reading clears has one bound for all: our person reads, and there is room again. What no
reading clears, as it is of a later version or for a later day, is counted apart: for each
conversation with an own device, for visits, and for whoever may be a stranger. Nothing here goes
by the word that was typed: what is left at the relay would tell it. What all contacts have in
common is shared out in `sharing.py`. Pure.
"""

from collections.abc import Iterable, Sequence
from enum import Enum
from typing import Final

from ojak_client.kinds import stays, unread
from ojak_client.profile import Contact, Line, Pointer, TheirLetter
from ojak_client.sharing import (
    LETTER_BYTES,
    PASSED_OVER_BYTES,
    VISIT_BYTES,
    Share,
    Sharing,
    letters_bytes,
    meetings_bytes,
    passed_over,
    passed_over_bytes,
    shares,
)
from ojak_protocol.conversation import Conversation
from ojak_protocol.letters import Body, Kind
from ojak_protocol.meeting_point import MeetingPoint
from ojak_protocol.values import replace

MOST_UNREAD: Final = 48
"""How many letters of one contact are kept unread, of what a reading clears and else: 48 of the
longest are 72 KB. Half of it is for what a reading clears, whatever else is there."""

MOST_LEFT_BEHIND: Final = 8
"""How many that stay are kept of lines that are gone, and as many of such as were held or forced.
They keep out nothing, so that how many they are shows nowhere."""

MOST_BEFORE_A_VISIT: Final = 3 * MOST_UNREAD
"""With so much there, nobody who comes is taken any more: what confirms a visit is kept in any
case, and somebody may come twelve times a day."""
MOST_BEFORE_A_HELD_VISIT: Final = 2 * MOST_UNREAD
"""The same where the answers are spent: a stranger who has seen them must leave room for others."""


class Sender(Enum):
    """Whose letters are counted together."""

    FAMILY = "family"
    """A side that keeps its state and is not held."""
    VISIT = "visit"
    HELD = "held"


MOST_THAT_STAY: Final = {Sender.FAMILY: MOST_UNREAD // 4, Sender.VISIT: 8, Sender.HELD: 8}
"""How many that no reading clears are kept: of each conversation with the family, of all visits, of
all that are held. Eight timed letters of one side may wait at a time."""


def sender_of(line: Line) -> Sender:
    """Return with whose letters those that come through *line* are counted."""
    if line.held:
        return Sender.HELD
    return Sender.FAMILY if line.kept else Sender.VISIT


def has_room(contact: Contact, share: Share) -> bool:
    """Return whether one more letter that a reading clears may be kept."""
    if letters_bytes(contact) + LETTER_BYTES > share.letters_bytes:
        return False
    cleared = sum(not stays(letter.kind) for letter in contact.theirs)
    lines = {0, *(line.number for line in contact.lines)}
    staying = sum(number in lines for number in _staying(contact))
    return cleared + staying < MOST_UNREAD or cleared < MOST_UNREAD // 2


def keep_no_more(contacts: Sequence[Contact], sharing: Sharing = shares) -> frozenset[str]:
    """Return the names of those of whom a reading must come before one more letter is kept.

    Args:
        contacts: all in the vault.
        sharing: counts their shares.
    """
    if not any(map(unread, contacts)):
        return frozenset()
    allowed = sharing(contacts)
    return frozenset(
        one.name for one in contacts if unread(one) and not has_room(one, allowed[one.name])
    )


def goes_on_without_room(contact: Contact, line: Line, body: Body) -> bool:
    """Return whether *body*, which came through *line*, is taken though there is no room.

    What only acknowledges says nothing that is kept. A stop is kept, one of each conversation:
    nobody is to go on writing because letters lie unread.
    """
    if body.kind != Kind.STOP:
        return body.kind in {Kind.GREETING, Kind.WITHDRAWN}
    return all((one.kind, one.written[0]) != (Kind.STOP, line.number) for one in contact.theirs)


def has_room_for_visits(contact: Contact, point: MeetingPoint, share: Share) -> bool:
    """Return whether somebody who comes to *point* may be taken; it is the same for every word."""
    # Who is taken may confirm himself, and what does so is kept.
    waiting = sum(len(one.point.visits) for one in contact.sets)
    letters = letters_bytes(contact) + (waiting + 1) * LETTER_BYTES
    if waiting and meetings_bytes(contact) + VISIT_BYTES > share.meetings_bytes:
        return False
    if letters > share.letters_bytes:
        return False
    most = MOST_BEFORE_A_HELD_VISIT if point.spent else MOST_BEFORE_A_VISIT
    return len(contact.theirs) + len(contact.pointers) < most


def has_room_passing_over(
    contact: Contact, before: Line, after: Conversation, share: Share
) -> bool:
    """Return whether *before* of *contact* may go on as *after*, with places passed over in it.

    What is left at the relay comes again, once those before it came.
    """
    more = passed_over(after) - passed_over(before.conversation)
    whole = passed_over_bytes(contact) + more * PASSED_OVER_BYTES
    return more <= 0 or whole <= share.passed_over_bytes


def has_room_for(contact: Contact, line: Line, body: Body) -> bool:
    """Return whether *body*, which came through *line*, may be kept; any that is cleared may."""
    return not stays(body.kind) or _may_stay(contact, line)


def has_room_for_part(contact: Contact, share: Share) -> bool:
    """Return whether a timed letter that is due may be kept.

    It may be more than twice as long as others: half as many are kept.
    """
    cleared = sum(not stays(letter.kind) for letter in contact.theirs)
    room = letters_bytes(contact) + LETTER_BYTES <= share.letters_bytes
    return cleared < MOST_UNREAD // 2 and room


def what_may_come(contact: Contact, share: Share) -> tuple[bool, ...]:
    """Return all the answers of this module for *contact*, of as many lines as there are.

    As long as these are the same, whatever had to be left at the relay has to be left there still.
    """
    lines = (_may_stay(contact, line) for line in contact.lines)
    parts = not contact.pointers or has_room_for_part(contact, share)
    passing = passed_over_bytes(contact) + PASSED_OVER_BYTES <= share.passed_over_bytes
    return has_room(contact, share), parts, passing, *lines


def without_left_behind(contact: Contact) -> Contact:
    """Return the contact with only the newest of what stays of lines that are gone.

    What came before lines had numbers is of nobody knows which, and is left alone.
    """
    lines = {0, *(line.number for line in contact.lines)}
    behind = [one for one in contact.theirs if stays(one.kind) and one.written[0] not in lines]
    pointers = [one for one in contact.pointers if one.line not in lines]
    gone = {id(one) for found in (behind, pointers) for one in _too_many(found)}
    if not gone:
        return contact
    return replace(
        contact,
        theirs=tuple(one for one in contact.theirs if id(one) not in gone),
        pointers=tuple(one for one in contact.pointers if id(one) not in gone),
    )


def _may_stay(contact: Contact, line: Line) -> bool:
    """Return whether one more letter that no reading clears may be kept of *line*."""
    sender = sender_of(line)
    if sender is Sender.FAMILY:
        numbers = {line.number}
    else:
        numbers = {one.number for one in contact.lines if sender_of(one) is sender}
    staying = sum(number in numbers for number in _staying(contact))
    return staying < MOST_THAT_STAY[sender]


def _staying(contact: Contact) -> Iterable[int]:
    """Yield of everything that no reading clears the number of its line."""
    for letter in contact.theirs:
        if stays(letter.kind):
            yield letter.written[0]
    for pointer in contact.pointers:
        yield pointer.line


def _too_many(
    found: list[TheirLetter] | list[Pointer],
) -> Iterable[TheirLetter | Pointer]:
    for marked in (True, False):
        alike = [one for one in found if (one.held or one.forced) is marked]
        yield from alike[:-MOST_LEFT_BEHIND]
