"""Showing letters, each once.

Before a letter is shown, it is durably marked as opened; after it was shown, it is gone. If the
device dies in between, the letter is still there with its mark: it is not shown again by itself,
only when the person asks for it, and then it says so. Nothing is lost, and nothing is shown twice
unasked.
"""

from collections.abc import Callable
from dataclasses import replace

from ojak_client.invocation import Invocation
from ojak_client.messages import Message
from ojak_client.profile import Contact, Profile, TheirLetter, find, with_contact
from ojak_client.store import Store
from ojak_client.timed_pointers import GONE
from ojak_protocol.conversation import UNREADABLE
from ojak_protocol.letters import Kind

Change = Callable[[Profile], tuple[Profile, bool]]


def show_letters(
    invocation: Invocation, store: Store, name: str, *, to_stdout: bool, again: bool
) -> int:
    """Show what came from the contact called *name*, oldest first, and return how many.

    Args:
        invocation: where to show them.
        store: where they are kept until shown.
        name: of the contact.
        to_stdout: print them instead of showing them once.
        again: show letters, too, whose showing was interrupted.

    Raises:
        Failure: the screen cannot show once and erase; letters not shown are kept.
    """
    shown = 0
    contact = find(store.read(), name)
    if contact is None or not contact.theirs:
        return shown
    invocation.require_screen(to_stdout=to_stdout)
    for letter in contact.theirs:
        if letter.kind != Kind.TEXT:
            shown += _cannot_show(invocation, store, letter, name)
            continue
        if letter.opened and not again:
            invocation.output.warn(Message.INTERRUPTED_LETTER)
            continue
        if letter.opened:
            invocation.output.warn(Message.SHOWN_BEFORE)
        if not store.update(_marking(name, letter.reference, again=again)):
            # Another process opened it in the meantime.
            continue
        invocation.show_letter("letter", letter.text, to_stdout=to_stdout, name=name)
        store.update(_erasing(name, letter.reference))
        shown += 1
    return shown


def _cannot_show(invocation: Invocation, store: Store, letter: TheirLetter, name: str) -> int:
    """Say what is wrong with a letter, and return how many letters that deals with.

    What a later version made is kept until this device has that version.
    """
    if letter.kind == GONE:
        invocation.output.warn(Message.EXPIRED)
        store.update(_erasing(name, letter.reference))
        return 0
    if letter.kind != UNREADABLE:
        invocation.output.warn(Message.TOO_NEW)
        return 0
    invocation.output.warn(Message.DAMAGED)
    store.update(_erasing(name, letter.reference))
    return 1


def _marking(name: str, reference: int, *, again: bool) -> Change:
    def change(profile: Profile) -> tuple[Profile, bool]:
        contact = find(profile, name)
        letter = None if contact is None else _letter(contact, reference)
        if contact is None or letter is None or (letter.opened and not again):
            return profile, False
        opened = replace(letter, opened=True)
        theirs = tuple(opened if other is letter else other for other in contact.theirs)
        return with_contact(profile, replace(contact, theirs=theirs)), True

    return change


def _erasing(name: str, reference: int) -> Change:
    def change(profile: Profile) -> tuple[Profile, bool]:
        contact = find(profile, name)
        if contact is None:
            return profile, False
        left = tuple(letter for letter in contact.theirs if letter.reference != reference)
        return with_contact(profile, replace(contact, theirs=left)), True

    return change


def _letter(contact: Contact, reference: int) -> TheirLetter | None:
    return next((other for other in contact.theirs if other.reference == reference), None)
