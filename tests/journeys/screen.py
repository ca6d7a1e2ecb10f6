"""A person at a real pseudo-terminal, and what the screen shows."""

import gettext
import warnings
from collections.abc import Sequence
from pathlib import Path

import pexpect
import pyte

from ojak_client.i18n import DOMAIN, LOCALE_DIR, Text
from tests.journeys.actors import Device
from tests.journeys.children import PATIENCE_SECONDS, undisturbed

COLUMNS, LINES = 80, 24
KOREAN = gettext.translation(DOMAIN, LOCALE_DIR, ["ko"])


class Terminal:
    """A program on a pseudo-terminal of its own."""

    def __init__(self, command: Sequence[str], environment: dict[str, str], folder: Path) -> None:
        self.raw = ""
        self._screen = pyte.Screen(COLUMNS, LINES)
        self._stream = pyte.Stream(self._screen)
        with warnings.catch_warnings():
            # Python 3.12 warns of forks beside threads; this child does nothing but start.
            warnings.simplefilter("ignore", DeprecationWarning)
            self.child = pexpect.spawn(
                command[0],
                list(command[1:]),
                env=environment,
                cwd=str(folder),
                encoding="utf-8",
                dimensions=(LINES, COLUMNS),
                timeout=PATIENCE_SECONDS,
            )

    @property
    def lines(self) -> list[str]:
        """The lines on the screen that are not empty."""
        return [line.rstrip() for line in self._screen.display if line.strip()]

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return bool(self.child.isalive())

    def until(self, text: str) -> None:
        """Read until *text* appears."""
        try:
            self.child.expect_exact(text)
        except (pexpect.TIMEOUT, pexpect.EOF):
            raise AssertionError(f"no {text!r} on the screen\n{self.raw}") from None
        self._seen(str(self.child.before) + str(self.child.after))

    def type(self, text: str = "") -> None:
        """Type one line."""
        self.child.send(text + "\r")

    def end(self) -> int:
        """Read to the end, and return the exit code."""
        self.child.expect_exact([pexpect.EOF])
        self._seen(str(self.child.before))
        self.child.close()
        status = self.child.exitstatus
        return -1 if status is None else int(status)

    def kill(self) -> None:
        """Kill the program and wait for it."""
        self.child.close(force=True)

    def _seen(self, text: str) -> None:
        self.raw += text
        self._stream.feed(text)


def korean(message: Text, **values: object) -> str:
    """Return what a Korean screen says for *message*."""
    return KOREAN.pgettext(message.id, message.english).format(**values).strip()


def sit_down(device: Device, *arguments: str) -> Terminal:
    """Start `ojak` on *device*, with a person before it who has to type what it asks for."""
    command, _ = device.command(*arguments)
    with undisturbed():
        terminal = Terminal(command, device.environment, device.here)
        device.running.append(terminal)
    return terminal
