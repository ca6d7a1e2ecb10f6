"""A person at a pseudo-terminal before a real verb, in Korean, on a device of the tests."""

import gettext
import os
import re
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import pexpect
import pyte

from ojak_client.i18n import DOMAIN, LOCALE_DIR, Text
from ojak_client.messages import Message
from tests.client.devices import WORDS, Device

COLUMNS, LINES = 80, 24
PATIENCE_SECONDS: Final = 60
PROGRAM: Final = """
import sys
from hashlib import blake2b
from ojak_client import opening
opening.argon2id = lambda secret, salt: blake2b(secret, salt=salt, digest_size=32).digest()
from ojak_client.__main__ import main
main()
"""
"""The command as it is; only the passphrase of these vaults is stretched at no cost."""
KOREAN: Final = gettext.translation(DOMAIN, LOCALE_DIR, ["ko"])


class Sitting:
    """A verb on a pseudo-terminal of its own.

    Attributes:
        raw: every character that reached the terminal so far.
        shows_keys: whether the terminal shows what is typed, as it was when the verb ended.
    """

    def __init__(self, device: Device, arguments: tuple[str, ...], folder: str) -> None:
        self.raw = ""
        self.shows_keys = False
        self.screen = pyte.Screen(COLUMNS, LINES)
        self._stream = pyte.Stream(self.screen)
        self.child = pexpect.spawn(
            sys.executable,
            ["-c", PROGRAM, "--profile", str(device.folder), *arguments],
            env={**os.environ, "TERM": "xterm", "LC_ALL": "C.UTF-8", "OJAK_LANG": "ko"},
            cwd=folder,
            encoding="utf-8",
            dimensions=(LINES, COLUMNS),
            timeout=PATIENCE_SECONDS,
        )

    def until(self, message: Text) -> None:
        """Read until the beginning of *message*, up to its first variable, appears."""
        sentence = KOREAN.pgettext(message.id, message.english)
        self.until_text(re.split(r"“?\{", sentence)[0].strip())

    def until_text(self, text: str) -> None:
        """Read until *text* appears."""
        self.child.expect_exact(text)
        self._seen(str(self.child.before) + str(self.child.after))

    def type(self, keys: str) -> None:
        """Type *keys*; Enter is a carriage return."""
        self.child.send(keys)

    def end(self) -> int:
        """Read to the end, and return the exit code."""
        self.child.expect_exact([pexpect.EOF])
        self._seen(str(self.child.before))
        self.shows_keys = bool(termios.tcgetattr(self.child.child_fd)[3] & termios.ECHO)
        self.child.close()
        return -1 if self.child.exitstatus is None else int(self.child.exitstatus)

    def _seen(self, text: str) -> None:
        self.raw += text
        self._stream.feed(text)


@contextmanager
def sit_down(device: Device, *arguments: str, folder: str = "/") -> Iterator[Sitting]:
    """Start `ojak` with a person before it, who has typed the passphrase."""
    sitting = Sitting(device, arguments, folder)
    try:
        sitting.until(Message.ASK_PASSPHRASE)
        sitting.type(WORDS + "\r")
        yield sitting
    finally:
        sitting.child.close(force=True)
