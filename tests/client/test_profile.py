"""The profile: contacts by name, letters, what lies at the relay."""

from dataclasses import replace

import pytest

from ojak_client.errors import ContactGone
from ojak_client.our_letters import lies_at_relay, references_in, with_letter
from ojak_client.profile import Contact, Profile, find, with_contact
from ojak_protocol import conversation as talk
from ojak_protocol.letters import Body, Kind
from tests.client.persons import NAME, RELAY, line_of
from tests.people import CLOCK, ENTROPY, KEM, meet


def test_a_contact_is_added_or_takes_the_place_of_the_one_of_its_name() -> None:
    profile = with_contact(Profile(), Contact("가", RELAY))
    profile = with_contact(profile, Contact("나", RELAY))
    changed = with_contact(profile, Contact("가", "https://other.example"))
    assert [(one.name, one.relay) for one in changed.contacts] == [
        ("가", "https://other.example"),
        ("나", RELAY),
    ]
    assert find(changed, "다") is None


def test_every_letter_has_a_reference_of_its_own_over_all_contacts() -> None:
    profile = Profile()
    for name in ("가", "나"):
        profile = with_contact(profile, Contact(name, RELAY))
        profile = with_letter(profile, name, "편지", expires_at=9, at_once=True)
    assert [one.ours[0].reference for one in profile.contacts] == [1, 2]


def test_a_letter_to_nobody_is_refused() -> None:
    with pytest.raises(ContactGone):
        with_letter(Profile(), NAME, "x", expires_at=0, at_once=True)


def test_a_letter_lies_at_the_relay_only_once_the_relay_said_so() -> None:
    side = talk.write(meet().host, Body(Kind.TEXT, "x"), reference=7, entropy=ENTROPY, kem=KEM)
    contact = Contact(NAME, RELAY, lines=(line_of(side),))
    assert references_in(contact.lines[0]) == (7,)
    assert not lies_at_relay(contact, 7)
    stored = talk.stored(side, side.outbox[-1].place.id, now=CLOCK)
    contact = replace(contact, lines=(line_of(stored),))
    assert lies_at_relay(contact, 7)
    assert not lies_at_relay(contact, 8)


def test_no_secret_of_a_profile_is_in_its_repr() -> None:
    contact = Contact(NAME, RELAY, lines=(line_of(meet().host),))
    assert repr(with_contact(Profile(), contact)) == "<Profile>"
    assert repr(contact) == "<Contact>"
