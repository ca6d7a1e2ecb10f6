"""The number that names a meeting point: 12 decimal digits, 11 random and one check digit.

It is public: a stranger carries it, reads it over the telephone, writes it on a slip. The check
digit (Damm) notices every single wrong digit and every two neighbours in the wrong order, so a
slip of the pen is told to the person at once, without asking the relay.

Source: docs/protocol.md, "Number"; H. M. Damm, "Total anti-symmetrische Quasigruppen" (2004).
"""

import unicodedata
from typing import Final, NewType

from ojak_protocol.errors import Reason, Refused
from ojak_protocol.primitives import Entropy

Number = NewType("Number", str)
"""12 ASCII digits, the last of which is right."""

NUMBER_DIGITS: Final = 12

_RANDOM_DIGITS: Final = NUMBER_DIGITS - 1
_NUMBERS: Final = 10**_RANDOM_DIGITS
_DRAWN_BYTES: Final = 5

# A totally anti-symmetric quasigroup of order 10 with zeros on its diagonal: row and column give
# the next row; a right number ends in row 0.
_DAMM: Final = (
    (0, 3, 1, 7, 5, 9, 8, 6, 4, 2),
    (7, 0, 9, 2, 1, 5, 4, 8, 6, 3),
    (4, 2, 0, 6, 8, 7, 1, 3, 5, 9),
    (1, 7, 5, 0, 9, 8, 3, 4, 2, 6),
    (6, 1, 2, 3, 0, 4, 5, 9, 7, 8),
    (3, 6, 7, 4, 2, 0, 9, 5, 8, 1),
    (5, 8, 6, 9, 7, 2, 0, 1, 3, 4),
    (8, 9, 4, 5, 3, 6, 2, 0, 1, 7),
    (9, 4, 3, 8, 6, 1, 7, 2, 0, 5),
    (2, 5, 8, 1, 4, 3, 6, 7, 9, 0),
)

_SIGNS_LIKE_HYPHENS: Final = "\N{MINUS SIGN}\N{HYPHEN BULLET}\N{MODIFIER LETTER MINUS SIGN}"
_DROPPED_CATEGORIES: Final = frozenset({"Pd", "Zs", "Zl", "Zp", "Cf"})


def new_number(entropy: Entropy) -> Number:
    """Return a fresh number; every one of the 10^11 is equally likely."""
    # The largest multiple of 10^11 below 2^40 is 10 * 10^11; what lies above is drawn again, or
    # the lowest numbers would come up more often.
    drawn = int.from_bytes(entropy(_DRAWN_BYTES), "big")
    while drawn >= 10 * _NUMBERS:
        drawn = int.from_bytes(entropy(_DRAWN_BYTES), "big")
    digits = f"{drawn % _NUMBERS:0{_RANDOM_DIGITS}d}"
    # The diagonal of the table is zero: the row reached is the digit that leads to row 0.
    return Number(digits + str(_row_after(digits)))


def parse_number(text: str) -> Number:
    """Return the number that a person typed or pasted.

    Decimal digits of every script count by their value (full width too). Spaces, line ends,
    hyphens and dashes of every kind, and characters that cannot be seen, are left out.

    Raises:
        Refused: EMPTY, nothing but spaces and hyphens; UNUSABLE_CHARACTER, something else than
            digits; WRONG_LENGTH, not 12 digits; CHECK_DIGIT, a digit is wrong.
    """
    digits = "".join(str(unicodedata.decimal(character)) for character in filter(_kept, text))
    if not digits:
        raise Refused(Reason.EMPTY)
    if len(digits) != NUMBER_DIGITS:
        raise Refused(Reason.WRONG_LENGTH)
    if _row_after(digits) != 0:
        raise Refused(Reason.CHECK_DIGIT)
    return Number(digits)


def format_number(number: Number) -> str:
    """Return *number* as it is shown to people: three groups of four digits."""
    return f"{number[:4]}-{number[4:8]}-{number[8:]}"


def _kept(character: str) -> bool:
    category = unicodedata.category(character)
    if category == "Nd":
        return True
    if category in _DROPPED_CATEGORIES or character.isspace() or character in _SIGNS_LIKE_HYPHENS:
        return False
    raise Refused(Reason.UNUSABLE_CHARACTER)


def _row_after(digits: str) -> int:
    row = 0
    for digit in digits:
        row = _DAMM[row][int(digit)]
    return row
