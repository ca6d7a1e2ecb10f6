"""`ojak forget NAME`: erase everything about one contact. It asks once."""

import os
import time

from ojak_client.due_times import local_time
from ojak_client.errors import NoAnswer, RelayRefused, UnusableSetting
from ojak_client.exit_codes import ExitCode
from ojak_client.failures import Failure
from ojak_client.forgetting import Owed, forget, last_requests, owed, uncollected
from ojak_client.help_texts import HelpText
from ojak_client.i18n import command_line
from ojak_client.invocation import Invocation
from ojak_client.messages import Message
from ojak_client.opening import choose_contact, connect, open_vault
from ojak_client.profile import Profile
from ojak_client.store import MemoryStore
from ojak_client.verb import verb
from ojak_client.verb_options import name_argument, proxy_option


@verb(HelpText.FORGET, examples=("ojak forget 엄마",))
@name_argument()
@proxy_option()
def command(invocation: Invocation, name: str, *, proxy: str | None) -> ExitCode:
    """Erase first, then tell the relay what is to be deleted there, as far as it is reached."""
    with open_vault(invocation) as store:
        contact = choose_contact(store.read(), name)
        if not invocation.inputs.confirm(Message.ASK_FORGET, name=contact.name):
            raise Failure(Message.NOT_WIPED)
        lying = uncollected(contact)
        take_back = not lying or invocation.inputs.confirm(Message.ASK_TAKE_BACK, n=lying)
        forgotten = store.update(lambda profile: forget(profile, contact.name))
    if forgotten is None:
        raise Failure(Message.UNKNOWN_NAME, command=command_line("contacts"), name=contact.name)
    # It is done, whatever becomes of the rest.
    invocation.output.say(Message.FORGOTTEN, name=contact.name)
    left = owed(forgotten, take_back=take_back, now=int(time.time()))
    told = _tell_relays(left, proxy)
    if not told:
        invocation.output.warn(Message.RELAY_NOT_TOLD)
    until = left.lies_anyway_until if told else left.lies_until
    if until:
        invocation.output.say(Message.LIES_UNTIL, when=local_time(until))
    return ExitCode.DONE


def _tell_relays(left: Owed, proxy: str | None) -> bool:
    """Delete at every relay what can be deleted, and return whether all of them were told."""
    told = [_tell(left, relay, proxy) for relay in left.relays] if left.keys else []
    return all(told)


def _tell(left: Owed, relay: str, proxy: str | None) -> bool:
    try:
        # Nothing is kept of it any more: the connection needs no store.
        with connect(MemoryStore(Profile()), relay, proxy) as exchange:
            for request in last_requests(left, os.urandom):
                exchange.ask(request)
    except (NoAnswer, RelayRefused, UnusableSetting):
        return False
    return True
