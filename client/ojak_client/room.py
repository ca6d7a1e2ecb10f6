"""How much of what the other side sent is kept for one contact, and of whom.

Whoever knows the answers must not be able to fill the vault, nor to take the room of the family.
What a reading clears has one bound for all: our person reads, and there is room again. What no
reading clears, as it is of a later version or for a later day, is counted apart: for each
conversation with an own device, for visits, and for whoever may be a stranger. Nothing here goes
by the word that was typed: what is left at the relay would tell it. And what all contacts have in
common is shared out, so that those who flood leave room for each of the others. Pure.
"""

from collections.abc import Iterable, Sequence
from enum import Enum
from typing import Final

from ojak_client.kinds import stays
from ojak_client.profile import Contact, Line, Pointer, TheirLetter
from ojak_protocol.letters import Body
from ojak_protocol.meeting_point import CLOSES_AT, MeetingPoint
from ojak_protocol.values import dataclass, replace

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


MOST_OF_ALL: Final = 160
"""How much of all contacts is kept, in the longest letters: half of the vault's 510 KB. The rest is
for what our person writes, and for conversations, of which each takes some 4 KB."""
LETTER_BYTES: Final = 1600
"""What one of the longest letters takes; a timed one may take more, and counts as several."""

MOST_VISITS_OF_ALL: Final = 28
"""How many visits that nobody confirmed are kept of all contacts: each takes up to eleven pages,
and 320 are left for them (decision 109)."""


@dataclass(frozen=True, slots=True)
class Share:
    """How much one contact may hold, beside what the others hold and what is reserved for them."""

    letters: int = MOST_OF_ALL
    visits: int = MOST_VISITS_OF_ALL


def shares(contacts: Sequence[Contact]) -> dict[str, Share]:
    """Return the share of each of *contacts*, by name; all in the vault are to be among them.

    Half of what there is, is reserved, the same for each. The other half is for whoever comes
    first, so that a contact alone in a vault has nearly all.
    """
    letters = {one.name: _weight(one) for one in contacts}
    visits = {one.name: _visits(one) for one in contacts if one.sets}
    of_letters = _shared_out(letters, MOST_OF_ALL, MOST_UNREAD // 2)
    of_visits = _shared_out(visits, MOST_VISITS_OF_ALL, CLOSES_AT)
    return {one.name: Share(of_letters[one.name], of_visits.get(one.name, 0)) for one in contacts}


def share_of(contact: Contact, contacts: Sequence[Contact]) -> Share:
    """Return the share of *contact*, which may be newer than the one in *contacts*."""
    others = [one for one in contacts if one.name != contact.name]
    return shares([*others, contact])[contact.name]


def _shared_out(held: dict[str, int], whole: int, most_reserved: int) -> dict[str, int]:
    """Return how much of *whole* each may hold who holds so much now."""
    if not held:
        return {}
    reserved = max(1, min(most_reserved, whole // (2 * len(held))))
    taken = sum(max(many, reserved) for many in held.values())
    return {
        name: max(reserved, whole - (taken - max(many, reserved))) for name, many in held.items()
    }


def _weight(contact: Contact) -> int:
    letters = (len(one.text.encode()) + len(one.details) for one in contact.theirs)
    return sum(1 + size // LETTER_BYTES for size in letters) + len(contact.pointers)


def _visits(contact: Contact) -> int:
    return sum(len(one.point.visits) for one in contact.sets)


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
    if _weight(contact) >= share.letters:
        return False
    cleared = sum(not stays(letter.kind) for letter in contact.theirs)
    lines = {0, *(line.number for line in contact.lines)}
    staying = sum(number in lines for number in _staying(contact))
    return cleared + staying < MOST_UNREAD or cleared < MOST_UNREAD // 2


def has_room_for_visits(contact: Contact, point: MeetingPoint, share: Share) -> bool:
    """Return whether somebody who comes to *point* may be taken; it is the same for every word."""
    # Who is taken may confirm himself, and what does so is kept.
    waiting = _visits(contact)
    if waiting >= share.visits or _weight(contact) + waiting >= share.letters:
        return False
    most = MOST_BEFORE_A_HELD_VISIT if point.spent else MOST_BEFORE_A_VISIT
    return len(contact.theirs) + len(contact.pointers) < most


def has_room_for(contact: Contact, line: Line, body: Body) -> bool:
    """Return whether *body*, which came through *line*, may be kept; any that is cleared may."""
    return not stays(body.kind) or _may_stay(contact, line)


def has_room_for_part(contact: Contact, share: Share) -> bool:
    """Return whether a timed letter that is due may be kept.

    It may be more than twice as long as others: half as many are kept.
    """
    cleared = sum(not stays(letter.kind) for letter in contact.theirs)
    return cleared < MOST_UNREAD // 2 and _weight(contact) < share.letters


def what_may_come(contact: Contact, share: Share) -> tuple[bool, ...]:
    """Return all the answers of this module for *contact*, of as many lines as there are.

    As long as these are the same, whatever had to be left at the relay has to be left there still.
    """
    lines = (_may_stay(contact, line) for line in contact.lines)
    parts = not contact.pointers or has_room_for_part(contact, share)
    return has_room(contact, share), parts, *lines


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
