"""`ojak meet NUMBER`: come to a meeting point, on a borrowed device or on one's own.

On a borrowed device everything lives in memory and no file is written. With `--own NAME` the
conversation stays, in the vault of this device.
"""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import click

from ojak_client.answering import answer_now
from ojak_client.asking import Heard, Stretched, ask_answers
from ojak_client.endings import tell_end
from ojak_client.errors import NoAnswer, RelayRefused
from ojak_client.exit_codes import ExitCode, exit_code
from ojak_client.failures import Failure
from ojak_client.guest_visit import Found, GuestVisit
from ojak_client.help_texts import HelpText
from ojak_client.i18n import Text, told
from ojak_client.inputs import ANSWER_OPTION, ANSWERS_OPTION
from ojak_client.invocation import Invocation
from ojak_client.messages import Message
from ojak_client.opening import connect, open_or_create_vault
from ojak_client.our_letters import lies_at_relay
from ojak_client.output import is_terminal
from ojak_client.passing_on import add_letter
from ojak_client.profile import FIRST_SET, Contact, Profile, Visiting, find, with_contact
from ojak_client.reading import Showing, show_letters
from ojak_client.relay_url import parse_relay_url
from ojak_client.sharing import check_room
from ojak_client.store import MemoryStore, Store
from ojak_client.telling import tell_later
from ojak_client.typed import usable_name, usable_text
from ojak_client.verb import verb
from ojak_client.verb_options import (
    answer_fd_option,
    answers_fd_option,
    proxy_option,
    questions_option,
    set_option,
)
from ojak_protocol.estimate import WARNING_BELOW_BITS
from ojak_protocol.letters import Kind
from ojak_protocol.number import Number, parse_number
from ojak_protocol.values import dataclass, replace

OWN_LOOKS_SECONDS: Final = 7 * 24 * 3600
BORROWED_READS_SECONDS: Final = 600
"""How much longer than it waits a borrowed device says it will look: time to read and reply."""
BORROWED_NAME: Final = "guest"
"""On a borrowed device the contact lives in memory, and its name is never shown."""

_ENDINGS: Final = {
    Found.NOBODY: Message.NOBODY_THERE,
    Found.FULL: Message.NOBODY_THERE,
    Found.SOMEBODY: Message.ANSWER_TAKEN,
    Found.REFUSED: Message.REFUSED,
}


@dataclass(frozen=True, slots=True)
class _Options:
    answers_fd: int | None
    questions: tuple[str, ...]
    set_number: int
    letter: str | None
    leave: bool
    own: str | None
    wait_seconds: int
    answer_fd: int | None
    to_stdout: bool
    proxy: str | None


@verb(HelpText.MEET, examples=("ojak meet 1234-5678-9012 --relay https://relay.example",))
@click.argument("number", nargs=-1, required=True, metavar=told(HelpText.NUMBER_METAVAR))
@questions_option()
@set_option(default=FIRST_SET)
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
@answers_fd_option()
@answer_fd_option(HelpText.ANSWER_FD_OF_VISIT)
@click.option("--to-stdout", is_flag=True, help=told(HelpText.TO_STDOUT))
@proxy_option()
def command(invocation: Invocation, number: tuple[str, ...], **options: Any) -> ExitCode:  # noqa: ANN401 - click's
    """Answer the offer at a number, read what waits, reply, and leave nothing."""
    chosen = _Options(**options)
    relay = str(parse_relay_url(invocation.require_relay()))
    place = parse_number(" ".join(number))
    if chosen.answer_fd is not None and chosen.answer_fd == chosen.answers_fd:
        raise Failure(Message.ONE_SOURCE, option=f"{ANSWERS_OPTION}, {ANSWER_OPTION}")
    invocation.require_screen(to_stdout=chosen.to_stdout)
    if chosen.own is not None:
        return _meet(invocation, chosen, relay, place)
    return _meet_on_a_borrowed_device(invocation, chosen, relay, place)


