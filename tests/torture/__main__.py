"""`make torture`: what the tests do a little of, for as long as it is given.

    make torture                      ten minutes
    make torture TIME=3600            an hour or longer: no run is cut short
    make torture ARGS='--seed 7 c10_copies'

A run is a file in `runs` with a function `run(turn)`, which raises whatever is wrong. The seed is
printed first. The last line counts what was done, what failed and what could not be run here.
"""

import argparse
import pkgutil
import secrets
import sys
import time
import traceback
from collections import Counter
from importlib import import_module
from typing import Final

from tests.torture import runs
from tests.torture.turn import CannotRun, Run, Turn

SECONDS: Final = 600.0


def main() -> int:
    """Do the runs, write a line for each, and return 1 if one failed."""
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
        ended[one(name, Turn(chosen.seed, ends_at))] += 1
    say(f"seed {chosen.seed}: {', '.join(f'{n} {how}' for how, n in sorted(ended.items()))}")
    return int(ended["failed"] > 0)


def one(name: str, turn: Turn) -> str:
    """Do one run, write its line, and return how it ended."""
    run: Run = import_module(f"tests.torture.runs.{name}").run
    began = time.monotonic()
    try:
        counts = run(turn)
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


def say(line: str) -> None:
    """Write a line of the report at once."""
    print(line, flush=True)  # noqa: T201 - a report


if __name__ == "__main__":
    sys.exit(main())
