"""Keeping a letter, trying to send it at once, and saying truly how far it came.

The verbs that write a letter which may go at once end here: it is kept before anything is sent, and
what is said of it afterwards is what the relay confirmed.
"""

import time
from functools import partial
from typing import Final

from ojak_client.due_times import local_time
from ojak_client.errors import (
    NoAnswer,
    RelayRefused,
    UnusableSetting,
    VaultBusy,
    VaultFull,
    VaultUnusable,
)
from ojak_client.exit_codes import ExitCode, exit_code
from ojak_client.failures import Failure, explain
from ojak_client.i18n import command_line
from ojak_client.invocation import Invocation
from ojak_client.messages import Message
from ojak_client.notices import Notice, NoticeKind
from ojak_client.opening import choose_contact, connect
from ojak_client.our_letters import (
    EXPIRES_AFTER_SECONDS,
    lies_at_relay,
    reader_of,
    references_in,
    with_letter,
)
from ojak_client.output import Output
from ojak_client.prepare import is_live
from ojak_client.profile import Contact, LetterState, Line, Profile, Role
from ojak_client.rounds import run_errands
from ojak_client.store import Store
from ojak_client.taking_back import find_letter
from ojak_client.telling import tell
from ojak_client.timed_parts import part_of
from ojak_protocol.estimate import GREETING_BELOW_BITS

NOT_SAVED: Final = (VaultBusy, VaultFull, VaultUnusable)
"""What keeps a later step from being saved, and leaves what was saved before as it is."""


def add_letter(
    store: Store, name: str, text: str, *, at_once: bool, role: Role = Role.FAMILY
) -> int:
    """Keep a letter for the contact called *name*, and return its reference.

    Raises:
        ContactGone, VaultError: it was not kept.
    """
    # A harmless one waits for as long as it takes.
    expires = 0 if role is Role.COUNTERPART else int(time.time()) + EXPIRES_AFTER_SECONDS

    def add(profile: Profile) -> tuple[Profile, int]:
        changed = with_letter(profile, name, text, expires_at=expires, at_once=at_once, role=role)
        return changed, changed.references

    return store.update(add)


def goes_early(contact: Contact) -> bool:
    """Return whether a letter may be offered before a visit is confirmed, as a rule."""
    bits = min((one.point.bits for one in contact.sets), default=GREETING_BELOW_BITS)
    return bits >= GREETING_BELOW_BITS


def pass_on(
    invocation: Invocation, store: Store, contact: Contact, reference: int, proxy: str | None
) -> ExitCode:
    """Try to send the letter *reference*, which is kept already, and say how far it came.

    Raises:
        Failure: there is no room for it yet, or it may have gone.
    """
    try:
        return _pass_on(invocation, store, contact, reference, proxy)
    except NOT_SAVED:
        # Their sentences say that nothing was changed: whoever wrote again would send it twice.
        invocation.output.say(Message.KEPT_HERE)
        return ExitCode.DONE


def _pass_on(
    invocation: Invocation, store: Store, contact: Contact, reference: int, proxy: str | None
) -> ExitCode:
    contact = choose_contact(store.read(), contact.name)
    if part_of(contact, reference) and any(one.point.alarm for one in contact.sets):
        invocation.output.say(Message.TIMED_AND_ALARM)
    letter = find_letter(contact, reference)
    role = Role.FAMILY if letter is None else letter.role
    if not lines_for(contact, role):
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
    # Another window may have given the contact another name.
    there = reader_of(store.read(), reference)
    # Whether a guest still looks goes by the relay's clock, which is known only now.
    met = there is not None and any(is_live(there, line, clock) for line in lines_for(there, role))
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
        raise Failure(Message.UNSURE, command=command_line("sync"))
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


def lines_for(contact: Contact, role: Role) -> list[Line]:
    """Return the lines into which a letter of *role* may go."""
    return [
        line
        for line in contact.lines
        if line.alarm is (role is Role.FORCED) and not line.conversation.broken
    ]