def _meet_on_a_borrowed_device(
    invocation: Invocation, chosen: _Options, relay: str, place: Number
) -> ExitCode:
    """Meet, and say at the end, however it comes, what holds for answers and device."""
    typed: list[None] = []
    try:
        return _meet(invocation, chosen, relay, place, heard=lambda: typed.append(None))
    except BrokenPipeError:
        raise
    except (Exception, KeyboardInterrupt) as error:
        if not typed:
            raise
        # Why it ended stands first: the last that one reads is to hand the device back.
        return tell_end(invocation.output, error)
    finally:
        if typed:
            invocation.output.say(Message.ANSWERS_SPENT)
            invocation.output.say(Message.CLEARED)


def _meet(
    invocation: Invocation,
    chosen: _Options,
    relay: str,
    place: Number,
    heard: Heard = lambda: None,
) -> ExitCode:
    stretched = ask_answers(
        invocation,
        place,
        set_number=chosen.set_number,
        questions=chosen.questions,
        answers_fd=chosen.answers_fd,
        about=Message.ABOUT_SPENT if chosen.own is None else None,
        heard=heard,
    )
    text = _letter_before(invocation, chosen)
    return _visit(invocation, chosen, relay, stretched, text)


def _visit(
    invocation: Invocation, chosen: _Options, relay: str, stretched: Stretched, text: str | None
) -> ExitCode:
    with _store(invocation, chosen, relay, stretched) as (store, name):
        if text is not None:
            add_letter(store, name, text, at_once=True)
        with connect(store, relay, chosen.proxy) as exchange:
            visit = GuestVisit(exchange, name, look_seconds=chosen.wait_seconds)
            invocation.output.say(Message.LOOKING)
            found = visit.look()
            if found is Found.HOST:
                return _converse(invocation, store, visit, chosen)
            return _go(invocation, store, visit, chosen, found, stretched)


@contextmanager
def _store(
    invocation: Invocation, chosen: _Options, relay: str, stretched: Stretched
) -> Iterator[tuple[Store, str]]:
    """Give a store, and the name under which it holds a contact about to meet."""
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
        yield MemoryStore(with_contact(Profile(), contact)), BORROWED_NAME
        return
    name = usable_name(chosen.own)
    with open_or_create_vault(invocation) as store:
        if not store.update(_beginning(Contact(name, relay, chosen.questions, visiting=visiting))):
            raise Failure(Message.NAME_EXISTS, name=name)
        try:
            yield store, name
        finally:
            store.update(_forgetting(name))


def _beginning(contact: Contact) -> Callable[[Profile], tuple[Profile, bool]]:
    """Begin a visit, or take up one that was broken off: the same answer costs no second guess."""

    def change(profile: Profile) -> tuple[Profile, bool]:
        there = find(profile, contact.name)
        if there is None:
            profile = with_contact(profile, contact)
            check_room(profile.contacts)
            return profile, True
        if there.visiting is None or there.lines:
            return profile, False
        if _is_same_visit(there, contact):
            return profile, True
        return with_contact(profile, replace(contact, ours=there.ours)), True

    return change


def _is_same_visit(there: Contact, contact: Contact) -> bool:
    old, new = there.visiting, contact.visiting
    return (
        old is not None
        and new is not None
        and (there.relay, old.seed, old.typed, old.set_number)
        == (contact.relay, new.seed, new.typed, new.set_number)
    )


def _forgetting(name: str) -> Callable[[Profile], tuple[Profile, None]]:
    """Leave no contact behind that never answered an offer: its name is free for the next try."""

    def change(profile: Profile) -> tuple[Profile, None]:
        kept = tuple(
            contact
            for contact in profile.contacts
            if contact.name != name or contact.visiting is None or contact.visiting.attempt
        )
        return replace(profile, contacts=kept), None

    return change


def _letter_before(invocation: Invocation, chosen: _Options) -> str | None:
    """Return the letter written before connecting, so that the line is short."""
    if chosen.letter is not None:
        text = invocation.inputs.letter(taken_fds=(chosen.answers_fd, chosen.answer_fd), dash=True)
        return usable_text(text)
    return _ask_letter(invocation)


