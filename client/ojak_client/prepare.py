"""What time and the person ask for, before anything is sent.

`prepare` lays offers, seals letters into conversations, lets old things go. It is pure; the
caller writes the profile it returns durably before a request made from it is sent.
"""

from functools import partial
from typing import Final

from ojak_client import news
from ojak_client.comparing import forget_old
from ojak_client.moment import Moment
from ojak_client.moving import settle_move
from ojak_client.notices import Notice, NoticeKind
from ojak_client.old_lines import forget_lines
from ojak_client.our_letters import (
    EXPIRES_AFTER_SECONDS,
    body_of,
    in_state,
    left_references,
    marked_possibly_read,
    sealed_references,
    was_offered,
)
from ojak_client.outgoing_room import Sealed, reserved, sealed_in
from ojak_client.pairing import Going, after_sealing, going_into
from ojak_client.profile import (
    Contact,
    Fillers,
    LetterState,
    Line,
    OurLetter,
    Profile,
    Visiting,
    with_point,
)
from ojak_client.sharing import Share, Sharing, shares
from ojak_client.timed_parts import forget_parts
from ojak_protocol import conversation as talk
from ojak_protocol import guest, meeting_point, visits
from ojak_protocol.addresses import ID_BYTES, MailboxId
from ojak_protocol.conversation import Conversation
from ojak_protocol.errors import Exhausted
from ojak_protocol.letters import Body, Kind
from ojak_protocol.meeting_point import MeetingPoint
from ojak_protocol.ratchet import begins_chain
from ojak_protocol.values import replace
from ojak_protocol.visits import VISIT_SECONDS

MOST_POLLS: Final = 64
MOST_OUTCOMES: Final = 12
"""How many outcomes a side is told that acknowledges nothing."""
LAID_AGAIN_SECONDS: Final = 6 * 3600
VISITING_SECONDS: Final = 2 * VISIT_SECONDS
"""How long an answer of ours is waited on: a host may take it late, and reply later still."""
RECORDS_KEPT: Final = 50
"""How many letters that need no more care are remembered for `status`, without their text."""


Step = tuple[Contact, tuple[Notice, ...]]


def prepare(
    profile: Profile, relay: str, moment: Moment, *, sharing: Sharing = shares
) -> tuple[Profile, tuple[Notice, ...]]:
    """Return the profile with everything done that is due for the contacts at *relay*."""
    contacts: list[Contact] = []
    notices: list[Notice] = []
    share = sharing(profile.contacts)
    least = reserved(len(profile.contacts))

    def taken_by(contact: Contact) -> Sealed:
        return sealed_in((contact,)).at_least(least)

    taken_before = [*map(taken_by, profile.contacts)]
    taken = sum(taken_before, Sealed())
    for contact, own in zip(profile.contacts, taken_before, strict=True):
        later = contact
        if contact.relay == relay:
            others = taken - own
            later, said = _prepare_contact(contact, share[contact.name], moment, others)
            if later is not contact:
                taken = others + taken_by(later)
            notices.extend(said)
        contacts.append(later)
    profile = replace(profile, contacts=tuple(contacts))
    return _with_fillers(profile, relay, moment), tuple(notices)


def _prepare_contact(contact: Contact, share: Share, moment: Moment, others: Sealed) -> Step:
    notices: tuple[Notice, ...] = ()
    for one in contact.sets:
        contact, said = _prepare_point(contact, one.point, moment)
        notices += said
    contact = _lay_again(contact, moment)
    if contact.visiting is not None:
        contact = _visit(contact, contact.visiting, moment)
    contact = settle_move(forget_lines(contact, share, moment), now=moment.now)
    contact = forget_old(forget_parts(contact, moment.now), moment.now)
    contact = news.forget_old(contact, moment.now)
    contact = replace(
        contact,
        lines=tuple(
            replace(line, conversation=_conversation_due(line, moment)) for line in contact.lines
        ),
    )
    contact = replace(contact, ours=_settle_expired(contact, moment.now))
    for position in range(len(contact.lines)):
        sealed = others + sealed_in((contact,))
        contact = _write_waiting(contact, position, moment, sealed)
    return contact, notices


