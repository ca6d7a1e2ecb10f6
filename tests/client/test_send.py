"""`ojak send`: what it says of a letter is true, whatever the relay does."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace

import pytest

from ojak_client.i18n import Text
from ojak_client.inputs import Inputs
from ojak_client.our_letters import with_letter
from ojak_client.profile import Contact, Profile, QuestionSet
from ojak_protocol.acknowledgement import MOST_UNACKNOWLEDGED
from ojak_protocol.conversation import PLACES_FOR_RECEIPTS, Conversation
from tests.client.devices import Device
from tests.client.persons import NAME, line_of
from tests.client.simulated_relay import SimulatedRelay
from tests.people import meet, new_point

GONE = "http://127.0.0.1:1"


def met(url: str, conversation: Conversation | None = None) -> Contact:
    return Contact(NAME, url, lines=(line_of(conversation or meet().host),))


def test_a_letter_that_the_relay_stored_has_left(device: Device, url: str) -> None:
    device.keep_contact(met(url))
    ran = device.run("send", NAME, typed="편지")
    assert (ran.code, ran.said) == (0, ["left"])


def test_what_is_said_is_true_although_the_contact_was_renamed_meanwhile(
    device: Device, near_relay: SimulatedRelay, url: str
) -> None:
    device.keep_contact(met(url))

    def renamed() -> None:
        with device.store() as store:
            contact = replace(device.profile.contacts[0], name="어머니")
            store.update(lambda profile: (replace(profile, contacts=(contact,)), None))

    with near_relay._hooks(before=renamed):  # noqa: SLF001 - while it is under way
        ran = device.run("send", NAME, typed="편지")
    assert (ran.code, ran.said) == (0, ["left"])


@pytest.mark.parametrize(
    ("lie", "said", "code"),
    [
        (SimulatedRelay.full, ["relay-full", "refused", "queued"], 14),
        (SimulatedRelay.refuses, ["refused", "queued"], 14),
        (SimulatedRelay.occupied, ["refused", "queued"], 14),
    ],
)
def test_a_letter_that_the_relay_did_not_take_is_kept_and_said_to_be(
    lie: Callable[[SimulatedRelay], AbstractContextManager[None]],
    said: list[str],
    code: int,
    device: Device,
    near_relay: SimulatedRelay,
    url: str,
) -> None:
    device.keep_contact(met(url))
    with lie(near_relay):
        ran = device.run("send", NAME, typed="편지")
    assert ran.code == code
    assert ran.said[-1] == said[-1]
    assert "left" not in ran.said
    assert [letter.text for letter in device.profile.contacts[0].waiting] == ["편지"]
    assert device.run("sync").code == 10
    assert len(device.profile.contacts[0].lines[0].conversation.outbox) >= 1


def test_a_lost_answer_is_unsure_and_says_what_to_type(
    device: Device, near_relay: SimulatedRelay, url: str
) -> None:
    device.keep_contact(met(url))
    with near_relay.loses_replies():
        ran = device.run("send", NAME, typed="편지")
    assert (ran.code, ran.said) == (13, ["unsure"])


def test_an_unreachable_relay_queues_the_letter(device: Device) -> None:
    device.keep_contact(met(GONE))
    ran = device.run("send", NAME, typed="편지")
    assert (ran.code, ran.said) == (13, ["offline", "queued"])


def test_a_letter_to_somebody_not_met_waits_and_nothing_is_asked(device: Device) -> None:
    device.keep_contact(Contact(NAME, GONE, sets=(QuestionSet(new_point(), ()),)))
    ran = device.run("send", NAME, typed="편지")
    assert (ran.code, ran.said) == (0, ["waits-for-meeting"])


@pytest.mark.parametrize(
    ("options", "bits", "early"),
    [
        ((), 24, False),
        ((), 25, True),
        (("--at-once",), 24, True),
        (("--wait-for-reply",), 30, False),
        (("--at-once", "--wait-for-reply"), 30, False),
    ],
)
def test_weak_answers_hold_a_letter_back_unless_the_person_says_otherwise(
    options: tuple[str, ...], bits: int, *, early: bool, device: Device
) -> None:
    device.keep_contact(
        Contact(NAME, GONE, sets=(QuestionSet(replace(new_point(), bits=bits), ()),))
    )
    device.run("send", NAME, *options, typed="편지")
    assert [one.at_once for one in device.profile.contacts[0].ours] == [early]


def test_a_letter_beyond_what_can_wait_is_said_to_wait(device: Device, url: str) -> None:
    device.keep_contact(met(url))

    def many(profile: Profile) -> tuple[Profile, None]:
        for _ in range(MOST_UNACKNOWLEDGED - PLACES_FOR_RECEIPTS):
            profile = with_letter(profile, NAME, "x", expires_at=0, at_once=True)
        return profile, None

    with device.store() as store:
        store.update(many)
    ran = device.run("send", NAME, typed="편지")
    assert (ran.code, ran.said) == (1, ["too-many-waiting"])


def test_a_broken_conversation_leaves_the_letter_for_a_new_meeting(device: Device) -> None:
    device.keep_contact(met(GONE, replace(meet().host, broken=True)))
    assert device.run("send", NAME, typed="편지").said == ["waits-for-meeting"]


@pytest.mark.parametrize(
    ("typed", "said"), [("", "empty-letter"), ("가" * 501, "too-big"), ("\n\n", "empty-letter")]
)
def test_a_letter_that_cannot_be_one_is_refused_before_it_is_kept(
    typed: str, said: str, device: Device
) -> None:
    device.keep_contact(met(GONE))
    ran = device.run("send", NAME, typed=typed)
    assert (ran.code, ran.said) == (2, [said])
    assert device.profile.contacts[0].ours == ()


def test_a_name_that_nobody_has_is_told(device: Device) -> None:
    device.keep_contact(met(GONE))
    ran = device.run("send", "철수", typed="편지")
    assert (ran.code, ran.said) == (2, ["unknown-name"])


def test_an_address_that_is_no_longer_accepted_is_told_and_the_letter_kept(device: Device) -> None:
    device.keep_contact(met("http://relay.example"))
    ran = device.run("send", NAME, typed="편지")
    assert ran.code == 2
    assert len(device.profile.contacts[0].waiting) == 1


@pytest.mark.parametrize("option", [(), ("--harmless",), ("--after", "2h")])
def test_nothing_is_said_to_be_kept_when_the_name_changed_while_the_letter_was_typed(
    device: Device, monkeypatch: pytest.MonkeyPatch, option: tuple[str, ...]
) -> None:
    device.keep_contact(Contact(NAME, GONE))
    typed = Inputs.letter

    def letter(inputs: Inputs, *, about: Text | None = None) -> str:
        text = typed(inputs, about=about)
        assert device.run("contacts", NAME, "--rename", "어머니").code == 0
        return text

    monkeypatch.setattr(Inputs, "letter", letter)
    ran = device.run("send", NAME, *option, typed="편지")
    assert (ran.code, ran.said) == (1, ["contact-gone"])
    assert device.profile.contacts[0].ours == ()
    monkeypatch.undo()
    assert device.run("send", "어머니", typed="편지").said == ["waits-for-meeting"]
