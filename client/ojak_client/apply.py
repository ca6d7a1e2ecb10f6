"""From a reply to the next profile: what was stored, what was found, what it means.

`apply` is pure and takes the profile as it is on disk *now*: another process may have changed it
since the request was made. Everything is looked up by the ids of the request, so that a reply
applied twice, or to a profile that has moved on, changes nothing more.
"""

from collections.abc import Callable
from functools import partial
from typing import Final, assert_never

from ojak_client import timed_pointers
from ojak_client.arriving import record_arrival
from ojak_client.deposited import (
    answer_deposited,
    answer_offer,
    is_of_old_form,
    point_deposited,
)
from ojak_client.moment import Moment
from ojak_client.moving import all_know, found_at, move
from ojak_client.news import with_news
from ojak_client.notices import Notice, NoticeKind
from ojak_client.our_letters import marked_possibly_read
from ojak_client.outgoing_room import unacknowledged_receipts
from ojak_client.pairing import letters_offered, pairs_offered
from ojak_client.profile import Contact, Line, NewsKind, Profile, Visiting, with_point
from ojak_client.room import (
    goes_on_without_room,
    has_room,
    has_room_for,
    has_room_for_part,
    has_room_for_visits,
    has_room_passing_over,
)
from ojak_client.settling import settle
from ojak_client.sharing import share_of
from ojak_client.timed_parts import part_deposited, parts_deleted
from ojak_protocol import conversation as talk
from ojak_protocol import guest, meeting_point
from ojak_protocol.acknowledgement import Outcome
from ojak_protocol.addresses import MailboxId
from ojak_protocol.conversation import Arrived, Broken, Conversation, Event, Settled
from ojak_protocol.errors import RemoteError, TooNew
from ojak_protocol.letters import Body
from ojak_protocol.meeting_point import MeetingPoint
from ojak_protocol.sync import Deposit, DepositOutcome, Found, Nothing, SyncReply, SyncRequest
from ojak_protocol.values import replace
from ojak_protocol.visits import AnsweredRun, Confirmed

RECEIPT_DELAY_SECONDS: Final = (600, 3600)
"""A receipt sent at once tells an observer who talks to whom: it waits between these."""

MOST_RECEIPT_DELAY_SECONDS: Final = 7 * 24 * 3600
_MOST_DOUBLINGS: Final = 10

ALWAYS: Final = 1 << 62
"""Until when somebody looks who keeps his state."""

Step = tuple[Contact, tuple[Notice, ...]]


def apply(
    profile: Profile, relay: str, request: SyncRequest, reply: SyncReply, moment: Moment
) -> tuple[Profile, tuple[Notice, ...]]:
    """Return the profile after *reply* to *request* from *relay*, and what it brought to light."""
    notices: list[Notice] = []
    if any(_is_full(outcome) for outcome in reply.deposits):
        notices.append(Notice(NoticeKind.RELAY_FULL, ""))
    any_found = any(isinstance(result, Found) for result in reply.polls)
    contacts: list[Contact] = []
    for contact in profile.contacts:
        changed = contact
        if relay in contact.relays:
            step = _apply_to if contact.relay == relay else _apply_elsewhere
            changed, said = step(
                contact,
                request,
                reply,
                moment,
                known=_as_it_stands(profile, contacts) if any_found else profile,
            )
            changed = found_at(contact, changed, relay)
            changed = parts_deleted(changed, relay, frozenset(request.deletes))
            numbers = (line.number for line in changed.lines)
            profile = replace(profile, line_numbers=max(profile.line_numbers, *numbers, 0))
            notices.extend(said)
        contacts.append(changed)
    return replace(profile, contacts=tuple(contacts)), tuple(notices)


def _as_it_stands(profile: Profile, changed: list[Contact]) -> Profile:
    """Return *profile* with its first contacts as the reply has *changed* them already."""
    return replace(profile, contacts=(*changed, *profile.contacts[len(changed) :]))


def _next_number(known: Profile, contact: Contact) -> int:
    """Return the number of the next line of *contact*, which one reply may give several."""
    return 1 + max(known.line_numbers, *(line.number for line in contact.lines), 0)


