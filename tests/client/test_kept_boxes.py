"""Boxes of a vault lie in their own file: each comes back, or the vault says that it is damaged."""

import os
import random
import signal
from enum import Enum
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ojak_client import atomic_file, box_file
from ojak_client.box_file import PAGE_BYTES
from ojak_client.errors import (
    VaultDamaged,
    VaultFull,
    VaultIncomplete,
    VaultRestored,
    VaultUnusable,
)
from ojak_client.kept_boxes import KeptBoxes
from ojak_client.vault import Vault, files_of, wipe
from ojak_client.vault_files import box_path
from ojak_client.vault_format import SLOTS
from ojak_protocol.addresses import BOX_BYTES
from tests.client.boxes import (
    BOXES,
    changed_pages,
    keep,
    keep_until_killed,
    kept,
    pages_of,
    saved_of,
)
from tests.client.persons import Killed
from tests.client.vaults import PAGES, SPAWN, WORDS, create, opened, own_slot, stretch


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "profile" / "vault"


def test_boxes_come_back_in_their_order(path: Path) -> None:
    keep(create(path), *BOXES)
    assert kept(path) == BOXES


def test_a_box_that_stays_is_not_written_again_and_one_that_goes_is_overwritten(
    path: Path,
) -> None:
    vault = create(path)
    keep(vault, *BOXES[:4])
    before = pages_of(path)
    keep(vault, *BOXES[:3], *BOXES[4:6])
    assert len(changed_pages(before, pages_of(path))) == 3
    assert len(saved_of(path).stale) == 1
    assert kept(path) == BOXES[:3] + BOXES[4:6]


def test_a_box_that_stands_in_two_fields_lies_on_one_page(path: Path) -> None:
    vault = create(path)
    before = pages_of(path)
    keep(vault, BOXES[0], BOXES[1], BOXES[0])
    assert len(changed_pages(before, pages_of(path))) == 2
    assert kept(path) == (BOXES[0], BOXES[1], BOXES[0])


def test_no_slot_writes_into_the_pages_of_another(path: Path) -> None:
    vault = create(path)
    before = box_path(path).read_bytes()
    keep(vault, *BOXES)
    keep(vault)
    after, quarter = box_path(path).read_bytes(), PAGES * PAGE_BYTES
    changed = {
        slot
        for slot in range(SLOTS)
        if before[slot * quarter :][:quarter] != after[slot * quarter :][:quarter]
    }
    assert changed == {own_slot(path)}


def test_what_finds_no_page_is_refused_and_nothing_changes(path: Path) -> None:
    vault = create(path)
    keep(vault, *BOXES)
    before = [file.read_bytes() for file in files_of(path)]
    with pytest.raises(VaultFull):
        keep(vault, *(os.urandom(BOX_BYTES) for _ in range(PAGES - len(BOXES) + 1)))
    assert [file.read_bytes() for file in files_of(path)] == before
    keep(vault, *(os.urandom(BOX_BYTES) for _ in range(PAGES - len(BOXES))))


# Pages in use stay as they are until nothing refers to them


@settings(deadline=None, max_examples=60)
@given(st.lists(st.sets(st.integers(0, 7)), max_size=12), st.randoms(use_true_random=False))
def test_a_new_box_never_goes_to_a_page_that_the_saved_vault_refers_to(
    saves: list[set[int]], chance: random.Random
) -> None:
    """A model of the file: what was saved last can be read at every moment."""
    pages = [os.urandom(PAGE_BYTES) for _ in range(16)]
    references: dict[int, bytes] = {}
    for chosen in saves:
        boxes = KeptBoxes(lambda _: dict(enumerate(pages)), 2, len(pages), os.urandom)
        assert boxes.bring(references.values()) == {
            kept: BOXES[number] for number, kept in references.items()
        }
        later = {number: boxes.put(BOXES[number]) for number in chosen}
        # Killed after some of the writes, in any order: all of the old is still there.
        written = list(boxes.writes.items())
        chance.shuffle(written)
        for page, content in written[: chance.randint(0, len(written))]:
            pages[page] = content
        again = KeptBoxes(lambda _: dict(enumerate(pages)), 2, len(pages), os.urandom)
        assert again.bring(references.values()) == {
            kept: BOXES[number] for number, kept in references.items()
        }
        for page, content in written:
            pages[page] = content
        for page in boxes.freed:
            pages[page] = os.urandom(PAGE_BYTES)
        references = later


class KillsAt:
    """What is called after each step of a save, and ends it at one."""

    def __init__(self, step: int | None = None) -> None:
        self.step = step
        self.steps: list[Enum] = []

    def __call__(self, done: Enum) -> None:
        self.steps.append(done)
        if self.step == len(self.steps):
            raise Killed


