"""The entry point: what must be settled before anything else is imported."""

import atexit
import gc
import os
import signal
import sys
from io import TextIOWrapper
from typing import NoReturn


def main() -> NoReturn:
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
        for ending in (signal.SIGTERM, signal.SIGHUP):
            # A closed window ends like Ctrl-C, so that the screen is erased on the way out.
            signal.signal(ending, _interrupt)
        from ojak_client.cli import run  # noqa: PLC0415 - after the settings above

        code = run(sys.argv[1:])
    except KeyboardInterrupt:
        # Before `run` could catch it: while modules were still being imported.
        code = 130
    _leave(code)


def _look_only_where_installed() -> None:
    """Let no file be imported because it lies beside the command, or in the folder at hand.

    Python looks there first, for each module anew. What `python -P` does as well.
    """
    own = os.path.dirname(os.path.dirname(__file__))  # noqa: PTH120 - pathlib is imported later
    if not sys.flags.safe_path and sys.path[:1] != [own]:
        del sys.path[:1]


def _leave(code: int) -> NoReturn:
    """Leave as `sys.exit` does, but take down nothing in memory: it goes with the process."""
    try:
        # The echo of a terminal is put back there, and tests note what they covered.
        atexit._run_exitfuncs()  # noqa: SLF001 - nothing else does it, and Python does it as well
        sys.stderr.flush()
        sys.stdout.flush()
    finally:
        # Also where a stream is closed, or there is none: whoever wrote to it was told.
        os._exit(code)


def _interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
