"""A question put to somebody on a borrowed device: answered there and then, or not at all."""

import os
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from ojak_client.guest_visit import Found, GuestVisit
from ojak_client.profile import OurReply
from ojak_protocol.comparison import Replied
from ojak_protocol.details import NextRelay, QuestionOutcome
from ojak_protocol.letters import Kind
from ojak_protocol.number import format_number
from ojak_protocol.stretch import argon2id
from tests.client.devices import ANSWERS, NUMBER, Device, Ran, waiting_host
from tests.client.persons import NAME, Clock, Person, guest_of, host_of
from tests.client.questions import CAT, DOG, TEXT, carrying, put, results, say
from tests.client.simulated_relay import SimulatedRelay

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

VISIT_WITHOUT_QUESTION = 4


def meet(device: Device, url: str, *options: str, answer: str | None = None, wait: int = 10) -> Ran:
    shown = ("--relay", url, "--to-stdout", "--wait", str(wait))
    if answer is None:
        return device.run("meet", format_number(NUMBER), *shown, *options, answers=ANSWERS)
    reading, writing = os.pipe()
    os.write(writing, f"{answer}\n".encode())
    os.close(writing)
    try:
        options = (*options, "--answer-fd", str(reading))
        return device.run("meet", format_number(NUMBER), *shown, *options, answers=ANSWERS)
    finally:
        os.close(reading)


@pytest.fixture
def host(near_relay: SimulatedRelay, now_clock: Clock) -> Person:
    return waiting_host(near_relay, now_clock)


@pytest.mark.parametrize(("answer", "equal"), [(DOG, True), (CAT, False)])
@pytest.mark.parametrize("letters", [0, 3])
def test_a_guest_answers_during_the_visit_and_both_learn_the_outcome(
    device: Device, host: Person, url: str, answer: str, letters: int, *, equal: bool
) -> None:
    for n in range(letters):
        host.write(f"{n}")
    put(host, stretched=argon2id)
    ran = meet(device, url, answer=answer)
    assert ran.code == 0
    assert [one["question"] for one in ran.of("question")] == [TEXT]
    assert len(ran.of("letter")) == letters
    assert [(one["question"], one["equal"]) for one in ran.of("compared")] == [(TEXT, equal)]
    assert "how-to-answer" not in ran.said
    assert ran.said[-1] == "cleared"
    host.sync()
    assert results(host) == [(TEXT, equal)]
    assert host.contact.lines[0].outcomes == ()
    assert host.contact.lines[0].conversation.outbox == (), "the outcome was acknowledged too"
    assert not device.folder.exists()


def test_a_question_that_nobody_answers_is_said_to_be_and_keeps_nobody_waiting(
    device: Device, host: Person, url: str
) -> None:
    put(host, stretched=argon2id)
    ran = meet(device, url, wait=60)
    assert (ran.code, ran.of("compared")) == (0, [])
    assert ran.said.count("not-answered") == 1
    host.sync()
    assert results(host) == []
    assert len(host.contact.our_questions) == 1


@pytest.mark.parametrize("answer", ["ㅎㅎ", "하나\n둘"])
def test_an_answer_that_cannot_be_used_costs_the_question_and_not_the_visit(
    device: Device, host: Person, url: str, answer: str
) -> None:
    put(host, stretched=argon2id)
    host.write("편지")
    ran = meet(device, url, answer=answer)
    assert (ran.code, ran.said.count("not-answered"), len(ran.of("letter"))) == (0, 1, 1)
    host.sync()
    assert (results(host), host.contact.waiting) == ([], ())


def test_one_descriptor_cannot_give_both_kinds_of_answers(device: Device) -> None:
    both = ("--answers-fd", "9", "--answer-fd", "9", "--relay", "https://relay.example")
    ran = device.run("meet", format_number(NUMBER), "--to-stdout", *both)
    assert (ran.code, ran.said) == (2, ["one-source"])


def test_where_no_question_came_a_visit_is_as_short_as_before(
    device: Device, near_relay: SimulatedRelay, host: Person, url: str
) -> None:
    for text in ("하나", "둘"):
        host.write(text)
    host.sync()
    by_host = 0
    held = near_relay.meanwhile

    def meanwhile() -> None:
        nonlocal by_host
        before = len(near_relay.arrived)
        held()
        by_host += len(near_relay.arrived) - before

    near_relay.meanwhile = meanwhile
    before = len(near_relay.arrived)
    assert meet(device, url).code == 0
    assert len(near_relay.arrived) - before - by_host == VISIT_WITHOUT_QUESTION


def test_a_host_that_tells_no_outcome_keeps_a_guest_no_longer_than_it_looks(
    device: Device, host: Person, url: str
) -> None:
    put(host, stretched=argon2id)
    host.sync()
    # It has forgotten what it asked, so the reply means nothing to it.
    host.change(lambda contact: replace(contact, our_questions=()))
    began = time.monotonic()
    ran = meet(device, url, answer=DOG, wait=2)
    assert (ran.code, ran.said[-1]) == (0, "cleared")
    assert ran.of("compared") == []
    assert time.monotonic() - began < 10


def test_more_than_one_question_is_answered_as_far_as_answers_go(
    device: Device, host: Person, url: str
) -> None:
    put(host, text="하나?", stretched=argon2id)
    put(host, text="둘?", stretched=argon2id)
    ran = meet(device, url, answer=DOG)
    assert [one["question"] for one in ran.of("compared")] == ["하나?"]
    assert ran.said.count("not-answered") == 1


def test_on_an_own_device_the_question_waits_for_ojak_answer(
    device: Device, host: Person, url: str
) -> None:
    put(host, stretched=argon2id)
    say(host, carrying(Kind.RELAY, NextRelay("https://new.example")))
    ran = meet(device, url, "--own", NAME)
    assert ran.code == 0
    assert "how-to-answer" in ran.said
    assert ran.of("next-relay") == []
    contact = device.profile.contacts[0]
    assert [one.text for one in contact.their_questions] == [TEXT]
    assert [one.kind for one in contact.theirs] == [Kind.RELAY]
    assert device.run("read", "--to-stdout").said == ["next-relay", "relay-kept"]


def test_on_a_borrowed_device_another_relay_is_only_shown(
    device: Device, host: Person, url: str
) -> None:
    say(host, carrying(Kind.RELAY, NextRelay("https://new.example")))
    ran = meet(device, url, "--yes")
    assert len(ran.of("next-relay")) == 1
    assert not {"relay-kept", "relay-changed"} & set(ran.said)


def test_a_letter_that_comes_in_between_does_not_end_the_waiting_for_the_outcome(
    relay: SimulatedRelay, clock: Clock
) -> None:
    host = host_of(relay, clock)
    host.sync()
    relay.meanwhile = host.sync
    guest = guest_of(relay, clock, keeps=False)
    visit = GuestVisit(guest.exchange(), NAME, look_seconds=20)
    assert visit.look() is Found.HOST
    waiting = OurReply(TEXT, Replied(bytes(16), bytes(32)), clock.now)
    guest.change(lambda contact: replace(contact, our_replies=(waiting,)))
    guest.write("답")
    turns: Iterator[Callable[[], object]] = iter(
        [
            lambda: host.write("편지"),
            lambda: say(host, carrying(Kind.OUTCOME, QuestionOutcome(bytes(16), bytes(32)))),
        ]
    )

    def meanwhile() -> None:
        next(turns)()
        host.sync()

    relay.meanwhile = meanwhile
    visit.exchange_letters(enough=0, outcomes=True)
    assert guest.texts == ["편지", TEXT]
    assert results(guest) == [(TEXT, True)]
