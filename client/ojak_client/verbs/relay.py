"""`ojak relay NAME ADDRESS`: another relay for the same person, and word of it to them."""

import time
from functools import partial

import click

from ojak_client.errors import RelayRefused
from ojak_client.exit_codes import ExitCode
from ojak_client.failures import Failure
from ojak_client.help_texts import HelpText
from ojak_client.i18n import Text, told
from ojak_client.invocation import Invocation
from ojak_client.messages import Message
from ojak_client.moving import begin_move, move
from ojak_client.opening import choose_contact, is_answering, open_vault
from ojak_client.our_letters import with_letter
from ojak_client.pairing import is_told_of_a_move
from ojak_client.profile import Profile, find, get, with_contact
from ojak_client.relay_url import parse_relay_url
from ojak_client.verb import verb
from ojak_client.verb_options import name_argument, proxy_option
from ojak_protocol.details import MOST_ADDRESS_CHARACTERS, NextRelay
from ojak_protocol.letters import Kind


@verb(HelpText.NEW_RELAY, examples=("ojak relay 엄마 https://relay.example",))
@name_argument()
@click.argument("address", metavar=told(HelpText.RELAY_METAVAR))
@proxy_option()
def command(invocation: Invocation, name: str, *, address: str, proxy: str | None) -> ExitCode:
    """Go to another relay: at once where nobody can be told, else once they have read of it.

    At once, too, where they were before and from where they cannot be told.
    """
    relay = str(parse_relay_url(address))
    if len(relay) > MOST_ADDRESS_CHARACTERS:
        raise Failure(Message.BAD_RELAY)
    with open_vault(invocation) as store:
        contact = choose_contact(store.read(), name)
        if relay not in contact.relays:
            _make_sure(invocation, relay, proxy)
        is_cut_off = relay == contact.also and _is_cut_off(contact.relay, proxy)
        change = partial(_moved, name=contact.name, relay=relay, is_cut_off=is_cut_off)
        said = store.update(change)
        if said not in {Message.MOVED, Message.BACK_AND_TOLD, Message.MOVE_TOLD}:
            raise Failure(said)
        invocation.output.say(said)
        if said is not Message.MOVED and any(one.point.alarm for one in contact.sets):
            invocation.output.say(Message.MOVE_AND_ALARM)
        if contact.sets:
            invocation.output.say(Message.SLIP_CHANGED)
    return ExitCode.DONE


def _moved(profile: Profile, *, name: str, relay: str, is_cut_off: bool) -> tuple[Profile, Text]:
    """Return the profile on its way to *relay*, and what to say of it.

    Who is cut off from the relay of now could tell nobody there that they leave it.
    """
    contact, now = find(profile, name), int(time.time())
    if contact is None or relay == contact.relay:
        return profile, Message.SAME_RELAY
    if contact.moves_with:
        return profile, Message.MOVING_ALREADY
    if not is_told_of_a_move(contact):
        return with_contact(profile, move(contact, relay, now=now)), Message.MOVED
    profile = with_letter(
        profile,
        name,
        "",
        expires_at=0,
        at_once=False,
        kind=Kind.RELAY,
        details=NextRelay(relay),
    )
    contact = get(profile, name)
    if is_cut_off:
        return with_contact(profile, move(contact, relay, now=now)), Message.BACK_AND_TOLD
    moving = begin_move(contact, relay, reference=profile.references, now=now)
    return with_contact(profile, moving), Message.MOVE_TOLD


def _is_cut_off(relay: str, proxy: str | None) -> bool:
    try:
        return not is_answering(relay, proxy)
    except RelayRefused:
        # It is reached: what it refuses now it may take later, and nobody is left behind.
        return False


def _make_sure(invocation: Invocation, relay: str, proxy: str | None) -> None:
    """Return if *relay* answers, or if our person wants it all the same.

    Both sides would go there, and could tell each other nowhere else that it was a mistake.

    Raises:
        Failure: our person does not want it.
        RelayRefused: there is a relay, which takes no requests of ours.
    """
    if is_answering(relay, proxy):
        return
    invocation.output.warn(Message.RELAY_UNANSWERED)
    if not invocation.inputs.confirm(Message.USE_UNANSWERED):
        raise Failure(Message.RELAY_AS_BEFORE)
