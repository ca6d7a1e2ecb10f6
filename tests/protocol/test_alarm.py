"""The alarm word: never mistaken for the answer, never easier to guess, an answer like others."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ojak_protocol.alarm import with_alarm_word
from ojak_protocol.answers import answers_of, jamo_distance
from ojak_protocol.errors import Reason, Refused
from ojak_protocol.estimate import estimate_bits

FIRST, SECOND, LAST = "뒷산 감자밭", "왕벌에 쏘인 날", "흰둥이"
words = st.text(st.characters(min_codepoint=0xAC00, max_codepoint=0xD7A3), min_size=1, max_size=8)


def test_it_replaces_the_last_answer_only() -> None:
    right, alarm = with_alarm_word(FIRST, SECOND, LAST, "부엌 뒤 장독")
    assert right == answers_of(FIRST, SECOND, LAST)
    assert alarm == answers_of(FIRST, SECOND, "부엌 뒤 장독")


@pytest.mark.parametrize("near", ["흰둥이", "힌둥이", "흰둥", "흰동이", "흰둥이!"])
def test_a_slip_of_the_finger_is_no_alarm_word(near: str) -> None:
    with pytest.raises(Refused) as refused:
        with_alarm_word(FIRST, SECOND, LAST, near)
    assert refused.value.reason is Reason.ALARM_WORD_NEAR


def test_it_is_not_easier_to_guess_than_the_answer() -> None:
    with pytest.raises(Refused) as refused:
        with_alarm_word(FIRST, SECOND, "부엌 뒤 장독대 밑", "김치")
    assert refused.value.reason is Reason.ALARM_WORD_EASY


@pytest.mark.parametrize(
    ("word", "reason"),
    [("", Reason.EMPTY), ("가ㄱ", Reason.UNFINISHED_SYLLABLE), (FIRST, Reason.EQUAL_ANSWERS)],
)
def test_it_is_an_answer_like_any_other(word: str, reason: Reason) -> None:
    with pytest.raises(Refused) as refused:
        with_alarm_word(FIRST, SECOND, LAST, word)
    assert refused.value.reason is reason


@given(words, words)
def test_whatever_is_accepted_is_far_enough_and_hard_enough(last: str, word: str) -> None:
    try:
        right, alarm = with_alarm_word(FIRST, SECOND, last, word)
    except Refused:
        return
    assert jamo_distance(right.third, alarm.third) >= 3
    assert estimate_bits(alarm) >= estimate_bits(right)
