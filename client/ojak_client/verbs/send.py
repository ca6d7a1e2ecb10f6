"""`ojak send NAME`: write a letter to somebody who was met, or who is awaited."""

import os
import time
from typing import Any

import click

from ojak_client.due_times import due_after, due_on
from ojak_client.exit_codes import ExitCode
from ojak_client.failures import Failure
from ojak_client.help_texts import HelpText
from ojak_client.holding import hold_seconds
from ojak_client.i18n import command_line, told
from ojak_client.inputs import HOLD_OPTION
from ojak_client.invocation import Invocation
from ojak_client.messages import Message
from ojak_client.opening import choose_contact, open_vault
from ojak_client.passing_on import add_letter, goes_early, lines_for, pass_on
from ojak_client.profile import Contact, Profile, Role
from ojak_client.stopping import confirm_writing
from ojak_client.store import Store
from ojak_client.timed_parts import with_timed_letter
from ojak_client.typed import usable_text
from ojak_client.verb import verb
from ojak_client.verb_options import name_argument, proxy_option
from ojak_protocol.values import dataclass


@dataclass(frozen=True, slots=True)
class _Options:
    at_once: bool
    wait_for_reply: bool
    after: str | None
    at: str | None
    harmless: bool
    forced: bool
    hold: str | None
    proxy: str | None

    @property
    def role(self) -> Role:
        if self.harmless:
            return Role.COUNTERPART
        return Role.FORCED if self.forced else Role.FAMILY

    def check(self) -> None:
        """Raise `Failure` where two options do not go together."""
        chosen = {
            "--harmless": self.harmless,
            "--forced": self.forced,
            "--after": self.after is not None,
            "--at": self.at is not None,
        }
        given = [option for option, value in chosen.items() if value]
        if self.at_once and given:
            given = ["--at-once", *given]
        if len(given) > 1:
            raise Failure(Message.NOT_TOGETHER, options=", ".join(given))

    @property
    def held_seconds(self) -> int:
        """How long the letter can be undone; 0: not at all."""
        return 0 if self.hold is None else hold_seconds(self.hold)

    def due_at(self, now: int) -> int:
        """Return when the letter is to be opened, Unix seconds; 0: at once."""
        if self.after is not None:
            return due_after(self.after, now)
        return 0 if self.at is None else due_on(self.at, now)


@verb(
    HelpText.SEND,
    examples=("ojak send 엄마", "ojak send 엄마 --hold 10s", "ojak send 엄마 < letter.txt"),
)
@name_argument()
@click.option("--at-once", is_flag=True, help=told(HelpText.AT_ONCE))
@click.option("--wait-for-reply", is_flag=True, help=told(HelpText.WAIT_FOR_REPLY))
@click.option("--after", metavar=told(HelpText.AFTER_METAVAR), help=told(HelpText.AFTER))
@click.option("--at", metavar=told(HelpText.AT_METAVAR), help=told(HelpText.AT))
@click.option("--harmless", is_flag=True, help=told(HelpText.HARMLESS))
@click.option("--forced", is_flag=True, help=told(HelpText.FORCED))
@click.option(HOLD_OPTION, metavar=told(HelpText.AFTER_METAVAR), help=told(HelpText.HOLD))
@proxy_option()
def command(invocation: Invocation, name: str, **options: Any) -> ExitCode:  # noqa: ANN401 - click's
    """Keep a letter and try to send it."""
    chosen = _Options(**options)
    # What cannot be used is told before anything is written.
    chosen.check()
    chosen.due_at(int(time.time()))
    held_seconds = chosen.held_seconds
    if held_seconds:
        invocation.inputs.require_somebody(Message.NOBODY_TO_UNDO, option=HOLD_OPTION)
    with open_vault(invocation) as store:
        contact = choose_contact(store.read(), name)
        confirm_writing(invocation, contact)
        if chosen.forced and not lines_for(contact, Role.FORCED):
            raise Failure(Message.NOBODY_FORCED, name=contact.name)
        about = Message.ABOUT_HARMLESS if chosen.harmless else None
        text = usable_text(invocation.inputs.letter(about=about))
        if held_seconds and not invocation.inputs.hold(held_seconds):
            raise Failure(Message.UNDONE)
        reference = _keep(store, contact, text, chosen)
        if chosen.harmless:
            invocation.output.say(Message.HARMLESS_KEPT)
            return ExitCode.DONE
        return pass_on(invocation, store, contact, reference, chosen.proxy)


def _keep(store: Store, contact: Contact, text: str, chosen: _Options) -> int:
    now = int(time.time())
    due_at = chosen.due_at(now)
    if due_at:
        return _add_timed(store, contact.name, text, due_at=due_at, now=now)
    # Holding a letter back is the careful one of the two, so it wins.
    early = (chosen.at_once or goes_early(contact)) and not chosen.wait_for_reply
    return add_letter(store, contact.name, text, at_once=early, role=chosen.role)


def _add_timed(store: Store, name: str, text: str, *, due_at: int, now: int) -> int:
    """Keep a letter that opens at *due_at*, and return its reference.

    Raises:
        ContactGone: the contact has another name by now, or was forgotten.
        Failure: as many wait already as can.
    """

    def add(profile: Profile) -> tuple[Profile, int]:
        changed = with_timed_letter(profile, name, text, due_at=due_at, now=now, entropy=os.urandom)
        return (profile, 0) if changed is None else (changed, changed.references)

    reference = store.update(add)
    if not reference:
        raise Failure(Message.TOO_MANY_TIMED, command=command_line("status"))
    return reference
