"""What keeps this process from leaving secrets behind on a device that is not ours.

Best effort by nature: a device's owner who controls its kernel sees everything. What a platform
lacks is returned, so that the person can be told, never passed over in silence.
"""

import sys
from enum import Enum
from typing import Final

_PR_SET_DUMPABLE: Final = 4


class Measure(Enum):
    """What can be done, in the words that name it when it could not be."""

    NO_CORE_DUMPS = "no core dumps"
    NOT_DUMPABLE = "other programs of this user cannot read the memory"
    NO_HISTORY = "no history of typed lines"


def harden() -> tuple[Measure, ...]:
    """Close what can be closed for the life of this process; return what could not be.

    Call it first, before anything secret is typed; child processes inherit the core limit only.
    """
    sys.dont_write_bytecode = True
    outcomes = {
        Measure.NO_CORE_DUMPS: _refuse_core_dumps(),
        Measure.NOT_DUMPABLE: _become_undumpable(),
        Measure.NO_HISTORY: _keep_no_history(),
    }
    return tuple(measure for measure, done in outcomes.items() if not done)


def wipe(buffer: bytearray) -> None:
    """Overwrite *buffer* with zeros in place; copies made of it elsewhere are not reached."""
    # A slice of the same length is written over the old bytes, without a new allocation.
    buffer[:] = bytes(len(buffer))


def _refuse_core_dumps() -> bool:
    try:
        import resource  # noqa: PLC0415 - lacking on Windows

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    except (ImportError, OSError, ValueError):
        return False
    return True


def _become_undumpable() -> bool:
    """Return whether the kernel now refuses ptrace and memory reading by the same user.

    Source: prctl(2), PR_SET_DUMPABLE.
    """
    if sys.platform != "linux":
        return False
    try:
        from ojak_client.prctl import ffi  # noqa: PLC0415 - only Linux has prctl

        return bool(ffi.dlopen(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) == 0)
    except (ImportError, OSError, AttributeError):
        return False


def _keep_no_history() -> bool:
    """Return whether typed lines are remembered nowhere; they are if readline is never loaded."""
    readline = sys.modules.get("readline")
    if readline is None:
        return True
    try:
        readline.set_auto_history(False)
        readline.clear_history()
    except AttributeError:
        return False
    return True
