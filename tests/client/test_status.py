"""`ojak status`: counts that are true of what the relay confirmed."""

import subprocess
import sys
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
from tests.client.devices import WORDS, Device
from tests.client.persons import MONTH, NAME, RELAY, letter, line_of, moment
from tests.people import ALARM, CLOCK, meet, new_point


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


def test_one_contact_alone_can_be_asked_for(device: Device) -> None:
    for name in ("가", "나"):
        device.keep_contact(Contact(name, RELAY, ours=(our(1),)))
    assert {one["name"] for one in device.run("status", "나").events} == {"나"}
    assert device.run("status", "다").said == ["unknown-name"]


def test_every_line_names_its_contact_and_every_line_of_a_number_its_set(device: Device) -> None:
    point = replace(
        new_point(alarm=ALARM), unconfirmed=5, counted=5, spent=True, occupied=True, disturbed=True
    )
    sets = tuple(QuestionSet(replace(point, set_number=n), ()) for n in (1, 2))
    contact = Contact(NAME, RELAY, sets=sets, ours=(our(1), our(2, LetterState.EXPIRED)))
    device.keep_contact(contact)
    events = device.run("status").events
    assert {one["name"] for one in events} == {NAME}
    of_sets = ("set-kept", "status-spent", "status-alarm", "status-tries", "luck", "point-closed")
    for event in (*of_sets, "number-taken", "number-disturbed"):
        assert [one["set"] for one in events if one["event"] == event] == [1, 2], event


def many(count: int) -> Profile:
    """So many contacts, each with a conversation, letters in every state and letters unread."""
    line = line_of(meet().host)
    contacts = tuple(
        Contact(
            f"사람 {n}",
            RELAY,
            lines=(line,),
            ours=tuple(our(10 * n + k, state) for k, state in enumerate(LetterState)),
            theirs=(letter(),) * 3,
        )
        for n in range(count)
    )
    return Profile(contacts)


def calls_of_status(device: Device, profile: Profile) -> int:
    """How many functions of Python are called while `ojak status` runs."""
    with device.store() as store:
        store.update(lambda _: (profile, None))
    calls = 0

    def count(_frame: object, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event == "call"

    sys.setprofile(count)
    try:
        ran = device.run("status")
    finally:
        sys.setprofile(None)
    assert ran.code == 0
    return calls


def test_the_work_of_status_grows_by_the_contact_and_no_faster(device: Device) -> None:
    device.keep_contact(Contact(NAME, RELAY))
    calls_of_status(device, many(1))
    few, some, more = (calls_of_status(device, many(count)) for count in (1, 21, 41))
    each = (some - few) / 20
    assert (more - some) / 20 <= 1.05 * each
    # About twenty lines each, and a dozen calls for a line.
    assert each < 1000


def test_status_loads_nothing_that_speaks_to_a_relay_or_makes_keys(device: Device) -> None:
    """Loading what it does not use would cost it more than all that it does."""
    device.keep_contact(many(3).contacts[0])
    program = (
        "import sys; from ojak_client import opening; from hashlib import blake2b\n"
        "opening.argon2id = lambda a, b: blake2b(a, salt=b, digest_size=32).digest()\n"
        "from ojak_client.cli import run; code = run(sys.argv[1:])\n"
        "sys.stderr.write('\\n'.join(sys.modules)); sys.exit(code)"
    )
    where = ("--profile", str(device.folder), "--passphrase-fd", "0")
    ended = subprocess.run(
        (sys.executable, "-c", program, "status", *where),
        input=f"{WORDS}\n",
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = set(ended.stderr.split())
    assert "ojak_client.profile" in loaded
    unused = {
        "ojak_client.exchange",
        "ojak_client.relay_url",
        "ojak_client.transport",
        "ojak_client.apply",
        "ssl",
    }
    slow = {"http.client", "asyncio", "email", "filelock", "logging", "secrets", "traceback"}
    assert loaded & (unused | slow) == set()
