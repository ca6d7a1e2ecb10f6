"""What time and the person ask for, before anything is sent.

`prepare` lays offers, seals letters into conversations, lets old things go. It is pure; the
caller writes the profile it returns durably before a request made from it is sent.
"""

from dataclasses import replace
from typing import Final

from ojak_client.moment import Moment
from ojak_client.notices import Notice, NoticeKind
from ojak_client.profile import Contact, LetterState, Line, OurLetter, Profile, Visiting
from ojak_protocol import conversation as talk
from ojak_protocol import guest, meeting_point
from ojak_protocol.addresses import ID_BYTES, MailboxId
from ojak_protocol.errors import Exhausted
from ojak_protocol.letters import Body, Kind
from ojak_protocol.meeting_point import MeetingPoint

MOST_POLLS: Final = 64
FORGOTTEN_AFTER_SECONDS: Final = 24 * 3600
RECORDS_KEPT: Final = 50
"""How many letters that need no more care are remembered for `status`, without their text."""


Step = tuple[Contact, tuple[Notice, ...]]


def prepare(profile: Profile, relay: str, moment: Moment) -> tuple[Profile, tuple[Notice, ...]]:
    """Return the profile with everything done that is due for the contacts at *relay*."""
    contacts: list[Contact] = []
    notices: list[Notice] = []
    for contact in profile.contacts:
        said: tuple[Notice, ...] = ()
        if contact.relay == relay:
            contact, said = _prepare_contact(contact, moment)  # noqa: PLW2901 - same contact, later
        contacts.append(contact)
        notices.extend(said)
    profile = replace(profile, contacts=tuple(contacts))
    return _with_fillers(profile, moment), tuple(notices)


def _prepare_contact(contact: Contact, moment: Moment) -> Step:
    notices: tuple[Notice, ...] = ()
    if contact.point is not None:
        contact, notices = _prepare_point(contact, contact.point, moment)
    if contact.visiting is not None:
        contact = _leave_letter(contact, contact.visiting, moment)
    contact = _forget_lines(contact, moment)
    contact = replace(
        contact,
        lines=tuple(
            replace(line, conversation=talk.expire(line.conversation, now=moment.now))
            for line in contact.lines
        ),
    )
    contact = replace(contact, ours=_settle_expired(contact, moment.now))
    for position in range(len(contact.lines)):
        contact = _write_waiting(contact, position, moment)
    return contact, notices


def _prepare_point(contact: Contact, point: MeetingPoint, moment: Moment) -> Step:
    """Lay offers, and report visits that nobody confirmed while their guest was looking."""
    point, _ = meeting_point.forget_visits(point, now=moment.now)
    day = meeting_point.day_of(moment.relay_clock)
    point = meeting_point.lay(point, day=day, now=moment.now, entropy=moment.entropy)
    notices = []
    for visit in point.visits:
        if visit.reported or moment.relay_clock <= visit.until:
            continue
        point = meeting_point.change_visit(point, replace(visit, reported=True))
        contact = _possibly_read(contact, visit.references)
        if visit.counted:
            notices.append(Notice(NoticeKind.GUEST_UNCONFIRMED, contact.name, point.unconfirmed))
    return replace(contact, point=point), tuple(notices)


def _leave_letter(contact: Contact, visiting: Visiting, moment: Moment) -> Contact:
    """Write the oldest waiting letter into both branches, if the person chose to leave it."""
    attempt = visiting.attempt
    if attempt is None or not visiting.leaves_letter or not contact.waiting:
        return contact
    if attempt.branches[0].outbox:
        return contact
    letter = contact.waiting[0]
    body = Body(Kind.TEXT, letter.text, expires_at=letter.expires_at, kept=visiting.keeps)
    attempt = guest.leave_letter(
        attempt, body, reference=letter.reference, entropy=moment.entropy, kem=moment.kem
    )
    return replace(contact, visiting=replace(visiting, attempt=attempt))


def _possibly_read(contact: Contact, references: tuple[int, ...]) -> Contact:
    return replace(
        contact,
        ours=tuple(
            replace(letter, possibly_read=True) if letter.reference in references else letter
            for letter in contact.ours
        ),
    )


