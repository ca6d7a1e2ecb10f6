"""A1 and A2, reduced: thousands of hostile bodies; `make torture` sends a million.

OJAK_TEST_BODIES sets how many.
"""

import os

import pytest

from tests.relay.hostile_bodies import KINDS, bodies, violations
from tests.relay.kit import running
from tests.relay.planted import fails_on_some, keeps_bodies, repeats_bodies, running_with

SEED = 66
BODIES = int(os.environ.get("OJAK_TEST_BODIES", "3000"))
SMALL = ("--store", "memory", "--capacity", "100")
AT_ONCE = {"OJAK_RELAY_REPLY_MILLISECONDS": "0"}


def test_a1_hostile_bodies_are_refused_plainly_and_leave_nothing() -> None:
    with running(*SMALL, environment=AT_ONCE) as relay:
        seen, wrong, _ = violations(relay, SEED, BODIES, warm=1000)
    assert wrong == []
    assert seen.bodies >= BODIES
    for kind in KINDS:
        # Each kind came; of the damaged ones some are a request still, of noise none is.
        statuses = {status for name, status in seen.statuses if name == kind}
        assert statuses == ({200} if kind == "whole" else statuses | {400})
        assert kind != "noise" or 200 not in statuses


def test_in_pieces_as_many_are_sent_until_it_is_to_end() -> None:
    with running(*SMALL, environment=AT_ONCE) as relay:
        seen, wrong, _ = violations(relay, SEED, 103, warm=50, workers=4, piece=5)
    assert (wrong, seen.bodies) == ([], 153)
    with running(*SMALL, environment=AT_ONCE) as relay:
        seen, wrong, _ = violations(
            relay, SEED, 103, warm=50, workers=4, piece=5, goes_on=lambda seen: seen.bodies < 90
        )
    assert wrong == []
    assert 90 <= seen.bodies < 153


def test_the_same_seed_makes_the_same_bodies() -> None:
    assert list(bodies(1, 50)) == list(bodies(1, 50))
    assert list(bodies(1, 50)) != list(bodies(2, 50))


@pytest.mark.parametrize("bug", [fails_on_some, keeps_bodies, repeats_bodies])
def test_the_checker_sees_a_planted_bug(bug: object) -> None:
    with running_with(bug, *SMALL, environment=AT_ONCE) as relay:  # type: ignore[arg-type]  # one of BUGS
        _, wrong, _ = violations(relay, SEED, 3000 if bug is keeps_bodies else 200, warm=100)
    assert wrong
