"""`ojak recall`: what it says of a letter is true, whatever the relay does."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace

import pytest

from ojak_client.our_letters import with_letter
from ojak_client.profile import Contact, LetterState, Role
from tests.client.devices import Device
from tests.client.persons import NAME, line_of
from tests.client.simulated_relay import SimulatedRelay
from tests.people import meet

GONE = "http://127.0.0.1:1"


def met(url: str) -> Contact:
    return Contact(NAME, url, lines=(line_of(meet().host),))


def states(device: Device) -> list[LetterState]:
    return [one.state for one in device.profile.contacts[0].ours]


def keep_letter(device: Device, role: Role = Role.FAMILY) -> None:
    with device.store() as store:
        store.update(
            lambda profile: (
                with_letter(profile, NAME, "x", expires_at=0, at_once=True, role=role),
                None,
            )
        )


def test_the_only_letter_there_is_needs_no_number(device: Device, url: str) -> None:
    device.keep_contact(met(url))
    device.run("send", NAME, typed="편지")
    ran = device.run("recall", NAME)
    assert (ran.code, ran.said) == (0, ["asked-back"])
    assert states(device) == [LetterState.ASKED_BACK]


def test_a_letter_that_never_left_is_erased(device: Device) -> None:
    device.keep_contact(Contact(NAME, GONE))
    keep_letter(device)
    ran = device.run("recall", NAME)
    assert (ran.code, ran.said) == (0, ["never-offered"])
    assert states(device) == [LetterState.TAKEN_BACK]


@pytest.mark.parametrize(
    ("fault", "said", "code"),
    [
        (SimulatedRelay.full, "refused", 14),
        (SimulatedRelay.refuses, "refused", 14),
        (SimulatedRelay.loses_requests, "offline", 13),
        (SimulatedRelay.loses_replies, "unsure", 13),
    ],
)
def test_where_the_relay_does_not_know_of_it_that_is_said_and_it_goes_with_the_next_sync(
    fault: Callable[[SimulatedRelay], AbstractContextManager[None]],
    said: str,
    code: int,
    device: Device,
    near_relay: SimulatedRelay,
    url: str,
) -> None:
    device.keep_contact(met(url))
    device.run("send", NAME, typed="편지")
    with fault(near_relay):
        ran = device.run("recall", NAME)
    assert ran.code == code
    assert ran.said[-1] == "asked-back-later"
    assert said in ran.said or "unsure" in ran.said
    assert states(device) == [LetterState.ASKED_BACK]
    device.run("sync")
    sealed = device.profile.contacts[0].lines[0].conversation.outbox[-1]
    assert near_relay.arrived[-1].deposits or sealed.deposited_at
    assert sealed.deposited_at


def test_more_than_one_letter_needs_a_number_and_a_harmless_one_is_not_meant(
    device: Device,
) -> None:
    device.keep_contact(Contact(NAME, GONE))
    for role in (Role.FAMILY, Role.FAMILY, Role.COUNTERPART):
        keep_letter(device, role)
    ran = device.run("recall", NAME)
    assert (ran.code, ran.said) == (2, ["which-letter"])
    assert device.run("recall", NAME, "2").code == 0
    assert device.run("recall", NAME).code == 0
    ran = device.run("recall", NAME)
    assert (ran.code, ran.said) == (1, ["nothing-to-recall"])
    assert device.run("recall", NAME, "3").said == ["never-offered"]
    assert set(states(device)) == {LetterState.TAKEN_BACK}


@pytest.mark.parametrize("typed", ["x", "1.5", "", "9" * 40, "٣", "\x1b[2J"])
def test_what_is_no_number_is_told_in_our_words_before_anything_is_asked(
    typed: str, device: Device
) -> None:
    device.keep_contact(Contact(NAME, GONE))
    ran = device.run("recall", NAME, typed, words="틀린 열쇠말")
    assert (ran.code, ran.said) == (2, ["unknown-letter"])


@pytest.mark.parametrize("number", ["7", "1", "0"])
def test_a_letter_that_is_not_there_or_arrived_is_told(number: str, device: Device) -> None:
    device.keep_contact(Contact(NAME, GONE))
    keep_letter(device)
    with device.store() as store:
        store.update(
            lambda profile: (
                replace(
                    profile,
                    contacts=tuple(
                        replace(
                            contact,
                            ours=tuple(
                                replace(one, state=LetterState.COLLECTED) for one in contact.ours
                            ),
                        )
                        for contact in profile.contacts
                    ),
                ),
                None,
            )
        )
    ran = device.run("recall", NAME, number)
    assert (ran.code, ran.said) == (2, ["unknown-letter"])


def test_a_proxy_that_cannot_be_used_is_told_before_anything_is_changed(device: Device) -> None:
    device.keep_contact(met(GONE))
    keep_letter(device)
    ran = device.run("recall", NAME, "--proxy", "ftp://x")
    assert (ran.code, ran.said) == (2, ["bad-proxy"])
    assert states(device) == [LetterState.WAITING]
