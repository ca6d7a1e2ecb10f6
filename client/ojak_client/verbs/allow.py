"""`ojak allow NAME`: give letters to whoever came with answers that a stranger may have seen."""

import time
from contextlib import suppress
from functools import partial

from ojak_client.due_times import local_time
from ojak_client.exit_codes import ExitCode
from ojak_client.failures import Failure
from ojak_client.help_texts import HelpText
from ojak_client.invocation import Invocation
from ojak_client.messages import Message
from ojak_client.opening import choose_contact, connect, open_vault
from ojak_client.passing_on import NOT_SAVED
from ojak_client.profile import Contact, Line, Profile, with_contact
from ojak_client.question_sets import allow_held, held_lines, unread_of
from ojak_client.rounds import run_errands
from ojak_client.telling import tell
from ojak_client.verb import verb
from ojak_client.verb_options import name_argument, proxy_option


@verb(HelpText.ALLOW, examples=("ojak allow 엄마",))
@name_argument(required=False)
@proxy_option()
def command(invocation: Invocation, name: str | None, *, proxy: str | None) -> ExitCode:
    """Ask about each visit that is held until one gets a yes; its letters go at once."""
    with open_vault(invocation) as store:
        contact = choose_contact(store.read(), name)
        # The relay's clock is not known here; the device's is near enough to say whether somebody
        # still looks, and nothing else depends on it.
        held = held_lines(contact, relay_clock=int(time.time()))
        if not held:
            raise Failure(Message.NOBODY_HELD, name=contact.name)
        if len(held) > 1 and invocation.inputs.assume_yes:
            # A yes to whichever comes first might give everything to the stranger of two.
            raise Failure(Message.SEVERAL_HELD, n=len(held))
        chosen = next((line for line in held if _is_meant(invocation, contact, line)), None)
        if chosen is None:
            raise Failure(Message.NOT_DONE)

        def allow(profile: Profile) -> tuple[Profile, bool]:
            # By what it holds and not by its name, which another window may give to somebody else.
            there = next((one for one in profile.contacts if _holds(one, chosen)), None)
            if there is None:
                return profile, False
            there, looking = allow_held(
                there, chosen, relay_clock=int(time.time()), newest=profile.references
            )
            return with_contact(profile, there), looking

        if not store.update(allow):
            invocation.output.say(Message.ALLOWED_LATE)
            return ExitCode.DONE
        invocation.output.say(Message.ALLOWED)
        # The guest is waiting for it: what `ojak keep` has asked last may be held for 25 s more.
        with (
            # The yes was saved before; the next connection does what this one could not save.
            suppress(*NOT_SAVED),
            connect(store, contact.relay, proxy, partial(tell, invocation.output)) as exchange,
        ):
            run_errands(exchange)
    return ExitCode.DONE


def _is_meant(invocation: Invocation, contact: Contact, line: Line) -> bool:
    # By the time, and by what came with it, our person can tell who of several came.
    unread = unread_of(contact, line)
    if unread:
        invocation.output.warn(Message.READ_BEFORE_ALLOWING, visit=line.number, n=unread)
    return invocation.inputs.confirm(
        Message.ASK_ALLOW, visit=line.number, when=local_time(line.confirmed_at), n=line.brought
    )


def _holds(contact: Contact, line: Line) -> bool:
    return any(one.number == line.number for one in contact.lines)
