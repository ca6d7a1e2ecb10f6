"""From a profile to one request: what to look at, what to deposit, what to delete.

A request is made from a profile that is already on disk. What does not fit into one is asked in
the next; where a host has more places than polls, they take turns.
"""

from collections.abc import Iterator, Mapping
from itertools import zip_longest
from typing import Final, TypeAlias

from ojak_client.kinds import SHOWN
from ojak_client.moment import Moment
from ojak_client.moving import deletes_at
from ojak_client.our_letters import was_offered
from ojak_client.profile import Contact, Line, Profile, Visiting
from ojak_client.room import has_room_for_visits
from ojak_client.sharing import Share, Sharing, shares
from ojak_client.timed_parts import part_deletes, part_deposits
from ojak_client.timed_pointers import due_places, left_places
from ojak_protocol import conversation as talk
from ojak_protocol import guest, meeting_point
from ojak_protocol.addresses import DeleteKey, MailboxId
from ojak_protocol.conversation import LETTER_TTL_SECONDS, Outgoing
from ojak_protocol.meeting_places import seal_at
from ojak_protocol.meeting_point import MeetingPoint
from ojak_protocol.offers import offer_box
from ojak_protocol.sync import (
    MIN_TTL_SECONDS,
    Deposit,
    SyncClass,
    SyncRequest,
)
from ojak_protocol.values import dataclass
from ojak_protocol.visits import Visit

_Where: TypeAlias = MailboxId | talk.Unmade
"""Of hundreds of places a request asks for some: most are not made."""

PLACES_A_LINE: Final = 6
LEAST_BESIDES: Final = 4
"""How many places are looked at for copies where other places fill a request without them."""
VISIT_SLACK_SECONDS: Final = 3600
"""How much longer boxes of an unconfirmed visit live than their guest said it would look."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What an observer can see of a request, apart from when it comes."""

    room: int = 0
    """Boxes the reply may hold: 0, 1, 4 or 16."""
    wait_seconds: int = 0
    guest: bool = False
    """A guest uses class 1 at least: looking and sending look alike."""
    older: bool = False
    """Look at offers of past days as well."""
    passed_over: frozenset[MailboxId] = frozenset()
    """Places of conversations and guests that are not looked at: what lies there stays there."""
    bare: bool = False
    """Deposit nothing: it was tried too often in vain."""


def make_request(
    profile: Profile,
    relay: str,
    moment: Moment,
    *,
    turn: int,
    shape: Shape,
    sharing: Sharing = shares,
) -> SyncRequest:
    """Return the next request for *relay*.

    Args:
        profile: prepared for this relay, and written durably.
        relay: which contacts are meant.
        moment: now.
        turn: counts up from request to request.
        shape: room and wait.
        sharing: counts the shares of the contacts.
    """
    contacts = [contact for contact in profile.contacts if relay in contact.relays]
    at_home = [contact for contact in contacts if contact.relay == relay]
    depositing = () if shape.bare else at_home
    deposits = [found for contact in depositing for found in _deposits(contact, moment)]
    deletes = [key for contact in contacts for key in _deletes(contact, relay)]
    size = _class_for(len(deposits), guest=shape.guest)
    looks = _looks(contacts, sharing(profile.contacts), relay)
    wanted = _polls(looks, moment, turn=turn, shape=shape, count=size.polls)
    besides = _besides(contacts, shape, turn=turn, places=len(wanted), count=size.polls)
    asked = _in_turn([*wanted, *besides], size.polls, turn=turn)
    polls = list(dict.fromkeys(map(_made, asked)))
    return SyncRequest(
        sync_class=size,
        polls=_filled(polls, _fillers_for(profile, relay), size.polls),
        deletes=tuple(deletes[: size.deletes]),
        deposits=tuple(deposits[: size.deposits]),
        room=shape.room,
        wait_seconds=shape.wait_seconds,
    )


def all_places(
    profile: Profile, relay: str, moment: Moment, *, turn: int, sharing: Sharing = shares
) -> tuple[MailboxId, ...]:
    """Return all that is looked at in turns at *relay*; none, where all fit into one request."""
    contacts = [contact for contact in profile.contacts if relay in contact.relays]
    size = SyncClass.ONE
    looks = _looks(contacts, sharing(profile.contacts), relay)
    places = _polls(looks, moment, turn=turn, shape=Shape(guest=True), count=size.polls)
    return tuple(map(_made, places)) if len(places) > size.polls else ()


