"""What a box of the other side that was opened means for its contact, kind by kind.

Most kinds become a letter that waits to be read. Questions between two go their own way first, and
a stop is remembered at once, unless it came from somebody who is forced or may be a stranger. Pure,
as all of `apply` is.
"""

from ojak_client import comparing
from ojak_client.moment import Moment
from ojak_client.notices import Notice, NoticeKind
from ojak_client.profile import Contact, TheirLetter, with_one_more
from ojak_protocol.conversation import Arrived
from ojak_protocol.details import Question, QuestionOutcome, QuestionReply, Stop, StopWhat
from ojak_protocol.letters import Kind, encode_details
from ojak_protocol.values import replace


def record_arrival(
    contact: Contact, position: int, arrived: Arrived, moment: Moment, receipt_delay_seconds: int
) -> tuple[Contact, tuple[Notice, ...]]:
    """Return the contact with what came through its line at *position*, and what to tell of it.

    Args:
        contact: with the line as it is after the box was opened.
        position: of the line.
        arrived: what the box says, and in which order it was written.
        moment: now.
        receipt_delay_seconds: after how long a receipt goes where both sides keep their state.
    """
    body = arrived.body
    if body.kind in {Kind.GREETING, Kind.WITHDRAWN}:
        return contact, ()
    line = contact.lines[position]
    came = TheirLetter(
        contact.arrivals + 1,
        body.kind,
        body.text,
        details=b"" if body.details is None else encode_details(body.details),
        forced=line.alarm,
        held=line.held,
        written=(line.number, arrived.chain, arrived.index),
    )
    letter: TheirLetter | None = came
    match body.details:
        case Question() | QuestionReply() | QuestionOutcome() as details:
            contact, letter = comparing.hear(contact, position, came, details, moment)
            contact = comparing.owe_outcome(contact, position, moment, receipt_delay_seconds)
        case Stop(StopWhat.DO_NOT_CONTACT) if not (came.forced or came.held):
            contact = replace(contact, asked_to_stop=True)
    if letter is None:
        return contact, ()
    contact = replace(contact, arrivals=letter.reference, theirs=_in_order(contact.theirs, letter))
    contact = with_one_more(contact, letter.written[0])
    compared = letter.equal is not None
    kind = NoticeKind.ANSWER_ARRIVED if compared else NoticeKind.LETTER_ARRIVED
    return contact, (Notice(kind, contact.name),)


def _in_order(theirs: tuple[TheirLetter, ...], letter: TheirLetter) -> tuple[TheirLetter, ...]:
    """Return *theirs* with *letter* before those of its line that were written after it."""
    line, *place = letter.written
    for position, other in enumerate(theirs):
        other_line, *other_place = other.written
        if line and other_line == line and other_place > place:
            return (*theirs[:position], letter, *theirs[position:])
    return (*theirs, letter)
