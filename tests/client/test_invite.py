"""`ojak invite`: a number, a relay and three questions; nothing kept of what is refused."""

import pytest

from ojak_client.profile import Contact
from tests.client.devices import ANSWERS, QUESTIONS, Device
from tests.client.persons import NAME, RELAY

CALL = ("invite", "--relay", RELAY, "--name", NAME)


def test_the_slip_has_number_relay_and_questions_and_the_vault_no_answer(device: Device) -> None:
    ran = device.run(*CALL, *QUESTIONS, answers=ANSWERS)
    assert ran.code == 0
    assert len(ran.of("your-number")) == len(ran.of("slip-relay")) == 1
    assert [one["question"] for one in ran.of("slip-question")] == ["질문 1", "질문 2", "질문 3"]
    contact = device.profile.contacts[0]
    assert (contact.name, contact.relay) == (NAME, RELAY)


@pytest.mark.parametrize(
    ("questions", "said"),
    [
        (("하나", "둘"), "three-questions"),
        (("하나", "둘", " "), "three-questions"),
        (("", "", ""), "three-questions"),
        (("하나", "둘", "가" * 201), "too-big"),
    ],
)
def test_there_are_three_questions_that_say_something(
    questions: tuple[str, ...], said: str, device: Device
) -> None:
    given = [word for question in questions for word in ("--question", question)]
    ran = device.run(*CALL, *given, answers=ANSWERS)
    assert (ran.code, ran.said) == (2, [said])
    assert not device.folder.exists()


@pytest.mark.parametrize("name", ["", " ", "가" * 41, "이\x1b[2J름"])
def test_a_name_can_be_shown(name: str, device: Device) -> None:
    ran = device.run("invite", "--relay", RELAY, "--name", name or " ", *QUESTIONS, answers=ANSWERS)
    assert (ran.code, ran.said) == (2, ["name-unusable"])


def test_a_name_that_is_taken_stays_whose_it_is(device: Device) -> None:
    device.keep_contact(Contact(NAME, "https://other.example"))
    ran = device.run(*CALL, *QUESTIONS, answers=ANSWERS)
    assert (ran.code, ran.said) == (2, ["name-exists"])
    assert device.profile.contacts[0].relay == "https://other.example"


def test_weak_answers_are_warned_about(device: Device) -> None:
    ran = device.run(*CALL, *QUESTIONS, answers=("1", "2", "3"))
    assert "weak-answers" in ran.said


def test_without_a_relay_or_questions_the_option_is_named(device: Device) -> None:
    assert device.run("invite", "--name", NAME).said == ["needs-relay"]
    assert device.run(*CALL, answers=ANSWERS).said == ["about-questions", "needs-option"]
    assert device.run("invite", "--relay", "http://relay.example").code == 2