def steps_of_a_save(path: Path) -> list[Enum]:
    counted = KillsAt()
    vault = Vault.open(path, bytearray(WORDS.encode()), stretch, os.urandom, after=counted)
    keep(vault, *BOXES[3:8])
    return counted.steps


def test_c7_killed_after_any_step_the_old_boxes_or_the_new_are_there_and_a_save_follows(
    path: Path,
) -> None:
    """Every step that `box_file` and `atomic_file` tell of, in a process that kills itself."""
    keep(create(path), *BOXES[:5])
    steps = steps_of_a_save(path)
    assert [*dict.fromkeys(steps)] == [*box_file.Step, *atomic_file.Step]
    for number, step in enumerate(steps, 1):
        keep(opened(path), *BOXES[3:8])
        child = SPAWN.Process(target=keep_until_killed, args=(path, BOXES[5:10], number))
        child.start()
        child.join(60)
        assert child.exitcode == -signal.SIGKILL
        is_new = steps.index(atomic_file.Step.RENAMED) < number
        assert kept(path) == (BOXES[5:10] if is_new else BOXES[3:8]), step


def test_a_page_whose_overwriting_was_cut_off_is_overwritten_by_the_next_save(path: Path) -> None:
    keep(create(path), *BOXES[:5])
    before = pages_of(path)
    killing = KillsAt()
    vault = Vault.open(path, bytearray(WORDS.encode()), stretch, os.urandom, after=killing)
    killing.step = len(killing.steps) + 1 + [*atomic_file.Step].index(atomic_file.Step.OVERWRITTEN)
    with pytest.raises(Killed):
        keep(vault, *BOXES[:3])
    stale = saved_of(path).stale
    assert len(stale) == 2
    assert changed_pages(before, pages_of(path)) == set()
    keep(opened(path), *BOXES[:2])
    assert stale <= changed_pages(before, pages_of(path))
    assert not stale & saved_of(path).stale


@settings(deadline=None, max_examples=8)
@given(st.lists(st.tuples(st.sets(st.integers(0, 9)), st.integers(0, 24)), max_size=5))
def test_any_saves_ended_anywhere_leave_the_old_or_the_new(
    tmp_path_factory: pytest.TempPathFactory, saves: list[tuple[set[int], int]]
) -> None:
    path = tmp_path_factory.mktemp("saves") / "vault"
    create(path)
    expected: tuple[bytes, ...] = ()
    for chosen, step in saves:
        boxes = tuple(BOXES[number] for number in sorted(chosen))
        killing = KillsAt(step or None)
        vault = Vault.open(path, bytearray(WORDS.encode()), stretch, os.urandom, after=killing)
        try:
            keep(vault, *boxes)
        except Killed:
            assert kept(path) in {expected, boxes}
            expected = kept(path)
        else:
            expected = boxes
        assert kept(path) == expected


# Damage


def test_b6_a_changed_page_is_damage_where_a_box_lies_and_no_matter_elsewhere(path: Path) -> None:
    vault = create(path)
    blank = pages_of(path)
    keep(vault, *BOXES)
    used = changed_pages(blank, pages_of(path))
    raw = box_path(path).read_bytes()
    begin = own_slot(path) * PAGES * PAGE_BYTES
    chance = random.Random(7)  # noqa: S311 - a sample
    inside = [begin + page * PAGE_BYTES + at for page in used for at in (0, 23, 24, 4079, 4095)]
    for position in chance.sample(inside, 20) + chance.sample(range(len(raw)), 20):
        flipped = bytearray(raw)
        flipped[position] ^= 1 << chance.randrange(8)
        box_path(path).write_bytes(flipped)
        if (position - begin) // PAGE_BYTES in used:
            with pytest.raises(VaultDamaged):
                kept(path)
        else:
            assert kept(path) == BOXES


