"""The sentence for each notice."""

from collections.abc import Collection, Iterable
from contextlib import suppress
from typing import Final, Protocol

from ojak_client.due_times import local_time
from ojak_client.errors import VaultBusy, VaultFull, VaultUnusable
from ojak_client.i18n import Text
from ojak_client.messages import Message
from ojak_client.news import as_told
from ojak_client.notices import Notice, NoticeKind
from ojak_client.output import Output
from ojak_client.profile import FIRST_SET, Contact, News, NewsKind
from ojak_client.store import Store
from ojak_client.timed_pointers import later
from ojak_protocol.number import Number, format_number


class Say(Protocol):
    """A way of `Output` to say a sentence."""

    def __call__(self, message: Text, **values: object) -> None:
        """Say it."""


_SENTENCES: Final = {
    NoticeKind.GUEST_CAME: Message.GUEST_CAME,
    NoticeKind.GUEST_CONFIRMED: Message.GUEST_CONFIRMED,
    NoticeKind.GUEST_CONFIRMED_ALARM: Message.GUEST_CONFIRMED_ALARM,
    NoticeKind.ANSWERS_WERE_SPENT: Message.ANSWERS_WERE_SPENT,
    NoticeKind.NEW_QUESTIONS_NEEDED: Message.NEW_QUESTIONS_NEEDED,
    NoticeKind.GUEST_UNCONFIRMED: Message.SOMEONE_CAME,
    NoticeKind.POINT_CLOSED: Message.POINT_CLOSED,
    NoticeKind.SET_DEAD: Message.SET_DEAD,
    NoticeKind.NUMBER_OCCUPIED: Message.NUMBER_TAKEN,
    NoticeKind.NUMBER_DISTURBED: Message.NUMBER_DISTURBED,
    NoticeKind.HOST_CONFIRMED: Message.CONFIRMED,
    NoticeKind.LETTER_ARRIVED: Message.NEW_LETTER,
    NoticeKind.ANSWER_ARRIVED: Message.NEW_ANSWER,
    NoticeKind.LETTER_COLLECTED: Message.COLLECTED,
    NoticeKind.LETTER_READ: Message.RECEIVED,
    NoticeKind.LETTER_EXPIRED: Message.EXPIRED_UNREAD,
    NoticeKind.LETTER_TAKEN_BACK: Message.TAKEN_BACK,
    NoticeKind.LETTER_NOT_TAKEN_BACK: Message.NOT_TAKEN_BACK,
    NoticeKind.POINTER_COLLECTED: Message.TIMED_KNOWN,
    NoticeKind.POINTER_NOT_TAKEN_BACK: Message.TIMED_NOT_TAKEN_BACK,
    NoticeKind.LETTER_GONE: Message.EXPIRED,
    NoticeKind.COPY_DETECTED: Message.COPY,
    NoticeKind.BOX_SHUT: Message.BOX_SHUT,
    NoticeKind.RELAY_FULL: Message.REFUSED,
    NoticeKind.TOO_NEW: Message.TOO_NEW,
}
"""Notices missing here need no sentence of their own: steps of a visit, which the verb itself
tells, and a lost letter, which goes again by itself."""


_NEWS: Final = {
    NewsKind.ALARM: Message.ALARM_VISIT,
    NewsKind.HELD: Message.HELD_VISIT,
    NewsKind.ENDED: Message.CONVERSATION_ENDED,
}


def tell_news(say: Say, name: str, news: Iterable[News]) -> None:
    """Tell what happened with the contact called *name*, when, and by which visit."""
    for one in news:
        say(_NEWS[one.kind], name=name, when=local_time(one.at), visit=one.line)


def mark_told(store: Store, told: Collection[News]) -> None:
    """Keep in mind what was written and read; what cannot be kept is told once more."""
    if told:
        with suppress(VaultBusy, VaultFull, VaultUnusable):
            store.update(lambda profile: (as_told(profile, told), None))


def show_slip(
    output: Output, number: Number, relay: str, set_number: int, questions: tuple[str, ...]
) -> None:
    """Write what the go-between is given, and what only the family is to know."""
    output.show(Message.YOUR_NUMBER, number=format_number(number))
    output.show(Message.SLIP_RELAY, relay=relay)
    if set_number != FIRST_SET:
        show_set(output, set_number)
    show_questions(output, questions)
    output.say(Message.SLIP_NOTE)
    output.say(Message.SLIP_QUESTIONS_NOTE)


def show_set(output: Output, set_number: int) -> None:
    """Write which set it is, and what to type to come with it where something has to be typed."""
    output.show(Message.SET_KEPT, set=set_number)
    if set_number != FIRST_SET:
        output.show(Message.COME_WITH_SET, set=set_number)


def show_questions(output: Output, questions: tuple[str, ...]) -> None:
    """Write the questions of a set, one a line."""
    for n, question in enumerate(questions, 1):
        output.show(Message.SLIP_QUESTION, n=n, question=question)


def tell_later(output: Output, contact: Contact, *, own: bool, now: int) -> int:
    """Say when the nearest letter opens that is not due yet, and return how many there are.

    On a borrowed device the person has to come again; their own opens it by itself.
    """
    due = later(contact, now)
    if due and own:
        output.say(Message.LETTER_FOR_LATER, name=contact.name, when=local_time(due[0]))
    elif due:
        output.say(Message.COME_AGAIN, when=local_time(due[0]))
    return len(due)


def tell(output: Output, notices: Iterable[Notice]) -> None:
    """Say what happened, with the name of the contact and the count where the sentence has them."""
    for notice in notices:
        message = _SENTENCES.get(notice.kind)
        if notice.kind is NoticeKind.LETTER_FOR_LATER:
            when = local_time(notice.count)
            output.warn(Message.LETTER_FOR_LATER, name=notice.contact, when=when)
        elif message is not None:
            output.warn(message, name=notice.contact, n=notice.count)
