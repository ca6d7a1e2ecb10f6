"""A question of one's own: put on an own device, answered on a borrowed one, during the visit."""

import re

import pytest

from ojak_client.messages import Message
from tests.journeys.actors import Device, World, given
from tests.journeys.children import OJAK, Child, Ended
from tests.journeys.screen import Terminal, korean, sit_down

ANSWERS = ("감자밭 할머니", "노동자 강철", "왜가리 1974")
MOTHER = "어머니"
QUESTION = "우물 옆에 무엇을 묻었지?"
HOSTS, GUESTS = "노란 도시락통", "노란도시락통!"


def ask(device: Device, question: str, answer: str) -> Ended:
    """Run `ojak ask` with the answer on a descriptor."""
    command, descriptors = device.command("--no-input", "--json", "ask", MOTHER)
    descriptors.append(given(f"{answer}\n"))
    command += ["--question", question, "--answer-fd", str(descriptors[-1])]
    child = Child(
        command,
        environment=device.environment,
        folder=device.here,
        descriptors=descriptors,
        as_json=True,
    )
    device.running.append(child)
    return child.wait()


def ask_at_a_terminal(device: Device) -> None:
    """Type what `ojak ask` asks for."""
    assert device.passphrase is not None
    command = [OJAK, "--profile", str(device.profile), "ask", MOTHER]
    person = Terminal(command, device.environment, device.here)
    device.running.append(person)
    person.until(korean(Message.ASK_PASSPHRASE))
    person.type(device.passphrase)
    person.until(korean(Message.ASK_OWN_QUESTION))
    person.type(QUESTION)
    person.until(korean(Message.ASK_OWN_ANSWER, question=QUESTION).splitlines()[-1])
    person.type(HOSTS)
    person.until(korean(Message.ASK_UNDERSTOOD))
    person.type("예")
    person.until(korean(Message.WAITS_FOR_MEETING))
    assert person.end() == 0


@pytest.mark.parametrize(("answer", "equal"), [(GUESTS, True), ("놋그릇", False)])
def test_a_question_is_answered_on_a_borrowed_device_and_both_learn_the_outcome(
    people: World, answer: str, *, equal: bool
) -> None:
    relay = people.relay()
    host = people.own("host", relay.url)
    number = host.invite(MOTHER, ANSWERS)
    if equal:
        ask_at_a_terminal(host)
    else:
        assert ask(host, QUESTION, HOSTS).said == ["one-guess", "waits-for-meeting"]
    keeping = host.keep()
    keeping.until("keeping")
    guest = sit_down(people.borrowed("phone", relay.url), "meet", number)
    for n, typed in enumerate(ANSWERS, 1):
        guest.until(korean(Message.ASK_ANSWER, n=n))
        guest.type(typed)
    guest.until(korean(Message.ASK_UNDERSTOOD))
    guest.type("예")
    guest.until(korean(Message.ASK_LETTER))
    guest.type()
    guest.until(korean(Message.THEIR_QUESTION, question=QUESTION))
    guest.until(korean(Message.PRESS_TO_ERASE))
    guest.type()
    guest.until(korean(Message.ANSWER_NOW))
    guest.type("예")
    guest.until(korean(Message.ASK_ANSWER_TO_THEIRS, question=QUESTION).splitlines()[-1])
    guest.type(answer)
    guest.until(korean(Message.ASK_UNDERSTOOD))
    guest.type("예")
    guest.until(korean(Message.ASK_LETTER))
    guest.type()
    outcome = Message.SAME_ANSWER if equal else Message.OTHER_ANSWER
    guest.until(korean(outcome, question=QUESTION))
    guest.until(korean(Message.PRESS_TO_ERASE))
    guest.type()
    assert guest.end() == 0
    left = re.sub(r"\x1b\[\?1049h.*?\x1b\[\?1049l", "", guest.raw, flags=re.DOTALL)
    assert korean(Message.CLEARED) in left
    assert not [secret for secret in (QUESTION, answer, *ANSWERS) if secret in left]
    keeping.until("new-answer")
    assert keeping.stop().code == 0
    compared = host.read().event("compared")
    assert (compared["question"], compared["equal"]) == (QUESTION, equal)
    assert host.read().code == 10
