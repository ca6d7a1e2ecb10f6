"""Asking our person for one answer, and replying with it to a question of the other side.

The answer is stretched and gone before anything is kept: what is kept of it tests nothing.
"""

import os
import time
from functools import partial

from ojak_client import comparing
from ojak_client.failures import Failure
from ojak_client.i18n import Text, told
from ojak_client.inputs import ANSWER_OPTION
from ojak_client.invocation import Invocation
from ojak_client.messages import Message
from ojak_client.profile import Contact, TheirQuestion, find
from ojak_client.store import Store
from ojak_protocol import comparison
from ojak_protocol.answers import CanonicalAnswer, canonical, understood
from ojak_protocol.errors import Refused
from ojak_protocol.stretch import argon2id


def ask_answer(
    invocation: Invocation, prompt: Text, question: str, answer_fd: int | None
) -> CanonicalAnswer:
    """Return our person's answer to *question*, typed on a screen that is erased.

    Raises:
        Refused: the answer cannot be used.
        Failure: nobody can be asked.
    """
    shown = told(prompt, question=question)
    (typed,) = invocation.inputs.answers(
        [shown], answer_fd, understood, option=ANSWER_OPTION, wrong_count=Message.ONE_LINE
    )
    with typed:
        return canonical(typed.text())


def reply_to(
    invocation: Invocation,
    store: Store,
    contact: Contact,
    question: TheirQuestion,
    answer_fd: int | None,
    *,
    at_once: bool,
) -> int | None:
    """Queue our person's reply to *question*, and return the reference of its letter.

    It is None where the question was answered meanwhile; nothing is queued then.

    Raises:
        Refused, Failure: as `ask_answer`; the question stays open.
        VaultError: nothing was queued.
    """
    answer = ask_answer(invocation, Message.ASK_ANSWER_TO_THEIRS, question.text, answer_fd)
    replied, body = comparison.reply(
        question.text,
        question.question,
        answer,
        used=contact.used_nonces,
        stretch=argon2id,
        entropy=os.urandom,
    )
    now = int(time.time())
    return store.update(
        lambda profile: comparing.answer(
            profile, contact.name, question, replied, body, at_once=at_once, now=now
        )
    )


def answer_now(invocation: Invocation, store: Store, name: str, answer_fd: int | None) -> int:
    """Ask for an answer to each open question, and return how many were given.

    For a borrowed device: a question that is not answered is gone, and nothing of it is sent.

    Args:
        invocation: whom to ask.
        store: where the contact is kept for the visit.
        name: of the contact.
        answer_fd: a descriptor that gives one answer; None: our person is asked.
    """
    given = 0
    contact = find(store.read(), name)
    for question in () if contact is None else contact.their_questions:
        if _answers(invocation, store, name, question, answer_fd):
            given += 1
        else:
            invocation.output.warn(Message.NOT_ANSWERED)
            store.update(partial(comparing.skip, name=name, question=question))
        answer_fd = None
    return given


def _answers(
    invocation: Invocation, store: Store, name: str, question: TheirQuestion, answer_fd: int | None
) -> bool:
    contact = find(store.read(), name)
    if contact is None or not _wants_to_answer(invocation, answer_fd):
        return False
    try:
        reference = reply_to(invocation, store, contact, question, answer_fd, at_once=True)
    except (Refused, Failure):
        if answer_fd is None:
            raise
        # What a script gave cannot be used. The rest of the visit must not suffer from it.
        return False
    return reference is not None


def _wants_to_answer(invocation: Invocation, answer_fd: int | None) -> bool:
    if answer_fd is not None:
        return True
    return not invocation.inputs.no_input and invocation.inputs.confirm(Message.ANSWER_NOW)
