"""A vault of each earlier format opens in this version with all it holds, and lives on."""

import os
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from ojak_client import migrations
from ojak_client.box_file import PAGE_BYTES, PAGES
from ojak_client.errors import VaultTooNew
from ojak_client.migrations import FORMAT, MIGRATIONS
from ojak_client.news import untold
from ojak_client.profile import (
    Contact,
    News,
    NewsKind,
    Pointer,
    Profile,
    TheirQuestion,
    find,
    with_contact,
)
from ojak_client.store import VaultStore, decode, encode, vault_path
from ojak_client.vault import Vault
from ojak_client.vault_files import box_path
from ojak_client.vault_format import SLOTS
from ojak_protocol.cpace import Share
from ojak_protocol.details import Question
from ojak_protocol.meeting_places import DAY_SECONDS
from ojak_protocol.stretch import argon2id
from tests.client import vaults
from tests.client.boxes import inline
from tests.client.persons import NAME, Clock, JournalStore, Person, letter, line_of
from tests.client.rich import GUEST, HOST, MARKERS
from tests.client.simulated_relay import SimulatedRelay
from tests.client.vault_fixtures import FORMATS, WORDS, restore, told
from tests.people import CLOCK, meet


@pytest.fixture(params=FORMATS)
def fixture(request: pytest.FixtureRequest) -> int:
    number: int = request.param
    return number


def opened(path: Path) -> Vault:
    return Vault.open(path, bytearray(WORDS.encode()), argon2id, os.urandom)


def test_there_is_a_vault_and_a_step_for_each_earlier_format() -> None:
    assert tuple(range(1, FORMAT + 1)) == FORMATS
    assert set(MIGRATIONS) == set(range(1, FORMAT))


def end(profile: Profile, name: str, relay: SimulatedRelay, clock: Clock) -> Person:
    contact = find(profile, name)
    assert contact is not None
    profile = with_contact(Profile(references=1000), replace(contact, name=NAME))
    return Person(relay, clock, JournalStore(profile))


def test_a_vault_of_each_format_opens_with_all_it_holds_and_lives_on(
    fixture: int, tmp_path: Path
) -> None:
    path = vault_path(tmp_path)
    expected = restore(fixture, path)
    vault = opened(path)
    store = VaultStore(vault)
    profile = store.read()
    assert told(profile) == expected

    # Its two ends of one conversation go on: every letter that waited arrives.
    # Days later, at a relay that lost all: every box is laid once more.
    clock = Clock(CLOCK + 3 * DAY_SECONDS)
    relay = SimulatedRelay(clock)
    host, guest = (end(profile, name, relay, clock) for name in (HOST, GUEST))
    for person in (host, guest) * 3:
        person.sync()
    assert set(MARKERS[:5]) <= set(guest.texts)
    assert set(MARKERS[5:13]) <= set(host.texts) | set(guest.texts)

    # The next save is of the present format, with the boxes in their own file.
    store.update(lambda profile: (replace(profile, references=profile.references + 1), None))
    with vault.locked() as session:
        assert session.content[0] == FORMAT
        assert inline(bytes(session.content)) == []
    again = VaultStore(opened(path)).read()
    assert told(again) == expected | {"references": expected["references"] + 1}


def test_a_vault_from_before_the_file_of_boxes_gets_one_at_its_next_save(tmp_path: Path) -> None:
    path = vault_path(tmp_path)
    restore(1, path)
    before = path.read_bytes()
    store = VaultStore(opened(path))
    profile = store.read()
    assert not box_path(path).exists()
    assert path.read_bytes() == before
    # One that a killed save has left, or that belongs to no vault, is in nobody's way.
    box_path(path).write_bytes(b"half")
    assert store.read() == profile
    store.update(lambda profile: (replace(profile, references=2000), None))
    assert box_path(path).stat().st_size == SLOTS * PAGES * PAGE_BYTES
    assert store.read() == replace(profile, references=2000)


