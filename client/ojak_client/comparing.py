"""Questions that one side puts to the other, from the letter that asks to the one that concludes.

This file alone decides which question may still be answered, and which reply still counts:

- A nonce is used from the moment our person puts a question or answers one, for as long as the
  contact is kept. A question with a used nonce never reaches our person.
- The state of a question of ours goes with the write that records its outcome. A second reply
  finds nothing and changes nothing, so it is no second guess.
- What a reply was made from is kept by the very write that queues it. A crash before it leaves
  the question unanswered; after it, the same bytes go again.

Everything here is pure. What is kept is bounded by number and by time.

Source: docs/protocol.md, "Questions between two".
"""

from typing import Final

from ojak_client.moment import Moment
from ojak_client.our_letters import EXPIRES_AFTER_SECONDS, with_letter
from ojak_client.profile import (
    Contact,
    OurQuestion,
    OurReply,
    Profile,
    Role,
    TheirLetter,
    TheirQuestion,
    find,
    get,
    with_contact,
)
from ojak_client.settling import answered
from ojak_protocol import comparison
from ojak_protocol.comparison import Asked, Replied
from ojak_protocol.details import Question, QuestionOutcome, QuestionReply
from ojak_protocol.letters import Body, Kind, details_of
from ojak_protocol.values import replace

MOST_OPEN: Final = 8
"""How many questions of one contact are open at a time, in each state. Of ours no more are put;
of what follows from theirs the newest stay."""
OPEN_SECONDS: Final = 60 * 24 * 3600
"""How long a question stays open: a letter travels for 30 days at most, and its reply as well."""
WARNING_BELOW_BITS: Final = 7
"""A third of what three answers should have: below this the person is warned of one answer."""


def may_ask(contact: Contact) -> bool:
    """Return whether one more question may be put to *contact*."""
    return len(contact.our_questions) < MOST_OPEN


def ask(
    profile: Profile, name: str, asked: Asked, body: Body, *, at_once: bool, now: int
) -> tuple[Profile, int | None]:
    """Return the profile with the letter of `comparison.ask` waiting to go, and its reference.

    The reference is None, and nothing is changed, where no more questions may be put.

    Raises:
        ContactGone: there is no such contact.
    """
    contact = get(profile, name)
    if not may_ask(contact):
        return profile, None
    question = OurQuestion(asked, now, reference=profile.references + 1)
    contact = replace(
        contact,
        our_questions=(*contact.our_questions, question),
        used_nonces=(*contact.used_nonces, asked.nonce),
    )
    profile = _with_body(profile, contact, body, Role.FAMILY, at_once=at_once, now=now)
    return profile, profile.references


def answer(
    profile: Profile,
    name: str,
    question: TheirQuestion,
    replied: Replied,
    body: Body,
    *,
    at_once: bool,
    now: int,
) -> tuple[Profile, int | None]:
    """Return the profile with the letter of `comparison.reply` waiting to go, and its reference.

    The reference is None, and nothing is changed, where *question* is no longer open: then *body*
    must not be sent. The reply to a question that came with the alarm word goes to nobody else.
    """
    contact = find(profile, name)
    nonce = question.question.nonce
    if contact is None or nonce in contact.used_nonces or question not in contact.their_questions:
        return profile, None
    contact = replace(
        contact,
        their_questions=tuple(one for one in contact.their_questions if one != question),
        our_replies=(*contact.our_replies, OurReply(question.text, replied, now))[-MOST_OPEN:],
        used_nonces=(*contact.used_nonces, nonce),
    )
    role = Role.FORCED if question.forced else Role.FAMILY
    profile = _with_body(profile, contact, body, role, at_once=at_once, now=now)
    return profile, profile.references


def reaches_nobody(contact: Contact, question: TheirQuestion) -> bool:
    """Return whether no reply to *question* would reach whoever put it.

    It came through a conversation that is still held, or is gone: what our person writes goes to
    the family, to whom it says nothing, and the question could never be answered any more.
    """
    if not question.held or not question.line:
        return False
    return all(line.held or line.number != question.line for line in contact.lines)


def leave_open(contact: Contact, letter: TheirLetter, now: int) -> Contact:
    """Return the contact after the question *letter* was shown: it can be answered from now on."""
    question = details_of(letter.kind, letter.details)
    if not isinstance(question, Question):
        return contact
    line, *_ = letter.written
    shown = TheirQuestion(letter.text, question, now, letter.forced, letter.held, line)
    return replace(contact, their_questions=(*contact.their_questions, shown)[-MOST_OPEN:])


