"""What our person decides about sets of questions: another set, an alarm word, a yes, a number.

Pure: each takes a contact and returns another one; the caller saves it.
"""

from dataclasses import replace
from typing import Final

from ojak_client.profile import (
    Contact,
    Line,
    QuestionSet,
    marked_possibly_read,
    ready_letters,
)

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


def allow_held(contact: Contact, *, relay_clock: int, newest: int) -> tuple[Contact, int]:
    """Return the contact with every held line released, and how many somebody still looks at.

    Args:
        contact: as it is.
        relay_clock: or the device's, where the relay was not asked.
        newest: the highest reference of a letter of ours so far.
    """
    promised = _promised_to_both(contact)

    def released(line: Line) -> Line:
        return replace(line, held=False, promised=promised, newest=newest) if line.held else line

    held = [line for line in contact.lines if line.held]
    lines = tuple(released(line) for line in contact.lines)
    looking = sum(line.kept or relay_clock <= line.looks_until for line in held)
    return replace(contact, lines=lines), looking


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


def _promised_to_both(contact: Contact) -> int | None:
    """Return how many waiting letters go out; None for all, where no set has an alarm word."""
    alarmed = [one for one in contact.sets if one.point.alarm is not None]
    return len(ready_letters(contact, alarmed[0].point)) if alarmed else None
