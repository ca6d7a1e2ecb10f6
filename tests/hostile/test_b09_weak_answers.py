"""B9: an empty answer or the same one twice is refused; below about 20 bits there is a warning."""

import pytest

from ojak_protocol.answers import answers_of
from ojak_protocol.estimate import WARNING_BELOW_BITS, estimate_bits
from ojak_protocol.number import format_number
from tests.client.devices import ANSWERS, NUMBER, QUESTIONS, Device
from tests.client.persons import NAME, RELAY
from tests.hostile.relays import HostileRelay

INVITE = ("invite", "--relay", RELAY, "--name", NAME, *QUESTIONS)
REFUSED = {
    "the first is empty": (("", "감자밭", "흰둥이"), "answer-empty"),
    "the last is nothing but spaces": (("뒷산", "감자밭", "  \u3000"), "answer-empty"),
    "nothing but signs": (("뒷산", "!?", "흰둥이"), "answer-empty"),
    "the same twice": (("흰둥이", "감자밭", "흰둥이"), "equal-answers"),
    "all the same": (("개", "개", "개"), "equal-answers"),
    "the same with another space": (("흰 둥이", "감자밭", "흰둥이"), "equal-answers"),
    "the same with other digits": (("1970", "감자밭", "\uff11\uff19\uff17\uff10"), "equal-answers"),
}
WEAK = [("1", "2", "3"), ("어머니", "감자", "1970")]


@pytest.mark.parametrize("how", REFUSED)
def test_b9_an_empty_answer_or_the_same_twice_is_refused_and_nothing_is_kept(
    how: str, device: Device
) -> None:
    answers, said = REFUSED[how]
    ran = device.run(*INVITE, answers=answers)
    assert ran.code == 2
    assert ran.said[-1] == said
    assert "your-number" not in ran.said
    assert not device.folder.exists() or not device.profile.contacts


@pytest.mark.parametrize("how", ["the first is empty", "the same twice"])
def test_b9_a_guest_is_refused_likewise_before_anything_is_asked_of_a_relay(
    how: str, device: Device, near_relay: HostileRelay, url: str
) -> None:
    answers, said = REFUSED[how]
    call = ("meet", format_number(NUMBER), "--relay", url, "--to-stdout", "--wait", "1")
    ran = device.run(*call, answers=answers)
    assert ran.code == 2
    assert said in ran.said
    assert near_relay.arrived == []


@pytest.mark.parametrize("answers", WEAK)
def test_b9_answers_below_about_20_bits_are_warned_about(
    answers: tuple[str, str, str], device: Device
) -> None:
    assert estimate_bits(answers_of(*answers)) < WARNING_BELOW_BITS == 20
    ran = device.run(*INVITE, answers=answers)
    assert "weak-answers" in ran.said
    point = device.profile.contacts[0].point
    assert point is not None
    assert point.bits < WARNING_BELOW_BITS


def test_b9_better_answers_are_not_warned_about(device: Device) -> None:
    ran = device.run(*INVITE, answers=ANSWERS)
    assert ran.code == 0
    assert "weak-answers" not in ran.said
