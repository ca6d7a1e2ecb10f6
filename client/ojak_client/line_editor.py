"""Edits one typed line: bytes in, what to echo out. No terminal here.

Whole characters are deleted, and as many columns as they take: two for a Korean syllable. Cursor
keys and other escape sequences are ignored. The line lies in one buffer of its final size, so
that overwriting it leaves no copy.
"""

import unicodedata
from typing import Final

from ojak_client.hardening import wipe

ENTER: Final = 0x0A
END: Final = 0x04
_BACKSPACES: Final = frozenset({0x08, 0x7F})
_CLEAR_LINE: Final = 0x15
_ESCAPE: Final = 0x1B
_OPENS_SEQUENCE: Final = frozenset(b"[O")


class LineEditor:
    """One line of at most *limit* bytes.

    Attributes:
        echo: what to write to the screen after the last key.
        overflown: more was typed than fits; the line must not be used.
    """

    def __init__(self, limit: int, *, hidden: bool) -> None:
        self._buffer = bytearray(limit)
        self._length = 0
        self._starts: list[int] = []
        self._awaited = 0
        self._sequence = b""
        self._hidden = hidden
        self.echo = ""
        self.overflown = False

    def key(self, byte: int) -> int | None:
        """Take one byte; return ENTER or END when it ends the line."""
        self.echo = ""
        if self._in_sequence(byte):
            return None
        if byte == ENTER or (byte == END and self._length == 0):
            return byte
        if byte in _BACKSPACES:
            self._delete()
        elif byte == _CLEAR_LINE:
            echoes = []
            while self._starts:
                self._delete()
                echoes.append(self.echo)
            self.echo = "".join(echoes)
        elif byte >= 0x20:
            self._add(byte)
        return None

    def take(self) -> bytearray:
        """Return the line and forget it."""
        self._drop_unfinished()
        line = bytearray(memoryview(self._buffer)[: self._length])
        self.wipe()
        return line

    def wipe(self) -> None:
        """Overwrite the line."""
        wipe(self._buffer)
        self._length = 0
        self._starts.clear()

    def _in_sequence(self, byte: int) -> bool:
        """Return whether *byte* belongs to an escape sequence, such as a cursor key."""
        if byte == _ESCAPE:
            self._sequence = b"\x1b"
            return True
        if not self._sequence:
            return False
        if self._sequence == b"\x1b":
            opens = byte in _OPENS_SEQUENCE
            self._sequence = b"\x1b[" if opens else b""
            return opens
        if 0x40 <= byte <= 0x7E:
            self._sequence = b""
        return True

    def _add(self, byte: int) -> None:
        """Add a byte of UTF-8; bytes that cannot be part of it are ignored."""
        if 0x80 <= byte < 0xC0:
            if not self._awaited:
                return
            self._awaited -= 1
        else:
            self._drop_unfinished()
            self._awaited = 0 if byte < 0x80 else 1 + (byte >= 0xE0) + (byte >= 0xF0)
            self._starts.append(self._length)
        if self._length == len(self._buffer):
            self.overflown = True
            return
        self._buffer[self._length] = byte
        self._length += 1
        if not self._awaited:
            self._finish()

    def _finish(self) -> None:
        """Echo the character just completed, or drop it where its bytes are none."""
        character = self._last()
        if character is None or unicodedata.category(character).startswith("C"):
            self._cut()
        elif not self._hidden:
            self.echo = character

    def _drop_unfinished(self) -> None:
        if self._awaited and self._starts:
            self._cut()

    def _delete(self) -> None:
        self._awaited = 0
        if not self._starts:
            return
        character = self._last()
        self._cut()
        if not self._hidden and character is not None:
            wide = columns(character)
            self.echo = "\b" * wide + " " * wide + "\b" * wide

    def _last(self) -> str | None:
        with memoryview(self._buffer) as view:
            try:
                return str(view[self._starts[-1] : self._length], "utf-8")
            except UnicodeDecodeError:
                return None

    def _cut(self) -> None:
        """Overwrite the last character and forget it."""
        start = self._starts.pop()
        self._buffer[start : self._length] = bytes(self._length - start)
        self._length = start
        self._awaited = 0


def columns(character: str) -> int:
    """Return how many columns of a terminal *character* takes: 0, 1 or 2."""
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in {"W", "F"} else 1
