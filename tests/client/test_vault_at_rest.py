"""What whoever has the files sees without a passphrase (B3), and what a cut write leaves (C8)."""

import os
import random
from collections.abc import Iterable
from dataclasses import replace
from enum import Enum
from functools import partial
from pathlib import Path

import pytest

from ojak_client.atomic_file import Step, fresh_path
from ojak_client.box_file import PAGE_BYTES
from ojak_client.boxes_in_profile import map_boxes
from ojak_client.our_letters import with_letter
from ojak_client.profile import Contact, Profile, with_contact
from ojak_client.store import VaultStore, encode, vault_path
from ojak_client.vault import Vault, files_of
from ojak_client.vault_files import box_path
from tests.client.boxes import BOXES, changed_pages, keep, kept, pages_of, saved_of
from tests.client.persons import NAME, RELAY, Killed
from tests.client.rich import MARKERS, rich
from tests.client.vaults import PAGES, WORDS, create, opened, own_slot, stretch, typed

WINDOW_BYTES = 16


def everything_in(folder: Path) -> bytes:
    return b"\0".join(file.read_bytes() for file in sorted(folder.iterdir()))


def found(markers: Iterable[bytes], where: bytes) -> list[bytes]:
    """The markers whose first sixteen bytes stand in *where*, at whatever place."""
    return [marker for marker in markers if marker[:WINDOW_BYTES] in where]


@pytest.fixture(scope="module")
def profile() -> Profile:
    return rich()


def markers_of(profile: Profile) -> list[bytes]:
    texts = [*MARKERS, RELAY, WORDS, "ojak vault slot", "ojak box page"]
    boxes: list[bytes] = []

    def note(box: bytes) -> bytes:
        boxes.append(box)
        return box

    map_boxes(profile, note)
    keys = [line.conversation.ratchet.root for c in profile.contacts for line in c.lines]
    numbers = [one.point.right for c in profile.contacts for one in c.sets]
    coded = [text.encode(code) for text in texts for code in ("utf-8", "utf-16-le")]
    return [*coded, *boxes, *keys, *numbers]


def test_b3_nothing_of_a_rich_vault_is_found_in_its_files_or_in_what_a_killed_save_leaves(
    tmp_path: Path, profile: Profile
) -> None:
    path = vault_path(tmp_path)
    markers = markers_of(profile)
    assert len(MARKERS) == 20
    # The search finds each of the twenty where nothing is sealed.
    naked = encode(profile)
    assert set(found([text.encode() for text in MARKERS], naked)) == {
        text.encode() for text in MARKERS
    }
    create(path, pages=128)
    for last in (Step.HALF_WRITTEN, Step.RENAMED, Step.HALF_OVERWRITTEN, None):
        vault = Vault.open(
            path, typed(WORDS), stretch, os.urandom, after=_Killing(last) if last else _go_on
        )
        try:
            VaultStore(vault).update(
                lambda before: (replace(profile, references=before.references + 1), None)
            )
        except Killed:
            assert last is not None
        assert found(markers, everything_in(tmp_path)) == []


def _go_on(_: Enum) -> None:
    pass


class _Killing:
    def __init__(self, last: Enum) -> None:
        self._last = last

    def __call__(self, step: Enum) -> None:
        if step is self._last:
            raise Killed


def test_b3_sizes_are_equal_with_nothing_with_fifty_letters_and_with_several_contacts(
    tmp_path: Path, profile: Profile
) -> None:
    vault = create(vault_path(tmp_path), pages=256)
    store = VaultStore(vault)

    def sizes() -> dict[str, int]:
        return {file.name: file.stat().st_size for file in tmp_path.iterdir()}

    empty = sizes()
    many = with_contact(Profile(), Contact(NAME, RELAY))
    for number in range(50):
        many = with_letter(many, NAME, f"편지 {number}", expires_at=0, at_once=True)
    for content in (many, profile, Profile()):
        store.update(partial(_instead, content))
        assert sizes() == empty


def _instead(content: Profile, _: Profile) -> tuple[Profile, None]:
    return content, None


# Writes cut off by a power cut


def test_c8_a_save_cut_at_every_boundary_and_at_sampled_lengths_leaves_the_old_or_the_new(
    tmp_path: Path,
) -> None:
    path = tmp_path / "vault"
    vault = create(path)
    keep(vault, *BOXES[:6])
    old, old_pages = [file.read_bytes() for file in files_of(path)], pages_of(path)
    keep(vault, *BOXES[3:9])
    new, new_pages = [file.read_bytes() for file in files_of(path)], pages_of(path)
    begin, let_go = own_slot(path) * PAGES, saved_of(path).stale
    assert len(let_go) == 3
    chance = random.Random(8)  # noqa: S311 - a sample

    # Before the first file is replaced: pages half written, and any length of the file to come.
    cut = bytearray(old[1])
    for page in sorted(changed_pages(old_pages, new_pages) - let_go):
        at = (begin + page) * PAGE_BYTES
        for length in (0, 1, 512, chance.randrange(PAGE_BYTES), PAGE_BYTES):
            cut[at : at + length] = new_pages[page][:length]
            _put(path, old[0], bytes(cut))
            assert kept(path) == BOXES[:6]
    lengths = [0, 1, 4095, 4096, len(new[0]) // 2, len(new[0]) - 1, len(new[0])]
    for length in lengths + chance.sample(range(len(new[0])), 8):
        _put(path, old[0], bytes(cut))
        fresh_path(path).write_bytes(new[0][:length])
        assert kept(path) == BOXES[:6]
    keep(opened(path), *BOXES[:5])
    assert not fresh_path(path).exists()
    assert kept(path) == BOXES[:5]

    # After it: pages let go half overwritten.
    cut = bytearray(new[1])
    for page in let_go:
        at = (begin + page) * PAGE_BYTES
        cut[at : at + PAGE_BYTES // 2] = os.urandom(PAGE_BYTES // 2)
    _put(path, new[0], bytes(cut))
    assert kept(path) == BOXES[3:9]


def _put(path: Path, letters: bytes, boxes: bytes) -> None:
    path.write_bytes(letters)
    box_path(path).write_bytes(boxes)
