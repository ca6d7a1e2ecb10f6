"""The entry point: what must be settled before anything else is imported."""

import atexit
import gc
import os
import sys
from io import TextIOWrapper

# `typing` is not loaded yet: what is imported here may lie beside the command.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn


def main() -> "NoReturn":
    """Run `ojak` and leave the process with its exit code."""
    _look_only_where_installed()
    # A guest leaves no file: not even Python's own cache of what it compiled.
    sys.dont_write_bytecode = True
    # What is made while modules are imported stays: to look for garbage there takes a tenth of a
    # start. A verb that runs has it looked for again, and not among that.
    gc.disable()
    for stream in (sys.stdout, sys.stderr):
        # A locale that lacks a letter must not turn a sentence into a fault.
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        import signal  # noqa: PLC0415 - after it was settled where modules are looked for

        for ending in (signal.SIGTERM, signal.SIGHUP):
            # A closed window ends like Ctrl-C, so that the screen is erased on the way out.
            signal.signal(ending, _interrupt)
        from ojak_client.late_modules import put_off  # noqa: PLC0415 - after the settings above

        put_off()
        from ojak_client.cli import run  # noqa: PLC0415 - after the settings above

        code = run(sys.argv[1:])
    except KeyboardInterrupt:
        # Before `run` could catch it: while modules were still being imported.
        code = 130
    _leave(code)


def _look_only_where_installed() -> None:
    """Let no file be imported from now on because it lies beside the command, or where we stand.

    Python looks there first, for each module anew. What `python -P` does from the beginning.
    """
    if sys.flags.safe_path or not sys.path:
        return
    first, own = sys.path[0], os.path.dirname(os.path.dirname(__file__))  # noqa: PTH120 - pathlib is imported later
    try:
        here, beside = os.getcwd(), os.path.dirname(os.path.realpath(sys.argv[0]))  # noqa: PTH109, PTH120 - pathlib is imported later
        # Not where Ojak itself lies, and not what somebody else has put first.
        if first in {"", here, beside} and not os.path.samefile(first or here, own):  # noqa: PTH121 - pathlib is imported later
            del sys.path[0]
    except OSError:
        # Where we stand is gone, and nothing lies there.
        return


def _leave(code: int) -> "NoReturn":
    """Leave as `sys.exit` does, but take down nothing in memory: it goes with the process."""
    try:
        # As the interpreter's own end does: without it the echo of a terminal stays off.
        atexit._run_exitfuncs()  # noqa: SLF001 - Python has no public name for it
        for stream in (sys.stdout, sys.stderr):
            _flush(stream)
    finally:
        os._exit(code)


def _flush(stream: object) -> None:
    try:
        if isinstance(stream, TextIOWrapper):
            stream.flush()
    except (OSError, ValueError):
        # Closed, full, or without a reader: whoever wrote to it was told.
        return


def _interrupt(*_: object) -> "NoReturn":
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