def _is_full(outcome: DepositOutcome) -> bool:
    return outcome in {DepositOutcome.FULL, DepositOutcome.REFUSED}


def _apply_to(
    contact: Contact, request: SyncRequest, reply: SyncReply, moment: Moment, *, known: Profile
) -> Step:
    done = frozenset(request.deletes)
    contact = _change_talks(contact, lambda state: talk.deleted(state, done))
    notices: list[Notice] = []
    for deposit, outcome in zip(request.deposits, reply.deposits, strict=True):
        if not _is_full(outcome):
            taken = outcome is DepositOutcome.STORED
            contact, said = _deposited(contact, deposit, stored=taken, moment=moment)
            notices.extend(said)
    is_nothing_minded = minds_nothing(contact)
    if not is_nothing_minded and not any(isinstance(result, Found) for result in reply.polls):
        return contact, tuple(notices)
    # If one reply confirms both branches of a visit, somebody was made to type both words: the
    # alarm is looked at first, here and not in the request, whose order all can see.
    alarm = frozenset[MailboxId]().union(
        *(meeting_point.alarm_places(one.point) for one in contact.sets)
    )
    results = zip(request.polls, reply.polls, strict=True)
    for place, result in sorted(results, key=lambda one: one[0] not in alarm):
        if isinstance(result, Found):
            contact, said = _found(contact, place, result.box, moment, known=known)
            notices.extend(said)
            is_nothing_minded = minds_nothing(contact)
        elif is_nothing_minded and isinstance(result, Nothing):
            contact = _change_talks(contact, partial(talk.absent, where=place))
            contact, said = timed_pointers.missed(contact, place, moment)
            notices.extend(said)
    return contact, tuple(notices)


def _apply_elsewhere(
    contact: Contact, request: SyncRequest, reply: SyncReply, moment: Moment, *, known: Profile
) -> Step:
    """Take what lies for a conversation at a relay that we come from or go to."""
    done = frozenset(request.deletes)
    contact = _change_talks(contact, lambda state: talk.deleted(state, done))
    notices: list[Notice] = []
    for place, result in zip(request.polls, reply.polls, strict=True):
        if isinstance(result, Found):
            contact, said = _found_in_lines(contact, place, result.box, moment, known)
            notices.extend(said)
    return contact, tuple(notices)


def minds_nothing(contact: Contact) -> bool:
    """Return whether it can mean anything to *contact* that nothing lies at a place.

    Asked once, and not at each of the places, most of which are of other contacts.
    """
    return bool(contact.pointers) or any(
        talk.is_contested(one.conversation) for one in contact.lines
    )


def _change_talks(contact: Contact, change: Callable[[Conversation], Conversation]) -> Contact:
    # A reply says "nothing" of many places: most change no conversation, and make none anew.
    lines = tuple(_with_talk(line, change(line.conversation)) for line in contact.lines)
    return contact if lines == contact.lines else replace(contact, lines=lines)


def _with_talk(line: Line, conversation: Conversation) -> Line:
    return line if conversation is line.conversation else replace(line, conversation=conversation)


def _deposited(contact: Contact, deposit: Deposit, *, stored: bool, moment: Moment) -> Step:
    place = deposit.id
    notices: tuple[Notice, ...] = ()
    if is_of_old_form(contact, deposit):
        # Another process may have taken a letter back since: both its forms have one place.
        return contact, ()
    contact = part_deposited(contact, deposit, stored=stored, now=moment.now)
    if contact.visiting is not None:
        visiting = answer_deposited(contact.visiting, place, stored=stored, moment=moment)
        if visiting.full != contact.visiting.full:
            notices = (Notice(NoticeKind.NO_RUN_FREE, contact.name),)
        contact = replace(contact, visiting=visiting)
    for one in contact.sets:
        point = point_deposited(one.point, place, stored=stored, moment=moment)
        contact = with_point(contact, point)
        if point.occupied and not one.point.occupied:
            notices = (*notices, Notice(NoticeKind.NUMBER_OCCUPIED, contact.name))
    said_of = partial(_said_of, deposit, stored=stored, now=moment.now)
    return _change_talks(contact, said_of), notices


