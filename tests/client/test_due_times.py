"""When a timed letter is due: what may be typed, and what is refused with one sentence."""

import time
from collections.abc import Iterator
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ojak_client.due_times import due_after, due_on, local_time
from ojak_client.failures import Failure
from ojak_client.i18n import Text
from ojak_client.messages import Message
from ojak_protocol.parcels import MOST_AHEAD_SECONDS

NOW = 1_798_000_000


@pytest.fixture(autouse=True, params=["UTC", "Asia/Seoul", "America/New_York"])
def _zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("typed", "seconds"),
    [("30m", 1800), ("5h", 18_000), ("3d", 3 * 86_400), (" 30d ", MOST_AHEAD_SECONDS)],
)
def test_a_duration_is_minutes_hours_or_days(typed: str, seconds: int) -> None:
    assert due_after(typed, NOW) == NOW + seconds


def test_a_day_and_time_is_of_this_place() -> None:
    typed = local_time(NOW + 86_400)
    assert due_on(typed, NOW) == (NOW + 86_400) // 60 * 60


def test_a_day_and_time_may_name_its_zone() -> None:
    assert due_on("2026-12-24T20:00:00+09:00", 1_798_000_000 - 86_400 * 10) == 1_798_110_000


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("", Message.TIME_UNCLEAR),
        ("3", Message.TIME_UNCLEAR),
        ("3w", Message.TIME_UNCLEAR),
        ("-3d", Message.TIME_UNCLEAR),
        ("1.5h", Message.TIME_UNCLEAR),
        ("٣d", Message.TIME_UNCLEAR),
        ("0m", Message.TIME_PAST),
        ("31d", Message.TIME_FAR),
        ("999999d", Message.TIME_FAR),
    ],
)
def test_other_durations_are_refused(typed: str, message: Text) -> None:
    with pytest.raises(Failure) as failed:
        due_after(typed, NOW)
    assert failed.value.message is message


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("morgen", Message.TIME_UNCLEAR),
        ("2026-13-01 20:00", Message.TIME_UNCLEAR),
        ("0001-01-01 00:00", Message.TIME_PAST),
        ("2020-01-01 20:00", Message.TIME_PAST),
        ("9999-12-31 23:59", Message.TIME_FAR),
    ],
)
def test_other_days_and_times_are_refused(typed: str, message: Text) -> None:
    with pytest.raises(Failure) as failed:
        due_on(typed, NOW)
    assert failed.value.message in {message, Message.TIME_UNCLEAR}


@given(st.text(max_size=30), st.integers(0, 1 << 33))
def test_whatever_is_typed_is_a_time_within_thirty_days_or_refused(typed: str, now: int) -> None:
    for due in (due_after, due_on):
        with suppress(Failure):
            assert now < due(typed, now) <= now + MOST_AHEAD_SECONDS


@pytest.mark.parametrize("seconds", [0, NOW, 1 << 32, 1 << 62, -(1 << 62)])
def test_any_number_of_seconds_can_be_shown(seconds: int) -> None:
    assert len(local_time(seconds)) in {0, 16}