def test_a_later_format_is_refused_and_left(tmp_path: Path) -> None:
    path = vault_path(tmp_path)
    vault = vaults.create(path)
    with vault.locked() as session:
        session.save(bytes([FORMAT + 1]) + b"anything")
    before = path.read_bytes()
    with pytest.raises(VaultTooNew):
        VaultStore(vault).read()
    with pytest.raises(VaultTooNew):
        VaultStore(vault).update(lambda _: (Profile(), None))
    assert path.read_bytes() == before


def test_content_of_format_1_passes_through_its_step() -> None:
    profile = with_contact(Profile(), Contact(NAME, "https://relay.example"))
    body = encode(profile)[1:]
    # Nobody was met in it: there is no line to be numbered.
    assert decode(b"\x01" + body) == profile
    assert migrations.MIGRATIONS[1](msgspec.msgpack.decode(body)) == msgspec.msgpack.decode(body)


def before_numbers(contact: Contact) -> bytes:
    """A profile of format 2 with *contact*, whose lines had no number."""
    kept = msgspec.msgpack.decode(encode(with_contact(Profile(), contact))[1:])
    del kept["line_numbers"]
    for line, plain in zip(contact.lines, kept["contacts"][0]["lines"], strict=True):
        assert plain.pop("number") == line.number
        del plain["brought"]
    for place in ("theirs", "pointers", "their_questions"):
        for plain in kept["contacts"][0][place]:
            del plain["held"]
    return b"\x02" + msgspec.msgpack.encode(kept)


def test_lines_of_format_2_get_numbers_and_letters_the_number_of_their_line() -> None:
    talk = meet().host
    times = (CLOCK, CLOCK + 1, CLOCK + 1)
    lines = tuple(
        line_of(talk, confirmed_at=time, held=held)
        for time, held in zip(times, (False, False, True), strict=True)
    )
    theirs = tuple(
        replace(letter(reference=n), written=(time, 0, n))
        for n, time in enumerate((CLOCK, CLOCK + 1, CLOCK + 2))
    )
    old = before_numbers(Contact(NAME, "https://relay.example", lines=lines, theirs=theirs))
    profile = decode(old)
    (contact,) = profile.contacts
    assert profile.line_numbers == len(lines)
    assert [(line.number, line.brought) for line in contact.lines] == [(1, 1), (2, 0), (3, 0)]
    # Which of two lines of one second a letter came through, nothing says any more.
    assert [one.written for one in contact.theirs] == [(1, 0, 0), (0, 0, 1), (0, 0, 2)]
    assert [one.held for one in contact.theirs] == [False, True, False]
    # Until it is saved, each reading numbers them alike.
    assert decode(old) == profile
    assert decode(encode(profile)) == profile


def test_what_the_lines_of_format_2_say_is_news_and_what_waits_through_them_is_marked() -> None:
    talk = meet().host
    broken = replace(talk, broken=True)
    lines = (
        line_of(talk, confirmed_at=CLOCK),
        line_of(talk, confirmed_at=CLOCK + 1, alarm=True),
        line_of(talk, confirmed_at=CLOCK + 2, held=True),
        line_of(broken, confirmed_at=CLOCK + 3),
    )
    pointer = Pointer(b"", CLOCK)
    question = TheirQuestion("누구?", Question(b"n" * 16, Share(b"s" * 32)), CLOCK)
    contact = Contact(
        NAME,
        "https://relay.example",
        lines=lines,
        pointers=(pointer,),
        their_questions=(question,),
    )
    (came,) = decode(before_numbers(contact)).contacts
    assert untold(came) == (
        News(NewsKind.ALARM, CLOCK + 1, 2),
        News(NewsKind.HELD, CLOCK + 2, 3),
        News(NewsKind.ENDED, CLOCK + 3, 4),
    )
    # Through which line these came nothing says, so they are marked where any is held.
    assert [(one.line, one.held) for one in came.pointers] == [(0, True)]
    assert [one.held for one in came.their_questions] == [True]
    free = replace(contact, lines=lines[:1])
    (came,) = decode(before_numbers(free)).contacts
    assert untold(came) == ()
    assert [(one.line, one.held) for one in came.pointers] == [(1, False)]
