"""The terminal of the person: typed lines, hidden lines, and letters that are shown once.

It is the controlling terminal, opened by name, whatever standard input and output are connected
to; nothing asked or shown here lands in a pipe or a log. While it is open this file edits the
line itself, because the kernel counts a Korean syllable as one column where it takes two, and
without IUTF8 deletes one byte of it; and job control is off, because a stopped process would
leave a letter on the screen. However the block ends, settings and screen are put back, all but the
echo: what is typed while Ojak works must not show either, so that returns when the process ends.

Source: termios(3); ECMA-48; xterm's private modes 1049 and 3 J.
"""

import atexit
import os
import select
import shutil
import termios
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, Final

from ojak_client import escape
from ojak_client.failures import Failure
from ojak_client.holding import hold
from ojak_client.i18n import told
from ojak_client.inputs import SECRET_LIMIT_BYTES, Secret
from ojak_client.line_editor import END, ENTER, LineEditor
from ojak_client.messages import Message

_DEVICE: Final = "/dev/tty"
_ENTER_SCREEN: Final = "\x1b[?1049h"
_LEAVE_SCREEN: Final = "\x1b[?1049l"
_CLEAR: Final = "\x1b[2J\x1b[3J\x1b[H"
_LFLAG: Final = 3
_CC: Final = 6
_LOOK_SECONDS: Final = 1.0
"""A signal that comes just before a wait is heard only after it: so late at most."""
_DISABLED: Final = b"\x00"
_YES: Final = frozenset({"y", "yes", "ㅛ", "예", "네", "是", "是的", "对"})
_NO: Final = frozenset({"n", "no", "ㅜ", "아니요", "아니오", "否", "不", "不是"})


class NoTerminal(Exception):
    """This process has no controlling terminal, so nobody can be asked."""


def can_erase(environment: Mapping[str, str] = os.environ) -> bool:
    """Return whether the terminal has a screen that can be erased: not a printer, not an editor."""
    return environment.get("TERM", "dumb") not in {"", "dumb"}


