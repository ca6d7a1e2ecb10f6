"""`ojak read`: each letter once, and what cannot be shown is neither lost nor hidden."""

from dataclasses import replace

from ojak_client.profile import Contact
from ojak_protocol.conversation import UNREADABLE
from ojak_protocol.letters import Kind
from tests.client.devices import Device
from tests.client.persons import NAME, RELAY, letter


def holding(device: Device, *contacts: Contact) -> None:
    for contact in contacts:
        device.keep_contact(contact)


def test_letters_are_shown_in_order_of_arrival_and_are_gone_then(device: Device) -> None:
    theirs = (letter("하나"), letter("둘", reference=2))
    holding(device, Contact(NAME, RELAY, theirs=theirs))
    ran = device.run("read", "--to-stdout")
    assert (ran.code, [one["text"] for one in ran.of("letter")]) == (0, ["하나", "둘"])
    assert device.profile.contacts[0].theirs == ()


def test_without_a_screen_nothing_is_opened(device: Device) -> None:
    holding(device, Contact(NAME, RELAY, theirs=(letter(),)))
    ran = device.run("read")
    assert (ran.code, ran.said) == (2, ["needs-to-stdout"])
    assert not device.profile.contacts[0].theirs[0].opened


def test_a_letter_whose_showing_broke_off_is_shown_again_only_when_asked_for(
    device: Device,
) -> None:
    holding(device, Contact(NAME, RELAY, theirs=(replace(letter(), opened=True),)))
    ran = device.run("read", "--to-stdout")
    assert (ran.code, ran.said) == (10, ["interrupted-letter"])
    ran = device.run("read", "--to-stdout", "--again")
    assert ran.said == ["shown-before", "letter"]


def test_what_a_later_version_wrote_is_kept_and_said_to_be(device: Device) -> None:
    theirs = (letter(kind=Kind.PARCEL), letter("편지", reference=2))
    holding(device, Contact(NAME, RELAY, theirs=theirs))
    assert device.run("read", "--to-stdout").said == ["too-new", "letter"]
    assert [one.kind for one in device.profile.contacts[0].theirs] == [Kind.PARCEL]


def test_after_a_letter_that_cannot_be_shown_it_is_not_said_that_nothing_is_wrong(
    device: Device,
) -> None:
    theirs = (letter(kind=Kind.PARCEL), replace(letter("편지", reference=2), opened=True))
    holding(device, Contact(NAME, RELAY, theirs=theirs), Contact("나", RELAY))
    ran = device.run("read", "--to-stdout")
    assert (ran.code, ran.said) == (10, ["too-new", "interrupted-letter"])
    # Of another, from whom nothing came, all is well.
    assert device.run("read", "나", "--to-stdout").said == ["nothing"]


def test_a_letter_that_is_none_is_said_to_be_damaged_once(device: Device) -> None:
    holding(device, Contact(NAME, RELAY, theirs=(letter(kind=UNREADABLE),)))
    assert device.run("read", "--to-stdout").said == ["damaged"]
    assert device.run("read", "--to-stdout").said == ["nothing"]


def test_only_the_named_contact_is_read(device: Device) -> None:
    holding(
        device,
        Contact("가", RELAY, theirs=(letter("A"),)),
        Contact("나", RELAY, theirs=(letter("B"),)),
    )
    ran = device.run("read", "나", "--to-stdout")
    assert [(one["text"], one["name"]) for one in ran.of("letter")] == [("B", "나")]
    assert device.run("read", "다").code == 2
