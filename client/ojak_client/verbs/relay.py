"""`ojak relay NAME ADDRESS`: another relay for the same person, and word of it to them."""

import time

import click

from ojak_client.exit_codes import ExitCode
from ojak_client.failures import Failure
from ojak_client.help_texts import HelpText
from ojak_client.i18n import Text, told
from ojak_client.invocation import Invocation
from ojak_client.messages import Message
from ojak_client.moving import begin_move, move
from ojak_client.opening import choose_contact, open_vault
from ojak_client.our_letters import with_letter
from ojak_client.pairing import is_told_of_a_move
from ojak_client.profile import Profile, find, get, with_contact
from ojak_client.relay_url import parse_relay_url
from ojak_client.verb import verb
from ojak_client.verb_options import name_argument
from ojak_protocol.details import MOST_ADDRESS_CHARACTERS, NextRelay
from ojak_protocol.letters import Kind


@verb(HelpText.NEW_RELAY, examples=("ojak relay 엄마 https://relay.example",))
@name_argument()
@click.argument("address", metavar=told(HelpText.RELAY_METAVAR))
def command(invocation: Invocation, name: str, *, address: str) -> ExitCode:
    """Go to another relay: at once where nobody can be told, else once they have read of it."""
    relay = str(parse_relay_url(address))
    if len(relay) > MOST_ADDRESS_CHARACTERS:
        raise Failure(Message.BAD_RELAY)
    with open_vault(invocation) as store:
        contact = choose_contact(store.read(), name)
        now = int(time.time())

        def change(profile: Profile) -> tuple[Profile, Text]:
            there = find(profile, contact.name)
            if there is None or relay in there.relays:
                return profile, Message.SAME_RELAY
            if there.moves_with:
                return profile, Message.MOVING_ALREADY
            if not is_told_of_a_move(there):
                return with_contact(profile, move(there, relay, now=now)), Message.MOVED
            profile = with_letter(
                profile,
                there.name,
                "",
                expires_at=0,
                at_once=False,
                kind=Kind.RELAY,
                details=NextRelay(relay),
            )
            told_them = get(profile, there.name)
            moving = begin_move(told_them, relay, reference=profile.references, now=now)
            return with_contact(profile, moving), Message.MOVE_TOLD

        said = store.update(change)
        if said not in {Message.MOVED, Message.MOVE_TOLD}:
            raise Failure(said)
        invocation.output.say(said)
        if said is Message.MOVE_TOLD and any(one.point.alarm for one in contact.sets):
            invocation.output.say(Message.MOVE_AND_ALARM)
        if contact.sets:
            invocation.output.say(Message.SLIP_CHANGED)
    return ExitCode.DONE
