"""`ojak send NAME`: write a letter to somebody who was met, or who is awaited."""

import os
import time
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import click

from ojak_client.due_times import due_after, due_on, local_time
from ojak_client.errors import NoAnswer, RelayRefused, UnusableSetting
from ojak_client.exit_codes import ExitCode, exit_code
from ojak_client.failures import Failure, explain
from ojak_client.help_texts import HelpText
from ojak_client.i18n import told
from ojak_client.invocation import Invocation
from ojak_client.messages import Message
from ojak_client.notices import Notice, NoticeKind
from ojak_client.opening import choose_contact, connect, open_vault
from ojak_client.output import Output
from ojak_client.prepare import is_live
from ojak_client.profile import (
    Contact,
    LetterState,
    Line,
    Profile,
    Role,
    find,
    lies_at_relay,
    references_in,
    with_letter,
)
from ojak_client.relay_url import parse_proxy_url
from ojak_client.rounds import run_errands
from ojak_client.stopping import confirm_writing
from ojak_client.store import Store
from ojak_client.taking_back import find_letter
from ojak_client.telling import tell
from ojak_client.timed_parts import part_of, with_timed_letter
from ojak_client.typed import usable_text
from ojak_client.verb import verb
from ojak_client.verb_options import name_argument, proxy_option
from ojak_protocol.estimate import GREETING_BELOW_BITS

EXPIRES_AFTER_SECONDS: Final = 30 * 24 * 3600


@dataclass(frozen=True, slots=True)
class _Options:
    at_once: bool
    wait_for_reply: bool
    after: str | None
    at: str | None
    harmless: bool
    forced: bool
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

    def due_at(self, now: int) -> int:
        """Return when the letter is to be opened, Unix seconds; 0: at once."""
        if self.after is not None:
            return due_after(self.after, now)
        return 0 if self.at is None else due_on(self.at, now)


@verb(HelpText.SEND, examples=("ojak send 엄마", "ojak send 엄마 < letter.txt"))
@name_argument()
@click.option("--at-once", is_flag=True, help=told(HelpText.AT_ONCE))
@click.option("--wait-for-reply", is_flag=True, help=told(HelpText.WAIT_FOR_REPLY))
@click.option("--after", metavar=told(HelpText.AFTER_METAVAR), help=told(HelpText.AFTER))
@click.option("--at", metavar=told(HelpText.AT_METAVAR), help=told(HelpText.AT))
@click.option("--harmless", is_flag=True, help=told(HelpText.HARMLESS))
@click.option("--forced", is_flag=True, help=told(HelpText.FORCED))
@proxy_option()
def command(invocation: Invocation, name: str, **options: Any) -> ExitCode:  # noqa: ANN401 - click's
    """Keep a letter and try to send it."""
    chosen = _Options(**options)
    # What cannot be used is told before anything is written.
    chosen.check()
    chosen.due_at(int(time.time()))
    if chosen.proxy is not None:
        parse_proxy_url(chosen.proxy)
    with open_vault(invocation) as store:
        contact = choose_contact(store.read(), name)
        confirm_writing(invocation, contact)
        if chosen.forced and not _lines_for(contact, Role.FORCED):
            raise Failure(Message.NOBODY_FORCED, name=contact.name)
        text = usable_text(invocation.inputs.letter())
        reference = _keep(store, contact, text, chosen)
        if chosen.harmless:
            invocation.output.say(Message.HARMLESS_KEPT)
            return ExitCode.DONE
        return pass_on(invocation, store, contact, reference, chosen.proxy, role=chosen.role)


def _keep(store: Store, contact: Contact, text: str, chosen: _Options) -> int:
    now = int(time.time())
    due_at = chosen.due_at(now)
    if due_at:
        return _add_timed(store, contact.name, text, due_at=due_at, now=now)
    # Holding a letter back is the careful one of the two, so it wins.
    early = (chosen.at_once or goes_early(contact)) and not chosen.wait_for_reply
    return add_letter(store, contact.name, text, at_once=early, role=chosen.role)


def add_letter(
    store: Store, name: str, text: str, *, at_once: bool, role: Role = Role.FAMILY
) -> int:
    """Keep a letter for the contact called *name*, and return its reference.

    Raises:
        VaultError: it was not kept.
    """
    # A harmless one waits for as long as it takes.
    expires = 0 if role is Role.COUNTERPART else int(time.time()) + EXPIRES_AFTER_SECONDS

    def add(profile: Profile) -> tuple[Profile, int]:
        changed = with_letter(profile, name, text, expires_at=expires, at_once=at_once, role=role)
        return changed, changed.references

    return store.update(add)


