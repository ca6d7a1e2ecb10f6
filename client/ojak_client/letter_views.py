"""What a person sees of a letter, and what a program gets of it: one view for each kind.

Everything from the other side goes through `i18n.told`, which makes it safe, or is the text of a
letter, which the screen and the output make safe themselves.
"""

from dataclasses import field
from typing import assert_never

from ojak_client.i18n import told
from ojak_client.messages import Message
from ojak_client.profile import FIRST_SET, TheirLetter
from ojak_protocol.details import (
    NextNumber,
    NextQuestions,
    NextRelay,
    Parcel,
    Question,
    QuestionOutcome,
    QuestionReply,
    Stop,
    StopWhat,
)
from ojak_protocol.letters import details_of
from ojak_protocol.number import format_number
from ojak_protocol.values import dataclass


@dataclass(frozen=True, slots=True)
class View:
    """How one letter is shown."""

    event: str
    """What `--json` calls it."""
    text: str
    """Sentences in the person's language; of a text letter what the other side wrote."""
    fields: dict[str, object] = field(default_factory=dict)
    """What a program gets besides, unchanged, under stable keys."""


def view_of(letter: TheirLetter) -> View:
    """Return how *letter*, of a kind in `kinds.SHOWN`, is shown."""
    if letter.equal is not None:
        message = Message.SAME_ANSWER if letter.equal else Message.OTHER_ANSWER
        fields: dict[str, object] = {"question": letter.text, "equal": letter.equal}
        return View("compared", told(message, question=letter.text), fields)
    details = details_of(letter.kind, letter.details)
    match details:
        case None | Parcel() | QuestionReply() | QuestionOutcome():
            view = View("letter", letter.text)
        case Stop(StopWhat.DO_NOT_CONTACT):
            message = Message.STOP_HELD if letter.held else Message.STOP
            view = View("stop-asked", told(message), {"what": "contact"})
        case Stop():
            message = Message.STOP_MONEY_HELD if letter.held else Message.STOP_MONEY
            view = View("stop-asked", told(message), {"what": "money"})
        case NextQuestions(set_number, questions):
            view = _next_questions(set_number, questions)
        case NextNumber(number):
            shown = format_number(number)
            view = View("next-number", told(Message.NEXT_NUMBER, number=shown), {"number": shown})
        case NextRelay(address):
            text = told(Message.NEXT_RELAY, relay=address)
            view = View("next-relay", text, {"relay": address})
        case Question():
            text = told(Message.THEIR_QUESTION, question=letter.text)
            view = View("question", text, {"question": letter.text})
        case _:
            assert_never(details)
    return view


def _next_questions(set_number: int, questions: tuple[str, ...]) -> View:
    lines = [told(Message.NEXT_QUESTIONS, set=set_number)]
    if set_number != FIRST_SET:
        lines.append(told(Message.COME_WITH_SET, set=set_number))
    lines += [
        told(Message.SLIP_QUESTION, n=n, question=question)
        for n, question in enumerate(questions, 1)
    ]
    fields: dict[str, object] = {"set": set_number, "questions": list(questions)}
    return View("next-questions", "\n".join(lines), fields)
