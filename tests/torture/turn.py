"""What each run of `make torture` is given, and what it gives back."""

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

Counts = Mapping[str, int]
"""How often what was done, under words for the report."""


class CannotRun(Exception):
    """Something is missing here, such as root; the text says what."""


@dataclass(frozen=True)
class Turn:
    """The time and the chance of one run.

    Attributes:
        seed: what makes it the same again, where processes do not race.
        ends_at: monotonic seconds after which nothing more is begun.
    """

    seed: int
    ends_at: float

    @property
    def goes_on(self) -> bool:
        """Whether there is time left."""
        return time.monotonic() < self.ends_at

    def chance(self, *names: object) -> random.Random:
        """Return the same chance for the same names."""
        return random.Random(f"{self.seed} {names}")  # noqa: S311 (repeatable, and nothing secret)


Run = Callable[[Turn], Counts]
"""Does something until its time is over; whatever is wrong is raised."""
