"""`ojak status`: counts that are true of what the relay confirmed."""

from dataclasses import replace

import pytest

from ojak_client.prepare import prepare
from ojak_client.profile import (
    Contact,
    LetterState,
    OurLetter,
    Profile,
    QuestionSet,
    Role,
    with_contact,
)
from ojak_protocol import conversation as talk
from tests.client.devices import Device
from tests.client.persons import MONTH, NAME, RELAY, letter, line_of, moment
from tests.people import CLOCK, meet, new_point


def our(reference: int, state: LetterState = LetterState.WAITING) -> OurLetter:
    return OurLetter(reference, "편지", CLOCK + MONTH, at_once=True, state=state)


def counts(device: Device) -> dict[str, int]:
    ran = device.run("status")
    assert ran.code == 0
    return {one["event"]: one["n"] for one in ran.events if "n" in one}


def test_a_letter_counts_as_gone_only_once_the_relay_has_it(device: Device) -> None:
    ours = (our(1), our(2), our(3, LetterState.COLLECTED))
    contact = Contact(NAME, RELAY, lines=(line_of(meet().host),), ours=ours, theirs=(letter(),))
    sealed = prepare(with_contact(Profile(), contact), RELAY, moment())[0].contacts[0]
    device.keep_contact(sealed)
    assert counts(device) == {
        "letters-unread": 1,
        "status-unsent": 2,
        "status-unacknowledged": 0,
        "status-collected": 1,
    }
    line = sealed.lines[0]
    place = next(out.place.id for out in line.conversation.outbox if out.reference == 1)
    stored = talk.stored(line.conversation, place, now=CLOCK)
    device.keep_contact(replace(sealed, lines=(replace(line, conversation=stored),)))
    assert (counts(device)["status-unsent"], counts(device)["status-unacknowledged"]) == (1, 1)


@pytest.mark.parametrize(
    ("unconfirmed", "counted", "bits", "said"),
    [
        (0, 0, 20, []),
        (3, 3, 20, ["luck"]),
        (5, 5, 5000, ["luck", "point-closed"]),
        (20, 0, 0, ["luck", "set-dead"]),
    ],
)
def test_tries_are_told_with_the_chance_of_a_lucky_stranger(
    unconfirmed: int, counted: int, bits: int, said: list[str], device: Device
) -> None:
    point = replace(new_point(), unconfirmed=unconfirmed, counted=counted, bits=bits)
    device.keep_contact(Contact(NAME, RELAY, sets=(QuestionSet(point, ()),)))
    ran = device.run("status")
    assert ran.code == 0
    assert [one for one in ran.said if one in {"luck", "point-closed", "set-dead"}] == said
    assert all(one["one_in"] == max(1, 2**bits // unconfirmed) for one in ran.of("luck"))


def test_a_letter_for_whoever_is_forced_counts_like_any_other(device: Device) -> None:
    """Its own line stands below the counts, which would be too few."""
    forced = replace(our(1), role=Role.FORCED)
    contact = Contact(
        NAME, RELAY, lines=(replace(line_of(meet().host), alarm=True),), ours=(forced,)
    )
    device.keep_contact(contact)
    assert counts(device)["status-unsent"] == 1
    assert device.run("status").of("letter-here")


def test_a_number_at_which_somebody_else_sits_is_told(device: Device) -> None:
    device.keep_contact(
        Contact(NAME, RELAY, sets=(QuestionSet(replace(new_point(), occupied=True), ()),))
    )
    assert "number-taken" in device.run("status").said


def test_without_contacts_there_is_no_status(device: Device) -> None:
    device.keep_contact(Contact(NAME, RELAY))
    with device.store() as store:
        store.update(lambda _: (Profile(), None))
    for verb in ("status", "contacts"):
        assert device.run(verb).said == ["no-contacts"]


def test_contacts_are_met_awaited_or_ended(device: Device) -> None:
    broken = line_of(replace(meet().host, broken=True))
    for contact in (
        Contact("가", RELAY, lines=(line_of(meet().host),)),
        Contact("나", RELAY, sets=(QuestionSet(new_point(), ()),)),
        Contact("다", RELAY, lines=(broken,)),
        Contact("라", RELAY, lines=(broken,), sets=(QuestionSet(new_point(), ()),)),
    ):
        device.keep_contact(contact)
    ran = device.run("contacts")
    assert [(one["event"], one["name"]) for one in ran.events] == [
        ("contact-met", "가"),
        ("contact-awaited", "나"),
        ("contact-ended", "다"),
        ("contact-awaited", "라"),
    ]
