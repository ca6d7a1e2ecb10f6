"""`ojak meet NUMBER`: come to a meeting point, on a borrowed device or on one's own.

On a borrowed device everything lives in memory and no file is written. With `--own NAME` the
conversation stays, in the vault of this device.
"""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import click

from ojak_client.asking import Stretched, ask_answers
from ojak_client.exit_codes import ExitCode, exit_code
from ojak_client.failures import Failure
from ojak_client.guest_visit import Found, GuestVisit
from ojak_client.help_texts import HelpText
from ojak_client.i18n import told
from ojak_client.invocation import Invocation
from ojak_client.messages import Message
from ojak_client.opening import connect, open_or_create_vault
from ojak_client.profile import Contact, Profile, Visiting, find, with_contact, with_letter
from ojak_client.reading import show_letters
from ojak_client.relay_url import parse_relay_url
from ojak_client.store import MemoryStore, Store
from ojak_client.verb import verb
from ojak_client.verbs.invite import WEAK_BELOW_BITS, usable_name
from ojak_client.verbs.send import EXPIRES_AFTER_SECONDS, usable_text
from ojak_protocol.number import parse_number

OWN_LOOKS_SECONDS: Final = 7 * 24 * 3600
BORROWED_READS_SECONDS: Final = 600
"""How much longer than it waits a borrowed device says it will look: time to read and reply."""
BORROWED_NAME: Final = "guest"
"""On a borrowed device the contact lives in memory, and its name is never shown."""


@dataclass(frozen=True, slots=True)
class _Options:
    answers_fd: int | None
    questions: tuple[str, ...]
    set_number: int
    letter: str | None
    leave: bool
    own: str | None
    wait_seconds: int
    to_stdout: bool
    proxy: str | None


@verb(HelpText.MEET, examples=("ojak meet 1234-5678-9012 --relay https://relay.example",))
@click.argument("number", nargs=-1, required=True, metavar=told(HelpText.NUMBER_METAVAR))
@click.option("--question", "questions", multiple=True, help=told(HelpText.QUESTION))
@click.option(
    "--set", "set_number", type=click.IntRange(1, 999), default=1, help=told(HelpText.SET)
)
@click.option("--letter", type=click.Choice(["-"]), help=told(HelpText.LETTER))
@click.option("--leave", is_flag=True, help=told(HelpText.LEAVE))
@click.option("--own", metavar=told(HelpText.NAME_METAVAR), help=told(HelpText.OWN))
@click.option(
    "--wait",
    "wait_seconds",
    type=click.IntRange(1, 600),
    default=60,
    metavar=told(HelpText.SECONDS_METAVAR),
    help=told(HelpText.WAIT),
)
@click.option(
    "--answers-fd",
    type=click.IntRange(min=0),
    metavar=told(HelpText.DESCRIPTOR_METAVAR),
    help=told(HelpText.ANSWERS_FD),
)
@click.option("--to-stdout", is_flag=True, help=told(HelpText.TO_STDOUT))
@click.option("--proxy", help=told(HelpText.PROXY), metavar=told(HelpText.PROXY_METAVAR))
def command(invocation: Invocation, number: tuple[str, ...], **options: Any) -> ExitCode:  # noqa: ANN401 - click's
    """Answer the offer at a number, read what waits, reply, and leave nothing."""
    chosen = _Options(**options)
    relay = str(parse_relay_url(invocation.require_relay()))
    place = parse_number(" ".join(number))
    invocation.require_screen(to_stdout=chosen.to_stdout)
    stretched = ask_answers(
        invocation,
        place,
        set_number=chosen.set_number,
        questions=chosen.questions,
        answers_fd=chosen.answers_fd,
    )
    text = _letter_before(invocation, chosen)
    with _store(invocation, chosen, relay, stretched) as store:
        name = store.read().contacts[-1].name
        if text is not None:
            _add_letter(store, name, text)
        with connect(store, relay, chosen.proxy) as exchange:
            visit = GuestVisit(exchange, name, look_seconds=chosen.wait_seconds)
            invocation.output.say(Message.LOOKING)
            found = visit.look()
            if found is Found.HOST:
                code = _converse(invocation, store, visit, chosen)
            else:
                code = _go(invocation, store, visit, chosen, found, stretched)
    if chosen.own is None:
        invocation.output.say(Message.CLEARED)
    return code


