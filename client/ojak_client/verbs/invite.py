"""`ojak invite`: prepare a meeting point and print its slip."""

import os

import click

from ojak_client.asking import ask_answers, ask_questions, warn_if_weak
from ojak_client.exit_codes import ExitCode
from ojak_client.failures import Failure
from ojak_client.help_texts import HelpText
from ojak_client.i18n import told
from ojak_client.invocation import Invocation
from ojak_client.messages import Message
from ojak_client.opening import open_or_create_vault
from ojak_client.profile import FIRST_SET, Contact, Profile, QuestionSet, find, with_contact
from ojak_client.relay_url import parse_relay_url
from ojak_client.sharing import check_room
from ojak_client.telling import show_slip
from ojak_client.typed import usable_name
from ojak_client.verb import verb
from ojak_client.verb_options import answers_fd_option, questions_option
from ojak_protocol.meeting_point import MeetingPoint
from ojak_protocol.number import new_number


@verb(HelpText.INVITE, examples=("ojak invite --relay https://relay.example",))
@click.option("--name", help=told(HelpText.NAME), metavar=told(HelpText.NAME_METAVAR))
@questions_option()
@answers_fd_option()
def command(
    invocation: Invocation, name: str | None, questions: tuple[str, ...], answers_fd: int | None
) -> ExitCode:
    """Ask for name, questions and answers, keep the point, print number, relay and questions."""
    relay = str(parse_relay_url(invocation.require_relay()))
    name = usable_name(name or invocation.inputs.line(Message.ASK_NAME, option="--name"))
    questions = ask_questions(invocation, questions)
    with open_or_create_vault(invocation) as store:
        if find(store.read(), name) is not None:
            raise Failure(Message.NAME_EXISTS, name=name)
        number = new_number(os.urandom)
        stretched = ask_answers(
            invocation, number, set_number=FIRST_SET, questions=questions, answers_fd=answers_fd
        )
        warn_if_weak(invocation, stretched)
        point = MeetingPoint(
            number=number,
            seed=stretched.seed,
            set_number=FIRST_SET,
            right=stretched.answers,
            alarm=None,
            bits=stretched.bits,
        )
        contact = Contact(name, relay, sets=(QuestionSet(point, questions),))

        def add(profile: Profile) -> tuple[Profile, bool]:
            if find(profile, name) is not None:
                return profile, False
            profile = with_contact(profile, contact)
            check_room(profile.contacts)
            return profile, True

        if not store.update(add):
            raise Failure(Message.NAME_EXISTS, name=name)
    show_slip(invocation.output, number, relay, FIRST_SET, questions)
    invocation.output.say(Message.NOW_KEEP)
    return ExitCode.DONE
