"""Showing letters, each once.

Before a letter is shown, it is durably marked as opened; after it was shown, it is gone. If the
device dies in between, the letter is still there with its mark: it is not shown again by itself,
only when the person asks for it, and then it says so. Nothing is lost, and nothing is shown twice
unasked.

What a letter asks for happens in the write that lets it go: a question is open for an answer from
then on, and another relay is used only after our person said yes to it, and never where whoever
named it may be a stranger.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from ojak_client import comparing
from ojak_client.errors import UnusableSetting, VaultFull
from ojak_client.i18n import Text, told
from ojak_client.invocation import Invocation
from ojak_client.kinds import SHOWN
from ojak_client.letter_views import view_of
from ojak_client.messages import Message
from ojak_client.moving import move
from ojak_client.profile import Contact, Profile, TheirLetter, find, with_contact
from ojak_client.relay_url import parse_relay_url
from ojak_client.store import Store
from ojak_client.timed_pointers import GONE
from ojak_protocol.conversation import UNREADABLE
from ojak_protocol.details import NextRelay
from ojak_protocol.letters import Kind, details_of
from ojak_protocol.values import dataclass, replace

KEPT_FOR_LATER_SECONDS: Final = 30 * 24 * 3600
"""How long a letter that this version cannot show is kept after our person was told of it."""
MOST_BELIEVED_SECONDS: Final = 5 * 365 * 24 * 3600
"""Of a letter that was told of longer ago the clock was wrong, then or now: it is told of anew."""

Change = Callable[[Profile], tuple[Profile, bool]]


@dataclass(frozen=True, slots=True)
class Showing:
    """How letters are shown.

    Attributes:
        to_stdout: print them instead of showing them once.
        again: show letters, too, whose showing was interrupted.
        follow_up: ask what a letter calls for, and say which command does it.
        whose: say on the screen from whom each letter is; `--json` always does.
        later: kinds that are left unread.
    """

    to_stdout: bool
    again: bool = False
    follow_up: bool = True
    whose: bool = False
    later: frozenset[int] = frozenset()


def show_letters(invocation: Invocation, store: Store, name: str, how: Showing) -> int:
    """Show what came from the contact called *name*, oldest first, and return how many.

    Raises:
        Failure: the screen cannot show once and erase; letters not shown are kept.
    """
    shown = 0
    contact = find(store.read(), name)
    if contact is None or not contact.theirs:
        return shown
    invocation.require_screen(to_stdout=how.to_stdout)
    for letter in contact.theirs:
        if letter.kind in how.later:
            continue
        if letter.kind not in SHOWN:
            shown += _cannot_show(invocation, store, letter)
            continue
        if letter.opened and not how.again:
            invocation.output.warn(Message.INTERRUPTED_LETTER)
            continue
        if letter.opened:
            invocation.output.warn(Message.SHOWN_BEFORE)
        if not store.update(_marking(letter, again=how.again)):
            # Another process opened it in the meantime.
            continue
        _show(invocation, letter, name, how)
        relay = _relay_to_use(invocation, store, letter) if how.follow_up else None
        if store.update(_erasing(letter, int(time.time()), relay)):
            invocation.output.say(Message.RELAY_CHANGED)
        if how.follow_up and letter.kind == Kind.QUESTION:
            invocation.output.say(Message.HOW_TO_ANSWER)
        shown += 1
    return shown


def _show(invocation: Invocation, letter: TheirLetter, name: str, how: Showing) -> None:
    view = view_of(letter)
    text = view.text
    to_stdout = how.to_stdout
    if how.whose and not to_stdout:
        text = f"{told(Message.STATUS_OF, name=name)}\n\n{text}"
    elif how.whose and not invocation.output.json:
        invocation.output.warn(Message.STATUS_OF, name=name)
    visit = letter.written[0]
    for mark in _marks(letter):
        if to_stdout:
            invocation.output.warn(mark, visit=visit)
        else:
            # Beside the letter itself, where it cannot be overlooked.
            text = f"{told(mark, visit=visit)}\n\n{text}"
    marked = {"forced": letter.forced, "held": letter.held, "visit": visit}
    fields = {**view.fields, "name": name, **marked}
    invocation.show_letter(view.event, text, to_stdout=to_stdout, **fields)


def _marks(letter: TheirLetter) -> tuple[Text, ...]:
    """Return what is to be said of whoever wrote *letter*, of which they say nothing."""
    held = (Message.HELD_LETTER,) if letter.held else ()
    return (Message.FORCED_LETTER, *held) if letter.forced else held


def _relay_to_use(invocation: Invocation, store: Store, letter: TheirLetter) -> str | None:
    """Return the relay to which *letter* moves us, if our person wants it."""
    details = details_of(letter.kind, letter.details)
    # Read again: a letter shown before this one may have moved us there already.
    contact = _holder(store.read(), letter) if isinstance(details, NextRelay) else None
    if not isinstance(details, NextRelay) or contact is None:
        return None
    try:
        relay = str(parse_relay_url(details.address))
    except UnusableSetting:
        invocation.output.warn(Message.RELAY_UNUSABLE)
        return None
    if relay == contact.relay:
        return None
    # No yes is asked for where a stranger may have named it: to go there would take along the
    # conversation with the family. And while they come where we go, as they read of ours, each
    # going to the other's would lose both.
    why_not = Message.RELAY_HELD if letter.held else Message.MOVING_ALREADY
    if letter.held or contact.moves_with:
        invocation.output.warn(why_not)
        return None
    inputs = invocation.inputs
    asked = inputs.assume_yes or not inputs.no_input
    if asked and inputs.confirm(Message.USE_RELAY):
        return relay
    invocation.output.warn(Message.RELAY_KEPT)
    return None


def _cannot_show(invocation: Invocation, store: Store, letter: TheirLetter) -> int:
    """Say what is wrong with a letter, and return how many letters that deals with.

    What a later version made is kept until this device has that version, or until a month after our
    person was told of it: else whoever sends such letters would take the room of others for ever.
    """
    if letter.kind == GONE:
        invocation.output.warn(Message.EXPIRED)
        store.update(_erasing(letter, 0, None))
        return 0
    if letter.kind != UNREADABLE:
        return _keep_for_later(invocation, store, letter, int(time.time()))
    invocation.output.warn(Message.DAMAGED)
    store.update(_erasing(letter, 0, None))
    return 1


def _keep_for_later(invocation: Invocation, store: Store, letter: TheirLetter, now: int) -> int:
    # A clock that began in 1970, and was set since, says nothing of how long ago it was told.
    age = now - letter.told_at
    if letter.told_at and KEPT_FOR_LATER_SECONDS <= age < MOST_BELIEVED_SECONDS:
        invocation.output.warn(Message.TOO_NEW_FOR_LONG)
        store.update(_erasing(letter, 0, None))
        return 1
    invocation.output.warn(Message.TOO_NEW)
    is_told_anew = not 0 <= age < MOST_BELIEVED_SECONDS
    if is_told_anew and invocation.output.sentences_are_read:
        # Without room it is told of anew another time: what is read next makes some.
        with suppress(VaultFull):
            store.update(_telling(letter, now))
    return 0


def _telling(meant: TheirLetter, now: int) -> Change:
    def change(profile: Profile) -> tuple[Profile, bool]:
        contact = _holder(profile, meant)
        if contact is None:
            return profile, False
        told_of = replace(meant, told_at=now)
        theirs = tuple(told_of if other == meant else other for other in contact.theirs)
        return with_contact(profile, replace(contact, theirs=theirs)), True

    return change


def _marking(meant: TheirLetter, *, again: bool) -> Change:
    def change(profile: Profile) -> tuple[Profile, bool]:
        contact = _holder(profile, meant)
        letter = None if contact is None else _letter(contact, meant.reference)
        if contact is None or letter is None or (letter.opened and not again):
            return profile, False
        opened = replace(letter, opened=True)
        theirs = tuple(opened if other is letter else other for other in contact.theirs)
        return with_contact(profile, replace(contact, theirs=theirs)), True

    return change


def _erasing(shown: TheirLetter, now: int, relay: str | None) -> Change:
    """Let *shown* go and do what it asks for; the change says whether we went to *relay*."""

    def change(profile: Profile) -> tuple[Profile, bool]:
        contact = _holder(profile, shown)
        if contact is None:
            return profile, False
        left = tuple(letter for letter in contact.theirs if letter.reference != shown.reference)
        contact = replace(contact, theirs=left)
        if shown.kind == Kind.QUESTION:
            contact = comparing.leave_open(contact, shown, now)
        # Another window may have gone there, or have begun to go elsewhere, since our person was
        # asked: to go twice would forget the relay at which the other side's letters still lie.
        goes = relay not in {None, contact.relay} and not contact.moves_with
        if relay is not None and goes:
            contact = move(contact, relay, now=now)
        return with_contact(profile, contact), goes

    return change


def _holder(profile: Profile, shown: TheirLetter) -> Contact | None:
    """Return the contact whose letter is or was shown, whatever it is called by now.

    Another window may rename it meanwhile, and what was shown must go; but not the letter of
    whoever has the name now, which may have the same number.
    """
    held = (shown, replace(shown, opened=True))
    return next(
        (contact for contact in profile.contacts if any(one in held for one in contact.theirs)),
        None,
    )


def _letter(contact: Contact, reference: int) -> TheirLetter | None:
    return next((other for other in contact.theirs if other.reference == reference), None)
