"""What the kinds of letters are to a person: which `ojak read` shows, and how many are unread.

A kind that is missing in `SHOWN` is kept and said to be of a newer version. A parcel is such a
kind until fetching one is built; it then joins `SHOWN` or is shown by a file of its own. A timed
letter is one only on its way: `timed_pointers` makes a text of it.
"""

from typing import Final

from ojak_client.profile import Contact, TheirLetter
from ojak_protocol.letters import Kind

SHOWN: Final[frozenset[int]] = frozenset(
    {
        Kind.TEXT,
        Kind.STOP,
        Kind.QUESTIONS,
        Kind.NUMBER,
        Kind.RELAY,
        Kind.QUESTION,
        Kind.REPLY,
        Kind.OUTCOME,
    }
)
"""Each of these is shown once and is gone then."""


def stays(kind: int) -> bool:
    """Return whether a letter of *kind* is kept until a later day or version can show it."""
    says_nothing = kind in {Kind.GREETING, Kind.WITHDRAWN}
    # Negative ones stand for what is damaged or gone: reading says so and lets it go.
    return not says_nothing and kind >= 0 and kind not in SHOWN


def unread(contact: Contact) -> int:
    """Return how many letters of *contact* `ojak read` would show, none of them again."""
    return sum(map(is_unread, contact.theirs))


def is_unread(letter: TheirLetter) -> bool:
    """Return whether `ojak read` would show *letter*, and not again."""
    return letter.kind in SHOWN and not letter.opened