def _said_of(deposit: Deposit, state: Conversation, *, stored: bool, now: int) -> Conversation:
    # As above, for what another process took back.
    ours = (*state.outbox, *state.farewell)
    if not any(out.place.id == deposit.id and out.box == deposit.box for out in ours):
        return state
    if stored:
        return talk.stored(state, deposit.id, now=now)
    return talk.occupied(state, deposit.id)


def _found(
    contact: Contact, place: MailboxId, box: bytes, moment: Moment, *, known: Profile
) -> Step:
    """Give a box to whoever of this contact expects it at *place*.

    *known* is the profile, which holds every reference and number given so far.
    """
    notices: tuple[Notice, ...] = ()
    if contact.visiting is not None:
        contact, notices = _found_as_guest(contact, contact.visiting, place, box, moment, known)
    for one in contact.sets:
        contact, said = _found_as_host(contact, one.point, place, box, moment, known)
        notices += said
    contact, said = _found_in_lines(contact, place, box, moment, known)
    return contact, (*notices, *said)


def _found_in_lines(
    contact: Contact, place: MailboxId, box: bytes, moment: Moment, known: Profile
) -> Step:
    contact, notices = _found_part(contact, place, box, moment, known)
    for position, line in enumerate(contact.lines):
        conversation, events = talk.receive(line.conversation, place, box, kem=moment.kem)
        body = next((e.body for e in events if isinstance(e, Arrived)), None)
        if conversation is not line.conversation and not _may_be_taken(
            contact, line, conversation, body, known
        ):
            # Left at the relay, neither acknowledged nor deleted, until some were read.
            continue
        if body is not None and timed_pointers.is_pointer(body) and not line.keeps:
            contact, said = timed_pointers.keep_pointer(
                contact, body, moment, through=line, left_at=(place, box)
            )
            notices += said
        elif conversation is not line.conversation:
            later = replace(line, conversation=conversation)
            contact, said = _happened(contact, later, position, events, moment)
            notices += said
        elif talk.is_shut(conversation, place, box):
            # It stays where it is: the relay may have damaged it, and give out a whole one yet.
            notices += (Notice(NoticeKind.BOX_SHUT, contact.name),)
    return contact, notices


def _may_be_taken(
    contact: Contact, line: Line, later: Conversation, body: Body | None, known: Profile
) -> bool:
    """Return whether there is room for what a box made of *line*: another state, and *body*."""
    share = share_of(contact, known.contacts)
    if not has_room_passing_over(contact, line, later, share):
        return False
    if body is None or goes_on_without_room(contact, line, body):
        return True
    return has_room(contact, share) and has_room_for(contact, line, body)


def _found_part(
    contact: Contact, place: MailboxId, box: bytes, moment: Moment, known: Profile
) -> Step:
    """Take a timed letter that is due; its pointer is acknowledged now, if it was left till now."""
    if not contact.pointers:
        return contact, ()
    full = not has_room_for_part(contact, share_of(contact, known.contacts))
    taken = None if full else timed_pointers.take(contact, place, box, moment.now)
    if taken is None:
        return (contact, ()) if full else timed_pointers.missed(contact, place, moment)
    contact, pointer = taken
    notices: tuple[Notice, ...] = (Notice(NoticeKind.LETTER_ARRIVED, contact.name),)
    for position, line in enumerate(contact.lines if pointer.place is not None else ()):
        conversation, events = talk.receive(
            line.conversation, pointer.place or place, pointer.box, kem=moment.kem
        )
        if conversation is not line.conversation:
            later = replace(line, conversation=conversation)
            rest = tuple(event for event in events if not isinstance(event, Arrived))
            contact, said = _happened(contact, later, position, rest, moment)
            notices += said
    return contact, notices


