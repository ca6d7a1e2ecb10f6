"""`ojak allow NAME`: give letters to whoever came with answers that a stranger may have seen."""

import time
from functools import partial

from ojak_client.exit_codes import ExitCode
from ojak_client.failures import Failure
from ojak_client.help_texts import HelpText
from ojak_client.invocation import Invocation
from ojak_client.messages import Message
from ojak_client.opening import choose_contact, connect, open_vault
from ojak_client.profile import Profile, find, with_contact
from ojak_client.question_sets import allow_held
from ojak_client.rounds import run_errands
from ojak_client.telling import tell
from ojak_client.verb import verb
from ojak_client.verb_options import name_argument, proxy_option


@verb(HelpText.ALLOW, examples=("ojak allow 엄마",))
@name_argument()
@proxy_option()
def command(invocation: Invocation, name: str, *, proxy: str | None) -> ExitCode:
    """Ask once, then let the letters that wait go to the visit that is held, at once."""
    with open_vault(invocation) as store:
        contact = choose_contact(store.read(), name)
        if not any(line.held for line in contact.lines):
            raise Failure(Message.NOBODY_HELD, name=contact.name)
        if not invocation.inputs.confirm(Message.ASK_ALLOW):
            raise Failure(Message.NOT_DONE)

        def allow(profile: Profile) -> tuple[Profile, int]:
            there = find(profile, contact.name)
            if there is None:
                return profile, 0
            # The relay's clock is not known here; the device's is near enough to say whether
            # somebody still looks, and nothing else depends on it.
            now = int(time.time())
            there, looking = allow_held(there, relay_clock=now, newest=profile.references)
            return with_contact(profile, there), looking

        if not store.update(allow):
            invocation.output.say(Message.ALLOWED_LATE)
            return ExitCode.DONE
        invocation.output.say(Message.ALLOWED)
        # The guest is waiting for it: what `ojak keep` has asked last may be held for 25 s more.
        with connect(store, contact.relay, proxy, partial(tell, invocation.output)) as exchange:
            run_errands(exchange)
    return ExitCode.DONE
