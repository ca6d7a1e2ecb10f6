"""`ojak read [NAME]`: show the letters that came, each once."""

import time

import click

from ojak_client.exit_codes import ExitCode
from ojak_client.failures import Failure
from ojak_client.help_texts import HelpText
from ojak_client.i18n import told
from ojak_client.invocation import Invocation
from ojak_client.messages import Message
from ojak_client.news import standing, untold
from ojak_client.opening import choose_contact, open_vault
from ojak_client.reading import Showing, show_letters
from ojak_client.store import Store
from ojak_client.telling import mark_told, tell_news
from ojak_client.timed_pointers import GONE
from ojak_client.verb import verb


@verb(HelpText.READ, examples=("ojak read", "ojak read 엄마"))
@click.argument("name", required=False, metavar=told(HelpText.OPTIONAL_NAME_METAVAR))
@click.option("--to-stdout", is_flag=True, help=told(HelpText.TO_STDOUT))
@click.option("--again", is_flag=True, help=told(HelpText.AGAIN))
def command(invocation: Invocation, name: str | None, *, to_stdout: bool, again: bool) -> ExitCode:
    """Show what came from one contact, or from all."""
    with open_vault(invocation) as store:
        profile = store.read()
        if name is not None:
            name = choose_contact(profile, name).name
        names = [contact.name for contact in profile.contacts if name in {None, contact.name}]
        gone = any(
            letter.kind == GONE
            for contact in profile.contacts
            if contact.name in names
            for letter in contact.theirs
        )
        stands = _tell_news(invocation, store, names)
        how = Showing(to_stdout=to_stdout, again=again, whose=len(names) > 1)
        shown = sum(show_letters(invocation, store, each, how) for each in names)
        stays = any(one.theirs for one in store.read().contacts if one.name in names)
    if not shown and gone:
        return ExitCode.EXPIRED
    if not shown and stays:
        # It was said of each why it was not shown: no word of ours is to make little of that.
        return ExitCode.NOTHING_YET
    if not shown:
        # Where something stands that a person should know, not all is well.
        raise Failure(Message.NO_LETTER if stands else Message.NOTHING)
    return ExitCode.DONE


def _tell_news(invocation: Invocation, store: Store, names: list[str]) -> bool:
    """Say what our person was not shown yet, before any letter; return whether anything stands."""
    contacts = [contact for contact in store.read().contacts if contact.name in names]
    for contact in contacts:
        tell_news(invocation.output.warn, contact.name, untold(contact))
    if invocation.output.sentences_are_read:
        mark_told(store, [one for contact in contacts for one in untold(contact)])
    now = int(time.time())
    return any(standing(contact, now) for contact in contacts)
