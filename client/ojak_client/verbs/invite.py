"""`ojak invite`: prepare a meeting point and print its slip."""

import os
from typing import Final

import click

from ojak_client.asking import Stretched, ask_answers
from ojak_client.exit_codes import ExitCode
from ojak_client.failures import Failure
from ojak_client.help_texts import HelpText
from ojak_client.i18n import told
from ojak_client.invocation import Invocation
from ojak_client.messages import Message
from ojak_client.opening import open_or_create_vault
from ojak_client.profile import Contact, Profile, QuestionSet, find, with_contact
from ojak_client.relay_url import parse_relay_url
from ojak_client.verb import verb
from ojak_protocol.details import MOST_QUESTION_CHARACTERS
from ojak_protocol.estimate import WARNING_BELOW_BITS
from ojak_protocol.meeting_point import MeetingPoint
from ojak_protocol.number import format_number, new_number

QUESTIONS: Final = 3
MOST_NAME_CHARACTERS: Final = 40


@verb(HelpText.INVITE, examples=("ojak invite --relay https://relay.example",))
@click.option("--name", help=told(HelpText.NAME), metavar=told(HelpText.NAME_METAVAR))
@click.option("--question", "questions", multiple=True, help=told(HelpText.QUESTION))
@click.option("--answers-fd", type=click.IntRange(min=0), help=told(HelpText.ANSWERS_FD))
def command(
    invocation: Invocation, name: str | None, questions: tuple[str, ...], answers_fd: int | None
) -> ExitCode:
    """Ask for name, questions and answers, keep the point, print number, relay and questions."""
    relay = str(parse_relay_url(invocation.require_relay()))
    name = usable_name(name or invocation.inputs.line(Message.ASK_NAME, option="--name"))
    questions = _questions(invocation, questions)
    with open_or_create_vault(invocation) as store:
        if find(store.read(), name) is not None:
            raise Failure(Message.NAME_EXISTS, name=name)
        number = new_number(os.urandom)
        stretched = ask_answers(
            invocation, number, set_number=1, questions=questions, answers_fd=answers_fd
        )
        _warn_if_weak(invocation, stretched)
        point = MeetingPoint(
            number=number,
            seed=stretched.seed,
            set_number=1,
            right=stretched.answers,
            alarm=None,
            bits=stretched.bits,
        )
        contact = Contact(name, relay, sets=(QuestionSet(point, questions),))

        def add(profile: Profile) -> tuple[Profile, bool]:
            if find(profile, name) is not None:
                return profile, False
            return with_contact(profile, contact), True

        if not store.update(add):
            raise Failure(Message.NAME_EXISTS, name=name)
    _print_slip(invocation, relay, format_number(number), questions)
    return ExitCode.DONE


def usable_name(name: str) -> str:
    """Return *name* as a contact may be called.

    Raises:
        Failure: it is empty, long, or has characters that cannot be shown.
    """
    name = " ".join(name.split())
    if not name or len(name) > MOST_NAME_CHARACTERS or not name.isprintable():
        raise Failure(Message.NAME_UNUSABLE)
    return name


def _questions(invocation: Invocation, given: tuple[str, ...]) -> tuple[str, ...]:
    if not given:
        invocation.output.say(Message.ABOUT_QUESTIONS)
        given = tuple(
            invocation.inputs.line(Message.ASK_QUESTION, option="--question", n=n)
            for n in range(1, QUESTIONS + 1)
        )
    questions = tuple(" ".join(question.split()) for question in given)
    if len(questions) != QUESTIONS or not all(questions):
        raise Failure(Message.THREE_QUESTIONS)
    if any(len(question) > MOST_QUESTION_CHARACTERS for question in questions):
        raise Failure(Message.TOO_BIG)
    return questions


def _warn_if_weak(invocation: Invocation, stretched: Stretched) -> None:
    if stretched.bits >= WARNING_BELOW_BITS:
        return
    invocation.output.warn(Message.WEAK_ANSWERS)
    if not invocation.inputs.no_input and not invocation.inputs.confirm(Message.ASK_WEAK_ANSWERS):
        raise Failure(Message.NOT_DONE)


def _print_slip(
    invocation: Invocation, relay: str, number: str, questions: tuple[str, ...]
) -> None:
    output = invocation.output
    output.show(Message.YOUR_NUMBER, number=number)
    output.show(Message.SLIP_RELAY, relay=relay)
    for n, question in enumerate(questions, 1):
        output.show(Message.SLIP_QUESTION, n=n, question=question)
    output.say(Message.SLIP_NOTE)
    output.say(Message.SLIP_QUESTIONS_NOTE)
    output.say(Message.NOW_KEEP)
