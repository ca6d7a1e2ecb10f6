"""`ojak questions NAME`: another set of questions for the same number, and word of it to them."""

import click

from ojak_client.asking import ask_questions, ask_set_answers, warn_if_weak
from ojak_client.exit_codes import ExitCode
from ojak_client.failures import Failure
from ojak_client.help_texts import HelpText
from ojak_client.i18n import Text, told
from ojak_client.invocation import Invocation
from ojak_client.messages import Message
from ojak_client.opening import choose_contact, open_vault
from ojak_client.our_letters import with_letter
from ojak_client.profile import Profile, QuestionSet, find, with_contact
from ojak_client.question_sets import add_set, find_set, next_set_number
from ojak_client.sharing import check_room
from ojak_client.telling import show_questions, show_set
from ojak_client.verb import verb
from ojak_client.verb_options import answers_fd_option, name_argument, questions_option, set_option
from ojak_protocol.details import NextQuestions
from ojak_protocol.letters import Body, Kind, encode_body
from ojak_protocol.meeting_point import MeetingPoint


@verb(HelpText.QUESTIONS, examples=("ojak questions 엄마",))
@name_argument(required=False)
@questions_option()
@set_option()
@click.option("--agreed", is_flag=True, help=told(HelpText.AGREED))
@answers_fd_option()
def command(
    invocation: Invocation,
    name: str | None,
    *,
    questions: tuple[str, ...],
    set_number: int | None,
    agreed: bool,
    answers_fd: int | None,
) -> ExitCode:
    """Ask for questions and answers, keep the set, and tell the family of it in a letter."""
    with open_vault(invocation) as store:
        contact = choose_contact(store.read(), name)
        if not contact.sets:
            raise Failure(Message.NO_NUMBER, name=contact.name)
        number = set_number or next_set_number(contact)
        if find_set(contact, number) is not None:
            raise Failure(Message.SET_EXISTS, set=number)
        asked = ask_questions(invocation, questions)
        details = NextQuestions(number, asked)
        # Refused now rather than when it is sealed: a letter that does not fit is never kept.
        encode_body(Body(Kind.QUESTIONS, details=details))
        old = contact.sets[0].point
        stretched = ask_set_answers(
            invocation, old.seed, set_number=number, questions=asked, answers_fd=answers_fd
        )
        warn_if_weak(invocation, stretched)
        point = MeetingPoint(
            old.number, old.seed, number, stretched.answers, alarm=None, bits=stretched.bits
        )

        def add(profile: Profile) -> tuple[Profile, Text | None]:
            there = find(profile, contact.name)
            if there is None or find_set(there, number) is not None:
                return profile, Message.NOT_DONE
            more = add_set(there, QuestionSet(point, asked))
            if more is None:
                return profile, Message.TOO_MANY_SETS
            profile = with_contact(profile, more)
            check_room(profile.contacts)
            if not agreed:
                profile = with_letter(
                    profile,
                    contact.name,
                    "",
                    expires_at=0,
                    at_once=False,
                    kind=Kind.QUESTIONS,
                    details=details,
                )
            return profile, None

        failed = store.update(add)
        if failed is not None:
            raise Failure(failed)
    show_set(invocation.output, number)
    show_questions(invocation.output, asked)
    invocation.output.say(Message.SET_AGREED if agreed else Message.SET_TOLD)
    return ExitCode.DONE
