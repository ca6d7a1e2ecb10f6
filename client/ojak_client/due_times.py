"""When a timed letter is due: what a person typed, and how a person reads it."""

import re
from datetime import UTC, datetime
from typing import Final

from ojak_client.failures import Failure
from ojak_client.messages import Message
from ojak_protocol.parcels import MOST_AHEAD_SECONDS

_SECONDS: Final = {"m": 60, "h": 3600, "d": 24 * 3600}
_DURATION: Final = r"([0-9]{1,6})([mhd])"


def due_after(duration: str, now: int) -> int:
    """Return when *duration* from *now* is over: 30m, 5h or 3d; Unix seconds.

    Raises:
        Failure: it is no such duration, nothing at all, or more than 30 days.
    """
    found = re.fullmatch(_DURATION, duration.strip())
    if found is None:
        raise Failure(Message.TIME_UNCLEAR)
    return _checked(now + int(found[1]) * _SECONDS[found[2]], now)


def due_on(day_and_time: str, now: int) -> int:
    """Return *day_and_time*, ISO 8601 and local where it names no zone, as Unix seconds.

    Raises:
        Failure: it is no such time, past, or more than 30 days ahead.
    """
    try:
        moment = datetime.fromisoformat(day_and_time.strip())
        # Without a zone this is the time of this device's place, summer time included.
        seconds = int(moment.timestamp())
    except (ValueError, OverflowError, OSError):
        raise Failure(Message.TIME_UNCLEAR) from None
    return _checked(seconds, now)


def local_time(seconds: int) -> str:
    """Return *seconds* since 1970 as day and time of this device's place, to the minute."""
    try:
        moment = datetime.fromtimestamp(seconds, UTC).astimezone()
    except (ValueError, OverflowError, OSError):
        return ""
    return moment.strftime("%Y-%m-%d %H:%M")


def _checked(seconds: int, now: int) -> int:
    if seconds <= now:
        raise Failure(Message.TIME_PAST)
    if seconds > now + MOST_AHEAD_SECONDS:
        raise Failure(Message.TIME_FAR)
    return seconds
