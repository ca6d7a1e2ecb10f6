"""`make torture`: what the tests do a little of, for as long as it is given.

    make torture                      ten minutes
    make torture TIME=3600            an hour
    make torture ARGS='--seed 7 c10_copies'

A run is a file in `runs` with a function `run(turn)`, which raises whatever is wrong. Each has its
share of the time and ends with it: it begins nothing more when most of that is over, and is left in
its middle when all of it is. What one leaves goes to those after it. The seed is printed first. The
last line counts what was done, what failed and what could not be run here.
"""

import argparse
import os
import pkgutil
import secrets
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Final, NoReturn

from tests.torture import runs
from tests.torture.turn import CannotRun, Run, TimeIsOver, Turn

SECONDS: Final = 600.0
TO_END: Final = 0.2
"""Which part of a run's time is for ending what was begun, but not more than the next says."""
MOST_TO_END_SECONDS: Final = 15.0
AGAIN_SECONDS: Final = 10.0
"""Longer than it takes to clean up."""


def main() -> NoReturn:
    """Do the runs, write a line for each, and leave the process, with 1 if one failed."""
    known = [module.name for module in pkgutil.iter_modules(runs.__path__)]
    parser = argparse.ArgumentParser(prog="make torture")
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--seed", type=int, default=secrets.randbits(32))
    parser.add_argument("names", nargs="*", choices=[*known, []], metavar="NAME")
    chosen = parser.parse_args()
    names: list[str] = chosen.names or known
    say(f"seed {chosen.seed}, {len(names)} runs, {chosen.seconds:.0f} s")
    ended = Counter[str]()
    began = time.monotonic()
    for number, name in enumerate(names, 1):
        # What an earlier run left of its time goes to those after it.
        ends_at = began + chosen.seconds * number / len(names)
        run: Run = import_module(f"tests.torture.runs.{name}").run
        ended[one(name, run, chosen.seed, ends_at)] += 1
    seconds = f"{time.monotonic() - began:.0f} s"
    how_many = ", ".join(f"{n} {how}" for how, n in sorted(ended.items()))
    say(f"seed {chosen.seed}, {seconds}: {how_many}")
    sys.stderr.flush()
    # Threads of a run that was left may still wait for something, and are not waited for.
    os._exit(int(ended["failed"] > 0))


def one(name: str, run: Run, seed: int, ends_at: float) -> str:
    """Do one run until monotonic *ends_at*, write its line, and return how it ended."""
    began = time.monotonic()
    share = max(0.1, ends_at - began)
    turn = Turn(seed, ends_at - min(MOST_TO_END_SECONDS, TO_END * share))
    try:
        with left_after(share):
            counts = run(turn)
    except TimeIsOver:
        done = ", ".join(f"{n} {what}" for what, n in turn.done.items()) or "no count"
        say(f"{name:20} {time.monotonic() - began:6.0f} s   LEFT IN ITS MIDDLE: {done}")
        return "left in their middle"
    except CannotRun as missing:
        say(f"{name:20} CANNOT RUN HERE: {missing}")
        return "could not be run"
    except Exception:  # noqa: BLE001 - the others are to be run all the same
        say(f"{name:20} FAILED after {time.monotonic() - began:.0f} s")
        traceback.print_exc()
        return "failed"
    done = ", ".join(f"{n} {what}" for what, n in counts.items())
    say(f"{name:20} {time.monotonic() - began:6.0f} s   {done}")
    return "held"


@contextmanager
def left_after(seconds: float) -> Iterator[None]:
    """Raise `TimeIsOver` in what is inside once *seconds* are over."""

    def over(*_: object) -> NoReturn:
        raise TimeIsOver

    before = signal.signal(signal.SIGALRM, over)
    # Again later: where Python calls back, as at a fork, what is raised is only printed.
    signal.setitimer(signal.ITIMER_REAL, seconds, AGAIN_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def say(line: str) -> None:
    """Write a line of the report at once."""
    print(line, flush=True)  # noqa: T201 - a report


if __name__ == "__main__":
    main()
