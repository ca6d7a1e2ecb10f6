"""The moments in which a letter can still be undone, before anything of it is kept or leaves.

Enter is no undoing: it ended the letter, and often bounces. Every other key is, and so are Ctrl-C,
a closed window and SIGTERM: in doubt nothing leaves.
"""

import re
from collections.abc import Callable
from contextlib import suppress
from math import ceil
from typing import Final, Protocol

from ojak_client.failures import Failure
from ojak_client.i18n import told
from ojak_client.line_editor import ENTER
from ojak_client.messages import Message

MOST_SECONDS: Final = 600
_SECONDS: Final = {"s": 1, "m": 60}
_DURATION: Final = re.compile(r"([0-9]{1,3})([sm])", re.ASCII)
_REDRAW: Final = "\r\x1b[K"


class Screen(Protocol):
    """What holding needs of a terminal."""

    erasable: bool

    def write(self, text: str) -> None:
        """Write *text*."""

    def key_within(self, seconds: float) -> int | None:
        """Return the next key, or None if none was pressed for *seconds*."""


def hold_seconds(duration: str) -> int:
    """Return *duration*, 10s or 2m, in seconds.

    Raises:
        Failure: it is no such duration, nothing at all, or more than ten minutes.
    """
    found = _DURATION.fullmatch(duration.strip())
    seconds = 0 if found is None else int(found[1]) * _SECONDS[found[2]]
    if not 0 < seconds <= MOST_SECONDS:
        raise Failure(Message.HOLD_UNCLEAR)
    return seconds


def hold(screen: Screen, seconds: int, clock: Callable[[], float]) -> bool:
    """Count *seconds* down, and return whether they passed without being undone.

    Args:
        screen: where the person is.
        seconds: how long.
        clock: seconds that only grow.
    """
    end = clock() + seconds
    shown = 0
    try:
        while (left := end - clock()) > 0:
            whole = ceil(left)
            if whole != shown and (screen.erasable or not shown):
                redraw = _REDRAW if screen.erasable else ""
                screen.write(redraw + told(Message.HOLDING, n=whole))
            shown = whole
            if screen.key_within(left - (whole - 1)) not in {None, ENTER}:
                return False
    except (KeyboardInterrupt, OSError):
        return False
    finally:
        with suppress(OSError):
            screen.write("\n")
    return True