def test_c8_a_file_of_boxes_cut_at_any_length_grown_or_missing_is_said_and_left(
    path: Path,
) -> None:
    vault = create(path)
    keep(vault, *BOXES)
    raw, before = box_path(path).read_bytes(), path.read_bytes()
    quarter = PAGES * PAGE_BYTES
    lengths = [0, 1, PAGE_BYTES, quarter, SLOTS * quarter // 2, len(raw) - PAGE_BYTES]
    lengths += [len(raw) - 1, *random.Random(7).sample(range(len(raw)), 9)]  # noqa: S311 - a sample
    for changed in [*(raw[:length] for length in lengths), raw + b"x", raw * 2]:
        box_path(path).write_bytes(changed)
        with pytest.raises(VaultIncomplete):
            keep(vault, *BOXES[:2])
    box_path(path).unlink()
    with pytest.raises(VaultIncomplete):
        kept(path)
    assert path.read_bytes() == before
    box_path(path).write_bytes(raw)
    assert kept(path) == BOXES


def swapped(raw: bytes, one: int, other: int) -> bytes:
    pages = [raw[at : at + PAGE_BYTES] for at in range(0, len(raw), PAGE_BYTES)]
    pages[one], pages[other] = pages[other], pages[one]
    return b"".join(pages)


def test_b6_boxes_that_change_places_and_older_ones_put_back_are_damage(path: Path) -> None:
    vault = create(path)
    blank, blank_pages = box_path(path).read_bytes(), pages_of(path)
    keep(vault, *BOXES[:2])
    raw, first = box_path(path).read_bytes(), own_slot(path) * PAGES
    one, other = (first + page for page in changed_pages(blank_pages, pages_of(path)))
    box_path(path).write_bytes(swapped(raw, one, other))
    with pytest.raises(VaultDamaged):
        kept(path)
    # The file as it was before, and as it was with the same boxes under the keys of another time.
    box_path(path).write_bytes(blank)
    with pytest.raises(VaultDamaged):
        kept(path)
    box_path(path).write_bytes(raw)
    keep(vault)
    keep(vault, *BOXES[:2])
    assert kept(path) == BOXES[:2]
    box_path(path).write_bytes(raw)
    with pytest.raises(VaultDamaged):
        kept(path)


def test_a_link_in_place_of_the_file_of_boxes_is_not_followed(path: Path, tmp_path: Path) -> None:
    keep(create(path), *BOXES)
    box_path(path).replace(tmp_path / "elsewhere")
    box_path(path).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(VaultUnusable):
        kept(path)


@pytest.mark.parametrize("reference", [b"x", bytes(33), bytes(35), b"\xff" * 34])
def test_what_is_neither_a_box_nor_a_reference_is_damage(reference: bytes) -> None:
    boxes = KeptBoxes(lambda pages: dict.fromkeys(pages, bytes(PAGE_BYTES)), 0, PAGES, os.urandom)
    with pytest.raises(VaultDamaged):
        boxes.bring([reference])


def test_a_box_is_sealed_under_another_key_each_time_and_looks_random(path: Path) -> None:
    """Whoever has boxes that lay at a relay must not find them here: B3."""
    vault = create(path)
    keep(vault, bytes(BOX_BYTES), *BOXES)
    raw = box_path(path).read_bytes()
    assert bytes(16) not in raw
    for box in BOXES:
        assert all(box[at : at + 16] not in raw for at in range(0, BOX_BYTES, 400))
    before = set(pages_of(path))
    keep(vault)
    # One page for each box was overwritten, none was written again as it was.
    assert len(before - set(pages_of(path))) == len(BOXES) + 1
    keep(vault, bytes(BOX_BYTES), *BOXES)
    assert len(before & set(pages_of(path))) <= PAGES - len(BOXES) - 1


def test_wiping_overwrites_the_boxes_too(path: Path) -> None:
    keep(create(path), *BOXES)
    before = box_path(path).read_bytes()
    with box_path(path).open("rb") as boxes:
        wipe(path)
        after = boxes.read()
    assert len(after) == len(before)
    assert all(before[at : at + 64] not in after for at in range(0, len(before), 65521))
    assert not path.parent.exists()


def test_b6_an_older_pair_of_files_put_back_meanwhile_is_noticed(path: Path) -> None:
    vault = create(path)
    keep(vault, *BOXES[:3])
    older = [file.read_bytes() for file in files_of(path)]
    keep(vault, *BOXES[:4])
    for file, content in zip(files_of(path), older, strict=True):
        file.write_bytes(content)
    with pytest.raises(VaultRestored):
        keep(vault, *BOXES[:5])
    # Between two runs nobody can notice it here; the other side of a conversation does.
    assert kept(path) == BOXES[:3]


@pytest.mark.parametrize("count", [1, 15, 16, 17, 40])
def test_each_page_that_is_wanted_is_read_and_none_of_another_slot(
    tmp_path: Path, count: int
) -> None:
    content = os.urandom(SLOTS * count * PAGE_BYTES)
    path = tmp_path / "pages"
    path.write_bytes(content)
    numbers = range(SLOTS * count)
    lying = [content[n * PAGE_BYTES : (n + 1) * PAGE_BYTES] for n in numbers]
    for slot in range(SLOTS):
        with box_file.opened(path, slot, count, os) as pages:
            for wanted in (range(count), {0, count - 1}, ()):
                assert pages.read(wanted) == {page: lying[slot * count + page] for page in wanted}
