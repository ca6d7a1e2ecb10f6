"""Where secrets, texts and decisions come from: a prompt, an open descriptor or standard input.

A passphrase may also be a credential of systemd (`credentials.py`).

Never from arguments or the environment, which other users and crash reports can see. With
`--no-input`, or without a terminal, nothing is asked: what is missing ends the run with the
option that would give it.
"""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Self

from ojak_client.failures import Failure, explain
from ojak_client.hardening import wipe
from ojak_client.i18n import Text, told
from ojak_client.messages import Message
from ojak_client.output import is_terminal
from ojak_protocol.values import dataclass

if TYPE_CHECKING:
    from ojak_client.terminal import Terminal

SECRET_LIMIT_BYTES: Final = 4096
LETTER_LIMIT_BYTES: Final = 65536
"""More than any letter may hold; the verb that seals it knows the real limit."""
IDLE_SECONDS: Final = 180.0
READING_SECONDS: Final = 600.0
YES_OPTION: Final = "--yes"
PASSPHRASE_OPTION: Final = "--passphrase-fd"  # noqa: S105 - the name of an option
NEW_PASSPHRASE_OPTION: Final = "--new-passphrase-fd"  # noqa: S105 - the name of an option
CREDENTIAL_OPTION: Final = "--passphrase-credential"
ANSWERS_OPTION: Final = "--answers-fd"
ANSWER_OPTION: Final = "--answer-fd"
HOLD_OPTION: Final = "--hold"
TO_STDOUT_OPTION: Final = "--to-stdout"
STANDARD_INPUT: Final = 0

Understand = Callable[[str], str]
FitTogether = Callable[[Sequence[str]], object]
"""Raises what the errors of the codeword form are for answers that do not go together."""
"""Return an answer as it is understood, or raise `ojak_protocol.errors.Refused`."""


class Secret:
    """Bytes a person typed, overwritten when the `with` block ends.

    `text` and `take` make copies that Python cannot erase; a borrowed device forgets them only
    when the process ends.
    """

    __slots__ = ("data",)

    def __init__(self, data: bytearray) -> None:
        self.data = data

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.wipe()

    def __repr__(self) -> str:
        return "Secret()"

    def wipe(self) -> None:
        """Overwrite the bytes in place; nothing is left to read afterwards."""
        wipe(self.data)
        # Emptied only after it was overwritten: shrinking first would free what it held.
        del self.data[:]

    def text(self) -> str:
        """Return the bytes as text.

        Raises:
            Failure: they are not UTF-8.
        """
        try:
            return self.data.decode()
        except UnicodeDecodeError:
            # The cause would carry the bytes.
            raise Failure(Message.NOT_UTF8) from None


