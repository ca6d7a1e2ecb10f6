"""`ojak ask` and `ojak answer`: two devices compare answers, and neither answer goes anywhere."""

import os
import unicodedata
from dataclasses import replace
from pathlib import Path

import pytest

from ojak_client import comparing
from ojak_client.profile import Contact, LetterState, Profile, TheirQuestion, with_contact
from ojak_client.store import encode
from ojak_protocol.answers import canonical
from ojak_protocol.details import Question
from ojak_protocol.estimate import answer_bits
from tests.client.devices import Device, Ran
from tests.client.persons import NAME, RELAY, line_of
from tests.client.questions import CAT, DOG, TEXT, arrived, new_question
from tests.people import meet

GONE = "http://127.0.0.1:1"


def answering(device: Device, verb: str, *options: str, answer: str = DOG, name: str = NAME) -> Ran:
    """Run *verb* with an answer on a descriptor."""
    reading, writing = os.pipe()
    os.write(writing, f"{answer}\n".encode())
    os.close(writing)
    try:
        return device.run(verb, name, "--answer-fd", str(reading), *options)
    finally:
        os.close(reading)


def ask(device: Device, text: str = TEXT, answer: str = DOG) -> Ran:
    return answering(device, "ask", "--question", text, answer=answer)


@pytest.fixture
def family(tmp_path: Path, url: str) -> tuple[Device, Device]:
    """Two devices that met, each on its own."""
    pair = meet()
    devices = Device(tmp_path / "one"), Device(tmp_path / "other")
    for device, side in zip(devices, (pair.host, pair.guest), strict=True):
        device.keep_contact(Contact(NAME, url, lines=(line_of(side),)))
    return devices


def receipts_are_due(device: Device) -> None:
    def change(profile: Profile) -> tuple[Profile, None]:
        contact = profile.contacts[0]
        lines = tuple(replace(line, receipt_due_at=1) for line in contact.lines)
        return with_contact(profile, replace(contact, lines=lines)), None

    with device.store() as store:
        store.update(change)


@pytest.mark.parametrize(("answer", "equal"), [("바둑이!", True), (CAT, False)])
def test_two_people_learn_whether_they_answer_the_same(
    family: tuple[Device, Device], answer: str, *, equal: bool
) -> None:
    asker, replier = family
    ran = ask(asker)
    assert (ran.code, ran.said) == (0, ["weak-answer", "one-guess", "left"])
    assert replier.run("sync").code == 0
    ran = replier.run("read", "--to-stdout")
    assert (ran.said, ran.events[0]["question"]) == (["question", "how-to-answer"], TEXT)
    ran = answering(replier, "answer", answer=answer)
    assert (ran.code, ran.said[-1]) == (0, "left")
    ran = asker.run("sync")
    assert (ran.code, ran.said) == (0, ["new-answer", "letters-unread", "synced"])
    # Who answered it had it on the screen.
    assert [one.state for one in asker.profile.contacts[0].ours] == [LetterState.READ]
    receipts_are_due(asker)
    asker.run("sync")
    assert "new-answer" in replier.run("sync").said
    for device in family:
        (compared,) = device.run("read", "--to-stdout").events
        assert (compared["event"], compared["question"]) == ("compared", TEXT)
        assert compared["equal"] is equal
        assert device.run("read", "--to-stdout").said == ["nothing"]


def test_no_answer_is_kept_on_any_device(family: tuple[Device, Device]) -> None:
    asker, replier = family
    ask(asker)
    replier.run("sync")
    replier.run("read", "--to-stdout")
    answering(replier, "answer")
    for device in family:
        assert DOG.encode() not in encode(device.profile)


def test_an_answer_that_is_easy_to_guess_is_warned_about() -> None:
    assert answer_bits(canonical(DOG)) < comparing.WARNING_BELOW_BITS
    assert answer_bits(canonical("뒷산 너럭바위")) >= comparing.WARNING_BELOW_BITS


def test_a_strong_answer_is_not_warned_about(device: Device) -> None:
    device.keep_contact(Contact(NAME, GONE, lines=(line_of(meet().host),)))
    ran = ask(device, answer="뒷산 너럭바위")
    assert (ran.code, ran.said) == (13, ["one-guess", "offline", "queued"])
    assert len(device.profile.contacts[0].our_questions) == 1


@pytest.mark.parametrize("text", ["   ", "가" * 201])
def test_a_question_that_cannot_be_put_is_refused_before_anything(
    text: str, device: Device
) -> None:
    device.keep_contact(Contact(NAME, GONE))
    ran = ask(device, text)
    assert (ran.code, ran.said) == (2, ["question-unusable"])
    assert device.profile.contacts[0] == Contact(NAME, GONE)


@pytest.mark.parametrize(
    ("answer", "said"), [("ㅎㅎ", "input"), ("하나\n둘", "one-line"), ("。。", "answer-empty")]
)
def test_an_answer_that_cannot_be_used_is_refused_and_nothing_is_sent(
    answer: str, said: str, device: Device
) -> None:
    device.keep_contact(Contact(NAME, GONE))
    ran = ask(device, answer=answer)
    assert (ran.code, ran.said) == (2, [said])
    assert device.profile.contacts[0] == Contact(NAME, GONE)