def _found_as_guest(
    contact: Contact,
    visiting: Visiting,
    place: MailboxId,
    box: bytes,
    moment: Moment,
    known: Profile,
) -> Step:
    if visiting.attempt is None:
        return _found_offer(contact, visiting, place, box, moment)
    if place == visiting.attempt.seen_at:
        if visiting.seen:
            return contact, ()
        contact = replace(contact, visiting=replace(visiting, seen=True))
        return contact, (Notice(NoticeKind.ANSWER_SEEN, contact.name),)
    confirmed = guest.confirm(visiting.attempt, place, box, kem=moment.kem)
    if confirmed is None:
        return contact, ()
    conversation, events = confirmed
    line = Line(
        conversation,
        kept=True,
        keeps=visiting.keeps,
        confirmed_at=moment.now,
        looks_until=ALWAYS,
        number=_next_number(known, contact),
    )
    coming = max((e.body.following for e in events if isinstance(e, Arrived)), default=0)
    contact = replace(contact, visiting=None, lines=(*contact.lines, line))
    contact, said = _happened(contact, line, len(contact.lines) - 1, events, moment)
    return contact, (Notice(NoticeKind.HOST_CONFIRMED, contact.name, coming), *said)


def _found_offer(
    contact: Contact, visiting: Visiting, place: MailboxId, box: bytes, moment: Moment
) -> Step:
    day = meeting_point.day_of(moment.relay_clock)
    if place not in guest.offer_places(visiting.seed, visiting.set_number, day):
        return contact, ()
    try:
        offer = guest.read_offer(visiting.seed, place, box, set_number=visiting.set_number)
        if offer.nonce in visiting.full:
            return contact, ()
        visiting = answer_offer(replace(visiting, run=0), offer, moment)
    except TooNew:
        return contact, (Notice(NoticeKind.TOO_NEW, contact.name),)
    except RemoteError:
        return contact, ()
    contact = replace(contact, visiting=visiting)
    return contact, (Notice(NoticeKind.OFFER_FOUND, contact.name),)


def _found_as_host(
    contact: Contact,
    point: MeetingPoint,
    place: MailboxId,
    box: bytes,
    moment: Moment,
    known: Profile,
) -> Step:
    found = meeting_point.confirm(point, place, box, kem=moment.kem)
    if found is not None:
        return _confirmed(contact, *found, moment, known)
    day = meeting_point.day_of(moment.relay_clock)
    for older in (False, True):
        at = meeting_point.answer_places(point, day=day, older=older).get(place)
        if at is not None:
            if not has_room_for_visits(contact, point, share_of(contact, known.contacts)):
                # One reply may bring several: the next is taken when there is room again.
                return contact, ()
            return _take(contact, point, at, box, moment)
    return contact, ()


def _take(
    contact: Contact, point: MeetingPoint, at: AnsweredRun, box: bytes, moment: Moment
) -> Step:
    taken = meeting_point.take(
        point,
        at,
        box,
        letters=letters_offered(contact, point, paired=meeting_point.has_alarm(point, at)),
        relay_clock=moment.relay_clock,
        now=moment.now,
        entropy=moment.entropy,
        kem=moment.kem,
    )
    contact = with_point(contact, taken)
    if taken.unconfirmed == point.unconfirmed:
        notice = Notice(NoticeKind.NUMBER_DISTURBED, contact.name)
        return contact, () if point.disturbed else (notice,)
    notices = [Notice(NoticeKind.GUEST_CAME, contact.name)]
    if taken.dead and not point.dead:
        notices.append(Notice(NoticeKind.SET_DEAD, contact.name, taken.unconfirmed))
    elif taken.closed and not point.closed:
        notices.append(Notice(NoticeKind.POINT_CLOSED, contact.name, taken.counted))
    return contact, tuple(notices)


