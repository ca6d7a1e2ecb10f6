"""Which letters go to whom, and which harmless one stands beside each where there is an alarm word.

Whoever looks on, at the relay, at the line or behind the guest, must not learn which word was
typed. So as many letters go out after one as after the other, of the same form and at the same
time. All of that is decided here: what a visit is offered, what follows its confirmation, until
when each may be read, what a yes releases.

Source: docs/protocol.md, "The alarm word"; docs/decisions/0072.
"""

from dataclasses import replace
from typing import Final

from ojak_client.moment import Moment
from ojak_client.our_letters import body_of, due_at, references_in
from ojak_client.profile import Contact, Line, OurLetter, Role
from ojak_protocol.letters import Body, Kind
from ojak_protocol.meeting_point import MeetingPoint
from ojak_protocol.visits import Letter

MOST_OFFERED: Final = 2
"""How many letters one visit is offered before it is confirmed: as many as a guest's first look
has room for in both branches. Five strangers with two words each fill 220 KB of the vault."""

PROMISED_FOR_SECONDS: Final = 24 * 3600
"""How long a line that stays gets no more of the waiting letters than were promised to it."""

COUNTERPART_TTL_SECONDS: Final = 30 * 24 * 3600


def ready_letters(contact: Contact, *, paired: bool) -> tuple[OurLetter, ...]:
    """Return the waiting letters that may go to whoever comes.

    Where they go in pairs because of an alarm word, each needs an unused harmless letter as its
    counterpart. A timed letter has none of its kind, and whoever fetches one shows which word was
    typed: it stays.
    """
    if not paired:
        return contact.waiting
    pairable = tuple(letter for letter in contact.waiting if not due_at(letter))
    return pairable[: len(contact.waiting_as(Role.COUNTERPART))]


def letters_offered(contact: Contact, point: MeetingPoint, *, paired: bool) -> tuple[Letter, ...]:
    """Return what a visit is offered before it is confirmed, at least a greeting.

    The other branch gets as many boxes of the same kinds. Where there is an alarm word, a letter
    is offered only with a harmless one of its own beside it. Without one nobody can open the
    other branch, so what stands there does not matter.
    """
    ready = () if point.spent else ready_letters(contact, paired=paired)
    at_once = [letter for letter in ready if letter.at_once][:MOST_OFFERED]
    # A guest who is told of one more letter waits: meanwhile our person may say yes.
    following = 1 if point.spent else len(ready) - len(at_once)
    if not at_once:
        greeting = Body(Kind.GREETING, following=following)
        return (Letter(0, greeting, greeting),)
    # In each, because any of them may be the one that opens first.
    bodies = [replace(body_of(letter), following=following) for letter in at_once]
    if not paired:
        return tuple(
            Letter(letter.reference, body, Body(Kind.GREETING))
            for letter, body in zip(at_once, bodies, strict=True)
        )
    harmless = contact.waiting_as(Role.COUNTERPART)[: len(at_once)]
    return tuple(
        Letter(
            letter.reference, body, replace(body_of(other), following=following), other.reference
        )
        for letter, body, other in zip(at_once, bodies, harmless, strict=True)
    )


def promised_to_both(contact: Contact, line: Line) -> int | None:
    """Return how many waiting letters go into *line*; None for all, where no set has an alarm word.

    That of its own set may have been removed since the visit.
    """
    alarmed = any(one.point.alarm is not None for one in contact.sets)
    paired = alarmed or line.promised is not None
    return len(ready_letters(contact, paired=True)) if paired else None


def letters_for_line(
    contact: Contact, line: Line, now: int
) -> tuple[frozenset[int], tuple[OurLetter, ...]]:
    """Return what waits for *line*, and the references of what was promised to it.

    Where there is an alarm word, as many letters follow the right answers as follow the alarm
    word, for both were promised one number. Whoever came with the alarm word is watched: besides
    harmless letters only what is addressed to that line by name goes into it.
    """
    if line.held:
        return frozenset(), ()
    offered = references_in(line)

    def left(role: Role) -> list[OurLetter]:
        return [one for one in contact.waiting_as(role) if one.reference not in offered]

    if line.alarm:
        waited, later = left(Role.COUNTERPART), left(Role.FORCED)
    else:
        family = left(Role.FAMILY)
        waited = [letter for letter in family if letter.reference <= line.newest]
        later = [letter for letter in family if letter.reference > line.newest]
    for_good = line.kept and not line.alarm and now - line.confirmed_at >= PROMISED_FOR_SECONDS
    if line.promised is not None and not for_good:
        # None stands beside a timed letter, as in a visit.
        waited = [letter for letter in waited if not due_at(letter)][: line.promised]
    letters = [*waited, *later]
    if not line.kept:
        # A side that forgets leaves a letter for a later day where it is, and cannot acknowledge
        # what stands behind it.
        letters.sort(key=lambda letter: due_at(letter) > now)
    return frozenset(letter.reference for letter in waited), tuple(letters)


def bodies_of(
    contact: Contact, line: Line, letters: tuple[OurLetter, ...], moment: Moment
) -> list[tuple[int, Body]]:
    """Return what is sealed for *letters*, with the reference of each.

    A box says until when it may be read. A harmless one says it of a letter in whose place it
    stands: by a time of its own, whoever made the guest's program would know the alarm word.
    """
    known = [
        letter
        for letter in contact.waiting
        if letter.reference <= line.newest and not due_at(letter)
    ]
    # What may go at once was offered before the confirmation, as a rule.
    times = iter([letter.expires_at for letter in sorted(known, key=lambda one: one.at_once)])
    bodies = []
    for letter in letters:
        body = body_of(letter)
        if letter.role is Role.COUNTERPART:
            body = replace(body, expires_at=next(times, 0) or _drawn_expiry(moment))
        bodies.append((letter.reference, body))
    return bodies


def _drawn_expiry(moment: Moment) -> int:
    """Return when a letter written at some time in the last weeks may end to be read."""
    day = 24 * 3600
    age = int.from_bytes(moment.entropy(4), "big") % (COUNTERPART_TTL_SECONDS - day)
    return moment.now + COUNTERPART_TTL_SECONDS - age