def _forget_lines(contact: Contact, moment: Moment) -> Contact:
    """Erase lines to sides that kept nothing; letters unacknowledged in them wait again."""
    old = [
        line
        for line in contact.lines
        if not line.kept and moment.now - line.confirmed_at >= FORGOTTEN_AFTER_SECONDS
    ]
    for line in old:
        contact = _possibly_read(contact, references_in(line))
    return replace(contact, lines=tuple(line for line in contact.lines if line not in old))


def _settle_expired(contact: Contact, now: int) -> tuple[OurLetter, ...]:
    """Take back letters past their time that are in no line; forget the oldest records."""
    sealed = {reference for line in contact.lines for reference in references_in(line)}
    letters = [
        replace(letter, text="", state=LetterState.TAKEN_BACK)
        if letter.state is LetterState.WAITING
        and 0 < letter.expires_at <= now
        and letter.reference not in sealed
        else letter
        for letter in contact.ours
    ]
    done = [letter for letter in letters if letter.state is not LetterState.WAITING]
    forgotten = {letter.reference for letter in done[:-RECORDS_KEPT]}
    return tuple(letter for letter in letters if letter.reference not in forgotten)


def references_in(line: Line) -> tuple[int, ...]:
    """Return which of our letters lie unacknowledged in *line*."""
    return tuple(out.reference for out in line.conversation.outbox if out.reference)


def _write_waiting(contact: Contact, position: int, moment: Moment) -> Contact:
    """Seal into one line what waits for it: letters, a guest's first box, or a receipt."""
    line = contact.lines[position]
    if line.conversation.broken or not _is_live(contact, line, moment):
        return contact
    offered = references_in(line)
    bodies = [
        (letter.reference, Body(Kind.TEXT, letter.text, expires_at=letter.expires_at))
        for letter in contact.waiting
        if letter.reference not in offered
    ]
    if not bodies and (_first_box_due(line) or 0 < line.receipt_due_at <= moment.now):
        bodies = [(0, Body(Kind.GREETING))]
    for reference, body in bodies:
        try:
            line = _write(line, reference, body, moment)
        except Exhausted:
            break
    lines = list(contact.lines)
    lines[position] = line
    return replace(contact, lines=tuple(lines))


def _write(line: Line, reference: int, body: Body, moment: Moment) -> Line:
    # A guest tells in every box of its first chain whether its state stays: any of them may be
    # the one that arrives first.
    sending = line.conversation.ratchet.sending
    if sending is not None and sending.number == 0 and _is_guest(line):
        body = replace(body, kept=line.keeps)
    written = talk.write(
        line.conversation, body, reference=reference, entropy=moment.entropy, kem=moment.kem
    )
    return replace(line, conversation=written, receipt_due_at=0)


def _is_live(contact: Contact, line: Line, moment: Moment) -> bool:
    """Whether somebody may still look at what we write into *line*."""
    if not line.kept:
        return moment.relay_clock <= line.looks_until
    kept = [other for other in contact.lines if other.kept and not other.conversation.broken]
    return line is kept[-1]


def _is_guest(line: Line) -> bool:
    sending = line.conversation.ratchet.sending
    return sending is not None and sending.number == 0 and not any(sending.keys.ct)


def _first_box_due(line: Line) -> bool:
    sending = line.conversation.ratchet.sending
    return sending is not None and sending.index == 0 and _is_guest(line)


def _with_fillers(profile: Profile, moment: Moment) -> Profile:
    """Draw new fillers when any conversation began a new chain, and keep them until then."""
    steps = 1 + sum(_steps(line) for contact in profile.contacts for line in contact.lines)
    if steps == profile.steps and len(profile.fillers) == MOST_POLLS:
        return profile
    fillers = tuple(MailboxId(moment.entropy(ID_BYTES)) for _ in range(MOST_POLLS))
    return replace(profile, fillers=fillers, steps=steps)


def _steps(line: Line) -> int:
    ratchet = line.conversation.ratchet
    return sum(chain.number + 1 for chain in (ratchet.sending, ratchet.receiving) if chain)