def test_nobody_to_ask_ends_with_the_option_that_is_missing(device: Device) -> None:
    device.keep_contact(Contact(NAME, GONE, their_questions=(their_question(),)))
    for arguments, option in (
        (("ask", NAME), "--question"),
        (("ask", NAME, "--question", TEXT), "--answer-fd"),
        (("answer", NAME), "--answer-fd"),
    ):
        ran = device.run(*arguments)
        assert (ran.code, ran.events[-1]["option"]) == (2, option)


def test_a_ninth_open_question_is_refused(device: Device) -> None:
    device.keep_contact(Contact(NAME, GONE))
    for _ in range(8):
        assert ask(device).code == 0
    assert (ask(device).code, ask(device).said) == (1, ["too-many-questions"])


def their_question(*, forced: bool = False, held: bool = False) -> TheirQuestion:
    _, body = new_question()
    letter = arrived(body)
    assert isinstance(body.details, Question)
    return TheirQuestion(letter.text, body.details, at=1 << 31, forced=forced, held=held)


def test_without_an_open_question_there_is_nothing_to_answer(device: Device) -> None:
    device.keep_contact(Contact(NAME, RELAY, theirs=(arrived(new_question()[1]),)))
    ran = answering(device, "answer")
    assert (ran.code, ran.said) == (10, ["no-question"])


def test_a_question_can_be_let_go(device: Device) -> None:
    device.keep_contact(Contact(NAME, GONE, their_questions=(their_question(),)))
    ran = device.run("answer", NAME, "--skip")
    assert (ran.code, ran.said) == (0, ["question-skipped"])
    contact = device.profile.contacts[0]
    assert (contact.their_questions, contact.ours, contact.used_nonces) == ((), (), ())


def test_a_question_under_force_is_answered_only_after_a_yes(device: Device) -> None:
    device.keep_contact(Contact(NAME, GONE, their_questions=(their_question(forced=True),)))
    ran = answering(device, "answer")
    assert (ran.code, ran.said) == (1, ["question-forced"])
    assert len(device.profile.contacts[0].their_questions) == 1
    ran = answering(device, "answer", "--yes")
    assert (ran.code, ran.said) == (0, ["waits-for-meeting"])


def test_b1_a_question_of_who_may_be_a_stranger_is_answered_only_after_a_yes(
    device: Device,
) -> None:
    device.keep_contact(Contact(NAME, GONE, their_questions=(their_question(held=True),)))
    ran = answering(device, "answer")
    assert (ran.code, ran.said) == (1, ["question-held"])
    assert len(device.profile.contacts[0].their_questions) == 1
    ran = answering(device, "answer", "--yes")
    assert (ran.code, ran.said) == (0, ["waits-for-meeting"])


@pytest.mark.parametrize("gone", [False, True])
def test_b1_an_answer_to_somebody_who_is_held_waits_for_the_yes_to_the_visit(
    device: Device, *, gone: bool
) -> None:
    """It went to the family, to whom it says nothing, and could never be given again."""
    line = line_of(meet().host, held=True)
    question = replace(their_question(held=True), line=line.number)
    lines = () if gone else (line,)
    device.keep_contact(Contact(NAME, GONE, lines=lines, their_questions=(question,)))
    ran = answering(device, "answer", "--yes")
    assert (ran.code, ran.said) == (1, ["allow-before-answering"])
    (contact,) = device.profile.contacts
    assert (contact.their_questions, contact.ours, contact.used_nonces) == ((question,), (), ())
    allowed = replace(contact, lines=(replace(line, held=False),))
    device.keep_contact(allowed)
    assert answering(device, "answer", "--yes").said != ["allow-before-answering"]
    assert device.profile.contacts[0].their_questions == ()


def test_an_answer_to_somebody_who_was_forced_goes_at_once_and_to_nobody_else(
    device: Device, url: str
) -> None:
    question = (their_question(forced=True),)
    only_forced = Contact(
        NAME, url, their_questions=question, lines=(line_of(meet().host, alarm=True),)
    )
    device.keep_contact(only_forced)
    ran = answering(device, "answer", "--yes")
    assert (ran.code, ran.said) == (0, ["left"])
    device.keep_contact(replace(only_forced, lines=(line_of(meet().host),)))
    ran = answering(device, "answer", "--yes")
    assert (ran.code, ran.said) == (0, ["waits-for-meeting"])


def test_who_asked_to_stop_is_neither_asked_nor_answered_without_a_yes(device: Device) -> None:
    contact = Contact(NAME, GONE, asked_to_stop=True, their_questions=(their_question(),))
    device.keep_contact(contact)
    for ran in (ask(device), answering(device, "answer")):
        assert (ran.code, ran.said) == (1, ["stop"])
    assert device.profile.contacts[0] == contact


def test_a_question_is_kept_for_the_contact_whose_name_is_typed_in_another_form(
    device: Device,
) -> None:
    device.keep_contact(Contact(NAME, GONE))
    typed = unicodedata.normalize("NFD", NAME)
    ran = answering(device, "ask", "--question", TEXT, name=typed)
    assert ran.said[-1] == "waits-for-meeting"
    assert [one.asked.question for one in device.profile.contacts[0].our_questions] == [TEXT]
