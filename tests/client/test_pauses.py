"""N6: how long nothing is asked after a failure; many clients do not come back at one moment."""

import random
from collections import Counter
from collections.abc import Callable

import pytest

from ojak_client.pauses import (
    LONGEST_PAUSE_SECONDS,
    METERED_LEAST_SECONDS,
    METERED_MOST_SECONDS,
    metered_seconds,
    pause_seconds,
)
from ojak_client.watching import WAIT_SECONDS

SEEDS = 1_000
CLIENTS = 1_000
OUTAGE_SECONDS = 60.0
AFTERWARDS_SECONDS = 300.0
NORMAL_RATE = CLIENTS / WAIT_SECONDS
WINDOW_SECONDS = 5

Pause = Callable[[int, random.Random], float]


def drawn(failures: int, chance: random.Random) -> float:
    return pause_seconds(failures, chance.randbytes)


def not_drawn(failures: int, _: random.Random) -> float:
    return min(LONGEST_PAUSE_SECONDS, 2.0**failures)


def requests_after_return(pause: Pause, chance: random.Random) -> list[float]:
    """Return when the relay, back after the outage, is asked, in seconds after its return.

    All held requests break in the moment in which it goes away, and are tried again at once.
    """
    asked = []
    for _ in range(CLIENTS):
        now, failures = 0.0, 0
        while now < OUTAGE_SECONDS:
            failures += 1
            now += pause(failures, chance)
        while now < OUTAGE_SECONDS + AFTERWARDS_SECONDS:
            asked.append(now - OUTAGE_SECONDS)
            now += WAIT_SECONDS
    return asked


def most_of_normal(asked: list[float]) -> float:
    """Return the highest rate of any five seconds, in normal rates."""
    windows = Counter(int(at // WINDOW_SECONDS) for at in asked)
    return max(windows.values()) / WINDOW_SECONDS / NORMAL_RATE


@pytest.mark.parametrize("seed", range(20))
def test_n6_after_an_outage_of_a_minute_the_rate_is_at_most_twice_the_normal(seed: int) -> None:
    asked = requests_after_return(drawn, random.Random(seed))  # noqa: S311 - repeatable
    print(f"seed {seed}: {most_of_normal(asked):.2f} of the normal rate")  # noqa: T201 - the figure
    assert most_of_normal(asked) <= 2
    assert max(asked) > AFTERWARDS_SECONDS - WAIT_SECONDS


def test_n6_pauses_that_are_not_drawn_would_be_found() -> None:
    asked = requests_after_return(not_drawn, random.Random(0))  # noqa: S311 - repeatable
    assert most_of_normal(asked) > 2


def test_a_pause_is_between_half_and_all_of_a_time_that_doubles_up_to_five_minutes() -> None:
    for seed in range(SEEDS):
        chance = random.Random(seed)  # noqa: S311 - repeatable
        for failures in (1, 2, 5, 8, 9, 1_000, 1_000_000):
            most = min(LONGEST_PAUSE_SECONDS, 2.0 ** min(failures, 20))
            assert most / 2 <= drawn(failures, chance) <= most


def test_pauses_are_spread_over_all_of_their_range() -> None:
    chance = random.Random(1)  # noqa: S311 - repeatable
    parts = Counter(int((drawn(7, chance) - 64) / 6.4) for _ in range(10_000))
    assert set(parts) == set(range(10))
    assert min(parts.values()) > 800
    assert pause_seconds(3, bytes) == 4
    assert pause_seconds(3, lambda count: b"\xff" * count) == 8


def test_looks_on_a_metered_line_are_20_to_60_minutes_apart() -> None:
    assert (METERED_LEAST_SECONDS, METERED_MOST_SECONDS) == (1_200, 3_600)
    assert metered_seconds(bytes) == 1_200
    assert metered_seconds(lambda count: b"\xff" * count) == 3_600
    chance = random.Random(2)  # noqa: S311 - repeatable
    times = [metered_seconds(chance.randbytes) for _ in range(SEEDS)]
    assert 2_300 < sum(times) / SEEDS < 2_500
    assert len(set(times)) > SEEDS * 0.99
