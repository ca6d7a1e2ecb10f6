"""A profile and its bytes: what is kept comes back, and bytes that are none are said to be none."""

import contextlib
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ojak_client.box_file import PAGES
from ojak_client.boxes_in_profile import map_boxes
from ojak_client.errors import VaultDamaged, VaultTooNew
from ojak_client.kept_boxes import REFERENCE_BYTES
from ojak_client.migrations import FORMAT
from ojak_client.prepare import prepare
from ojak_client.profile import Contact, Profile, QuestionSet, with_contact
from ojak_client.store import MemoryStore, VaultStore, decode, encode, vault_path
from ojak_client.vault import Vault
from ojak_client.vault_format import MAX_CONTENT_BYTES
from ojak_protocol.acknowledgement import MOST_UNACKNOWLEDGED
from ojak_protocol.conversation import PLACES_FOR_RECEIPTS
from ojak_protocol.letters import Body, Kind
from ojak_protocol.visits import Letter
from tests.client import vaults
from tests.client.persons import NAME, RELAY, Clock, guest_of, host_of, kept_pair, line_of, moment
from tests.client.simulated_relay import SimulatedRelay
from tests.people import WRONG, come, meet, new_point, take


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return vaults.create(vault_path(tmp_path))


def everything() -> Profile:
    """A profile in which every sort of state occurs."""
    clock = Clock()
    relay = SimulatedRelay(clock)
    host, guest = host_of(relay, clock), guest_of(relay, clock)
    wrong = guest_of(relay, clock, typed=WRONG)
    kept, _ = kept_pair(relay, clock)
    host.write("편지")
    for person in (host, wrong, guest, host, guest, host, kept):
        person.sync()
    profile = Profile()
    for number, person in enumerate((host, guest, wrong, kept)):
        profile = with_contact(profile, replace(person.contact, name=f"{number}"))
    return prepare(profile, RELAY, moment())[0]


def test_everything_a_profile_can_hold_comes_back_from_its_bytes() -> None:
    profile = everything()
    assert decode(encode(profile)) == profile


def test_empty_content_is_an_empty_profile() -> None:
    assert decode(b"") == Profile()


def test_bytes_of_a_later_version_are_not_read() -> None:
    with pytest.raises(VaultTooNew):
        decode(bytes([FORMAT + 1]) + b"anything")


@settings(deadline=None)
@given(st.binary(min_size=1))
def test_any_bytes_are_a_profile_or_one_of_two_errors(content: bytes) -> None:
    for first in (content[:1], bytes([FORMAT])):
        with contextlib.suppress(VaultDamaged, VaultTooNew):
            decode(first + content[1:])


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_a_flipped_byte_gives_a_profile_or_one_of_two_errors(data: st.DataObject) -> None:
    content = bytearray(
        encode(with_contact(Profile(), Contact(NAME, RELAY, sets=(QuestionSet(new_point(), ()),))))
    )
    at = data.draw(st.integers(0, len(content) - 1))
    content[at] ^= data.draw(st.integers(1, 255))
    with contextlib.suppress(VaultDamaged, VaultTooNew):
        decode(bytes(content))


def test_no_secret_stands_in_the_error_of_a_broken_profile() -> None:
    broken = bytes([FORMAT]) + msgspec.msgpack.encode({"contacts": "geheim"})
    with pytest.raises(VaultDamaged) as caught:
        decode(broken)
    assert "geheim" not in str(caught.value)
    assert caught.value.__suppress_context__


def test_a_text_that_is_no_utf8_is_damage_like_any_other() -> None:
    content = encode(with_contact(Profile(), Contact("name", RELAY)))
    with pytest.raises(VaultDamaged):
        decode(content.replace(RELAY.encode(), b"\xff" * len(RELAY)))


def test_a_vault_gives_back_what_another_process_saved(vault: Vault, tmp_path: Path) -> None:
    ours, theirs = VaultStore(vault), VaultStore(vaults.opened(vault_path(tmp_path)))
    said = ours.update(lambda profile: (with_contact(profile, Contact("가", RELAY)), "said"))
    assert said == "said"
    theirs.update(lambda profile: (with_contact(profile, Contact("나", RELAY)), None))
    assert [contact.name for contact in ours.read().contacts] == ["가", "나"]


def test_a_change_that_changes_nothing_writes_nothing(vault: Vault, tmp_path: Path) -> None:
    store = VaultStore(vault)
    before = vault_path(tmp_path).read_bytes()
    store.update(lambda profile: (profile, None))
    assert vault_path(tmp_path).read_bytes() == before


def test_a_memory_store_keeps_what_a_change_returns() -> None:
    store = MemoryStore(Profile())
    assert store.update(lambda profile: (replace(profile, references=3), "said")) == "said"
    assert store.read().references == 3


def taken(profile: Profile) -> tuple[int, int]:
    """How many bytes of a slot *profile* takes, and how many pages."""
    boxes: list[bytes] = []

    def count(box: bytes) -> bytes:
        boxes.append(box)
        return bytes(REFERENCE_BYTES)

    return len(encode(map_boxes(profile, count))), len(boxes)


def test_strangers_who_use_up_all_their_guesses_cannot_fill_the_vault() -> None:
    clock = Clock()
    relay = SimulatedRelay(clock)
    host = host_of(relay, clock)
    kept = line_of(meet().host)
    host.change(lambda contact: replace(contact, lines=(kept,)))
    for number in range(MOST_UNACKNOWLEDGED + 10):
        host.write("가" * 490 + f"{number}")
    host.sync()
    for _ in range(6):
        for _ in range(4):
            guest_of(relay, clock, typed=WRONG).sync()
            host.sync()
        clock.now += 86_000
    point = host.contact.sets[0].point
    assert point.dead
    # Beside them stand a conversation with as many letters sealed as may be, and all that wait.
    most = MOST_UNACKNOWLEDGED - PLACES_FOR_RECEIPTS
    assert len(host.contact.lines[0].conversation.outbox) >= most
    # Two more conversations with as many would find room: `MOST_LETTERS` is for three.
    room, pages = taken(host.store.read())
    assert room + 2 * most * 450 < MAX_CONTENT_BYTES
    assert pages + 2 * most * 2 < PAGES


def test_a_visit_with_letters_takes_the_room_that_was_reckoned_with() -> None:
    point = new_point()
    offered = tuple(
        Letter(n, Body(Kind.TEXT, "가" * 500), Body(Kind.GREETING)) for n in range(1, 3)
    )
    before, _ = taken(Profile((Contact(NAME, RELAY, sets=(QuestionSet(point, ()),)),)))
    point, _ = take(point, come(point, WRONG), offered)
    after, pages = taken(Profile((Contact(NAME, RELAY, sets=(QuestionSet(point, ()),)),)))
    assert after - before < 13_000
    assert pages == 8
