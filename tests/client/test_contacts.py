"""`ojak contacts`: names and notes of one's own, which never travel."""

import unicodedata
from dataclasses import replace

import pytest

from ojak_client.our_letters import with_letter
from ojak_client.profile import Contact, Profile, with_contact
from ojak_client.sharing import check_room
from ojak_protocol import conversation
from ojak_protocol.letters import Body, Kind, encode_body
from tests.client.devices import Device
from tests.client.persons import RELAY, Clock, JournalStore, Person, letter, line_of
from tests.client.simulated_relay import SimulatedRelay
from tests.people import meet

NOTE = "전화는 일요일에만"


@pytest.fixture
def device(device: Device) -> Device:
    device.keep_contact(Contact("엄마", RELAY, theirs=(letter("편지"),)))
    device.keep_contact(Contact("오빠", RELAY))
    return device


def names(device: Device) -> list[str]:
    return [contact.name for contact in device.profile.contacts]


def test_a_contact_is_called_otherwise_and_loses_nothing(device: Device) -> None:
    ran = device.run("contacts", "엄마", "--rename", "어머니")
    assert (ran.code, ran.said) == (0, ["contact-awaited"])
    assert names(device) == ["어머니", "오빠"]
    assert device.run("contacts", "엄마").code == 2
    assert device.run("read", "어머니", "--to-stdout").of("letter")[0]["name"] == "어머니"


def test_a_note_is_shown_in_the_list_and_an_empty_one_removes_it(device: Device) -> None:
    shown = device.run("contacts", "엄마", "--note", f"  {NOTE} ").of("contact-note")
    assert [(one["name"], one["note"]) for one in shown] == [("엄마", NOTE)]
    assert [one["note"] for one in device.run("contacts").of("contact-note")] == [NOTE]
    assert device.run("contacts", "엄마", "--rename", "어머니").of("contact-note")
    assert device.run("contacts", "어머니", "--note", "").of("contact-note") == []
    assert device.run("contacts").of("contact-note") == []


def test_one_contact_alone_can_be_shown(device: Device) -> None:
    assert [one["name"] for one in device.run("contacts", "오빠").events] == ["오빠"]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("오빠", "name-exists"),
        ("", "name-unusable"),
        ("  ", "name-unusable"),
        ("가" * 41, "name-unusable"),
        ("엄\x1b[2J마", "name-unusable"),
        ("엄\u202e마", "name-unusable"),
        ("엄\u200b마", "name-unusable"),
        ("\ud800", "name-unusable"),
    ],
)
def test_a_name_that_cannot_be_one_or_is_taken_is_refused_in_one_sentence(
    name: str, said: str, device: Device
) -> None:
    ran = device.run("contacts", "엄마", "--rename", name)
    assert (ran.code, ran.said) == (2, [said])
    assert names(device) == ["엄마", "오빠"]


@pytest.mark.parametrize("note", ["가" * 201, "a\x1bb", "a\x07b", "a\u202eb", "a\x00b"])
def test_a_note_that_cannot_be_shown_or_is_too_long_is_refused_in_one_sentence(
    note: str, device: Device
) -> None:
    device.run("contacts", "엄마", "--note", NOTE)
    ran = device.run("contacts", "엄마", "--note", note)
    assert (ran.code, ran.said) == (2, ["note-unusable"])
    assert [one["note"] for one in device.run("contacts").of("contact-note")] == [NOTE]


def test_neither_change_is_made_for_nobody(device: Device) -> None:
    for change in (("--rename", "어머니"), ("--note", NOTE)):
        assert device.run("contacts", *change).said == ["needs-name"]
        assert device.run("contacts", "동생", *change).said == ["unknown-name"]
    assert names(device) == ["엄마", "오빠"]


def test_a_name_in_another_unicode_form_is_the_same_name(device: Device) -> None:
    """A keyboard that takes syllables apart must not make two people of one."""
    apart = unicodedata.normalize("NFD", "오빠")
    assert device.run("contacts", "엄마", "--rename", apart).said == ["name-exists"]
    assert device.run("contacts", apart).events[0]["name"] == "오빠"
    assert device.run("read", unicodedata.normalize("NFD", "엄마"), "--to-stdout").of("letter")


def test_renaming_to_the_same_name_is_no_clash(device: Device) -> None:
    assert device.run("contacts", "엄마", "--rename", "엄마").code == 0


def test_names_and_notes_never_travel(
    relay: SimulatedRelay, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing that is sealed into a box says what the contact is called here, or what is noted."""
    sealed: list[Body] = []

    def spy(body: Body) -> bytes:
        sealed.append(body)
        return encode_body(body)

    monkeypatch.setattr(conversation, "encode_body", spy)
    name, note = "보위부 사촌", "강 건너 둘째 집"
    pair = meet()
    met = Contact(name, RELAY, lines=(line_of(pair.host),), note=note)
    host = Person(relay, clock, JournalStore(with_contact(Profile(), met)))
    host.store.update(
        lambda profile: (with_letter(profile, name, "편지", expires_at=0, at_once=True), None)
    )
    host.sync()
    assert [body.text for body in sealed if body.kind == Kind.TEXT] == ["편지"]
    assert not [word for word in (name, note) for body in sealed if word in repr_of(body)]


def repr_of(body: Body) -> str:
    return encode_body(body).decode("utf-8", "replace")


def test_c7_a_note_leaves_room_for_what_has_to_go_on_and_a_shorter_one_is_always_kept(
    device: Device,
) -> None:
    """Notes of the greatest length in a full vault would take what others' letters need."""
    longest = "\U0001f600" * 200
    many = tuple(Contact(f"{n}", RELAY) for n in range(41))
    with device.store() as store:
        store.update(lambda before: (replace(before, contacts=(*before.contacts, *many)), None))
    kept = 0
    while (ran := device.run("contacts", f"{kept}", "--note", longest)).code == 0:
        kept += 1
    assert (ran.code, ran.said) == (1, ["vault-full"])
    assert 0 < kept < 41
    check_room(device.profile.contacts)
    assert device.run("contacts", "오빠", "--rename", "가" * 40).code == 0
    assert device.run("contacts", "0", "--note", NOTE).code == 0
