"""Another relay where there is an alarm word: no visit is told of it."""

import pytest

from ojak_client.moving import begin_move
from ojak_client.our_letters import with_letter
from ojak_client.pairing import PROMISED_FOR_SECONDS
from ojak_client.profile import Contact, LetterState, Profile, QuestionSet, find, with_contact
from ojak_protocol.details import NextRelay
from ojak_protocol.letters import Kind
from tests.client.devices import Device
from tests.client.persons import NAME, RELAY, line_of
from tests.client.village import NEW_RELAY, Village, told_of_each
from tests.people import ALARM, RIGHT, meet, new_point


def begins_to_move(village: Village) -> None:
    now = village.clock.now

    def begin(profile: Profile) -> tuple[Profile, None]:
        details = NextRelay(NEW_RELAY)
        profile = with_letter(
            profile, NAME, "", expires_at=0, at_once=False, kind=Kind.RELAY, details=details
        )
        contact = find(profile, NAME)
        assert contact is not None
        moving = begin_move(contact, NEW_RELAY, reference=profile.references, now=now)
        return with_contact(profile, moving), None

    village.host.store.update(begin)


@pytest.mark.parametrize("keeps", [False, True])
def test_b5_a_visit_during_a_move_tells_neither_relay_which_word_was_typed(keeps: bool) -> None:  # noqa: FBT001 - parametrized
    def visited(typed: bytes) -> Village:
        village = Village(letters=1, harmless=3)
        begins_to_move(village)
        guest = village.comes(typed, keeps=keeps)
        village.meets(guest)
        village.reads(guest)
        village.syncs(village.host)
        return village

    assert told_of_each(visited).shown == (1,)


def test_nothing_of_a_move_goes_to_a_borrowed_device_that_was_confirmed_before_it() -> None:
    village = Village(letters=0, harmless=1)
    guest = village.comes(RIGHT, keeps=False)
    village.meets(guest)
    begins_to_move(village)
    village.reads(guest)
    assert [one.state for one in village.letters()] == [LetterState.WAITING]
    assert village.shown == [[]]


def test_a_side_that_stays_is_told_a_day_after_the_meeting_and_the_move_begins_then() -> None:
    village = Village(letters=0, harmless=1)
    begins_to_move(village)
    guest = village.comes(RIGHT)
    village.meets(guest)
    village.reads(guest)
    assert [one.state for one in village.letters()] == [LetterState.WAITING]
    village.clock.now += PROMISED_FOR_SECONDS
    village.reads(guest)
    assert [one.state for one in village.letters()] == [LetterState.COLLECTED]
    assert village.host.contact.relays == (NEW_RELAY, RELAY)


@pytest.mark.usefixtures("every_relay_answers")
def test_nobody_who_was_met_can_be_told_after_visits_on_borrowed_devices_alone(
    device: Device,
) -> None:
    """Where there is an alarm word: so nobody is waited for."""
    sets = (QuestionSet(new_point(alarm=ALARM), ()),)
    borrowed = line_of(meet().host, kept=False)
    device.keep_contact(Contact(NAME, RELAY, sets=sets, lines=(borrowed,)))
    assert device.run("relay", NAME, NEW_RELAY).said == ["moved", "slip-changed"]
    assert device.profile.contacts[0].ours == ()


@pytest.mark.usefixtures("every_relay_answers")
def test_who_moves_is_told_that_because_of_the_alarm_word_only_an_own_device_learns_of_it(
    device: Device,
) -> None:
    sets = (QuestionSet(new_point(alarm=ALARM), ()),)
    device.keep_contact(Contact(NAME, RELAY, sets=sets, lines=(line_of(meet().host),)))
    ran = device.run("relay", NAME, NEW_RELAY)
    assert ran.said == ["move-told", "move-and-alarm", "slip-changed"]


@pytest.mark.usefixtures("every_relay_answers")
def test_no_harmless_letter_is_asked_for_on_behalf_of_word_of_another_relay(
    device: Device,
) -> None:
    sets = (QuestionSet(new_point(alarm=ALARM), ()),)
    forced = line_of(meet().host, alarm=True, promised=0)
    device.keep_contact(Contact(NAME, RELAY, sets=sets, lines=(forced,)))
    device.run("relay", NAME, NEW_RELAY)
    assert "write-harmless" not in device.run("status").said
