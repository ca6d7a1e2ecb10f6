"""`ojak status` of each letter: a small number, its state, and never what it says."""

import re
from dataclasses import replace

import pytest

from ojak_client.letter_states import show_letters_of_ours
from ojak_client.messages import Message
from ojak_client.output import Output
from ojak_client.prepare import prepare
from ojak_client.profile import (
    Contact,
    LetterState,
    Profile,
    QuestionSet,
    Role,
    with_contact,
)
from ojak_client.taking_back import take_back
from ojak_client.timed_parts import with_timed_letter
from ojak_client.timed_pointers import keep_pointer
from ojak_protocol import conversation as talk
from ojak_protocol.letters import Body, Kind
from ojak_protocol.parcels import pack_timed
from ojak_protocol.visits import Letter
from tests.client.devices import Device
from tests.client.persons import MONTH, NAME, RELAY, line_of, moment
from tests.client.replies import our
from tests.people import ALARM, CLOCK, ENTROPY, RIGHT, come, meet, new_point, take

WORDS = "아무도 몰라야 한다"


def lines(device: Device, contact: Contact) -> dict[int, list[str]]:
    """What status says of each letter, by its number."""
    device.keep_contact(contact)
    ran = device.run("status")
    assert ran.code == 0
    assert WORDS not in str(ran.events)
    said: dict[int, list[str]] = {}
    for event in ran.events:
        if "letter" in event:
            said.setdefault(event["letter"], []).append(event["event"])
    return said


def test_letters_wait_lie_at_the_relay_or_are_asked_back(device: Device) -> None:
    ours = tuple(our(n, text=WORDS) for n in (1, 2, 3))
    contact = Contact(NAME, RELAY, lines=(line_of(meet().host),), ours=ours)
    contact = prepare(with_contact(Profile(), contact), RELAY, moment())[0].contacts[0]
    line = contact.lines[0]
    place = next(out.place.id for out in line.conversation.outbox if out.reference == 2)
    stored = talk.stored(line.conversation, place, now=CLOCK)
    contact = take_back(replace(contact, lines=(replace(line, conversation=stored),)), 3)
    done = (our(4, state=LetterState.COLLECTED), our(5, state=LetterState.TAKEN_BACK))
    contact = replace(contact, ours=(*contact.ours, *done))
    assert lines(device, contact) == {
        1: ["letter-here"],
        2: ["letter-at-relay"],
        3: ["letter-asked-back"],
        4: ["letter-collected"],
        5: ["letter-taken-back"],
    }


def test_what_was_offered_to_somebody_not_confirmed_is_said_to_be_possibly_read(
    device: Device,
) -> None:
    offered = Letter(1, Body(Kind.TEXT, WORDS), Body(Kind.GREETING))
    point = new_point()
    point, _ = take(point, come(point, RIGHT), (offered,))
    ours = (our(1, text=WORDS), our(2, text=WORDS, possibly_read=True), our(3, text=WORDS))
    contact = Contact(NAME, RELAY, sets=(QuestionSet(point, ()),), ours=ours)
    assert lines(device, contact) == {
        1: ["letter-here", "letter-possibly-read"],
        2: ["letter-here", "letter-possibly-read"],
        3: ["letter-here"],
    }


def test_letters_that_wait_for_a_harmless_one_are_named_and_harmless_ones_counted(
    device: Device,
) -> None:
    sets = (QuestionSet(new_point(alarm=ALARM), ()),)
    ours = (our(1, text=WORDS), our(2, text=WORDS), our(3, text=WORDS, role=Role.COUNTERPART))
    contact = Contact(NAME, RELAY, sets=sets, ours=ours)
    assert lines(device, contact) == {
        1: ["letter-here"],
        2: ["letter-needs-harmless"],
        3: ["letter-harmless"],
    }
    ran = device.run("status")
    assert [one["n"] for one in ran.of("status-harmless")] == [1]
    assert [one["n"] for one in ran.of("write-harmless")] == [1]


def test_a_conversation_that_stays_gets_letters_without_harmless_ones(device: Device) -> None:
    sets = (QuestionSet(new_point(alarm=ALARM), ()),)
    contact = Contact(NAME, RELAY, sets=sets, lines=(line_of(meet().host),), ours=(our(),))
    assert lines(device, contact) == {1: ["letter-here"]}
    assert device.run("status").of("write-harmless") == []