@contextmanager
def open_terminal(*, idle_seconds: float) -> Iterator["Terminal"]:
    """Give the controlling terminal, and put its settings back at the end, the echo at the exit.

    Args:
        idle_seconds: how long to wait for each key.

    Raises:
        NoTerminal: this process has none.
    """
    try:
        descriptor = os.open(_DEVICE, os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        raise NoTerminal from None
    try:
        before = termios.tcgetattr(descriptor)
        try:
            termios.tcsetattr(descriptor, termios.TCSADRAIN, _by_key(before))
            yield Terminal(descriptor, idle_seconds, erasable=can_erase())
        finally:
            with suppress(termios.error):  # the window was closed
                termios.tcsetattr(descriptor, termios.TCSADRAIN, _unechoed(before))
    finally:
        os.close(descriptor)


def _unechoed(settings: list[Any]) -> list[Any]:
    """Return *settings* without the echo, which comes back when this process ends.

    Between two questions Ojak works for a while, and the next answer may be typed already. The
    kernel would echo it on the screen that is not erased.
    """
    if settings[_LFLAG] & termios.ECHO:
        atexit.register(_echo_again)
    changed = list(settings)
    changed[_LFLAG] &= ~termios.ECHO
    return changed


def _echo_again() -> None:
    """Put the echo back, and discard what nobody read: it may be an answer, and no command."""
    with suppress(OSError, termios.error):  # the window was closed
        descriptor = os.open(_DEVICE, os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
        try:
            # In the background the terminal is somebody else's, and changing it would stop us.
            if os.tcgetpgrp(descriptor) == os.getpgrp():
                settings = termios.tcgetattr(descriptor)
                settings[_LFLAG] |= termios.ECHO
                termios.tcsetattr(descriptor, termios.TCSAFLUSH, settings)
        finally:
            os.close(descriptor)


def _by_key(settings: list[Any]) -> list[Any]:
    """Return *settings* with every key given at once, unechoed, and only Ctrl-C as a signal."""
    changed = list(settings)
    off = termios.ICANON | termios.ECHO | termios.ECHONL | termios.IEXTEN
    changed[_LFLAG] = (changed[_LFLAG] & ~off) | termios.ISIG
    control = list(changed[_CC])
    control[termios.VMIN], control[termios.VTIME] = 1, 0
    control[termios.VSUSP] = control[termios.VQUIT] = _DISABLED
    changed[_CC] = control
    return changed


class Terminal:
    """An open terminal; made by `open_terminal`."""

    def __init__(self, descriptor: int, idle_seconds: float, *, erasable: bool) -> None:
        self._descriptor = descriptor
        self._idle_seconds = idle_seconds
        self.erasable = erasable

    def write(self, text: str) -> None:
        """Write *text*, which is ours or already safe."""
        left = text.encode(errors="replace")
        while left:
            left = left[os.write(self._descriptor, left) :]

    def ask(self, prompt: str, *, hidden: bool = False) -> Secret:
        """Return one typed line, at most 4096 bytes of UTF-8.

        Raises:
            Failure: the line is longer, or no key was pressed for the idle time.
            KeyboardInterrupt: Ctrl-C, Ctrl-D on an empty line, or a closed window.
        """
        self.write(prompt)
        typed, end = self._line(hidden=hidden)
        if end == END:
            typed.wipe()
            raise KeyboardInterrupt
        return typed

    def ask_lines(self, prompt: str) -> str:
        """Return typed lines up to an empty one or Ctrl-D; raises as `ask`."""
        self.write(prompt + "\n\n")
        lines: list[str] = []
        while True:
            typed, end = self._line(hidden=False)
            with typed:
                lines.append(typed.text())
            if end == END or not lines[-1]:
                return "\n".join(lines).rstrip("\n")

    def confirm(self, question: str) -> bool:
        """Return whether the person says yes, in any of the three languages; raises as `ask`."""
        while True:
            with self.ask(f"{question} ({told(Message.YES_OR_NO)}) ") as typed:
                word = typed.text().strip().lower()
            if word in _YES:
                return True
            if word in _NO:
                return False

    @contextmanager
    def private(self) -> Iterator[None]:
        """Work on the alternate screen and erase it at the end, however the block ends.

        Does nothing on a terminal that cannot erase.
        """
        if not self.erasable:
            yield
            return
        try:
            self.write(_ENTER_SCREEN + _CLEAR)
            yield
        finally:
            with suppress(OSError):  # the window was closed
                self.write(_CLEAR + _LEAVE_SCREEN)

    def _size(self) -> os.terminal_size:
        """Return columns and lines of the terminal itself.

        Not what COLUMNS and LINES of the environment say, which may be stale: a page that is too
        long would scroll a letter out of the screen that is erased.
        """
        with suppress(OSError):
            size = os.get_terminal_size(self._descriptor)
            if size.columns and size.lines:
                return size
        return shutil.get_terminal_size()

    def show_once(self, text: str) -> None:
        """Show *text*, made safe, page by page until Enter; then erase it.

        Raises:
            Failure: no key was pressed for the idle time.
        """
        with self.private():
            # What was typed before the letter appeared must not close it unread.
            termios.tcflush(self._descriptor, termios.TCIFLUSH)
            remaining = pages(escape.block(text), self._size())
            for position, page in enumerate(remaining, start=1):
                last = position == len(remaining)
                footer = Message.PRESS_TO_ERASE if last else Message.PRESS_FOR_NEXT
                self.write(f"{_CLEAR}{page}\n\n{told(footer)}")
                self.ask("", hidden=True).wipe()

    def hold(self, seconds: int, *, clock: Callable[[], float] = time.monotonic) -> bool:
        """Count *seconds* down, and return whether nobody undid it; see `holding`."""
        # What was typed before, or follows in the same sequence of keys, says nothing.
        termios.tcflush(self._descriptor, termios.TCIFLUSH)
        try:
            return hold(self, seconds, clock)
        finally:
            with suppress(termios.error):  # the window was closed
                termios.tcflush(self._descriptor, termios.TCIFLUSH)

    def _line(self, *, hidden: bool) -> tuple[Secret, int]:
        """Return one line and the key that ended it."""
        editor = LineEditor(SECRET_LIMIT_BYTES, hidden=hidden)
        try:
            while (end := editor.key(self._key())) is None:
                self._echo(editor)
        except BaseException:
            editor.wipe()
            raise
        self.write("\n")
        if editor.overflown:
            editor.wipe()
            raise Failure(Message.TOO_BIG)
        return Secret(editor.take()), end

    def _echo(self, editor: LineEditor) -> None:
        if editor.echo:
            self.write(editor.echo)

    def _key(self) -> int:
        key = self.key_within(self._idle_seconds)
        if key is None:
            self.write("\n")
            raise Failure(Message.IDLE)
        return key

    def key_within(self, seconds: float) -> int | None:
        """Return the next key, or None if none was pressed for *seconds*.

        Raises:
            KeyboardInterrupt: Ctrl-C, or a closed window.
        """
        until = time.monotonic() + seconds
        while not self._has_key(max(0.0, min(_LOOK_SECONDS, until - time.monotonic()))):
            if time.monotonic() >= until:
                return None
        try:
            # One byte at a time: what follows the line stays with the kernel, unread by us.
            key = os.read(self._descriptor, 1)
        except OSError:
            key = b""
        if not key:
            raise KeyboardInterrupt  # the window was closed
        return ENTER if key == b"\r" else key[0]

    def _has_key(self, seconds: float) -> bool:
        ready, _, _ = select.select([self._descriptor], [], [], seconds)
        return bool(ready)


def pages(text: str, size: os.terminal_size) -> list[str]:
    """Return *text* in pages that fit *size* with two lines to spare for what to press."""
    from wcwidth import wcwidth  # noqa: PLC0415 - its tables serve only where a letter is shown

    lines: list[str] = []
    for paragraph in text.split("\n"):
        start = width = 0
        for position, character in enumerate(paragraph):
            wide = max(wcwidth(character), 0)
            if width + wide > size.columns:
                lines.append(paragraph[start:position])
                start, width = position, 0
            width += wide
        lines.append(paragraph[start:])
    height = max(size.lines - 3, 1)
    return ["\n".join(lines[top : top + height]) for top in range(0, len(lines), height)]