@contextmanager
def _store(
    invocation: Invocation, chosen: _Options, relay: str, stretched: Stretched
) -> Iterator[Store]:
    """Give a store that holds a contact about to meet, last in its list."""
    visiting = Visiting(
        seed=stretched.seed,
        typed=stretched.answers,
        set_number=chosen.set_number,
        look_seconds=OWN_LOOKS_SECONDS
        if chosen.own is not None
        else chosen.wait_seconds + BORROWED_READS_SECONDS,
        keeps=chosen.own is not None,
    )
    if chosen.own is None:
        contact = Contact(BORROWED_NAME, relay, visiting=visiting)
        yield MemoryStore(with_contact(Profile(), contact))
        return
    name = usable_name(chosen.own)
    contact = Contact(name, relay, chosen.questions, visiting=visiting)

    def add(profile: Profile) -> tuple[Profile, bool]:
        if find(profile, name) is not None:
            return profile, False
        return with_contact(profile, contact), True

    with open_or_create_vault(invocation) as store:
        if not store.update(add):
            raise Failure(Message.NAME_EXISTS, name=name)
        yield store


def _letter_before(invocation: Invocation, chosen: _Options) -> str | None:
    """Return the letter written before connecting, so that the line is short."""
    if chosen.letter is not None:
        text = invocation.inputs.letter(taken_fds=(chosen.answers_fd,), dash=True)
        return usable_text(text)
    return _ask_letter(invocation)


def _ask_letter(invocation: Invocation) -> str | None:
    """Return a letter if somebody is there to write one and wants to."""
    if invocation.inputs.no_input or not sys.stdin.isatty():
        return None
    try:
        return usable_text(invocation.inputs.letter())
    except Failure as failure:
        if failure.message is not Message.EMPTY_LETTER:
            raise
        return None


def _add_letter(store: Store, name: str, text: str) -> None:
    now = int(time.time())

    def add(profile: Profile) -> tuple[Profile, None]:
        expires = now + EXPIRES_AFTER_SECONDS
        return with_letter(profile, name, text, now=now, expires_at=expires, at_once=True), None

    store.update(add)


def _converse(
    invocation: Invocation, store: Store, visit: GuestVisit, chosen: _Options
) -> ExitCode:
    """Read, reply and acknowledge, now that the host is confirmed."""
    name = visit.contact.name
    invocation.output.say(Message.CONFIRMED)

    def show() -> int:
        return show_letters(invocation, store, name, to_stdout=chosen.to_stdout, again=False)

    # What is shown first is acknowledged by the guest's first box, which goes out next.
    shown = show()
    visit.exchange_letters(enough=visit.letters_coming)
    shown += show()
    reply = _ask_letter(invocation) if shown else None
    if reply is not None:
        _add_letter(store, name, reply)
    visit.acknowledge()
    taken = visit.exchange_letters(enough=0)
    if not shown:
        invocation.output.say(Message.NOTHING)
    if not taken:
        invocation.output.warn(Message.REFUSED)
    elif visit.contact.waiting:
        invocation.output.say(Message.LEFT)
    if chosen.own is None:
        invocation.output.say(Message.ANSWERS_SPENT)
    return ExitCode.DONE if taken else ExitCode.RELAY_REFUSED


def _go(
    invocation: Invocation,
    store: Store,
    visit: GuestVisit,
    chosen: _Options,
    found: Found,
    stretched: Stretched,
) -> ExitCode:
    """Say that the host was not found, and leave a letter if the person chooses to."""
    if found is Found.NOBODY and _may_leave(invocation, visit, chosen):
        if stretched.bits < WEAK_BELOW_BITS:
            return _end(invocation, Message.LEAVE_TOO_WEAK)
        if not visit.contact.waiting:
            text = _ask_letter(invocation)
            if text is None:
                return _end(invocation, Message.NOBODY_THERE)
            _add_letter(store, visit.contact.name, text)
        taken = visit.leave_letter()
        return _end(invocation, Message.LETTER_LEFT if taken else Message.REFUSED)
    return _end(invocation, _MESSAGES[found])


_MESSAGES: Final = {
    Found.SOMEBODY: Message.ANSWER_TAKEN,
    Found.NOBODY: Message.NOBODY_THERE,
    Found.FULL: Message.NOBODY_THERE,
    Found.REFUSED: Message.REFUSED,
}


def _may_leave(invocation: Invocation, visit: GuestVisit, chosen: _Options) -> bool:
    visiting = visit.contact.visiting
    if visiting is None or visiting.attempt is None:
        return False
    if chosen.leave:
        return True
    if invocation.inputs.no_input:
        return False
    return invocation.inputs.confirm(Message.LEAVE)


def _end(invocation: Invocation, message: Message) -> ExitCode:
    invocation.output.warn(message)
    return ExitCode.DONE if message is Message.LETTER_LEFT else exit_code(message)
