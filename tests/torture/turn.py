"""What each run of `make torture` is given, and what it gives back."""

import random
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

Counts = Mapping[str, int]
"""How often what was done, under words for the report."""


class CannotRun(Exception):
    """Something is missing here, such as root or time; the text says what."""


class TimeIsOver(BaseException):
    """The time of a run is over in its middle: it is left, as by Ctrl-C, and may clean up."""


@dataclass(frozen=True)
class Turn:
    """The time and the chance of one run.

    Attributes:
        seed: what makes it the same again, where processes do not race.
        ends_at: monotonic seconds after which nothing more is begun. Some time is left then for
            what was begun before, and after that `TimeIsOver` is raised.
        done: what was done so far, for the report of a run that is left in its middle; a run may
            count there.
    """

    seed: int
    ends_at: float
    done: Counter[str] = field(default_factory=Counter)

    @property
    def goes_on(self) -> bool:
        """Whether there is time left."""
        return time.monotonic() < self.ends_at

    @property
    def seconds_left(self) -> float:
        """How long something may still be begun."""
        return max(0.0, self.ends_at - time.monotonic())

    def needs(self, seconds: float) -> None:
        """Return if there is as much time as a run takes that cannot stop in its middle.

        Raises:
            CannotRun: there is less.
        """
        if self.seconds_left < seconds:
            raise CannotRun(f"takes {seconds:.0f} s, and has {self.seconds_left:.0f} s")

    def part_of(self, whole: int, *, in_seconds: float) -> int:
        """Return how much of *whole* there is time for, if all of it takes *in_seconds*."""
        return min(whole, int(whole * self.seconds_left / in_seconds))

    def chance(self, *names: object) -> random.Random:
        """Return the same chance for the same names."""
        return random.Random(f"{self.seed} {names}")  # noqa: S311 (repeatable, and nothing secret)


Run = Callable[[Turn], Counts]
"""Does something until its time is over; whatever is wrong is raised."""


class Loop(Protocol):
    """Goes on for as long as *goes_on* says, and returns what is wrong, and what it did."""

    def __call__(
        self, folder: Path, *, seed: int, goes_on: Callable[[Counter[str]], bool]
    ) -> tuple[list[str], Counter[str]]: ...


def one_after_the_other(
    turn: Turn, run: str, *, done: str, most: int, of: str, loop: Loop
) -> Counts:
    """Do *loop* with a folder and a seed of its own, again and again until the time is over.

    Args:
        turn: the time and the chance.
        run: what the seeds are drawn for.
        done: what *loop* counts.
        most: how many of it one *loop* does.
        of: under which word each *loop* is counted.
        loop: what is wrong in its folder is left there for whoever looks at it.
    """
    counts = turn.done
    while turn.goes_on or not counts:
        folder = Path(tempfile.mkdtemp())
        seed = turn.chance(run, counts[of]).getrandbits(32)
        found, did = loop(
            folder,
            seed=seed,
            goes_on=lambda one: one[done] < most and (turn.goes_on or not one),
        )
        assert found == [], (folder, seed, found)
        shutil.rmtree(folder)
        counts += did
        counts[of] += 1
    return counts
