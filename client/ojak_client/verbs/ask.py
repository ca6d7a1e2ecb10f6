"""`ojak ask NAME`: put a question of one's own, and compare two answers without telling either."""

import os
import time

import click

from ojak_client import comparing
from ojak_client.answering import ask_answer
from ojak_client.exit_codes import ExitCode
from ojak_client.failures import Failure
from ojak_client.help_texts import HelpText
from ojak_client.i18n import told
from ojak_client.invocation import Invocation
from ojak_client.messages import Message
from ojak_client.opening import choose_contact, open_vault
from ojak_client.passing_on import goes_early, pass_on
from ojak_client.stopping import confirm_writing
from ojak_client.verb import verb
from ojak_client.verb_options import answer_fd_option, name_argument, proxy_option
from ojak_protocol import comparison
from ojak_protocol.answers import CanonicalAnswer
from ojak_protocol.details import check_question
from ojak_protocol.errors import Refused
from ojak_protocol.estimate import answer_bits
from ojak_protocol.stretch import argon2id


@verb(HelpText.ASK, examples=("ojak ask 엄마",))
@name_argument()
@click.option(
    "--question",
    metavar=told(HelpText.QUESTION_METAVAR),
    help=told(HelpText.OWN_QUESTION),
)
@answer_fd_option()
@proxy_option()
def command(
    invocation: Invocation,
    name: str,
    *,
    question: str | None,
    answer_fd: int | None,
    proxy: str | None,
) -> ExitCode:
    """Keep the question and try to send it."""
    with open_vault(invocation) as store:
        contact = choose_contact(store.read(), name)
        confirm_writing(invocation, contact)
        if not comparing.may_ask(contact):
            raise Failure(Message.TOO_MANY_QUESTIONS)
        question = _usable_question(
            question or invocation.inputs.line(Message.ASK_OWN_QUESTION, option="--question")
        )
        answer = ask_answer(invocation, Message.ASK_OWN_ANSWER, question, answer_fd)
        _warn_if_weak(invocation, answer)
        asked, body = comparison.ask(question, answer, stretch=argon2id, entropy=os.urandom)
        early, now = goes_early(contact), int(time.time())
        reference = store.update(
            lambda profile: comparing.ask(
                profile, contact.name, asked, body, at_once=early, now=now
            )
        )
        if reference is None:
            raise Failure(Message.TOO_MANY_QUESTIONS)
        invocation.output.say(Message.ONE_GUESS)
        return pass_on(invocation, store, contact, reference, proxy)


def _usable_question(question: str) -> str:
    question = " ".join(question.split())
    try:
        check_question(question)
    except Refused:
        # `from None`: the sentences for answers do not fit.
        raise Failure(Message.QUESTION_UNUSABLE) from None
    return question


def _warn_if_weak(invocation: Invocation, answer: CanonicalAnswer) -> None:
    if answer_bits(answer) >= comparing.WARNING_BELOW_BITS:
        return
    invocation.output.warn(Message.WEAK_ANSWER)
    if not invocation.inputs.no_input and not invocation.inputs.confirm(Message.ASK_WEAK_ANSWER):
        raise Failure(Message.NOT_DONE)
