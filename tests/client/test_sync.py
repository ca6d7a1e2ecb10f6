"""`ojak sync`: every relay has its turn, and the code tells whether there is something to read."""

import subprocess
import sys
from dataclasses import replace

import pytest

from ojak_client.profile import Contact, Profile
from ojak_client.room import MOST_UNREAD
from ojak_client.timed_parts import LIES_SECONDS
from ojak_protocol.letters import Kind
from ojak_protocol.sync import REPLY_BYTES, NoRoom, SyncClass, SyncReply, SyncRequest, decode_reply
from tests.client import timed
from tests.client.brimful import brimful
from tests.client.devices import WORDS, Device
from tests.client.persons import (
    NAME,
    RELAY,
    Clock,
    JournalStore,
    Person,
    kept_pair,
    letter,
    line_of,
)
from tests.client.simulated_relay import SimulatedRelay
from tests.people import meet

GONE = "http://127.0.0.1:1"


def family(device: Device, relay: SimulatedRelay, url: str, clock: Clock) -> Person:
    """Somebody whom the device's person has met, over the same relay."""
    pair = meet()
    device.keep_contact(Contact(NAME, url, lines=(line_of(pair.host),)))
    contact = Contact(NAME, RELAY, lines=(line_of(pair.guest),))
    profile = replace(device.profile, contacts=(contact,), fillers=())
    return Person(relay, clock, JournalStore(profile))


def test_a_letter_that_came_is_told_and_then_read_once(
    device: Device, near_relay: SimulatedRelay, url: str, now_clock: Clock
) -> None:
    other = family(device, near_relay, url, now_clock)
    other.write("편지")
    other.sync()
    ran = device.run("sync")
    assert (ran.code, ran.said) == (0, ["new-letter", "letters-unread", "synced"])
    shown = device.run("read", NAME, "--to-stdout")
    assert [one["text"] for one in shown.of("letter")] == ["편지"]
    assert device.run("read", NAME, "--to-stdout").code == 10


def test_sending_alone_is_no_letter_to_read(
    device: Device, near_relay: SimulatedRelay, url: str, now_clock: Clock
) -> None:
    other = family(device, near_relay, url, now_clock)
    with near_relay.loses_requests():
        device.run("send", NAME, typed="편지")
    ran = device.run("sync")
    assert (ran.code, ran.said) == (10, ["nothing"])
    other.sync()
    assert other.texts == ["편지"]


def test_a_letter_that_came_before_still_counts_as_one_to_read(device: Device, url: str) -> None:
    device.keep_contact(Contact(NAME, url, theirs=(letter(),)))
    ran = device.run("sync")
    assert (ran.code, ran.said) == (0, ["letters-unread", "synced"])


def test_what_this_version_cannot_show_does_not_count(device: Device, url: str) -> None:
    device.keep_contact(Contact(NAME, url, theirs=(letter(kind=Kind.PARCEL),)))
    assert device.run("sync").code == 10


def test_one_relay_that_fails_does_not_keep_the_others_from_their_turn(
    device: Device, near_relay: SimulatedRelay, url: str, now_clock: Clock
) -> None:
    device.keep_contact(Contact("가", GONE))
    device.keep_contact(Contact("나", "http://relay.example"))
    other = family(device, near_relay, url, now_clock)
    other.write("편지")
    other.sync()
    ran = device.run("sync")
    assert (ran.code, ran.said) == (13, ["new-letter", "letters-unread", "offline"])


def test_a_relay_that_refuses_or_is_full_ends_with_its_code(
    device: Device, near_relay: SimulatedRelay, url: str
) -> None:
    device.keep_contact(Contact(NAME, url, lines=(line_of(meet().guest),)))
    for lie in (near_relay.refuses, near_relay.full):
        with lie():
            assert device.run("sync").code == 14


def test_a_relay_that_had_room_once_what_came_was_deleted_took_everything(
    device: Device, now_clock: Clock
) -> None:
    small = SimulatedRelay(capacity=2)
    with small.served() as url:
        other = family(device, small, url, now_clock)
        other.write("편지")
        other.sync()
        assert small.store.boxes == 2
        with small.loses_requests():
            for text in ("답장", "또 답장"):
                device.run("send", NAME, typed=text)
        ran = device.run("sync")
    assert (ran.code, ran.said) == (0, ["refused", "new-letter", "letters-unread", "synced"])
    other.sync()
    assert other.texts == ["답장", "또 답장"]


