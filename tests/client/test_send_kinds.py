"""`ojak send` for a later day, harmless, or for somebody who was forced."""

import time
from dataclasses import replace

import pytest

from ojak_client.due_times import local_time
from ojak_client.profile import Contact, QuestionSet, Role
from ojak_client.timed_parts import MOST_PARTS
from tests.client.devices import Device
from tests.client.persons import NAME, line_of
from tests.client.simulated_relay import SimulatedRelay
from tests.people import ALARM, meet, new_point

GONE = "http://127.0.0.1:1"


def met(url: str, *, alarm: bool = False) -> Contact:
    return Contact(NAME, url, lines=(line_of(meet().host, alarm=alarm),))


def test_a_letter_for_a_later_day_has_left_once_pointer_and_letter_lie_at_the_relay(
    device: Device, url: str
) -> None:
    device.keep_contact(met(url))
    ran = device.run("send", NAME, "--after", "3d", typed="편지")
    assert (ran.code, ran.said) == (0, ["timed-left"])
    (part,) = device.profile.contacts[0].parts
    assert part.deposited_at
    assert abs(part.due_at - time.time() - 3 * 86_400) < 60
    assert ran.of("timed-left")[0]["when"] == local_time(part.due_at)


def test_a_letter_for_a_day_and_time_is_due_then(device: Device, url: str) -> None:
    device.keep_contact(met(url))
    due_at = int(time.time()) + 5 * 86_400
    assert device.run("send", NAME, "--at", local_time(due_at), typed="편지").code == 0
    assert device.profile.contacts[0].parts[0].due_at == due_at // 60 * 60


def test_a_letter_for_later_that_the_relay_did_not_take_has_not_left(
    device: Device, near_relay: SimulatedRelay, url: str
) -> None:
    device.keep_contact(met(url))
    with near_relay.full():
        ran = device.run("send", NAME, "--after", "3d", typed="편지")
    assert ran.code == 14
    assert ran.said[-1] == "queued"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--after", "x"), "time-unclear"),
        (("--at", "2020-01-01 20:00"), "time-past"),
        (("--after", "31d"), "time-far"),
        (("--after", "3d", "--at", "2026-12-24"), "not-together"),
        (("--after", "3d", "--harmless"), "not-together"),
        (("--after", "3d", "--forced"), "not-together"),
        (("--harmless", "--forced"), "not-together"),
        (("--after", "3d", "--at-once"), "not-together"),
        (("--proxy", "ftp://x"), "bad-proxy"),
    ],
)
def test_what_cannot_be_used_is_told_before_a_letter_is_kept(
    options: tuple[str, ...], said: str, device: Device
) -> None:
    device.keep_contact(met(GONE))
    ran = device.run("send", NAME, *options, typed="편지")
    assert (ran.code, ran.said) == (2, [said])
    assert device.profile.contacts[0].ours == ()


def test_an_address_that_needs_a_proxy_keeps_the_letter_and_says_that_it_waits(
    device: Device,
) -> None:
    device.keep_contact(met(f"http://{'a' * 56}.onion"))
    ran = device.run("send", NAME, typed="편지")
    assert (ran.code, ran.said) == (2, ["proxy-needed", "queued"])
    assert len(device.profile.contacts[0].waiting) == 1


def test_no_more_letters_for_later_are_kept_than_the_vault_has_room_for(device: Device) -> None:
    device.keep_contact(Contact(NAME, GONE))
    for _ in range(MOST_PARTS):
        ran = device.run("send", NAME, "--after", "3d", typed="편지")
        assert (ran.code, ran.said) == (0, ["waits-for-meeting"])
    ran = device.run("send", NAME, "--after", "3d", typed="편지")
    assert (ran.code, ran.said) == (1, ["too-many-timed"])
    assert len(device.profile.contacts[0].ours) == MOST_PARTS


def test_what_an_alarm_word_means_for_a_letter_for_later_is_said(device: Device) -> None:
    point = new_point(alarm=ALARM)
    device.keep_contact(Contact(NAME, GONE, sets=(QuestionSet(point, ()),)))
    ran = device.run("send", NAME, "--after", "3d", typed="편지")
    assert ran.said == ["timed-and-alarm", "waits-for-meeting"]


def test_a_harmless_letter_is_kept_and_nobody_is_asked(device: Device) -> None:
    device.keep_contact(met(GONE))
    ran = device.run("send", NAME, "--harmless", typed="날씨가 좋다")
    assert (ran.code, ran.said) == (0, ["harmless-kept"])
    (letter,) = device.profile.contacts[0].ours
    assert (letter.role, letter.expires_at) == (Role.COUNTERPART, 0)


def test_a_letter_for_who_was_forced_goes_only_where_the_alarm_word_was_typed(
    device: Device, url: str
) -> None:
    device.keep_contact(met(url))
    ran = device.run("send", NAME, "--forced", typed="견뎌라")
    assert (ran.code, ran.said) == (1, ["nobody-forced"])
    both = replace(met(url), lines=(line_of(meet().host), line_of(meet().host, alarm=True)))
    device.keep_contact(both)
    ran = device.run("send", NAME, "--forced", typed="견뎌라")
    assert (ran.code, ran.said) == (0, ["left"])
    first, second = device.profile.contacts[0].lines
    assert len(first.conversation.outbox) + 1 == len(second.conversation.outbox)


def test_a_letter_to_family_waits_where_only_a_forced_person_was_met(device: Device) -> None:
    device.keep_contact(met(GONE, alarm=True))
    ran = device.run("send", NAME, typed="편지")
    assert (ran.code, ran.said) == (0, ["waits-for-meeting"])


def test_whether_a_guest_still_looks_is_judged_by_the_relays_clock(
    device: Device, near_relay: SimulatedRelay, url: str
) -> None:
    now = int(time.time())
    line = line_of(meet().host, kept=False, confirmed_at=now, looks_until=now - 3600)
    contact = Contact(NAME, url, lines=(line,), sets=(QuestionSet(new_point(), ()),))
    device.keep_contact(contact)
    with near_relay.clock_off(-2 * 3600):
        assert device.run("send", NAME, typed="편지").said == ["left"]
    device.keep_contact(replace(contact, lines=(replace(line, looks_until=now + 600),)))
    with near_relay.clock_off(2 * 3600):
        assert device.run("send", NAME, typed="편지").said[-1] == "waits-for-meeting"
