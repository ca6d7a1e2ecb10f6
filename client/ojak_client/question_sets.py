"""What our person decides about sets of questions: another set, an alarm word, a yes, a number.

Pure: each takes a contact and returns another one; the caller saves it.
"""

from typing import Final

from ojak_client.kinds import is_unread
from ojak_client.news import decided
from ojak_client.our_letters import marked_possibly_read
from ojak_client.pairing import promised_to_both
from ojak_client.profile import Contact, Line, QuestionSet
from ojak_protocol.values import replace

MOST_SETS: Final = 4
"""How many sets one contact has. Each takes six of the 32 places that a host looks at."""


def find_set(contact: Contact, set_number: int | None) -> QuestionSet | None:
    """Return the set of that number, or the present one; None if there is none."""
    if set_number is None:
        return contact.present_set
    return next((one for one in contact.sets if one.point.set_number == set_number), None)


def next_set_number(contact: Contact) -> int:
    """Return the number that another set gets, 1 for the first."""
    return max((one.point.set_number for one in contact.sets), default=0) + 1


def add_set(contact: Contact, added: QuestionSet) -> Contact | None:
    """Return the contact with one more set; None where every place is taken by a usable set.

    A set that was spent or is dead makes room: who comes with its answers finds nobody then.
    """
    sets = contact.sets
    if len(sets) >= MOST_SETS:
        old = next((one for one in sets if one.point.spent or one.point.dead), None)
        if old is None:
            return None
        contact = marked_possibly_read(contact, _offered_at((old,)))
        sets = tuple(one for one in sets if one is not old)
    sets = tuple(sorted((*sets, added), key=lambda one: one.point.set_number))
    return replace(contact, sets=sets)


def held_lines(contact: Contact, *, relay_clock: int) -> tuple[Line, ...]:
    """Return the lines that are held, those first at which somebody still looks, newest first.

    Args:
        contact: as it is.
        relay_clock: or the device's, where the relay was not asked.
    """
    held = [line for line in reversed(contact.lines) if line.held]
    return tuple(sorted(held, key=lambda line: not _is_looked_at(line, relay_clock)))


def unread_of(contact: Contact, line: Line) -> int:
    """Return how many letters that came through *line* `ojak read` would show."""
    return sum(is_unread(letter) and letter.written[0] == line.number for letter in contact.theirs)


def allow_held(
    contact: Contact, which: Line, *, relay_clock: int, newest: int
) -> tuple[Contact, bool]:
    """Return the contact with one held line released, and whether somebody still looks at it.

    It is the newest then, which is the one that is written to. The others stay held: whoever saw
    the answers may have come as well.

    Args:
        contact: as it is.
        which: of `held_lines`; its conversation may have gone on since.
        relay_clock: or the device's, where the relay was not asked.
        newest: the highest reference of a letter of ours so far.
    """
    there = (line for line in contact.lines if line.held and line.number == which.number)
    line = next(there, None)
    if line is None:
        return contact, False
    others = tuple(other for other in contact.lines if other is not line)
    released = replace(line, held=False, newest=newest)
    released = replace(released, promised=promised_to_both(contact, released))
    contact = decided(replace(contact, lines=(*others, released)), released)
    return contact, _is_looked_at(line, relay_clock)


def _is_looked_at(line: Line, relay_clock: int) -> bool:
    return line.kept or relay_clock <= line.looks_until


def with_new_number(contact: Contact, present: QuestionSet) -> Contact:
    """Return the contact met at another number from now on, by the questions of *present* alone.

    What was offered at the old number counts as possibly read: nobody can tell any more.
    """
    contact = marked_possibly_read(contact, _offered_at(contact.sets))
    return replace(contact, sets=(present,), offers_again_at=0)


def _offered_at(sets: tuple[QuestionSet, ...]) -> frozenset[int]:
    return frozenset(
        reference for one in sets for visit in one.point.visits for reference in visit.references
    )