def test_without_contacts_there_is_nothing_to_sync(device: Device) -> None:
    assert device.run("sync").said == ["vault-missing"]
    device.keep_contact(Contact(NAME, GONE))
    with device.store() as store:
        store.update(lambda profile: (replace(profile, contacts=()), None))
    assert device.run("sync").said == ["no-contacts"]


PROGRAM = """
import sys
from hashlib import blake2b
from ojak_client import opening, sharing, store
from ojak_client.cli import run
opening.argon2id = lambda a, b: blake2b(a, salt=b, digest_size=32).digest()
decoded, decode = [], store.decode
store.decode = lambda content: (decoded.append(1), decode(content))[1]
shared, shares = [], sharing.shares
sharing.shares = lambda contacts: (shared.append(1), shares(contacts))[1]
code = run(sys.argv[1:])
print(len(decoded), len(shared), *sys.modules, file=sys.stderr)
sys.exit(code)
"""


def test_a_sync_that_finds_nothing_reads_the_profile_once_and_loads_nothing_slow(
    device: Device, url: str
) -> None:
    """Not before and after its one round as well: what lies there is the same bytes."""
    unread = (letter("읽지 않은 편지"),)
    device.keep_contact(Contact(NAME, url, lines=(line_of(meet().host),), theirs=unread))
    where = ("--profile", str(device.folder), "--passphrase-fd", "0")
    ended = subprocess.run(
        (sys.executable, "-c", PROGRAM, "sync", *where),
        input=f"{WORDS}\n",
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0
    decoded, shared, *loaded = ended.stderr.splitlines()[-1].split()
    assert "ojak_client.transport" in loaded
    # At the first round, which makes the profile another one by its fillers, and then no more.
    assert (decoded, shared) == ("1", "2")
    slow = {
        "aiohttp",
        "asyncio",
        "cryptography",
        "filelock",
        "logging",
        "rich",
        "secrets",
        "traceback",
    }
    assert not slow & set(loaded)
    assert not {"ojak_client.terminal", "ojak_client.watching"} & set(loaded)


def test_c7_a_relay_whose_letters_do_not_fit_does_not_keep_the_others_from_their_turn(
    device: Device, near_relay: SimulatedRelay, url: str, now_clock: Clock
) -> None:
    """What another brings may be what makes room; and it is said what became of the rest."""
    other = family(device, near_relay, url, now_clock)
    elsewhere = SimulatedRelay()
    with elsewhere.served() as another:
        device.keep_contact(Contact("나", another, lines=(line_of(meet().host),)))
        device.run("sync")
        other.write("편지")
        other.sync()
        with device.store() as store:
            store.update(lambda profile: (brimful(profile), None))
        before = len(elsewhere.arrived)
        ran = device.run("sync")
        assert (ran.code, ran.said) == (1, ["not-all-kept"])
        assert len(elsewhere.arrived) > before
        with device.store() as store:
            store.update(lambda profile: (_with_short_notes(profile), None))
        assert device.run("sync").said == ["new-letter", "letters-unread", "synced"]


def test_that_no_more_letters_of_somebody_are_kept_is_told_until_some_are_read(
    device: Device, near_relay: SimulatedRelay, url: str, now_clock: Clock
) -> None:
    other = family(device, near_relay, url, now_clock)
    for _ in range(5):
        for _ in range(10):
            other.write("편지")
        other.sync()
        ran = device.run("sync")
    assert ran.said[-3:] == ["letters-unread", "no-more-kept", "synced"]
    assert ran.of("no-more-kept") == [{"event": "no-more-kept", "name": NAME}]
    assert len(device.profile.contacts[0].theirs) == MOST_UNREAD
    assert "no-more-kept" in device.run("status").said
    assert device.run("read", NAME, "--to-stdout").code == 0
    assert "no-more-kept" not in device.run("status").said
    ran = device.run("sync")
    assert "new-letter" in ran.said


def _with_short_notes(profile: Profile) -> Profile:
    return replace(profile, contacts=tuple(replace(one, note="") for one in profile.contacts))


def _crowd(
    device: Device, relay: SimulatedRelay, url: str, clock: Clock, count: int
) -> list[Person]:
    others = []
    for n in range(count):
        pair = meet()
        device.keep_contact(Contact(f"{n}", url, lines=(line_of(pair.host),)))
        profile = Profile((Contact(NAME, RELAY, lines=(line_of(pair.guest),)),))
        others.append(Person(relay, clock, JournalStore(profile)))
    return others


def test_boxes_that_stay_hide_no_letter_from_a_sync_that_looks_at_everybody(
    device: Device, near_relay: SimulatedRelay, url: str, now_clock: Clock
) -> None:
    """More of them lie at the places of one request than any reply has room for."""
    others = _crowd(device, near_relay, url, now_clock, 26)
    for one in [*others[:16], *others[17:21]]:
        for _ in range(2):
            one.write("y" * 1400)
        one.sync()
    last = others[22]
    last.write("하나")
    last.sync()
    device.run("sync")
    last.sync()
    device.run("read", "22", "--to-stdout")
    device.run("sync")
    assert near_relay.store.boxes > max(REPLY_BYTES)
    last.write("둘")
    last.sync()
    device.run("sync")
    assert [one.text for one in device.profile.contacts[22].theirs] == ["둘"]


@pytest.mark.parametrize("people", [3, 33])
def test_a_letter_whose_time_is_over_is_told_by_a_sync_that_looks_at_everybody(
    device: Device,
    near_relay: SimulatedRelay,
    url: str,
    now_clock: Clock,
    relay: SimulatedRelay,
    clock: Clock,
    *,
    people: int,
) -> None:
    """Nothing lies at its place, which is looked at after those of all others."""
    writer, reader = kept_pair(relay, clock)
    for person in (reader, writer, reader):
        person.sync()
    timed.writes(writer)
    writer.sync()
    reader.sync()
    gone = replace(timed.pointer(reader), due_at=now_clock.now - LIES_SECONDS - 100, line=0)
    _crowd(device, near_relay, url, now_clock, people)

    def pointing(profile: Profile) -> tuple[Profile, None]:
        *others, last = profile.contacts
        return replace(profile, contacts=(*others, replace(last, pointers=(gone,)))), None

    with device.store() as store:
        store.update(pointing)
    device.run("sync")
    assert not device.profile.contacts[-1].pointers


def test_a_relay_without_room_that_gives_nothing_is_not_asked_again_and_again(
    device: Device,
    near_relay: SimulatedRelay,
    url: str,
    now_clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _crowd(device, near_relay, url, now_clock, 20)
    device.run("sync")
    honest = decode_reply

    def lying(body: bytes, request: SyncRequest) -> SyncReply:
        reply = honest(body, request)
        return replace(reply, polls=(NoRoom(), *reply.polls[1:]))

    monkeypatch.setattr("ojak_client.exchange.decode_reply", lying)
    before = len(near_relay.arrived)
    device.run("sync")
    assert len(near_relay.arrived) - before < 10


def test_one_sync_looks_at_everybody_however_many_there_are(
    device: Device, near_relay: SimulatedRelay, url: str, now_clock: Clock
) -> None:
    """What it says is said of all: a second run must not find what the first could have."""
    others = _crowd(device, near_relay, url, now_clock, 20)
    for n in (1, 8, 19):
        for text in ("하나", "둘"):
            others[n].write(f"{n} {text}")
        others[n].sync()
    ran = device.run("sync")
    assert ran.said == [*["new-letter"] * 6, "letters-unread", "synced"]
    came = [[one.text for one in contact.theirs] for contact in device.profile.contacts]
    assert [(n, texts) for n, texts in enumerate(came) if texts] == [
        (n, [f"{n} 하나", f"{n} 둘"]) for n in (1, 8, 19)
    ]
    before = len(near_relay.arrived)
    assert device.run("sync").code == 0
    # One round as always, and one look at each of six places of twenty conversations.
    assert len(near_relay.arrived) - before == 1 + 4
    assert all(request.sync_class is SyncClass.ONE for request in near_relay.arrived[before:])


def test_a_relay_that_takes_nothing_is_told_though_others_were_looked_at_after(
    device: Device, near_relay: SimulatedRelay, url: str
) -> None:
    for n in range(8):
        device.keep_contact(Contact(f"{n}", url, lines=(line_of(meet().guest),)))
    with near_relay.full():
        assert device.run("sync").code == 14
