"""`ojak stop NAME`: ask somebody not to write any more, or to send no money."""

import time

import click

from ojak_client.exit_codes import ExitCode
from ojak_client.failures import Failure
from ojak_client.help_texts import HelpText
from ojak_client.i18n import told
from ojak_client.invocation import Invocation
from ojak_client.messages import Message
from ojak_client.opening import choose_contact, open_vault
from ojak_client.our_letters import EXPIRES_AFTER_SECONDS, with_letter
from ojak_client.passing_on import pass_on
from ojak_client.profile import Profile
from ojak_client.store import Store
from ojak_client.verb import verb
from ojak_client.verb_options import name_argument, proxy_option
from ojak_protocol.details import Stop, StopWhat
from ojak_protocol.letters import Kind


@verb(HelpText.STOP, examples=("ojak stop 엄마", "ojak stop 엄마 --money"))
@name_argument()
@click.option("--money", is_flag=True, help=told(HelpText.STOP_MONEY))
@proxy_option()
def command(invocation: Invocation, name: str, *, money: bool, proxy: str | None) -> ExitCode:
    """Keep the letter that asks to stop, and try to send it."""
    with open_vault(invocation) as store:
        contact = choose_contact(store.read(), name)
        question = Message.ASK_STOP_MONEY if money else Message.ASK_STOP
        if not invocation.inputs.confirm(question):
            raise Failure(Message.NOT_DONE)
        what = StopWhat.SEND_NO_MONEY if money else StopWhat.DO_NOT_CONTACT
        reference = _add_stop(store, contact.name, what)
        return pass_on(invocation, store, contact, reference, proxy)


def _add_stop(store: Store, name: str, what: StopWhat) -> int:
    expires_at = int(time.time()) + EXPIRES_AFTER_SECONDS

    def add(profile: Profile) -> tuple[Profile, int]:
        profile = with_letter(
            profile,
            name,
            "",
            expires_at=expires_at,
            at_once=False,
            kind=Kind.STOP,
            details=Stop(what),
        )
        return profile, profile.references

    return store.update(add)
