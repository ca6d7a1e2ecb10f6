"""H7: a dictionary of 1,000 words against everything a relay recorded leaves all as likely.

The statistic is in `dictionary_attack.py`, what is recorded and what the attacker is given beyond
it in `recorded_visits.py`. All is drawn from the seeds below, so that each run is the same. What
is left out: Argon2id (words cost the attacker nothing), and whatever is known of timing.

The same statistic finds the true word in each visit that leaks by one of the planted faults.
"""

import random
from functools import cache
from typing import Final

import pytest

from tests.hostile.dictionary_attack import WORDS, Candidates, candidates, chi_squared, rank_of
from tests.hostile.recorded_visits import Leak, visits_of, word

REPETITIONS: Final = {1: 30, 50: 25}
"""For so many visits with one number."""
BINS: Final = 5
CRITICAL: Final = 18.467
"""Upper 0.001 point of the chi-squared distribution with 4 degrees of freedom.

Source: NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.6.7.4.
"""


@cache
def dictionary(visits: int) -> list[Candidates]:
    return candidates(visits)


def ranks(visits: int, repetitions: int, leak: Leak = Leak.NONE) -> list[int]:
    """Where the true word stands among 1,000 in the attacker's eyes, for each repetition."""
    found = []
    for repetition in range(repetitions):
        seed = f"{visits} visits, {leak.name}, {repetition}"
        print("seed:", seed)  # noqa: T201 - shown if the test fails
        drawn = random.Random(seed)  # noqa: S311 - the same in each run
        true = drawn.randrange(WORDS)
        records = visits_of(word(true), visits, drawn=drawn, leak=leak)
        found.append(rank_of(true, dictionary(visits), records, drawn))
    return found


@pytest.mark.parametrize("visits", [1, 50])
def test_h7_a_dictionary_ranks_the_true_answers_uniformly(visits: int) -> None:
    found = ranks(visits, REPETITIONS[visits])
    print("ranks:", found)  # noqa: T201 - shown if the test fails
    assert chi_squared(found, BINS) < CRITICAL


@pytest.mark.parametrize(
    ("visits", "leak"),
    [
        (1, Leak.PLACE),
        (1, Leak.KEY),
        (1, Leak.SCALAR),
        (50, Leak.SCALAR),
        (50, Leak.NONCE),
    ],
)
def test_h7_the_same_statistic_finds_the_true_answers_where_a_fault_is_planted(
    visits: int, leak: Leak
) -> None:
    assert ranks(visits, 3, leak) == [0, 0, 0]


def test_h7_ranks_that_crowd_on_one_side_are_not_called_uniform() -> None:
    even = list(range(0, WORDS, 20))
    assert chi_squared(even, BINS) == 0
    assert chi_squared([rank * 55 // 100 for rank in even], BINS) > CRITICAL
    assert chi_squared([0] * len(even), BINS) > CRITICAL
