"""`ojak reopen NAME`: let five more tries come to a number that was closed."""

from ojak_client.exit_codes import ExitCode
from ojak_client.failures import Failure
from ojak_client.help_texts import HelpText
from ojak_client.i18n import Text
from ojak_client.invocation import Invocation
from ojak_client.messages import Message
from ojak_client.opening import choose_contact, open_vault
from ojak_client.profile import Contact, Profile, QuestionSet, find, with_contact, with_point
from ojak_client.question_sets import find_set
from ojak_client.verb import verb
from ojak_client.verb_options import name_argument, set_option
from ojak_protocol import meeting_point


@verb(HelpText.REOPEN, examples=("ojak reopen 엄마",))
@name_argument(required=False)
@set_option()
def command(invocation: Invocation, name: str | None, *, set_number: int | None) -> ExitCode:
    """Ask once, then open the closed set of that number, or the only one that is closed."""
    with open_vault(invocation) as store:
        contact = choose_contact(store.read(), name)
        chosen = _closed_set(contact, set_number)
        point = chosen.point
        question = Message.ASK_REOPEN
        if not invocation.inputs.confirm(question, set=point.set_number, n=point.unconfirmed):
            raise Failure(Message.NOT_DONE)

        def change(profile: Profile) -> tuple[Profile, Text | None]:
            there = find(profile, contact.name)
            now = None if there is None else find_set(there, point.set_number)
            if there is None or now is None or now.point.right != point.right:
                return profile, Message.NOT_DONE
            if now.point.dead:
                return profile, Message.SET_DEAD
            there = with_point(there, meeting_point.reopen(now.point))
            return with_contact(profile, there), None

        failed = store.update(change)
        if failed is not None:
            raise Failure(failed, name=contact.name)
    invocation.output.say(Message.REOPENED, set=point.set_number)
    return ExitCode.DONE


def _closed_set(contact: Contact, set_number: int | None) -> QuestionSet:
    """Return the set to be opened.

    Raises:
        Failure: there is none that can be, or more than one and no number.
    """
    if set_number is not None:
        chosen = find_set(contact, set_number)
        if chosen is None:
            raise Failure(Message.UNKNOWN_SET, name=contact.name)
        found = [chosen]
    else:
        found = [one for one in contact.sets if one.point.closed]
        # One of twenty tries stays closed for good; it does not hide one that can be opened.
        found = [one for one in found if not one.point.dead] or found[:1]
    if len(found) > 1:
        raise Failure(Message.WHICH_SET, option="--set")
    if not found or not found[0].point.closed:
        raise Failure(Message.NOT_CLOSED, name=contact.name)
    if found[0].point.dead:
        raise Failure(Message.SET_DEAD, name=contact.name)
    return found[0]
