"""B4: who takes an own device after a letter was read, passphrase and all, finds nothing of it.

Looked at are what the vault holds, the files beside it, and every byte of the disk. The vault is
sealed, so a search for the letter itself would find nothing whatever was left: the disk is searched
for older vaults that the key still opens, at every place where one may begin, and for the pages on
which the boxes of an own letter lay until the other side told that it came.
"""

import os
from collections.abc import Collection
from pathlib import Path

import pytest

from ojak_client import box_file, vault_format
from ojak_client.atomic_file import Disk
from ojak_client.errors import VaultDamaged
from ojak_client.inputs import Inputs
from ojak_client.invocation import Invocation
from ojak_client.kept_boxes import KeptBoxes
from ojak_client.profile import Contact, with_contact
from ojak_client.reading import Showing, show_letters
from ojak_client.store import VaultStore
from ojak_client.vault_format import FILE_BYTES, SLOT_BYTES
from ojak_protocol.chains import body_key
from ojak_protocol.conversation import Conversation
from tests.client.boxes import pages_of, sealed_pages
from tests.client.persons import NAME, RELAY, Clock, Person, kept_pair
from tests.client.simulated_relay import SimulatedRelay
from tests.client.vaults import WORDS, content_of, create, held_in, is_open, own_slot, stretch
from tests.hostile.cut_vaults import LazyDisk
from tests.hostile.faulty_story import Screen
from tests.images import CannotMount, mounted, new_image

LETTER = "우물 옆에 묻은 것은 아버지의 훈장입니다"
HOUR = 3600


class LeavingDisk(LazyDisk):
    """Planted: what a save replaces cannot be opened any more, so it is not overwritten."""

    def open(self, path: Path, flags: int, mode: int = 0o777) -> int:
        if flags & os.O_ACCMODE == os.O_WRONLY and not flags & os.O_CREAT:
            raise OSError
        return super().open(path, flags, mode)

    def fsync(self, fd: int) -> None:
        os.fsync(fd)


class Seized:
    """A host whose vault lies at *path*, and a guest who writes to it from elsewhere."""

    def __init__(self, path: Path, disk: Disk) -> None:
        self.clock = Clock()
        self.relay = SimulatedRelay(self.clock)
        host, self.guest = kept_pair(self.relay, self.clock)
        self.path = path
        self.store = VaultStore(create(path, disk=disk))
        contact = Contact(NAME, RELAY, lines=host.contact.lines)
        self.store.update(lambda profile: (with_contact(profile, contact), None))
        self.host = Person(self.relay, self.clock, self.store)  # type: ignore[arg-type] # has its two methods
        self.secrets: set[bytes] = set()
        self.pages: dict[bytes, bytes] = {}
        """The key and the page of each box in which the host's letter waited."""

    def hears(self, text: str) -> None:
        """The guest writes, and the letter comes."""
        self.guest.write(text)
        before = set(places(self.guest.contact.lines[0].conversation))
        state = self.guest.contact.lines[0].conversation
        self.guest.sync()
        after = self.guest.contact.lines[0].conversation
        for key in set(places(after)) - before:
            self.secrets |= {key, *places(after)[key]}
        if state.ratchet.sending is not None:
            self.secrets.add(body_key(state.ratchet.sending.chain_key))
        self.secrets.add(text.encode())
        self.host.sync()

    def content(self) -> bytes:
        return content_of(self.path)


def places(state: Conversation) -> dict[bytes, tuple[bytes, bytes]]:
    """The id of each place that waits, with its delete key and header key."""
    return {
        bytes(out.place.id): (bytes(out.place.delete_key), out.place.header_key)
        for out in state.outbox
    }


def found_in(content: bytes, secrets: set[bytes]) -> int:
    return sum(secret in content for secret in secrets)


def opening(path: Path, keys: Collection[bytes]) -> int:
    """How many pages of the second file open under one of *keys*."""
    return sum(
        is_page_open(content, key, own_slot(path), number)
        for number, content in enumerate(pages_of(path))
        for key in keys
    )


def is_page_open(content: bytes, key: bytes, slot: int, page: int) -> bool:
    try:
        box_file.unsealed(content, key=key, slot=slot, page=page)
    except VaultDamaged:
        return False
    return True


def read(seized: Seized) -> None:
    screen = Screen()
    at = Invocation("ko", None, None, screen, Inputs(no_input=True))
    show_letters(at, seized.store, NAME, Showing(to_stdout=True))
    assert screen.shown == [LETTER]