def _add_timed(store: Store, name: str, text: str, *, due_at: int, now: int) -> int:
    """Keep a letter that opens at *due_at*, and return its reference.

    Raises:
        Failure: as many wait already as can.
    """

    def add(profile: Profile) -> tuple[Profile, int]:
        changed = with_timed_letter(profile, name, text, due_at=due_at, now=now, entropy=os.urandom)
        return (profile, 0) if changed is None else (changed, changed.references)

    reference = store.update(add)
    if not reference:
        raise Failure(Message.TOO_MANY_TIMED, command="ojak status")
    return reference


def goes_early(contact: Contact) -> bool:
    """Return whether a letter may be offered before a visit is confirmed, as a rule."""
    bits = min((one.point.bits for one in contact.sets), default=GREETING_BELOW_BITS)
    return bits >= GREETING_BELOW_BITS


def pass_on(
    invocation: Invocation,
    store: Store,
    contact: Contact,
    reference: int,
    proxy: str | None,
    *,
    role: Role = Role.FAMILY,
) -> ExitCode:
    """Try to send the letter *reference*, which is kept already, and say how far it came.

    Raises:
        Failure: there is no room for it yet, or it may have gone.
    """
    contact = choose_contact(store.read(), contact.name)
    if part_of(contact, reference) and any(one.point.alarm for one in contact.sets):
        invocation.output.say(Message.TIMED_AND_ALARM)
    if not _lines_for(contact, role):
        invocation.output.say(Message.WAITS_FOR_MEETING)
        return ExitCode.DONE
    failure: Failure | None = None
    clock = int(time.time())
    try:
        tell_most = partial(_tell_all_but_refusals, invocation.output)
        with connect(store, contact.relay, proxy, tell_most) as exchange:
            rounds = run_errands(exchange)
            clock = exchange.moment.relay_clock
        if any(each.full for each in rounds):
            failure = Failure(Message.REFUSED)
    except (NoAnswer, RelayRefused, UnusableSetting) as error:
        failure = explain(error)
    there = find(store.read(), contact.name)
    # Whether a guest still looks goes by the relay's clock, which is known only now.
    met = there is not None and any(is_live(there, line, clock) for line in _lines_for(there, role))
    return _say_where(invocation, there, reference, failure, met=met)


def _tell_all_but_refusals(output: Output, notices: tuple[Notice, ...]) -> None:
    # How the letter fared is said once, at the end.
    tell(output, (one for one in notices if one.kind is not NoticeKind.RELAY_FULL))


def _say_where(
    invocation: Invocation,
    contact: Contact | None,
    reference: int,
    failure: Failure | None,
    *,
    met: bool,
) -> ExitCode:
    """Say how far the letter came: what the relay confirmed, whatever happened afterwards."""
    if contact is not None and _has_left(contact, reference):
        part = part_of(contact, reference)
        if part is None:
            invocation.output.say(Message.LEFT)
        else:
            invocation.output.say(Message.TIMED_LEFT, when=local_time(part.due_at))
        return ExitCode.DONE
    if failure is None and (contact is None or not met):
        # The conversation ended, or the guest has gone; the letter waits for the next meeting.
        invocation.output.say(Message.WAITS_FOR_MEETING)
        return ExitCode.DONE
    if failure is None:
        if contact is None or not _is_sealed(contact, reference):
            raise Failure(Message.TOO_MANY_WAITING)
        # Other bytes lie at its place: the next sync looks whose they are.
        failure = Failure(Message.REFUSED)
    if failure.message is Message.UNSURE:
        # The letter may have gone; the same bytes go again, and only one arrives.
        raise Failure(Message.UNSURE, command="ojak sync")
    invocation.output.warn(failure.message)
    invocation.output.say(Message.QUEUED)
    return exit_code(failure.message)


def _is_sealed(contact: Contact, reference: int) -> bool:
    return any(reference in references_in(line) for line in contact.lines)


def _has_left(contact: Contact, reference: int) -> bool:
    """Return whether the relay has all of the letter, or it needs no more care."""
    letter, part = find_letter(contact, reference), part_of(contact, reference)
    if letter is None or letter.state is not LetterState.WAITING:
        return True
    return lies_at_relay(contact, reference) and (part is None or part.deposited_at > 0)


def _lines_for(contact: Contact, role: Role) -> list[Line]:
    """Return the lines into which a letter of *role* may go."""
    return [
        line
        for line in contact.lines
        if line.alarm is (role is Role.FORCED) and not line.conversation.broken
    ]