def _ask_letter(invocation: Invocation) -> str | None:
    """Return a letter if somebody is there to write one and wants to."""
    if invocation.inputs.no_input or not is_terminal(sys.stdin):
        return None
    try:
        return usable_text(invocation.inputs.letter(about=Message.ABOUT_NO_LETTER))
    except Failure as failure:
        if failure.message is not Message.EMPTY_LETTER:
            raise
        return None


def _converse(
    invocation: Invocation, store: Store, visit: GuestVisit, chosen: _Options
) -> ExitCode:
    """Read, reply and acknowledge, now that the host is confirmed."""
    name = visit.contact.name
    invocation.output.say(Message.CONFIRMED)

    own = chosen.own is not None
    # Another relay is used after the visit at the earliest, so `ojak read` asks about it.
    later = frozenset({Kind.RELAY}) if own else frozenset()
    how = Showing(to_stdout=chosen.to_stdout, follow_up=own, later=later)

    def show() -> int:
        return show_letters(invocation, store, name, how)

    # What is shown first is acknowledged by the guest's first box, which goes out next.
    shown = show()
    _exchange_letters(visit, show, enough=visit.letters_coming)
    shown += show()
    answered = 0 if own else answer_now(invocation, store, name, chosen.answer_fd)
    reply = _ask_letter(invocation) if shown else None
    if reply is not None:
        add_letter(store, name, reply, at_once=True)
    visit.acknowledge()
    _exchange_letters(visit, show, enough=0, outcomes=answered > 0)
    if late := show():
        shown += late
        answered = 0 if own else answer_now(invocation, store, name, None)
        visit.acknowledge()
        _exchange_letters(visit, show, enough=0, outcomes=answered > 0)
        shown += show()
    now = int(time.time())
    if not tell_later(invocation.output, visit.contact, own=own, now=now) and not shown:
        invocation.output.say(Message.NOTHING)
    waiting = visit.contact.waiting
    if not all(lies_at_relay(visit.contact, letter.reference) for letter in waiting):
        return _end(invocation, Message.REFUSED)
    if waiting:
        invocation.output.say(Message.LEFT)
    elif visit.contact.ours:
        invocation.output.say(Message.COLLECTED)
    return ExitCode.DONE


def _exchange_letters(
    visit: GuestVisit, show: Callable[[], int], *, enough: int, outcomes: bool = False
) -> None:
    try:
        visit.exchange_letters(enough=enough, outcomes=outcomes)
    except (NoAnswer, RelayRefused):
        # The line is gone. What it brought before is here, on a borrowed device only here.
        show()
        raise


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
        if stretched.bits < WARNING_BELOW_BITS:
            return _end(invocation, Message.LEAVE_TOO_WEAK)
        if not visit.contact.waiting:
            text = _ask_letter(invocation)
            if text is None:
                return _end(invocation, Message.NOBODY_THERE)
            add_letter(store, visit.contact.name, text, at_once=True)
        visit.leave_letter()
        contact = visit.contact
        if contact.lines:
            # The host came while our person wrote: what it brought is here, and maybe nowhere else.
            return _converse(invocation, store, visit, chosen)
        # Another window may have asked it back meanwhile.
        left = any(lies_at_relay(contact, letter.reference) for letter in contact.waiting[:1])
        return _end(invocation, Message.LETTER_LEFT if left else Message.REFUSED)
    return _end(invocation, _ENDINGS[found])


def _may_leave(invocation: Invocation, visit: GuestVisit, chosen: _Options) -> bool:
    visiting = visit.contact.visiting
    if visiting is None or visiting.attempt is None:
        return False
    if chosen.leave:
        return True
    if invocation.inputs.no_input:
        return False
    return invocation.inputs.confirm(Message.LEAVE)


def _end(invocation: Invocation, message: Text) -> ExitCode:
    invocation.output.warn(message)
    return ExitCode.DONE if message is Message.LETTER_LEFT else exit_code(message)