@dataclass(frozen=True, slots=True)
class Inputs:
    """What the command line said about asking."""

    no_input: bool = False
    assume_yes: bool = False
    passphrase_fd: int | None = None
    passphrase_credential: str | None = None

    def confirm(self, question: Text, **values: object) -> bool:
        """Return whether the person says yes; `--yes` says it for them.

        Raises:
            Failure: nobody can be asked.
        """
        if self.assume_yes:
            return True
        with self._terminal(YES_OPTION) as terminal:
            return terminal.confirm(told(question, **values))

    def line(self, prompt: Text, *, option: str, **values: object) -> str:
        """Return one line that is no secret; *option* is what would have given it.

        Raises:
            Failure: nobody can be asked, or nothing was typed for long.
        """
        with self._terminal(option) as terminal, terminal.ask(told(prompt, **values)) as typed:
            return typed.text().strip()

    def passphrase(self) -> Secret:
        """Return the passphrase of what is kept on this device.

        Raises:
            Failure: it is empty, or nobody can be asked.
        """
        if self.passphrase_credential is not None:
            typed = self._credential(self.passphrase_credential)
        elif self.passphrase_fd is not None:
            typed = _first_line(self.passphrase_fd, PASSPHRASE_OPTION)
        else:
            with self._terminal(PASSPHRASE_OPTION) as terminal:
                typed = terminal.ask(told(Message.ASK_PASSPHRASE), hidden=True)
        if not typed.data:
            raise Failure(Message.PASSPHRASE_EMPTY)
        return typed

    def new_passphrase(self) -> Secret:
        """Return a passphrase that was typed twice alike; what is not typed is read once.

        Raises:
            Failure: it is empty, or nobody can be asked.
        """
        if self.passphrase_fd is not None or self.passphrase_credential is not None:
            return self.passphrase()
        return self._typed_twice(PASSPHRASE_OPTION)

    def further_passphrase(self, descriptor: int | None) -> Secret:
        """Return a new passphrase where the present one was given: typed twice, or read once.

        Args:
            descriptor: the one given by `--new-passphrase-fd`.

        Raises:
            Failure: it is empty, nobody can be asked, or one descriptor is to give both.
        """
        if descriptor is None:
            return self._typed_twice(NEW_PASSPHRASE_OPTION)
        if descriptor == self.passphrase_fd:
            options = f"{PASSPHRASE_OPTION}, {NEW_PASSPHRASE_OPTION}"
            raise Failure(Message.ONE_SOURCE, option=options)
        typed = _first_line(descriptor, NEW_PASSPHRASE_OPTION)
        if not typed.data:
            raise Failure(Message.PASSPHRASE_EMPTY)
        return typed

    def _typed_twice(self, option: str) -> Secret:
        with self._terminal(option) as terminal:
            terminal.write(told(Message.ABOUT_PASSPHRASE) + "\n")
            while True:
                typed = terminal.ask(told(Message.ASK_NEW_PASSPHRASE), hidden=True)
                with terminal.ask(told(Message.ASK_PASSPHRASE_AGAIN), hidden=True) as again:
                    if typed.data and typed.data == again.data:
                        return typed
                differ = Message.PASSPHRASES_DIFFER if typed.data else Message.PASSPHRASE_EMPTY
                typed.wipe()
                terminal.write(told(differ) + "\n")

    def answers(
        self,
        prompts: Sequence[str],
        answers_fd: int | None,
        understand: Understand,
        *,
        option: str = ANSWERS_OPTION,
        about: Text | None = None,
        wrong_count: Text = Message.THREE_LINES,
        fit_together: FitTogether = len,
    ) -> tuple[Secret, ...]:
        """Return one answer for each of *prompts*, each of which *understand* accepts.

        A person types them on the alternate screen, sees how each is understood, and can begin
        again; the screen is erased before this returns. Without such a screen they stay hidden.

        Args:
            prompts: what is asked, already in the person's language and safe to show.
            answers_fd: the descriptor given by *option*; as many lines, strict UTF-8.
            understand: the codeword form; for its errors only the sentence is shown.
            option: what gives the descriptor.
            about: what the person should know first; shown on the same screen.
            wrong_count: what is said when the descriptor gives another number of lines.
            fit_together: looks at all answers; for its errors a person types all of them again.

        Raises:
            Failure: nobody can be asked, or what the descriptor gives cannot be used.
        """
        if answers_fd is None:
            with self._terminal(option) as terminal, terminal.private():
                for said in (Message.ABOUT_ANSWERS, about):
                    terminal.write(told(said) + "\n" if said else "")
                terminal.write("\n")
                while True:
                    typed = tuple(_answer(terminal, prompt, understand) for prompt in prompts)
                    refusal = _refusal_of(typed, fit_together)
                    if refusal is not None:
                        terminal.write(told(refusal) + "\n\n")
                    elif terminal.confirm(told(Message.ASK_UNDERSTOOD)):
                        return typed
                    for secret in typed:
                        secret.wipe()
        if answers_fd == self.passphrase_fd:
            raise Failure(Message.ONE_SOURCE, option=f"{option}, {PASSPHRASE_OPTION}")
        given = _lines(answers_fd, option)
        if len(given) != len(prompts):
            raise Failure(wrong_count)
        for secret in given:
            understand(secret.text())
        return tuple(given)

    def letter(
        self,
        *,
        taken_fds: Sequence[int | None] = (),
        dash: bool = False,
        about: Text | None = None,
    ) -> str:
        """Return the text of a letter: from standard input if it is no terminal, else typed.

        Args:
            taken_fds: descriptors that already give something else.
            dash: the person wrote `-`: standard input even where it is a terminal.
            about: what the person should know first; shown on the same screen.

        Raises:
            Failure: it is empty, too big or not UTF-8, or nobody can be asked.
        """
        if dash or not is_terminal(sys.stdin):
            if STANDARD_INPUT in (*taken_fds, self.passphrase_fd):
                raise Failure(Message.ONE_SOURCE, option="-")
            with _read_all(STANDARD_INPUT, LETTER_LIMIT_BYTES, "-") as given:
                text = given.text()
        else:
            with self._terminal("-") as terminal, terminal.private():
                terminal.write(told(about) + "\n" if about else "")
                text = terminal.ask_lines(told(Message.ASK_LETTER))
        if not text.strip():
            raise Failure(Message.EMPTY_LETTER)
        return text.rstrip("\n")

    def require_somebody(self, missing: Text, *, option: str) -> None:
        """Return only where a person sits at a terminal.

        Raises:
            Failure: *missing*, which names the *option* that needs one.
        """
        try:
            with self._terminal(option):
                return
        except Failure:
            raise Failure(missing, option=option) from None

    def hold(self, seconds: int) -> bool:
        """Count *seconds* down at the terminal, and return whether nobody undid it.

        Raises:
            Failure: nobody could undo it.
        """
        with self._terminal(HOLD_OPTION) as terminal:
            return terminal.hold(seconds)

    def require_screen(self) -> None:
        """Return only where `show_once` can work.

        Raises:
            Failure: standard output or the terminal cannot show once and erase.
        """
        from ojak_client import terminal  # noqa: PLC0415 - scripts have none

        if not is_terminal(sys.stdout) or not terminal.can_erase():
            raise Failure(Message.NEEDS_TO_STDOUT, option=TO_STDOUT_OPTION)

    def show_once(self, text: str) -> None:
        """Show *text* on the alternate screen until Enter is pressed, then erase it.

        Raises:
            Failure: as `require_screen`, or nobody pressed Enter for long.
        """
        self.require_screen()
        with self._terminal(TO_STDOUT_OPTION, asking=False) as terminal:
            terminal.show_once(text)

    def _credential(self, name: str) -> Secret:
        if self.passphrase_fd is not None:
            raise Failure(Message.ONE_SOURCE, option=f"{CREDENTIAL_OPTION}, {PASSPHRASE_OPTION}")
        from ojak_client.credentials import open_credential  # noqa: PLC0415 - for services only

        try:
            descriptor = open_credential(name, os.environ)
        except OSError:
            raise Failure(Message.BAD_DESCRIPTOR, option=CREDENTIAL_OPTION) from None
        try:
            return _first_line(descriptor, CREDENTIAL_OPTION)
        finally:
            os.close(descriptor)

    @contextmanager
    def _terminal(self, option: str, *, asking: bool = True) -> Iterator["Terminal"]:
        if asking and self.no_input:
            raise Failure(Message.NEEDS_OPTION, option=option)
        # `--help` never opens a terminal either.
        from ojak_client.terminal import NoTerminal, open_terminal  # noqa: PLC0415 - not for scripts

        try:
            opened = open_terminal(idle_seconds=IDLE_SECONDS if asking else READING_SECONDS)
        except NoTerminal:
            raise Failure(Message.NEEDS_OPTION, option=option) from None
        with opened as terminal:
            yield terminal