def answer(seized: Seized) -> None:
    before = sealed_pages(seized.path)
    seized.host.write("잘 받았다")
    seized.host.sync()
    after = sealed_pages(seized.path)
    seized.pages = {key: after[key] for key in after.keys() - before.keys()}
    # The search finds what is there.
    assert seized.pages
    assert found_in(seized.content(), set(seized.pages)) == len(seized.pages)
    assert opening(seized.path, seized.pages) == len(seized.pages)
    for _ in range(3):
        seized.host.sync()
        seized.guest.sync()
        seized.clock.now += HOUR + 1


def test_b4_after_reading_the_vault_holds_nothing_of_the_letter(tmp_path: Path) -> None:
    seized = Seized(tmp_path / "vault", os)
    seized.hears(LETTER)
    # The search finds what is there: the letter, and the key by which its box is to be deleted.
    assert found_in(seized.content(), {LETTER.encode()}) == 1
    read(seized)
    answer(seized)
    assert len(seized.secrets) >= 5
    assert found_in(seized.content(), seized.secrets) == 0
    assert {file.name for file in tmp_path.iterdir()} == {"vault", "vault.boxes", "vault.lock"}
    # Of its own letter nothing is left either, once the other side told that it came.
    assert found_in(seized.content(), {"잘 받았다".encode()}) == 0
    assert seized.host.contact.ours[0].text == ""
    assert found_in(seized.content(), set(seized.pages)) == 0
    assert opening(seized.path, seized.pages) == 0
    assert not set(seized.pages.values()) & set(pages_of(seized.path))


# The disk itself


def vaults_on(image: bytes, key: bytearray, slot: int) -> list[bytes | None]:
    """The content of each slot on the disk that *key* opens; None: only its beginning is there."""
    found: list[bytes | None] = []
    for at in range(0, len(image) - SLOT_BYTES, 1024):
        head = image[at : at + 64]
        if any(head[:8]) and is_open(bytes(begin_of(slot)) + head, slot, key):
            begin = at - begin_of(slot)
            raw = image[begin : begin + FILE_BYTES] if begin >= 0 else b""
            try:
                found.append(bytes(held_in(raw, slot, key).content))
            except Exception:  # noqa: BLE001 - its blocks lie apart: it is there all the same
                found.append(None)
    return found


def begin_of(slot: int) -> int:
    return vault_format.HEADER_BYTES + slot * SLOT_BYTES


def left_on_a_disk(folder: Path, disk: Disk) -> list[bytes | None]:
    image = new_image(folder / "image")
    with mounted(image) as at:
        seized = Seized(at / "vault", disk)
        seized.hears(LETTER)
        read(seized)
        slot = own_slot(at / "vault")
        key = bytearray(stretch(WORDS.encode(), (at / "vault").read_bytes()[:16]))
    return vaults_on(image.read_bytes(), key, slot)


def pages_left_on_a_disk(folder: Path) -> int:
    """How many pages a disk still has of boxes that were let go."""
    image = new_image(folder / "image")
    with mounted(image) as at:
        seized = Seized(at / "vault", os)
        seized.hears(LETTER)
        read(seized)
        answer(seized)
    raw = image.read_bytes()
    return sum(page in raw for page in seized.pages.values())


@pytest.mark.parametrize(
    ("disk", "is_planted"), [(os, False), (LeavingDisk(), True)], ids=["client", "planted"]
)
def test_b4_after_reading_the_disk_holds_one_vault_and_none_with_the_letter(
    disk: Disk, tmp_path: Path, *, is_planted: bool
) -> None:
    try:
        found = left_on_a_disk(tmp_path, disk)
    except CannotMount as reason:
        pytest.skip(f"NO DISK WAS SEARCHED: {reason}")
    with_letter = [content for content in found if content and LETTER.encode() in content]
    if is_planted:
        # A client that leaves the old bytes where they are must be found.
        assert len(found) > 1
        assert with_letter
    else:
        assert len(found) == 1
        assert found[0] is not None
        assert not with_letter


@pytest.mark.parametrize("is_planted", [False, True], ids=["client", "planted"])
def test_b4_after_an_acknowledgement_the_disk_holds_no_page_of_the_letter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_planted: bool
) -> None:
    if is_planted:
        # A client that names nothing as let go overwrites nothing.
        monkeypatch.setattr(KeptBoxes, "freed", frozenset())
    try:
        left = pages_left_on_a_disk(tmp_path)
    except CannotMount as reason:
        pytest.skip(f"NO DISK WAS SEARCHED: {reason}")
    assert (left > 0) == is_planted
