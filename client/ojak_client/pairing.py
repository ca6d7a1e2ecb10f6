"""Which letters go to whom, and which harmless one stands beside each where there is an alarm word.

Whoever looks on, at the relay, at the line or behind the guest, must not learn which word was
typed. So as many letters go out after one as after the other, of the same form and at the same
time. All of that is decided here: what a visit is offered, what follows its confirmation, what
stands in the place of what is gone since, until when each may be read, what a yes releases.

Source: docs/protocol.md, "The alarm word"; docs/decisions/0072 and 0075.
"""

from typing import Final

from ojak_client.our_letters import body_of, due_at, references_in
from ojak_client.profile import Contact, Line, OurLetter, Pair, Role
from ojak_protocol.hidden import Hidden
from ojak_protocol.letters import Body, Kind
from ojak_protocol.meeting_point import MeetingPoint
from ojak_protocol.values import dataclass, replace
from ojak_protocol.visits import Letter, Visit

MOST_OFFERED: Final = 2
"""How many letters one visit is offered before it is confirmed: as many as a guest's first look
has room for in both branches. Five strangers with two words each fill some 55 pages
of the vault."""

PROMISED_FOR_SECONDS: Final = 24 * 3600
"""How long a line that stays gets no more of the waiting letters than were promised to it."""

STAND_IN: Final = -1
"""Goes by this reference what stands in the place of a letter that is gone: it takes the room of
one, and no letter of ours has it."""


@dataclass(frozen=True, slots=True, repr=False)
class Going(Hidden):
    """What is sealed into a line next."""

    reference: int
    body: Body
    promised: bool = False
    pair: Pair | None = None
    """Of what was promised: which letters are used up in this line by it."""


def goes_in_pairs(letter: OurLetter) -> bool:
    """Return whether *letter* may go to a visit where there is an alarm word.

    Whoever fetches a timed letter looks at one place more, and once word of another relay arrived
    we go there, for both relays to see. Nothing harmless can stand for either.
    """
    return not due_at(letter) and letter.kind != Kind.RELAY


def ready_letters(contact: Contact, *, paired: bool) -> tuple[OurLetter, ...]:
    """Return the waiting letters that may go to whoever comes.

    Where they go in pairs because of an alarm word, each needs an unused harmless letter as its
    counterpart.
    """
    if not paired:
        return contact.waiting
    return tuple(filter(goes_in_pairs, contact.waiting))[
        : len(contact.waiting_as(Role.COUNTERPART))
    ]


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


def pairs_offered(visit: Visit) -> tuple[Pair, ...]:
    """Return which letters stood beside each other in *visit*; in each branch one of each pair."""
    real, other = visit.branches[visit.coin], visit.branches[1 - visit.coin]
    boxes = zip(real.outbox, other.outbox, strict=False)
    pairs = ((one.reference, beside.reference) for one, beside in boxes)
    return tuple(pair for pair in pairs if visit.paired and all(pair))


def promised_to_both(contact: Contact, line: Line) -> int | None:
    """Return how many waiting letters go into *line*; None for all, where no set has an alarm word.

    That of its own set may have been removed since the visit.
    """
    alarmed = any(one.point.alarm is not None for one in contact.sets)
    paired = alarmed or line.promised is not None
    return len(_pairs_left(contact, line)) if paired else None


def going_into(contact: Contact, line: Line, now: int) -> list[Going]:
    """Return what waits for *line*, in the order in which it goes.

    Where there is an alarm word, what was promised comes first: as many boxes after one word as
    after the other. Whoever came with the alarm word is watched: besides these only what is
    addressed to that line by name goes into it.
    """
    if line.held:
        return []
    promised = _promised(contact, line)
    chosen = {going.reference for going in promised} | set(references_in(line))
    if line.alarm:
        letters = [*contact.waiting_as(Role.FORCED)]
    elif line.promised is None or _gets_all(line, now):
        letters = [*contact.waiting]
    else:
        letters = [one for one in contact.waiting if one.reference > line.newest]
    if not line.kept and line.promised is not None:
        letters = [*filter(goes_in_pairs, letters)]
    if not line.kept:
        # A side that forgets leaves a letter for a later day where it is, and cannot acknowledge
        # what stands behind it.
        letters.sort(key=lambda letter: due_at(letter) > now)
    written = [
        Going(letter.reference, body_of(letter))
        for letter in letters
        if letter.reference not in chosen
    ]
    return [*promised, *written]


def after_sealing(line: Line, sealed: Going) -> Line:
    """Return *line* once *sealed* was written into it."""
    if not sealed.promised or line.promised is None:
        return line
    pairs = line.pairs if sealed.pair is None else (*line.pairs, sealed.pair)
    return replace(line, promised=line.promised - 1, pairs=pairs)


def is_told_of_a_move(contact: Contact) -> bool:
    """Return whether a letter with another relay can reach anybody who was met.

    Where there is an alarm word it goes into no visit: only to a side that stays.
    """
    alarmed = any(one.point.alarm is not None for one in contact.sets)
    return any(line.kept or not alarmed for line in contact.lines)


def _gets_all(line: Line, now: int) -> bool:
    return line.kept and not line.alarm and now - line.confirmed_at >= PROMISED_FOR_SECONDS


def _pairs_left(contact: Contact, line: Line) -> list[tuple[OurLetter, OurLetter]]:
    """Return the letters that may still go into *line*, each with a harmless one.

    It is the same after either word: what went into this line is used up on both sides of it, and
    what went elsewhere is used up, or gone, for both.
    """
    # What was offered before there was an alarm word stands in no pair.
    used = {reference for pair in line.pairs for reference in pair} | set(references_in(line))
    letters, harmless = (
        [one for one in contact.waiting_as(role) if one.reference not in used]
        for role in (Role.FAMILY, Role.COUNTERPART)
    )
    known = [one for one in letters if one.reference <= line.newest and goes_in_pairs(one)]
    return list(zip(known, harmless, strict=False))


def _promised(contact: Contact, line: Line) -> list[Going]:
    """Return what was promised and is not sealed yet: letters, then what stands for those gone.

    A harmless letter says until when the one may be read in whose place it stands: by a time of its
    own, whoever made the guest's program would know the alarm word.
    """
    left = line.promised or 0
    going = []
    for letter, harmless in _pairs_left(contact, line)[:left]:
        body, reference = body_of(letter), letter.reference
        if line.alarm:
            body = replace(body_of(harmless), expires_at=letter.expires_at)
            reference = harmless.reference
        pair = (letter.reference, harmless.reference)
        going.append(Going(reference, body, promised=True, pair=pair))
    stand_in = Going(STAND_IN, Body(Kind.GREETING), promised=True)
    return [*going, *[stand_in] * (left - len(going))]