def _confirmed(
    contact: Contact, point: MeetingPoint, confirmed: Confirmed, moment: Moment, known: Profile
) -> Step:
    kept = any(e.body.kept for e in confirmed.events if isinstance(e, Arrived))
    visit = confirmed.visit
    # Another visit may have spent the answers since this one was taken.
    spent = visit.spent or point.spent
    promised = visit.following if visit.paired else None
    line = Line(
        confirmed.conversation,
        kept=kept,
        keeps=True,
        confirmed_at=moment.now,
        looks_until=visit.until,
        number=_next_number(known, contact),
        alarm=confirmed.alarm,
        promised=promised,
        pairs=pairs_offered(visit),
        newest=known.references,
        held=spent,
    )
    kind = NoticeKind.GUEST_CONFIRMED_ALARM if confirmed.alarm else NoticeKind.GUEST_CONFIRMED
    notices = [Notice(kind, contact.name)]
    if spent:
        notices.append(Notice(NoticeKind.ANSWERS_WERE_SPENT, contact.name))
        contact = with_news(contact, NewsKind.HELD, line, moment.now)
    if confirmed.alarm:
        contact = with_news(contact, NewsKind.ALARM, line, moment.now)
    # Whoever looked on at a borrowed device has seen them, whichever word was the last.
    contact = with_point(contact, replace(point, spent=spent or not kept))
    if confirmed.alarm:
        # Somebody may have been made to type both words, and to confirm one of them.
        unopened = visit.branches[visit.coin].outbox
        contact = marked_possibly_read(contact, {out.reference for out in unopened} - {0})
    contact = replace(contact, lines=(*contact.lines, line))
    present = contact.present_set
    if not kept and (present is None or present.point.spent):
        notices.append(Notice(NoticeKind.NEW_QUESTIONS_NEEDED, contact.name))
    contact, said = _happened(contact, line, len(contact.lines) - 1, confirmed.events, moment)
    return contact, (*notices, *said)


def _happened(
    contact: Contact, line: Line, position: int, events: tuple[Event, ...], moment: Moment
) -> Step:
    """Record in *contact* what happened in its line at *position*, which is now *line*.

    Whether there is room for a letter was asked before. The box that confirms a visit is taken in
    any case and acknowledged, so its letter is kept in any case: one for each confirmation.
    """
    line = _with_receipt_due(line, moment)
    lines = list(contact.lines)
    lines[position] = line
    contact = replace(contact, lines=tuple(lines))
    notices: list[Notice] = []
    for event in events:
        match event:
            case Arrived(body) if timed_pointers.is_pointer(body):
                contact, said = timed_pointers.keep_pointer(contact, body, moment, through=line)
            case Arrived():
                contact, said = record_arrival(
                    contact, position, event, moment, _receipt_delay(moment)
                )
            case Settled(reference, outcome):
                contact, said = settle(
                    contact, reference, outcome, moment.now, forgets=not line.kept
                )
                if reference == contact.moves_with != 0:
                    arrived = outcome is Outcome.ARRIVED and all_know(contact)
                    contact = move(contact, contact.also, now=moment.now) if arrived else contact
            case Broken() if line.held:
                # Whoever is held says what he likes, and was promised nothing: it must not look as
                # if the conversation with the family had ended.
                said = ()
            case Broken():
                contact = with_news(contact, NewsKind.ENDED, line, moment.now)
                said = (Notice(NoticeKind.COPY_DETECTED, contact.name),)
            case _:
                assert_never(event)
        notices.extend(said)
    return contact, tuple(notices)


def _with_receipt_due(line: Line, moment: Moment) -> Line:
    """Say from when an acknowledgement goes out by itself, where the other side is owed one."""
    if not line.conversation.owes_receipt or not line.keeps or line.receipt_due_at:
        return line
    if line.kept:
        # To a side that acknowledges none of them they go more and more seldom; each is as large in
        # the vault as a letter.
        times = 2 ** min(unacknowledged_receipts(line), _MOST_DOUBLINGS)
        delay = min(MOST_RECEIPT_DELAY_SECONDS, times * _receipt_delay(moment))
        return replace(line, receipt_due_at=moment.now + delay)
    if line.promised is not None:
        # The outcome of a question is told at once to a side that forgets, and only after the right
        # answers is there a question: where there is an alarm word, every letter is answered.
        return replace(line, receipt_due_at=moment.now)
    return line


def _receipt_delay(moment: Moment) -> int:
    least, most = RECEIPT_DELAY_SECONDS
    return least + int.from_bytes(moment.entropy(4), "big") % (most - least)
