"""`ojak sync`: send and collect once."""

import time
from functools import partial

from ojak_client import kinds
from ojak_client.errors import NoAnswer, RelayRefused, UnusableSetting, VaultFull
from ojak_client.exit_codes import ExitCode
from ojak_client.failures import Failure, explain
from ojak_client.help_texts import HelpText
from ojak_client.i18n import command_line
from ojak_client.invocation import Invocation
from ojak_client.messages import Message
from ojak_client.news import standing
from ojak_client.opening import connect, open_vault, relays_of
from ojak_client.profile import Profile
from ojak_client.room import keep_no_more
from ojak_client.rounds import run_errands
from ojak_client.sharing import LastShares, Sharing
from ojak_client.store import Store
from ojak_client.telling import tell
from ojak_client.verb import verb
from ojak_client.verb_options import proxy_option


@verb(HelpText.SYNC, examples=("ojak sync",))
@proxy_option()
def command(invocation: Invocation, proxy: str | None) -> ExitCode:
    """Do what `ojak keep` does, once and without waiting."""
    with open_vault(invocation, remembers=True) as store:
        profile = store.read()
        relays = relays_of(profile)
        if not relays:
            raise Failure(Message.NO_CONTACTS, command=command_line("invite"))
        failures: list[Failure] = []
        sharing = LastShares()
        known: Profile | None = profile
        for relay in relays:
            # Reading a vault takes long, so it is done again only where it may hold something
            # else than was known last: after rounds that were cut off.
            known = known or store.read()
            known, failure = _sync_with(invocation, store, relay, proxy, known, sharing)
            failures += () if failure is None else (failure,)
        contacts = (known or store.read()).contacts
        unread = sum(map(kinds.unread, contacts))
    if unread:
        invocation.output.say(Message.LETTERS_UNREAD, n=unread)
    for name in sorted(keep_no_more(contacts, sharing)):
        invocation.output.warn(Message.NO_MORE_KEPT, name=name)
    if failures:
        # What other relays brought has been told; the run ends with what went wrong first.
        raise failures[0]
    if not unread:
        stands = any(standing(contact, int(time.time())) for contact in contacts)
        raise Failure(Message.NO_LETTER if stands else Message.NOTHING)
    invocation.output.say(Message.SYNCED)
    return ExitCode.DONE


def _sync_with(
    invocation: Invocation,
    store: Store,
    relay: str,
    proxy: str | None,
    known: Profile,
    sharing: Sharing,
) -> tuple[Profile | None, Failure | None]:
    """Sync with one relay, and return what is known then and what went wrong.

    That must not keep the others from their turn: what they bring may be what makes room.
    """
    try:
        listen = partial(tell, invocation.output)
        with connect(store, relay, proxy, listen, sharing=sharing) as exchange:
            rounds = run_errands(exchange, known, older=True, everybody=True)
    except (NoAnswer, RelayRefused, UnusableSetting, VaultFull) as error:
        return None, explain(error)
    # It may have had room once what came was deleted.
    return rounds[-1].profile, Failure(Message.REFUSED) if rounds[-1].full else None