def skip(profile: Profile, name: str, question: TheirQuestion) -> tuple[Profile, bool]:
    """Return the profile without *question*, unanswered, and whether it was there."""
    contact = find(profile, name)
    if contact is None or question not in contact.their_questions:
        return profile, False
    left = tuple(one for one in contact.their_questions if one != question)
    return with_contact(profile, replace(contact, their_questions=left)), True


def hear(
    contact: Contact,
    position: int,
    letter: TheirLetter,
    details: Question | QuestionReply | QuestionOutcome,
    moment: Moment,
) -> tuple[Contact, TheirLetter | None]:
    """Return the contact after *details* arrived, and what our person is to read of it.

    Nobody is to read what belongs to no open question, or repeats one.

    Args:
        contact: as it was before.
        position: of the line through which they came.
        letter: the letter as it arrived.
        details: what it carries.
        moment: now.
    """
    match details:
        case Question():
            return contact, None if _is_known(contact, details.nonce) else letter
        case QuestionReply():
            return _conclude(contact, position, letter, details, moment)
        case QuestionOutcome():
            return _learn(contact, letter, details)


def owe_outcome(contact: Contact, position: int, moment: Moment, delay_seconds: int) -> Contact:
    """Return the contact with a receipt due where an outcome is to be written into its line.

    An outcome sent at once would tell an observer as much as such a receipt. A side that forgets
    its state waits for it now, and is answered at once in any case.
    """
    line = contact.lines[position]
    if not line.outcomes or line.receipt_due_at:
        return contact
    delay = delay_seconds if line.kept and line.keeps else 0
    lines = list(contact.lines)
    lines[position] = replace(line, receipt_due_at=moment.now + delay)
    return replace(contact, lines=tuple(lines))


def forget_old(contact: Contact, now: int) -> Contact:
    """Return the contact without questions that stayed open too long.

    However the clock was set since: one that is far away in either direction has no meaning left.
    Nonces stay, because answering one again would be a second guess at any time.
    """

    def young(one: OurQuestion | TheirQuestion | OurReply) -> bool:
        return abs(now - one.at) < OPEN_SECONDS

    return replace(
        contact,
        our_questions=tuple(filter(young, contact.our_questions)),
        their_questions=tuple(filter(young, contact.their_questions)),
        our_replies=tuple(filter(young, contact.our_replies)),
    )


def _with_body(
    profile: Profile, contact: Contact, body: Body, role: Role, *, at_once: bool, now: int
) -> Profile:
    return with_letter(
        with_contact(profile, contact),
        contact.name,
        body.text,
        expires_at=now + EXPIRES_AFTER_SECONDS,
        at_once=at_once,
        role=role,
        kind=Kind(body.kind),
        details=body.details,
    )


def _is_known(contact: Contact, nonce: bytes) -> bool:
    """Return whether a question with *nonce* was put, answered, or came before and is still here.

    Our own comes back when the other side wants our person to answer it in its place.
    """
    unread = (details_of(one.kind, one.details) for one in contact.theirs)
    return (
        nonce in contact.used_nonces
        or any(nonce == one.question.nonce for one in contact.their_questions)
        or any(isinstance(one, Question) and one.nonce == nonce for one in unread)
    )


def _conclude(
    contact: Contact, position: int, letter: TheirLetter, reply: QuestionReply, moment: Moment
) -> tuple[Contact, TheirLetter | None]:
    ours = next((one for one in contact.our_questions if one.asked.nonce == reply.nonce), None)
    if ours is None:
        return contact, None
    equal, body = comparison.conclude(ours.asked, reply, entropy=moment.entropy)
    lines = list(contact.lines)
    if isinstance(body.details, QuestionOutcome):
        line = lines[position]
        lines[position] = replace(line, outcomes=(*line.outcomes, body.details))
    contact = replace(
        answered(contact, ours.reference),
        lines=tuple(lines),
        our_questions=tuple(one for one in contact.our_questions if one is not ours),
    )
    return contact, replace(letter, text=ours.asked.question, details=b"", equal=equal)


def _learn(
    contact: Contact, letter: TheirLetter, outcome: QuestionOutcome
) -> tuple[Contact, TheirLetter | None]:
    ours = next((one for one in contact.our_replies if one.replied.nonce == outcome.nonce), None)
    if ours is None:
        return contact, None
    left = tuple(one for one in contact.our_replies if one is not ours)
    equal = comparison.learn(ours.replied, outcome)
    return replace(contact, our_replies=left), replace(
        letter, text=ours.text, details=b"", equal=equal
    )
