"""`ojak answer NAME`: answer a question that came, so that the two answers are compared."""

from functools import partial

import click

from ojak_client import comparing
from ojak_client.answering import reply_to
from ojak_client.exit_codes import ExitCode
from ojak_client.failures import Failure
from ojak_client.help_texts import HelpText
from ojak_client.i18n import command_line, told
from ojak_client.invocation import Invocation
from ojak_client.messages import Message
from ojak_client.opening import choose_contact, open_vault
from ojak_client.passing_on import goes_early, pass_on
from ojak_client.profile import TheirQuestion
from ojak_client.stopping import confirm_writing
from ojak_client.verb import verb
from ojak_client.verb_options import answer_fd_option, name_argument, proxy_option


@verb(HelpText.ANSWER, examples=("ojak answer 엄마",))
@name_argument(required=False)
@answer_fd_option()
@click.option("--skip", is_flag=True, help=told(HelpText.SKIP))
@proxy_option()
def command(
    invocation: Invocation,
    name: str | None,
    *,
    answer_fd: int | None,
    skip: bool,
    proxy: str | None,
) -> ExitCode:
    """Answer the oldest open question, or let it go."""
    with open_vault(invocation) as store:
        contact = choose_contact(store.read(), name)
        if not contact.their_questions:
            raise Failure(Message.NO_QUESTION, command=command_line("read"))
        question = contact.their_questions[0]
        if skip:
            store.update(partial(comparing.skip, name=contact.name, question=question))
            invocation.output.say(Message.QUESTION_SKIPPED)
            return ExitCode.DONE
        if comparing.reaches_nobody(contact, question):
            raise Failure(Message.ALLOW_BEFORE_ANSWERING, command=command_line("allow"))
        confirm_writing(invocation, contact)
        _confirm_whose(invocation, question)
        reference = reply_to(
            invocation, store, contact, question, answer_fd, at_once=goes_early(contact)
        )
        if reference is None:
            raise Failure(Message.NO_QUESTION, command=command_line("read"))
        return pass_on(invocation, store, contact, reference, proxy)


def _confirm_whose(invocation: Invocation, question: TheirQuestion) -> None:
    """Whoever forces them, or is a stranger, learns from a true answer whether theirs was true."""
    if question.forced:
        refused, asked = Message.QUESTION_FORCED, Message.ASK_ANSWER_FORCED
    elif question.held:
        refused, asked = Message.QUESTION_HELD, Message.ASK_ANSWER_HELD
    else:
        return
    if invocation.inputs.no_input and not invocation.inputs.assume_yes:
        raise Failure(refused)
    if not invocation.inputs.confirm(asked):
        raise Failure(Message.NOT_DONE)
