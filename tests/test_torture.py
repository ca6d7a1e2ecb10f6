"""A run of `make torture` ends with its time, whatever it does, and says what it did."""

import time

import pytest

from tests.torture.__main__ import one
from tests.torture.turn import Counts, Run, TimeIsOver, Turn


def until_the_time_is_over(turn: Turn) -> Counts:
    while turn.goes_on:
        turn.done["rounds"] += 1
    return turn.done


def for_ever(turn: Turn) -> Counts:
    while True:
        turn.done["rounds"] += 1


def with_something_to_clean_up(turn: Turn) -> Counts:
    try:
        return for_ever(turn)
    finally:
        turn.done["cleaned up"] += 1


def too_long_for_its_share(turn: Turn) -> Counts:
    turn.needs(3600)
    return {"what takes an hour": 1}


@pytest.mark.parametrize(
    ("run", "ends", "says"),
    [
        (until_the_time_is_over, "held", "rounds"),
        (for_ever, "left in their middle", "rounds"),
        (with_something_to_clean_up, "left in their middle", "1 cleaned up"),
        (too_long_for_its_share, "could not be run", "takes 3600 s"),
    ],
)
def test_a_run_ends_with_its_time(
    run: Run, ends: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    began = time.monotonic()
    assert one("run", run, 7, began + 0.3) == ends
    assert time.monotonic() < began + 5
    assert says in capsys.readouterr().out


def test_what_there_is_time_for_is_a_part_and_never_more_than_all() -> None:
    turn = Turn(7, time.monotonic() + 10)
    assert turn.part_of(1000, in_seconds=1) == 1000
    assert 400 < turn.part_of(1000, in_seconds=20) <= 500
    assert Turn(7, time.monotonic() - 1).part_of(1000, in_seconds=20) == 0


def test_no_run_takes_the_end_of_its_time_for_a_fault() -> None:
    assert not issubclass(TimeIsOver, Exception)
