"""Text from the other side, made safe for a terminal. This file alone decides what is shown.

A letter, a name or a question may carry escape sequences that write to the clipboard or move the
cursor, direction marks that turn a sentence around, characters of no width that hide in a word,
or a tower of accents that covers the lines above. None of these reaches the screen as it is:
what has no picture of its own is shown by its code. Escaping twice changes nothing.
"""

import unicodedata
from typing import Final

MARKS_IN_A_ROW: Final = 4
"""Vietnamese needs two on a letter, Hebrew three; more is not writing."""

_BARE_MARK_CARRIER: Final = "◌"
_MARKS_LEFT_OUT: Final = "…"
_HIDDEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
# Assigned letters and marks that are drawn as nothing (Default_Ignorable_Code_Point).
_INVISIBLE: Final = frozenset(
    {0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180B, 0x180C, 0x180D, 0x180F, 0x3164, 0xFFA0}
    | set(range(0xFE00, 0xFE10))
    | set(range(0xE0100, 0xE01F0))
)
# Only joins or colours pictures: ❤ and its variation selector are one sign to the writer.
_PICTURE_JOINERS: Final = frozenset({"\u200d", "\ufe0e", "\ufe0f"})


def line(text: str) -> str:
    """Return *text* as one line: printable characters only, newlines shown by a sign."""
    return _escape(text, keep_newlines=False)


def block(text: str) -> str:
    """Return *text* with its newlines; everything else as in `line`."""
    return _escape(text.replace("\r\n", "\n"), keep_newlines=True)


def _escape(text: str, *, keep_newlines: bool) -> str:
    shown: list[str] = []
    marks = 0
    at_line_start = True
    for character in unicodedata.normalize("NFC", text):
        if character == "\n" and keep_newlines:
            shown.append(character)
            marks, at_line_start = 0, True
            continue
        if character in _PICTURE_JOINERS and shown and unicodedata.category(shown[-1][-1]) == "So":
            continue
        if not _is_mark(character):
            shown.append(_visible(character))
            marks, at_line_start = 0, False
            continue
        if at_line_start:
            shown.append(_BARE_MARK_CARRIER)
            at_line_start = False
        marks += 1
        if marks <= MARKS_IN_A_ROW:
            shown.append(character)
        elif marks == MARKS_IN_A_ROW + 1:
            shown.append(_MARKS_LEFT_OUT)
    return unicodedata.normalize("NFC", "".join(shown))


def _is_mark(character: str) -> bool:
    """Return whether *character* is drawn onto the one before it, old Hangul vowels included."""
    code = ord(character)
    if code in _INVISIBLE:
        return False
    if 0x1160 <= code <= 0x11FF or 0xD7B0 <= code <= 0xD7FB:
        return True
    return unicodedata.category(character).startswith("M")


def _visible(character: str) -> str:
    """Return *character*, or its code where it has no picture of its own."""
    code = ord(character)
    if code < 0x20:
        return chr(0x2400 + code)  # ␀ to ␟: a picture for each control character
    if code in _INVISIBLE or unicodedata.category(character) in _HIDDEN:
        return f"<U+{code:04X}>"
    if unicodedata.category(character) == "Zs" and character != "\u3000":
        return " "
    return character