def look_request(
    profile: Profile, relay: str, places: tuple[MailboxId, ...], *, room: int
) -> SyncRequest:
    """Return a request that looks at *places*, 32 at most, and does nothing else."""
    size = SyncClass.ONE
    polls = _filled(list(places), _fillers_for(profile, relay), size.polls)
    return SyncRequest(size, polls, room=room)


def has_asked(profile: Profile, relay: str) -> bool:
    """Return whether *profile* was ever prepared for *relay*: a request can be made from it."""
    return any(one.relay == relay for one in profile.fillers)


def has_errands(profile: Profile, relay: str, moment: Moment) -> bool:
    """Return whether something is to be deposited, deleted or looked at in doubt at *relay* now.

    What tells others of a copy is written before the next request, and counts already.
    """
    return any(
        (contact.relay == relay and next(_deposits(contact, moment), None) is not None)
        or (contact.relay == relay and _knows_or_doubts(contact))
        or _deletes(contact, relay)
        for contact in profile.contacts
        if relay in contact.relays
    )


def _knows_or_doubts(contact: Contact) -> bool:
    # In another run the reader may have deleted what a copy had laid at a place of ours.
    return any(
        talk.is_contested(line.conversation) or (line.conversation.owes_end and line.kept)
        for line in contact.lines
        if not (line.conversation.broken and not line.conversation.owes_end)
    )


def _class_for(deposits: int, *, guest: bool) -> SyncClass:
    for size in SyncClass:
        if deposits <= size.deposits and (size.deposits or not guest):
            return size
    return SyncClass.SIXTEEN


def _fillers_for(profile: Profile, relay: str) -> tuple[MailboxId, ...]:
    return next(one.ids for one in profile.fillers if one.relay == relay)


def _made(place: _Where) -> MailboxId:
    return place if isinstance(place, bytes) else place()


def _in_turn(wanted: list[_Where], count: int, *, turn: int) -> list[_Where]:
    """Return at most *count* of *wanted*: the first half each time, the rest in turn."""
    if len(wanted) <= count:
        return wanted
    first, rest = wanted[: _always(count)], wanted[_always(count) :]
    start = turn * (count - len(first)) % len(rest)
    return [*first, *rest[start:], *rest[:start]][:count]


def _filled(
    polls: list[MailboxId], fillers: tuple[MailboxId, ...], count: int
) -> tuple[MailboxId, ...]:
    """Fill up to *count* with fillers, at positions that the fillers themselves decide.

    The polls keep their order among themselves, because a reply with little room holds the boxes
    that were asked for first. As long as the polls are the same, so is everything: were the
    positions drawn anew each time, fillers would come and go where polls stay, and by that the
    relay would tell them apart.
    """
    drawn = sorted(range(count), key=fillers.__getitem__)
    filled = list(fillers[:count])
    for position, place in zip(sorted(drawn[: len(polls)]), polls, strict=True):
        filled[position] = place
    return tuple(filled)


def _always(count: int) -> int:
    """Return how many of *count* polls are the same in every request."""
    return count // 2