def _answer(terminal: "Terminal", prompt: str, understand: Understand) -> Secret:
    """Ask until the answer is understood, and show how."""
    from ojak_protocol.errors import Refused  # noqa: PLC0415 - only where a person answers

    while True:
        typed = terminal.ask(prompt, hidden=not terminal.erasable)
        try:
            understood = understand(typed.text())
        except Refused as refusal:
            typed.wipe()
            terminal.write(told(explain(refusal).message) + "\n")
            continue
        if terminal.erasable:
            terminal.write(told(Message.UNDERSTOOD, answer=understood) + "\n\n")
        return typed


def _refusal_of(typed: Sequence[Secret], fit_together: FitTogether) -> Text | None:
    from ojak_protocol.errors import Refused  # noqa: PLC0415 - only where a person answers

    try:
        fit_together([secret.text() for secret in typed])
    except Refused as refusal:
        return explain(refusal).message
    return None


def _first_line(descriptor: int, option: str) -> Secret:
    lines = _lines(descriptor, option)
    for secret in lines[1:]:
        secret.wipe()
    return lines[0] if lines else Secret(bytearray())


def _lines(descriptor: int, option: str) -> list[Secret]:
    """Return the lines without their ends; a last empty one is no line.

    Raises:
        Failure: the descriptor cannot be read, gives too much, or is not UTF-8.
    """
    with _read_all(descriptor, SECRET_LIMIT_BYTES, option) as given:
        given.text()
        lines = [Secret(line.removesuffix(b"\r")) for line in given.data.split(b"\n")]
    if lines and not lines[-1].data:
        lines.pop()
    return lines


def _read_all(descriptor: int, limit_bytes: int, option: str) -> Secret:
    """Read *descriptor* to its end into bytes that can be overwritten."""
    # One buffer of its final size: a growing one would leave copies behind.
    buffer = bytearray(limit_bytes + 1)
    length = 0
    try:
        with memoryview(buffer) as view:
            while length <= limit_bytes and (count := os.readv(descriptor, [view[length:]])):
                length += count
    except OSError:
        raise Failure(Message.BAD_DESCRIPTOR, option=option) from None
    secret = Secret(buffer)
    if length > limit_bytes:
        secret.wipe()
        raise Failure(Message.TOO_BIG)
    del buffer[length:]
    return secret
