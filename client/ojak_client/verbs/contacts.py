"""`ojak contacts`: whom one can write to, under names and notes that never leave this device."""

from collections.abc import Callable

import click

from ojak_client.exit_codes import ExitCode
from ojak_client.failures import Failure
from ojak_client.help_texts import HelpText
from ojak_client.i18n import Text, command_line, told
from ojak_client.invocation import Invocation
from ojak_client.messages import Message
from ojak_client.opening import choose_contact, open_vault
from ojak_client.output import Output
from ojak_client.profile import Contact, Profile, find
from ojak_client.sharing import check_room
from ojak_client.store import Store
from ojak_client.typed import usable_name, usable_note
from ojak_client.verb import verb
from ojak_protocol.values import dataclass, replace


@dataclass(frozen=True, slots=True)
class _Changes:
    rename: str | None
    note: str | None

    def __bool__(self) -> bool:
        return self.rename is not None or self.note is not None


@verb(
    HelpText.CONTACTS,
    examples=("ojak contacts", "ojak contacts 엄마 --rename 어머니", "ojak contacts 엄마 --note …"),
)
@click.argument("name", required=False, metavar=told(HelpText.OPTIONAL_NAME_METAVAR))
@click.option("--rename", metavar=told(HelpText.NAME_METAVAR), help=told(HelpText.RENAME))
@click.option("--note", metavar=told(HelpText.NOTE_METAVAR), help=told(HelpText.NOTE))
def command(
    invocation: Invocation, name: str | None, rename: str | None, note: str | None
) -> ExitCode:
    """Write one line for each contact, after changing what was to be changed."""
    changes = _Changes(rename, note)
    if changes and name is None:
        raise Failure(Message.NEEDS_NAME, command=command_line("contacts"))
    # What cannot be used is told before anything is opened.
    changes = _usable(changes)
    with open_vault(invocation) as store:
        if name is not None:
            name = choose_contact(store.read(), name).name
        if changes and name is not None:
            name = _change(store, name, changes)
        contacts = store.read().contacts
    if not contacts:
        raise Failure(Message.NO_CONTACTS, command=command_line("invite"))
    for contact in contacts:
        if name in {None, contact.name}:
            _show(invocation.output, contact)
    return ExitCode.DONE


def _usable(changes: _Changes) -> _Changes:
    rename = None if changes.rename is None else usable_name(changes.rename)
    note = None if changes.note is None else usable_note(changes.note)
    return _Changes(rename, note)


def _change(store: Store, name: str, changes: _Changes) -> str:
    """Keep what changes, and return the name from now on.

    Raises:
        Failure: another contact has the name, or this one has gone meanwhile.
    """
    failure = store.update(_changing(name, changes))
    if failure is not None:
        raise Failure(failure, name=name if changes.rename is None else changes.rename)
    return name if changes.rename is None else changes.rename


def _changing(name: str, changes: _Changes) -> Callable[[Profile], tuple[Profile, Text | None]]:
    def change(profile: Profile) -> tuple[Profile, Text | None]:
        contact = find(profile, name)
        if contact is None:
            return profile, Message.UNKNOWN_NAME
        renamed = name if changes.rename is None else changes.rename
        if renamed != name and find(profile, renamed) is not None:
            return profile, Message.NAME_EXISTS
        note = contact.note if changes.note is None else changes.note
        changed = replace(contact, name=renamed, note=note)
        contacts = tuple(changed if other is contact else other for other in profile.contacts)
        if len(note.encode()) > len(contact.note.encode()):
            check_room(contacts)
        return replace(profile, contacts=contacts), None

    return change


def _show(output: Output, contact: Contact) -> None:
    output.show(_standing(contact), name=contact.name)
    if contact.note:
        output.show(Message.CONTACT_NOTE, name=contact.name, note=contact.note)


def _standing(contact: Contact) -> Text:
    if any(not line.conversation.broken for line in contact.lines):
        return Message.CONTACT_MET
    if contact.lines and not contact.sets:
        return Message.CONTACT_ENDED
    return Message.CONTACT_AWAITED