def _conversation_due(line: Line, moment: Moment) -> Conversation:
    """Take back what is past its time, and tell the other side of a copy, once."""
    state = talk.expire(line.conversation, now=moment.now)
    if state.owes_end and line.kept:
        state = talk.end(state, entropy=moment.entropy, kem=moment.kem)
    return state


def _prepare_point(contact: Contact, point: MeetingPoint, moment: Moment) -> Step:
    """Lay offers, and report visits that nobody confirmed while their guest was looking.

    A guest may say that it looks for a thousand years: then the visit is reported when it goes.
    """
    point, gone = meeting_point.forget_visits(point, now=moment.now)
    for visit in point.visits:
        # In both branches at one moment: else the relay sees which of them is real.
        expired = visits.change_branches(visit, partial(talk.expire, now=moment.now))
        if expired != visit:
            point = meeting_point.change_visit(point, expired)
    day = meeting_point.day_of(moment.relay_clock)
    point = meeting_point.lay(point, day=day, now=moment.now, entropy=moment.entropy)
    notices = []
    over = (visit for visit in point.visits if visit.until < moment.relay_clock)
    for visit in (*gone, *over):
        if visit.reported:
            continue
        point = meeting_point.change_visit(point, replace(visit, reported=True))
        contact = marked_possibly_read(contact, visit.references)
        if was_offered(visit):
            notices.append(Notice(NoticeKind.GUEST_UNCONFIRMED, contact.name, point.unconfirmed))
    return with_point(contact, point), tuple(notices)


def _lay_again(contact: Contact, moment: Moment) -> Contact:
    """Set the offers of today and tomorrow to be laid once more, every few hours.

    A relay may have lost them, or never kept them. Where they lie, the same bytes change nothing.
    """
    if not contact.sets or abs(moment.now - contact.offers_again_at) < LAID_AGAIN_SECONDS:
        return contact
    today = meeting_point.day_of(moment.relay_clock)
    for one in contact.sets:
        offers = tuple(
            replace(laid, laid=False) if laid.day in {today, today + 1} else laid
            for laid in one.point.offers
        )
        contact = with_point(contact, replace(one.point, offers=offers))
    return replace(contact, offers_again_at=moment.now)


def _visit(contact: Contact, visiting: Visiting, moment: Moment) -> Contact:
    """Write the oldest waiting letter into both branches, if the person chose to leave it.

    An answer that nobody can confirm any more is forgotten; another one is the person's to give,
    because it is another guess.
    """
    attempt = visiting.attempt
    if attempt is None:
        return contact
    if abs(moment.now - visiting.answered_at) >= VISITING_SECONDS:
        contact = marked_possibly_read(contact, left_references(contact))
        return replace(contact, visiting=None)
    if not visiting.leaves_letter or not contact.waiting or attempt.branches[0].outbox:
        return contact
    letter = contact.waiting[0]
    body = replace(body_of(letter), kept=visiting.keeps)
    attempt = guest.leave_letter(
        attempt, body, reference=letter.reference, entropy=moment.entropy, kem=moment.kem
    )
    return replace(contact, visiting=replace(visiting, attempt=attempt))


def _settle_expired(contact: Contact, now: int) -> tuple[OurLetter, ...]:
    """Take back letters past their time that lie nowhere; forget the oldest records."""
    # Who came to a number may have read what was offered, or confirm the visit yet and tell.
    sealed = sealed_references(contact)
    letters = [
        in_state(letter, LetterState.EXPIRED)
        if letter.state is LetterState.WAITING
        and 0 < letter.expires_at <= now
        and letter.reference not in sealed
        else letter
        for letter in contact.ours
    ]
    # What was asked back and is sealed no more went with whoever never told what became of it.
    done = [
        letter
        for letter in letters
        if letter.state is not LetterState.WAITING and letter.reference not in sealed
    ]
    forgotten = {letter.reference for letter in done[:-RECORDS_KEPT]}
    return tuple(letter for letter in letters if letter.reference not in forgotten)


