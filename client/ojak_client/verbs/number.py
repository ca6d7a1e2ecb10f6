"""`ojak number NAME`: another number for the same person, when the old one is burned."""

import os

from ojak_client.asking import ask_same_answers
from ojak_client.exit_codes import ExitCode
from ojak_client.failures import Failure
from ojak_client.help_texts import HelpText
from ojak_client.invocation import Invocation
from ojak_client.messages import Message
from ojak_client.opening import choose_contact, open_vault
from ojak_client.our_letters import with_letter
from ojak_client.profile import Profile, QuestionSet, find, with_contact
from ojak_client.question_sets import with_new_number
from ojak_client.telling import show_slip
from ojak_client.verb import verb
from ojak_client.verb_options import answers_fd_option, name_argument
from ojak_protocol.details import NextNumber
from ojak_protocol.letters import Kind
from ojak_protocol.meeting_point import MeetingPoint
from ojak_protocol.number import new_number


@verb(HelpText.NEW_NUMBER, examples=("ojak number 엄마",))
@name_argument(required=False)
@answers_fd_option()
def command(invocation: Invocation, name: str | None, *, answers_fd: int | None) -> ExitCode:
    """Ask for the answers once more, take a new number, and tell the family of it in a letter.

    Answers are stretched with the number, and the vault has no answers: they are typed again.
    """
    with open_vault(invocation) as store:
        contact = choose_contact(store.read(), name)
        present = contact.present_set
        if present is None:
            raise Failure(Message.NO_NUMBER, name=contact.name)
        number = new_number(os.urandom)
        stretched = ask_same_answers(invocation, present, number, answers_fd=answers_fd)
        point = MeetingPoint(
            number,
            stretched.seed,
            present.point.set_number,
            stretched.answers,
            alarm=None,
            bits=present.point.bits,
            # The answers are the same, whoever has seen them.
            spent=present.point.spent,
        )

        def change(profile: Profile) -> tuple[Profile, bool]:
            there = find(profile, contact.name)
            if there is None or there.present_set is None:
                return profile, False
            there = with_new_number(there, QuestionSet(point, present.questions))
            profile = with_contact(profile, there)
            if there.lines:
                profile = with_letter(
                    profile,
                    contact.name,
                    "",
                    expires_at=0,
                    at_once=False,
                    kind=Kind.NUMBER,
                    details=NextNumber(number),
                )
            return profile, True

        if not store.update(change):
            raise Failure(Message.NOT_DONE)
    show_slip(invocation.output, number, contact.relay, point.set_number, present.questions)
    if len(contact.sets) > 1 or any(one.point.alarm is not None for one in contact.sets):
        invocation.output.warn(Message.NUMBER_DROPPED)
    return ExitCode.DONE
