"""Relays that are down, full or none at all, and arguments that cannot be used."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from ojak_protocol.sync import DepositOutcome
from tests.client.hostile_server import answering, reply, serving
from tests.journeys.actors import Relay, World
from tests.journeys.recorder import recording
from tests.journeys.test_own_device import ANSWERS, DAUGHTER, MOTHER, meet
from tests.relay import kit

NUMBER = "1234-5678-9018"
BAD_NUMBER = "1234-5678-9013"


@contextmanager
def full(relay: Relay) -> Iterator[None]:
    """Fill what is free of *relay* with boxes of others, for the length of the block."""
    assert relay.child is not None
    others = kit.Relay(relay.child.process, "127.0.0.1", relay.port)
    laid = 0
    while True:
        numbers = range(laid, laid + 16)
        result = others.sync(kit.request(deposits=tuple(kit.deposit(n) for n in numbers)))
        laid += 16
        if DepositOutcome.FULL in result.deposits:
            break
    yield
    for start in range(0, laid, 8):
        others.sync(kit.request(deletes=tuple(range(start, start + 8))))


def test_a_letter_written_while_the_relay_is_down_goes_later(people: World) -> None:
    relay = people.relay()
    daughter, mother = meet(people, relay.url)
    assert relay.stop().code == 0
    sent = daughter.send(MOTHER, "어머니, 저 잘 있습니다.")
    assert (sent.code, sent.said) == (13, ["offline", "queued"])
    assert daughter.run("sync").code == 13
    assert mother.run("sync").code == 13
    relay.start()
    assert daughter.run("sync").code == 10
    assert mother.run("sync").code == 0
    assert mother.read().letters == ["어머니, 저 잘 있습니다."]


def test_a_guest_is_told_that_the_relay_is_down(people: World) -> None:
    relay = people.relay()
    relay.stop()
    visit = people.borrowed("phone", relay.url).meet(NUMBER, ANSWERS, letter="나다")
    assert (visit.code, visit.said[-3:]) == (13, ["offline", "answers-spent", "cleared"])


def test_whoever_stays_on_says_once_that_the_relay_is_down_and_that_it_is_back(
    people: World,
) -> None:
    relay = people.relay()
    daughter, mother = meet(people, relay.url)
    relay.stop()
    keeping = daughter.keep()
    keeping.until("offline")
    relay.start()
    keeping.until("reached-again")
    mother.send(DAUGHTER, "딸아")
    keeping.until("new-letter")
    assert keeping.stop().said.count("offline") == 1


def test_something_else_at_the_relays_address_gets_nothing(people: World) -> None:
    relay = people.relay()
    daughter, _ = meet(people, relay.url)
    port = relay.port
    relay.stop()
    page = reply(b"<html>Sign in to this network</html>", kind="text/html")
    with serving(answering(page, page)) as portal:
        phone = people.borrowed("phone", portal.url)
        visit = phone.meet(NUMBER, ANSWERS, letter="나다")
    assert (visit.code, visit.said[-3:]) == (13, ["wrong-place", "answers-spent", "cleared"])
    assert relay.port == port
    assert daughter.run("sync").code == 13


def test_a_full_relay_takes_no_letter_and_the_letter_goes_later(people: World) -> None:
    relay = people.relay(capacity=100)
    with recording("127.0.0.1", relay.port) as record:
        daughter, mother = meet(people, record.url)
        # What still waits to be deleted would make room for the letter.
        daughter.run("sync")
        with full(relay):
            sent = daughter.send(MOTHER, "어머니, 저 잘 있습니다.")
            assert (sent.code, sent.said) == (14, ["refused", "queued"])
            assert daughter.run("sync").code == 14
            record.requests.clear()
            keeping = daughter.keep()
            keeping.until("refused")
            # It tries again, but only as often as it looks for letters.
            record.wait_for_rest()
            assert len(record.requests) <= 3
            assert keeping.stop().said.count("refused") == 1
        assert daughter.run("sync").code == 10
        assert mother.run("sync").code == 0
        assert mother.read().letters == ["어머니, 저 잘 있습니다."]


def test_a_guest_is_told_that_the_relay_is_full(people: World) -> None:
    relay = people.relay(capacity=100)
    host = people.own("host", relay.url)
    number = host.invite(MOTHER, ANSWERS)
    assert host.run("sync").code == 10
    with full(relay):
        visit = people.borrowed("phone", relay.url).meet(number, ANSWERS, "--wait", "1")
        assert (visit.code, visit.said[-3:]) == (14, ["refused", "answers-spent", "cleared"])


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://relay.example", "unsafe-relay"),
        ("http://192.0.2.1:8080", "unsafe-relay"),
        ("ftp://127.0.0.1", "bad-relay"),
    ],
)
def test_plain_http_goes_to_this_machine_only(people: World, url: str, said: str) -> None:
    guest = people.borrowed("phone", url)
    visit = guest.meet(NUMBER, ANSWERS, letter="나다")
    assert (visit.code, visit.said) == (2, [said])
    host = people.own("host", url)
    questions = ("--question", "하나?", "--question", "둘?", "--question", "셋?")
    invited = host.run("invite", "--name", MOTHER, *questions, answers=ANSWERS)
    assert (invited.code, invited.said) == (2, [said])


@pytest.mark.parametrize("number", [BAD_NUMBER, "1234-5678-901"])
def test_a_number_that_does_not_fit_is_told_before_anything_is_sent(
    people: World, number: str
) -> None:
    guest = people.borrowed("phone", "http://127.0.0.1:1")
    visit = guest.meet(number, ANSWERS)
    assert (visit.code, visit.said) == (2, ["number-wrong"])
