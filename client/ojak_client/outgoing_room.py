"""How much may be sealed at a time: each box that is not acknowledged takes two pages of the vault.

Whoever knows the answers may write without ever acknowledging anything, visit after visit. So what
goes to sides that keep nothing, and to those that are held, has a share of its own, whatever it
says; and of boxes that say no more than what arrived there are few. Both words count alike: which
of them was typed must not show in what is still sent.
"""

from collections.abc import Iterable
from typing import Final

from ojak_client.profile import Contact, Line
from ojak_protocol.values import dataclass

MOST_LETTERS: Final = 192
"""Of all contacts: three conversations at the protocol's bound, 384 pages. Each takes two pages and
430 bytes beside its text; the others wait unsealed."""
MOST_PASSING_LETTERS: Final = 128
"""Of these in lines to sides that keep nothing, or that are held."""
MOST_RECEIPTS: Final = 192
"""Boxes that carry no letter of ours, of all contacts: 384 pages with the letters' come to 768 of
1088, and visits that nobody confirmed yet have the rest."""
MOST_PASSING_RECEIPTS: Final = 96
"""Of these in lines to sides that keep nothing, or that are held."""
MOST_RECEIPTS_A_VISIT: Final = 8
"""Of these in one such line: whoever acknowledges nothing is told no more before he does."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """How many boxes lie sealed and unacknowledged: letters and others, in all and in passing."""

    letters: int = 0
    passing_letters: int = 0
    receipts: int = 0
    passing_receipts: int = 0

    def __add__(self, other: "Sealed") -> "Sealed":
        """Return both counts together."""
        return Sealed(
            self.letters + other.letters,
            self.passing_letters + other.passing_letters,
            self.receipts + other.receipts,
            self.passing_receipts + other.passing_receipts,
        )

    def __sub__(self, part: "Sealed") -> "Sealed":
        """Return what is left of this count without *part* of it."""
        return Sealed(
            self.letters - part.letters,
            self.passing_letters - part.passing_letters,
            self.receipts - part.receipts,
            self.passing_receipts - part.passing_receipts,
        )

    def at_least(self, least: "Sealed") -> "Sealed":
        """Return of both counts the larger, each for itself."""
        return Sealed(
            max(self.letters, least.letters),
            max(self.passing_letters, least.passing_letters),
            max(self.receipts, least.receipts),
            max(self.passing_receipts, least.passing_receipts),
        )

    def room_for_letters(self, line: Line) -> int:
        """Return how many more letters may be sealed, of which all go into *line*."""
        left = MOST_LETTERS - self.letters
        if _passes(line):
            left = min(left, MOST_PASSING_LETTERS - self.passing_letters)
        return max(0, left)

    def room_for_receipts(self, line: Line) -> int:
        """Return how many more boxes without a letter may be sealed into *line*."""
        left = MOST_RECEIPTS - self.receipts
        if _passes(line):
            here = unacknowledged_receipts(line)
            left = min(
                left, MOST_PASSING_RECEIPTS - self.passing_receipts, MOST_RECEIPTS_A_VISIT - here
            )
        return max(0, left)


def reserved(contacts: int) -> Sealed:
    """Return how much is kept for each of so many *contacts*, whether or not it is used.

    Half of what may be sealed is reserved in equal parts: letters of ours to one whose answers are
    known, who acknowledges nothing, must not keep back those to others.
    """
    times = 2 * max(1, contacts)
    return Sealed(
        MOST_LETTERS // times,
        MOST_PASSING_LETTERS // times,
        MOST_RECEIPTS // times,
        MOST_PASSING_RECEIPTS // times,
    )


def sealed_in(contacts: Iterable[Contact]) -> Sealed:
    """Return what lies sealed and unacknowledged in all lines of *contacts*."""
    lines = (line for contact in contacts for line in contact.lines)
    return sum(map(_sealed_in_line, lines), Sealed())


def unacknowledged_receipts(line: Line) -> int:
    """Return how many boxes without a letter the other side of *line* did not acknowledge."""
    return sum(out.reference == 0 for out in line.conversation.outbox)


def _sealed_in_line(line: Line) -> Sealed:
    receipts = unacknowledged_receipts(line)
    letters = len(line.conversation.outbox) - receipts
    passing = _passes(line)
    return Sealed(letters, letters * passing, receipts, receipts * passing)


def _passes(line: Line) -> bool:
    return not line.kept or line.held