def _rounds_for_all(places: int, count: int) -> int:
    """Return in how many requests each of *places* that do not fit into one had its turn."""
    in_turn = count - _always(count)
    return -(-(places - _always(count)) // in_turn)


@dataclass(frozen=True, slots=True)
class _Look:
    """A contact that is looked for, and its share where it is at home; else its lines alone."""

    contact: Contact
    share: Share | None


def _looks(contacts: list[Contact], share: Mapping[str, Share], relay: str) -> list[_Look]:
    return [_Look(one, None if one.relay != relay else share[one.name]) for one in contacts]


def _polls(
    looks: list[_Look], moment: Moment, *, turn: int, shape: Shape, count: int
) -> list[_Where]:
    """Return what to look at, visits first, then a place of each contact in turn.

    A place whose id is not made yet may come twice. There may be more than *count*, which is how
    many one request asks for.
    """
    # Who visits sits before the screen, as a rule for a minute, and may be at the end of many. The
    # newest is last among the contacts.
    visits = [
        place
        for one in reversed(looks)
        if one.share is not None and one.contact.visiting is not None
        for place in _guest_places(one.contact.visiting, moment)
        # The word that its answer was taken stays for days: nothing else would be waited for.
        if place not in shape.passed_over
    ]
    lists: list[list[_Where]] = [
        [] if one.share is None else list(_places_here(one.contact, one.share, moment, shape=shape))
        for one in looks
    ]
    # Counted without making the places of lines, which are most of what a request costs.
    most = len(visits) + sum(map(len, lists))
    most += sum(_most_of_lines(one.contact, moment) for one in looks)
    if most >= count:
        # A place that is another one in each turn would else come by in step with the turns of its
        # list, and some of its values never.
        turn //= _rounds_for_all(most + LEAST_BESIDES, count)
    for one, places_here in zip(looks, lists, strict=True):
        places_here.extend(_places_of_lines(one.contact, moment, turn=turn, shape=shape))
    places = [place for row in zip_longest(*lists) for place in row if place is not None]
    return list(dict.fromkeys([*visits, *places]))


def _places_here(
    contact: Contact, share: Share, moment: Moment, *, shape: Shape
) -> Iterator[MailboxId]:
    """Yield what is looked at for numbers of the contact, where it is at home."""
    day = meeting_point.day_of(moment.relay_clock)
    points = [one.point for one in contact.sets]
    # Nobody is taken whose letter there is no room for: what is not looked at counts no try.
    awaited = [point for point in points if has_room_for_visits(contact, point, share)]
    # Answers first: many visits that nobody confirms must not hide the next guest.
    for point in awaited:
        yield from meeting_point.answer_places(point, day=day, older=False)
    for point in points:
        yield from meeting_point.visit_places(point)
    if shape.older:
        for point in awaited:
            yield from meeting_point.answer_places(point, day=day, older=True)


def _most_of_lines(contact: Contact, moment: Moment) -> int:
    """Return how many `_places_of_lines` gives at most."""
    open_lines = sum(not line.conversation.broken for line in contact.lines)
    return PLACES_A_LINE * open_lines + len(due_places(contact, moment.now))


def _places_of_lines(
    contact: Contact, moment: Moment, *, turn: int, shape: Shape
) -> Iterator[_Where]:
    left = left_places(contact)
    for line in contact.lines:
        near = talk.unmade_places(line.conversation, most=PLACES_A_LINE + len(left), turn=turn)
        if not left and not shape.passed_over:
            yield from near
            continue
        asked = [place for made in near if (place := made()) not in left][:PLACES_A_LINE]
        yield from (place for place in asked if place not in shape.passed_over)
    due = due_places(contact, moment.now)
    yield from (place for place in due if place not in shape.passed_over)


def _besides(
    contacts: list[Contact], shape: Shape, *, turn: int, places: int, count: int
) -> tuple[MailboxId, ...]:
    """Return where to look for copies, in the place of fillers: as many places as there is room.

    A place of each conversation in turn, the most telling first. What does not fit takes turns.
    Where others take turns for want of room, a few of these take part.
    """
    talks = [
        line.conversation
        for contact in contacts
        for line in contact.lines
        if line.kept and line.keeps
    ]
    counts = [talk.count_watched(one) for one in talks]
    rows = range(max(counts, default=0))
    picks = [(which, at) for at in rows for which, many in enumerate(counts) if at < many]
    room = count - places
    if room <= 0:
        # They are asked for only when their turn among all comes: else in step with it, and some of
        # them never.
        turn //= _rounds_for_all(places + LEAST_BESIDES, count)
        room = LEAST_BESIDES
    if len(picks) > room:
        first, rest = picks[: room // 2], picks[room // 2 :]
        start = turn * (room - len(first)) % len(rest)
        picks = [*first, *rest[start:], *rest[:start]][:room]
    # An id is made only of what is asked for: with many conversations there are thousands.
    ids = [
        talk.watched(one, {at for of, at in picks if of == which})
        for which, one in enumerate(talks)
    ]
    found = (ids[which][at] for which, at in picks)
    return tuple(place for place in found if place not in shape.passed_over)


def _guest_places(visiting: Visiting, moment: Moment) -> tuple[MailboxId, ...]:
    if visiting.attempt is not None:
        places = guest.places(visiting.attempt)
        return places if visiting.shows_branches else (visiting.attempt.seen_at,)
    day = meeting_point.day_of(moment.relay_clock)
    return guest.offer_places(visiting.seed, visiting.set_number, day)


def _deletes(contact: Contact, relay: str) -> list[DeleteKey]:
    """Return what to delete; on a borrowed device, which forgets, nothing before all was shown."""
    unshown = any(letter.kind in SHOWN for letter in contact.theirs)
    forgets = {
        key
        for line in contact.lines
        if not line.keeps and unshown
        for key in line.conversation.deletes
    }
    keys = [key for key in deletes_at(contact, relay) if key not in forgets]
    held = unshown and any(not line.keeps for line in contact.lines)
    return keys if held else [*keys, *part_deletes(contact, relay)]


def _deposits(contact: Contact, moment: Moment) -> Iterator[Deposit]:
    """Yield what has to be deposited, what a waiting guest needs first."""
    if contact.visiting is not None:
        yield from _visiting_deposits(contact.visiting, moment)
    looked_for = [
        (one.point, visit)
        for one in contact.sets
        for visit in one.point.visits
        if was_offered(visit) and moment.relay_clock <= visit.until + VISIT_SLACK_SECONDS
    ]
    # Pairs before what stands alone: where a request is full, it then holds whole pairs.
    for _, visit in looked_for:
        yield from _branch_deposits(visit, moment)
    for point, visit in looked_for:
        if moment.relay_clock <= visit.until:
            yield from _seen_deposit(point, visit, moment)
    for line in contact.lines:
        yield from _line_deposits(line, moment)
    yield from part_deposits(contact, moment)
    for one in contact.sets:
        yield from _offer_deposits(one.point, moment)


def _visiting_deposits(visiting: Visiting, moment: Moment) -> Iterator[Deposit]:
    attempt = visiting.attempt
    if attempt is None:
        return
    if not visiting.laid:
        yield Deposit(attempt.place, None, LETTER_TTL_SECONDS, 0, attempt.box)
    if not visiting.shows_branches:
        return
    first, second = (talk.due(branch, now=moment.now) for branch in attempt.branches)
    # The relay may have taken one of the two and not the other.
    for pair in zip_longest(first, second):
        for outgoing in pair:
            if outgoing is not None:
                yield _deposit(outgoing, LETTER_TTL_SECONDS)


def _branch_deposits(visit: Visit, moment: Moment) -> Iterator[Deposit]:
    """Yield both branches box by box: an interrupted deposit leaves them equally long.

    Once the guest looks no more, only what was asked back goes over what still lies there.
    """
    looks = moment.relay_clock <= visit.until
    left = visit.until - moment.relay_clock + VISIT_SLACK_SECONDS
    ttl = max(MIN_TTL_SECONDS, min(left, LETTER_TTL_SECONDS))
    for branch_pair in zip_longest(
        *(talk.due(branch, now=moment.now) for branch in visit.branches)
    ):
        for outgoing in branch_pair:
            if outgoing is not None and (looks or not outgoing.letter):
                yield _deposit(outgoing, ttl)


def _seen_deposit(point: MeetingPoint, visit: Visit, moment: Moment) -> Iterator[Deposit]:
    if not visit.seen_left:
        box = seal_at(point.seed, visit.seen_at, b"", entropy=moment.entropy)
        yield Deposit(visit.seen_at, None, LETTER_TTL_SECONDS, 0, box)


def _line_deposits(line: Line, moment: Moment) -> Iterator[Deposit]:
    again = line.kept and line.keeps
    for outgoing in talk.due(line.conversation, now=moment.now, again=again):
        yield _deposit(outgoing, LETTER_TTL_SECONDS)


def _offer_deposits(point: MeetingPoint, moment: Moment) -> Iterator[Deposit]:
    for due in meeting_point.offers_due(point, relay_clock=moment.relay_clock):
        box = offer_box(point.seed, due.laid, kem=moment.kem)
        yield Deposit(due.place, None, due.ttl_seconds, due.after_seconds, box)


def _deposit(outgoing: Outgoing, ttl_seconds: int) -> Deposit:
    key = outgoing.place.delete_key if outgoing.replaces else None
    return Deposit(outgoing.place.id, key, ttl_seconds, 0, outgoing.box)
