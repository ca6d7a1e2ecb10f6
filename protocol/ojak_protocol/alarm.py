"""Which alarm word may stand in the place of the last answer.

It works like the right one and tells the other side that whoever typed it is being forced. A slip
of the finger must not turn one into the other, and it must not be the easier of the two to guess:
else a stranger who tries words would meet the alarm before the answer.

Source: docs/protocol.md, "The alarm word".
"""

from ojak_protocol.answers import ALARM_WORD_JAMO, Answers, answers_of, jamo_distance
from ojak_protocol.errors import Reason, Refused
from ojak_protocol.estimate import estimate_bits


def with_alarm_word(first: str, second: str, last: str, alarm_word: str) -> tuple[Answers, Answers]:
    """Return the right answers, and those with the alarm word in the place of the last one.

    Raises:
        Refused: as `answers_of` for either; ALARM_WORD_NEAR, less than three letters (jamo) lie
            between the two; ALARM_WORD_EASY, the estimate is lower with the alarm word.
    """
    right = answers_of(first, second, last)
    alarm = answers_of(first, second, alarm_word)
    if jamo_distance(right.third, alarm.third) < ALARM_WORD_JAMO:
        raise Refused(Reason.ALARM_WORD_NEAR)
    if estimate_bits(alarm) < estimate_bits(right):
        raise Refused(Reason.ALARM_WORD_EASY)
    return right, alarm
