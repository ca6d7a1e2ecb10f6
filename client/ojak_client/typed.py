"""What a person typed, as it may be used: a name for a contact, a text for a letter."""

from typing import Final

from ojak_client.failures import Failure
from ojak_client.messages import Message
from ojak_protocol.letters import MOST_TEXT_BYTES

MOST_NAME_CHARACTERS: Final = 40


def usable_name(name: str) -> str:
    """Return *name* as a contact may be called.

    Raises:
        Failure: it is empty, long, or has characters that cannot be shown.
    """
    name = " ".join(name.split())
    if not name or len(name) > MOST_NAME_CHARACTERS or not name.isprintable():
        raise Failure(Message.NAME_UNUSABLE)
    return name


def usable_text(text: str) -> str:
    """Return *text* as it may stand in a letter.

    Raises:
        Failure: it has more than 1500 bytes.
    """
    if len(text.encode()) > MOST_TEXT_BYTES:
        raise Failure(Message.TOO_BIG)
    return text
