"""How a run ends that did not succeed: one sentence, one code, and never a traceback.

The lines of a traceback quote values, and a value may be a secret on a borrowed screen. With
OJAK_DEBUG set, a fault also prints where it arose: kinds of errors, files and line numbers, never
a message or a value.
"""

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from ojak_client.errors import OutputUnusable
from ojak_client.exit_codes import ExitCode, exit_code
from ojak_client.failures import Failure, explain
from ojak_client.messages import Message
from ojak_client.output import Output

DEBUG_VARIABLE: Final = "OJAK_DEBUG"


def end(error: BaseException, arguments: Sequence[str]) -> ExitCode:
    """Write the sentence for *error* and return its exit code."""
    if isinstance(error, BrokenPipeError):
        # Its reader has gone, as in `ojak contacts | head -1`.
        return ExitCode.GENERAL
    ways = (Output(json=True), Output()) if "--json" in arguments else (Output(),)
    for output in ways:
        # Where it was to be told all is full or closed, or there is nothing: perhaps elsewhere.
        with suppress(OutputUnusable, OSError, ValueError, AttributeError):
            return tell_end(output, error)
    return _explained(error)[1]


def tell_end(output: Output, error: BaseException) -> ExitCode:
    """Write the sentence for *error* to *output* and return its exit code."""
    failure, code = _explained(error)
    output.failed(failure.message, code, failure.command, **failure.values)
    if failure.message is Message.FAULT and os.environ.get(DEBUG_VARIABLE):
        _print_places(error)
    return code


def _explained(error: BaseException) -> tuple[Failure, ExitCode]:
    failure = explain(error) if isinstance(error, Exception) else Failure(Message.INTERRUPTED)
    return failure, exit_code(failure.message)


def _print_places(error: BaseException | None) -> None:
    """Print kinds, files and lines of *error* and its causes: nothing of what was handled."""
    import traceback  # noqa: PLC0415 - no other run needs it

    while error is not None:
        for frame in traceback.extract_tb(error.__traceback__, limit=50):
            sys.stderr.write(f"  {frame.filename}:{frame.lineno} {frame.name}\n")
        sys.stderr.write(f"{type(error).__name__}\n")
        error = error.__cause__ or error.__context__
