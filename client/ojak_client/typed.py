"""What a person typed, as it may be used: a name for a contact, a text for a letter."""

import unicodedata
from typing import Final

from ojak_client.failures import Failure
from ojak_client.messages import Message
from ojak_protocol.letters import MOST_TEXT_BYTES

MOST_NAME_CHARACTERS: Final = 40
MOST_NOTE_CHARACTERS: Final = 200


def usable_name(name: str) -> str:
    """Return *name* as a contact may be called, in the one form in which names are compared.

    Raises:
        Failure: it is empty, long, or has characters that cannot be shown.
    """
    name = one_form(name)
    if not name or len(name) > MOST_NAME_CHARACTERS or not name.isprintable():
        raise Failure(Message.NAME_UNUSABLE)
    return name


def usable_note(note: str) -> str:
    """Return *note* as it may be kept of a contact; an empty one removes it.

    Raises:
        Failure: it has more than 200 characters, or such as cannot be shown.
    """
    note = one_form(note)
    if len(note) > MOST_NOTE_CHARACTERS or not note.isprintable():
        raise Failure(Message.NOTE_UNUSABLE)
    return note


def one_form(typed: str) -> str:
    """Return *typed* with single spaces and composed syllables, however a keyboard makes them."""
    return unicodedata.normalize("NFC", " ".join(typed.split()))


def usable_text(text: str) -> str:
    """Return *text* as it may stand in a letter.

    Raises:
        Failure: it has more than 1500 bytes.
    """
    if len(text.encode()) > MOST_TEXT_BYTES:
        raise Failure(Message.TOO_BIG)
    return text