def _write_waiting(contact: Contact, position: int, moment: Moment, sealed: Sealed) -> Contact:
    """Seal into one line what waits for it: letters, a guest's first box, or a receipt."""
    line = contact.lines[position]
    if not is_live(contact, line, moment.relay_clock):
        return contact
    # By number and not by kind: what stands in the place of a letter takes no place of a receipt.
    room = min(sealed.room_for_letters(line), talk.places_for_letters(line.conversation))
    going = going_into(contact, line, moment.now)[:room]
    receipts = sealed.room_for_receipts(line)
    due = _first_box_due(line) or (0 < line.receipt_due_at <= moment.now and receipts > 0)
    if going or due:
        going += [Going(0, body) for body in _outcomes(line, moment.now)[:receipts]]
    if not going and due:
        going = [Going(0, Body(Kind.GREETING))]
    for one in going:
        try:
            line = after_sealing(_write(line, one.reference, one.body, moment), one)
        except Exhausted:
            break
        if one.body.kind == Kind.OUTCOME:
            line = replace(line, outcomes=line.outcomes[1:])
    lines = list(contact.lines)
    lines[position] = line
    return replace(contact, lines=tuple(lines))


def _outcomes(line: Line, now: int) -> list[Body]:
    """Return the outcomes that go into *line* now; a side that acknowledges nothing gets few."""
    expires_at = now + EXPIRES_AFTER_SECONDS
    room = max(0, MOST_OUTCOMES - len(line.conversation.outbox))
    return [
        Body(Kind.OUTCOME, details=outcome, expires_at=expires_at)
        for outcome in line.outcomes[:room]
    ]


def _write(line: Line, reference: int, body: Body, moment: Moment) -> Line:
    # A guest tells in every box of its first chain whether its state stays: any of them may be
    # the one that arrives first.
    if _is_guest(line) and not begins_chain(line.conversation.ratchet):
        body = replace(body, kept=line.keeps)
    written = talk.write(
        line.conversation, body, reference=reference, entropy=moment.entropy, kem=moment.kem
    )
    return replace(line, conversation=written, receipt_due_at=0)


def is_live(contact: Contact, line: Line, relay_clock: int) -> bool:
    """Return whether somebody may still look at what we write into *line*."""
    if line.conversation.broken:
        return False
    if not line.kept:
        return relay_clock <= line.looks_until
    # A line that is held does not take the place of one that is not: that needs our person's yes.
    kept = [
        other
        for other in contact.lines
        if other.kept and other.held is line.held and not other.conversation.broken
    ]
    return line is kept[-1]


def _is_guest(line: Line) -> bool:
    sending = line.conversation.ratchet.sending
    return sending is not None and sending.number == 0 and not any(sending.keys.ct)


def _first_box_due(line: Line) -> bool:
    sending = line.conversation.ratchet.sending
    return sending is not None and sending.index == 0 and _is_guest(line)


def _with_fillers(profile: Profile, relay: str, moment: Moment) -> Profile:
    """Draw new fillers when a conversation there began a new chain, and keep them until then."""
    steps = sum(
        _steps(line)
        for contact in profile.contacts
        if relay in contact.relays
        for line in contact.lines
    )
    if any(one.relay == relay and one.steps == steps for one in profile.fillers):
        return profile
    ids = tuple(MailboxId(moment.entropy(ID_BYTES)) for _ in range(MOST_POLLS))
    others = tuple(one for one in profile.fillers if one.relay != relay)
    return replace(profile, fillers=(*others, Fillers(relay, steps, ids)))


def _steps(line: Line) -> int:
    ratchet = line.conversation.ratchet
    return sum(chain.number + 1 for chain in (ratchet.sending, ratchet.receiving) if chain)
