"""A11: hit, miss, wrong key and occupied look alike. Times are compared in `make torture` only."""

import random
from pathlib import Path

import pytest

from ojak_protocol.sync import DepositOutcome, Found, Nothing
from tests.relay.kit import deposit, pages, request, running
from tests.relay.planted import reads_at_any_time, running_with
from tests.relay.timing import (
    ASKED,
    LYING,
    MOST_T,
    OFFERED,
    Tries,
    largest_t,
    sample,
    sample_beside,
    violations,
    welch,
)


def test_the_four_kinds_are_what_they_are_called(tmp_path: Path) -> None:
    with running(*pages(tmp_path / "store")) as relay:
        relay.sync(request(deposits=(deposit(LYING, 7), deposit(4, 1))))
        for kinds in (ASKED, OFFERED):
            for kind, asked in kinds.items():
                reply = relay.sync(asked)
                assert isinstance(reply.polls[0], Found) is (kind == "hit"), kind
                assert (DepositOutcome.OCCUPIED in reply.deposits) is (kind == "occupied"), kind
        assert relay.sync(request(3)).polls[0] == Nothing()
        assert isinstance(relay.sync(request(LYING)).polls[0], Found)


@pytest.mark.parametrize("kinds", [ASKED, OFFERED], ids=["asked", "offered"])
def test_their_replies_have_one_length_and_one_shape(
    tmp_path: Path, kinds: dict[str, object]
) -> None:
    with running(*pages(tmp_path / "store")) as relay:
        seen = sample(relay, kinds, 40, random.Random(1))  # noqa: S311 - an order
    assert seen.lengths.keys() == kinds.keys()
    assert len(set().union(*seen.lengths.values())) == 1


def drawn(seed: int, later: float) -> Tries:
    """Return tries whose second kind is *later* nanoseconds later."""
    chance = random.Random(seed)  # noqa: S311 - repeatable
    tries = Tries()
    for _ in range(5000):
        for kind, more in (("one", 0.0), ("other", later)):
            tries.add(kind, int(chance.lognormvariate(13, 0.2) + more), 4000)
    return tries


def test_the_checker_sees_a_planted_difference_of_time_and_of_length() -> None:
    assert violations(drawn(1, 0)) == []
    assert largest_t(drawn(1, 0)) < MOST_T
    assert len(violations(drawn(1, 10_000))) == 1
    longer = drawn(1, 0)
    longer.add("other", 440_000, 4001)
    assert len(violations(longer)) == 1


def test_the_checker_sees_what_is_seldom_slower() -> None:
    seldom = drawn(1, 0)
    times = seldom.nanoseconds["other"]
    times[::20] = [one + 300_000 for one in times[::20]]
    assert len(violations(seldom)) == 1


def test_beside_another_line_each_kind_is_asked_and_answered_alike(tmp_path: Path) -> None:
    with running_with(reads_at_any_time, *pages(tmp_path / "store")) as relay:
        seen = sample_beside(relay, ASKED, 2 * len(ASKED), random.Random(1))  # noqa: S311 - an order
    assert {kind: len(times) for kind, times in seen.nanoseconds.items()} == dict.fromkeys(ASKED, 2)
    assert len(set().union(*seen.lengths.values())) == 1


def test_welchs_t_is_that_of_the_book() -> None:
    # B. L. Welch, Biometrika 34 (1947): difference over the root of the summed s2/n.
    assert welch([1, 2, 3, 4], [2, 3, 4, 5]) == pytest.approx(-1 / (2 * (5 / 3) / 4) ** 0.5)
    assert welch([1, 1], [1, 1]) == 0
    assert welch([2, 2], [1, 1]) == float("inf")