def test_a_letter_that_lies_at_the_relay_does_not_wait_for_a_harmless_one(device: Device) -> None:
    """Whoever came before there was an alarm word, and keeps nothing, was left it without one."""
    line = line_of(meet().host, kept=False)
    contact = Contact(NAME, RELAY, lines=(line,), ours=(our(1, text=WORDS), our(2, text=WORDS)))
    contact = prepare(with_contact(Profile(), contact), RELAY, moment())[0].contacts[0]
    line = contact.lines[0]
    place = next(out.place.id for out in line.conversation.outbox if out.reference == 1)
    stored = replace(line, conversation=talk.stored(line.conversation, place, now=CLOCK))
    sets = (QuestionSet(new_point(alarm=ALARM), ()),)
    assert lines(device, replace(contact, lines=(stored,), sets=sets)) == {
        1: ["letter-at-relay"],
        2: ["letter-needs-harmless"],
    }
    assert [one["n"] for one in device.run("status").of("write-harmless")] == [1]


def test_a_letter_for_later_is_named_with_its_day_until_nobody_can_look_for_it(
    device: Device,
) -> None:
    profile = with_contact(Profile(), Contact(NAME, RELAY))
    timed = with_timed_letter(
        profile, NAME, WORDS, due_at=CLOCK + 86_400, now=CLOCK, entropy=ENTROPY
    )
    assert timed is not None
    contact = timed.contacts[0]
    assert lines(device, contact) == {1: ["letter-here", "letter-timed"]}
    came = replace(
        contact, ours=tuple(replace(one, state=LetterState.COLLECTED) for one in contact.ours)
    )
    assert lines(device, came) == {1: ["letter-timed-known", "letter-timed"]}
    assert [one["n"] for one in device.run("status").of("status-collected")] == [0]
    assert lines(device, take_back(contact, 1)) == {1: ["letter-taken-back"]}
    assert lines(device, take_back(came, 1)) == {1: ["letter-asked-back", "letter-possibly-read"]}


def test_letters_of_the_other_side_that_open_later_are_told(device: Device) -> None:
    parcel = pack_timed(b"x", due_at=CLOCK + 600, now=CLOCK, entropy=ENTROPY)
    body = Body(Kind.PARCEL, details=parcel)
    contact, _ = keep_pointer(Contact(NAME, RELAY), body, moment(), through=line_of(meet().host))
    assert lines(device, contact) == {}
    assert len(device.run("status").of(Message.LETTER_FOR_LATER.id)) == 1


def test_read_and_collected_are_two_things_and_expiry_is_a_third(device: Device) -> None:
    ours = (
        our(1, state=LetterState.READ, text=""),
        our(2, state=LetterState.COLLECTED, text=""),
        our(3, state=LetterState.EXPIRED, text=""),
        our(4, state=LetterState.EXPIRED, text="", possibly_read=True),
        our(5, state=LetterState.ASKED_BACK, text="", possibly_read=True),
        our(6, state=LetterState.READ, text="", possibly_read=True),
        our(7, state=LetterState.COLLECTED, text="", role=Role.COUNTERPART),
    )
    contact = Contact(NAME, RELAY, ours=ours)
    assert lines(device, contact) == {
        1: ["letter-read"],
        2: ["letter-collected"],
        3: ["letter-expired-unread"],
        4: ["letter-expired", "letter-possibly-read"],
        5: ["letter-asked-back", "letter-possibly-read"],
        6: ["letter-read"],
    }
    assert [one["n"] for one in device.run("status").of("status-collected")] == [3]


def test_a_letter_past_its_time_of_which_no_word_came_is_not_said_to_be_unread(
    device: Device,
) -> None:
    """Its withdrawn form lies at the relay; the letter lay there before."""
    contact = Contact(NAME, RELAY, lines=(line_of(meet().host),), ours=(our(1, text=WORDS),))
    for now in (CLOCK, CLOCK + MONTH):
        contact = prepare(with_contact(Profile(), contact), RELAY, moment(now))[0].contacts[0]
    line = contact.lines[0]
    place = next(out.place.id for out in line.conversation.outbox if out.reference == 1)
    stored = talk.stored(line.conversation, place, now=CLOCK + MONTH)
    contact = replace(contact, lines=(replace(line, conversation=stored),))
    assert contact.ours[0].state is LetterState.WAITING
    assert lines(device, contact) == {1: ["letter-expired"]}


def test_a_screen_names_the_ten_newest_settled_letters_and_a_program_all(
    capsys: pytest.CaptureFixture[str],
) -> None:
    done = tuple(our(n, state=LetterState.READ, text="") for n in range(1, 15))
    contact = Contact(NAME, RELAY, ours=(*done, our(99)))
    named = {
        shape: _numbers(capsys, contact, Output(**{shape: True}))
        for shape in ("quiet", "json", "verbose")
    }
    assert named["quiet"] == [*range(5, 15), 99]
    assert named["json"] == named["verbose"] == [*range(1, 15), 99]


def _numbers(capsys: pytest.CaptureFixture[str], contact: Contact, output: Output) -> list[int]:
    show_letters_of_ours(output, contact)
    said = capsys.readouterr().out
    # The last number of a line, in whichever language.
    return [int(re.findall(r"\d+", line)[-1]) for line in said.splitlines()]
