"""`ojak recall NAME [N]`: ask for a letter back that has not arrived."""

import re
from functools import partial
from typing import Final

import click

from ojak_client.errors import NoAnswer, RelayRefused, UnusableSetting
from ojak_client.exit_codes import ExitCode, exit_code
from ojak_client.failures import Failure, explain
from ojak_client.help_texts import HelpText
from ojak_client.i18n import command_line, told
from ojak_client.invocation import Invocation
from ojak_client.messages import Message
from ojak_client.opening import choose_contact, connect, open_vault
from ojak_client.passing_on import NOT_SAVED
from ojak_client.profile import Contact, LetterState, OurLetter, Profile, find, with_contact
from ojak_client.rounds import run_errands
from ojak_client.store import Store
from ojak_client.taking_back import can_be_taken_back, find_letter, take_back, to_take_back
from ojak_client.telling import tell
from ojak_client.verb import verb
from ojak_client.verb_options import name_argument, proxy_option

_NUMBER: Final = re.compile(r"[0-9]{1,18}", re.ASCII)


@verb(HelpText.RECALL, examples=("ojak recall 엄마", "ojak recall 엄마 3"))
@name_argument()
@click.argument("letter", required=False, metavar=told(HelpText.LETTER_METAVAR))
@proxy_option()
def command(
    invocation: Invocation, name: str, *, letter: str | None, proxy: str | None
) -> ExitCode:
    """Keep that it is asked back, then ask; only the other side can say more."""
    reference = None if letter is None else _number(letter)
    with open_vault(invocation) as store:
        contact = choose_contact(store.read(), name)
        chosen = _chosen(contact, reference)

        def change(profile: Profile) -> tuple[Profile, LetterState | None]:
            there = find(profile, contact.name)
            if there is None:
                return profile, None
            there = take_back(there, chosen.reference)
            taken = find_letter(there, chosen.reference)
            return with_contact(profile, there), None if taken is None else taken.state

        state = store.update(change)
        if state not in {LetterState.ASKED_BACK, LetterState.TAKEN_BACK}:
            # It arrived, or went, while this command asked for the passphrase.
            raise Failure(Message.NOTHING_TO_RECALL, name=contact.name)
        failure, is_saved = None, True
        try:
            failure = _ask(invocation, store, contact.relay, proxy)
        except NOT_SAVED:
            # Only what came of the asking: that it is asked back was saved before.
            is_saved = False
    if state is LetterState.TAKEN_BACK:
        invocation.output.say(Message.NEVER_OFFERED)
        return ExitCode.DONE
    if not is_saved:
        invocation.output.say(Message.ASKED_BACK_LATER)
        return ExitCode.DONE
    if failure is None:
        invocation.output.say(Message.ASKED_BACK)
        return ExitCode.DONE
    invocation.output.warn(failure.message)
    invocation.output.say(Message.ASKED_BACK_LATER)
    return exit_code(failure.message)


def _number(typed: str) -> int:
    """Return the number that *typed* is.

    Raises:
        Failure: it is none; said before the passphrase is asked for.
    """
    if not _NUMBER.fullmatch(typed):
        raise Failure(Message.UNKNOWN_LETTER, command=command_line("status"), letter=typed)
    return int(typed)


def _chosen(contact: Contact, reference: int | None) -> OurLetter:
    """Return the letter of that number, or the only one there is.

    Raises:
        Failure: there is none, or more than one and no number.
    """
    if reference is not None:
        letter = find_letter(contact, reference)
        if letter is None or not can_be_taken_back(contact, letter):
            raise Failure(Message.UNKNOWN_LETTER, command=command_line("status"), letter=reference)
        return letter
    letters = to_take_back(contact)
    if not letters:
        raise Failure(Message.NOTHING_TO_RECALL, name=contact.name)
    if len(letters) > 1:
        raise Failure(Message.WHICH_LETTER, command=command_line("status"))
    return letters[0]


def _ask(invocation: Invocation, store: Store, relay: str, proxy: str | None) -> Failure | None:
    """Sync at once, and return why not everything reached the relay, if that is so."""
    try:
        with connect(store, relay, proxy, partial(tell, invocation.output)) as exchange:
            rounds = run_errands(exchange)
    except (NoAnswer, RelayRefused, UnusableSetting) as error:
        return explain(error)
    return Failure(Message.REFUSED) if rounds[-1].full or rounds[-1].errands else None
