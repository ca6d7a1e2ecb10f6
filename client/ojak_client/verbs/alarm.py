"""`ojak alarm NAME`: an alarm word for a set of questions, and the harmless letters it needs."""

import time

import click

from ojak_client.asking import ask_alarm_word
from ojak_client.exit_codes import ExitCode
from ojak_client.failures import Failure
from ojak_client.help_texts import HelpText
from ojak_client.i18n import Text, told
from ojak_client.invocation import Invocation
from ojak_client.messages import Message
from ojak_client.opening import choose_contact, open_vault
from ojak_client.our_letters import with_letter
from ojak_client.profile import Contact, Profile, Role, find, with_contact, with_point
from ojak_client.question_sets import find_set
from ojak_client.typed import usable_text
from ojak_client.verb import verb
from ojak_client.verb_options import answers_fd_option, name_argument, set_option
from ojak_protocol.errors import Exhausted
from ojak_protocol.meeting_point import change_alarm, day_of


@verb(HelpText.ALARM, examples=("ojak alarm 엄마",))
@name_argument()
@set_option()
@click.option("--none", "no_word", is_flag=True, help=told(HelpText.NO_ALARM))
@answers_fd_option(HelpText.ALARM_FD)
def command(
    invocation: Invocation,
    name: str,
    *,
    set_number: int | None,
    no_word: bool,
    answers_fd: int | None,
) -> ExitCode:
    """Ask for the answers once more and for the alarm word, and keep at least one harmless letter.

    The vault has no answers, so the alarm word alone would not do.
    """
    with open_vault(invocation) as store:
        contact = choose_contact(store.read(), name)
        chosen = find_set(contact, set_number)
        if chosen is None:
            raise Failure(Message.UNKNOWN_SET, name=contact.name)
        alarm = None if no_word else ask_alarm_word(invocation, chosen, answers_fd=answers_fd)
        harmless = None if no_word else _harmless_letter(invocation, contact, answers_fd)

        def change(profile: Profile) -> tuple[Profile, Text | None]:
            there = find(profile, contact.name)
            now = None if there is None else find_set(there, chosen.point.set_number)
            if there is None or now is None or now.point.right != chosen.point.right:
                return profile, Message.NOT_DONE
            try:
                point = change_alarm(now.point, alarm, day=day_of(int(time.time())))
            except Exhausted:
                return profile, Message.ALARM_CHANGED_OFTEN
            profile = with_contact(profile, with_point(there, point))
            if harmless is not None:
                profile = with_letter(
                    profile,
                    contact.name,
                    harmless,
                    expires_at=0,
                    at_once=True,
                    role=Role.COUNTERPART,
                )
            return profile, None

        failed = store.update(change)
        if failed is not None:
            raise Failure(failed)
    invocation.output.say(Message.ALARM_REMOVED if no_word else Message.ALARM_KEPT)
    if not no_word:
        invocation.output.say(Message.ALARM_LIMIT)
    return ExitCode.DONE


def _harmless_letter(
    invocation: Invocation, contact: Contact, answers_fd: int | None
) -> str | None:
    """Return the first harmless letter; None where some are kept already."""
    if contact.waiting_as(Role.COUNTERPART):
        return None
    text = invocation.inputs.letter(taken_fds=(answers_fd,), about=Message.ABOUT_HARMLESS)
    return usable_text(text)
