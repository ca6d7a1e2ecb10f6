"""C7, C8: whichever call of a save fails, or is the last of its process, the vault is old or new.

Every call that a save asks of the system is refused, cut short, and made the last one, and after
each of them the power is cut, what was not made durable being there, away, or half there. What
`tests/hostile/test_c07_story.py` lets happen to a save is what is found here, and no more.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from ojak_client import atomic_file
from ojak_client.atomic_file import Disk
from ojak_client.errors import PassphraseUnsure, VaultDamaged, VaultUnusable, WrongPassphrase
from ojak_client.kept_boxes import KeptBoxes
from ojak_client.store import VaultStore
from ojak_client.vault import files_of
from tests.client.boxes import BOXES, boxes_in, keep, kept, pages_of
from tests.client.disks import FaultyDisk, RecordingDisk
from tests.client.persons import Killed
from tests.client.vaults import WORDS, create, opened, typed

OTHER = "노란 우산 위에"
FIRST, OLD, NEW, NEXT = BOXES[6:8], BOXES[:2], BOXES[1:3], BOXES[3:5]
PAGES = 4
FAULTS = ("error", "kill", "torn")
FILES = {"vault", "vault.boxes", "vault.lock"}
Files = dict[Path, bytes]


def put_on(disk: Disk, path: Path, boxes: Sequence[bytes]) -> None:
    keep(opened(path, disk=disk), *boxes)


def create_on(disk: Disk, path: Path) -> None:
    create(path, pages=PAGES, disk=disk).close()


def old_vault(path: Path) -> Files:
    """Make a vault that keeps OLD, with pages still to be overwritten, and return its files."""
    create_on(os, path)
    put_on(os, path, FIRST)
    put_on(os, path, OLD)
    return {file: file.read_bytes() for file in files_of(path)}


def put_back(files: Files) -> None:
    for file, content in files.items():
        file.write_bytes(content)


def calls_of_a_save(path: Path, files: Files) -> list[str]:
    disk = FaultyDisk()
    put_on(disk, path, NEW)
    put_back(files)
    # To the pages of both older saves, and to the first file and over its old bytes.
    assert disk.calls.count("pwrite") >= 3
    assert disk.calls.count("write") > 20
    return disk.calls


def faults_in(calls: Sequence[str]) -> Iterator[tuple[str, int]]:
    """Every fault at every call; of the pieces that go over the old bytes, at some in turn."""
    pieces = [k for k, call in enumerate(calls) if call == "write"][3:-1]
    for k in set(range(len(calls))) - set(pieces):
        yield from ((fault, k) for fault in FAULTS)
    for n, k in enumerate(pieces[::4]):
        yield FAULTS[n % len(FAULTS)], k


def test_c7_whichever_call_of_a_save_goes_wrong_the_vault_is_old_or_new(tmp_path: Path) -> None:
    path = tmp_path / "vault"
    before = old_vault(path)
    faults = list(faults_in(calls_of_a_save(path, before)))
    found: dict[str, list[bool]] = {fault: [] for fault in FAULTS}
    for fault, k in sorted(faults, key=lambda one: one[1]):
        put_back(before)
        disk = FaultyDisk(fault, k)
        try:
            put_on(disk, path, NEW)
            returned = True
        except (VaultUnusable, Killed):
            returned = False
        assert disk.fired
        boxes = kept(path)
        assert boxes in ({NEW} if returned else {OLD, NEW})
        found[fault].append(boxes == NEW)
    assert len(faults) > 60
    for one in found.values():
        assert set(one) == {False, True}
    # One moment divides them: before it the old vault is there, after it the new one.
    assert found["kill"] == sorted(found["kill"])


def test_what_a_fault_left_is_no_hindrance_to_the_next_save_and_gone_after_it(
    tmp_path: Path,
) -> None:
    path = tmp_path / "vault"
    before = old_vault(path)
    pages = pages_of(path)
    for k in range(calls_of_a_save(path, before).index("replace") + 4):
        put_back(before)
        with suppress(VaultUnusable, Killed):
            put_on(FaultyDisk(FAULTS[k % 3], k), path, NEW)
        put_on(FaultyDisk(), path, NEXT)
        assert kept(path) == NEXT
        assert {file.name for file in tmp_path.iterdir()} == FILES
        assert not set(pages) & set(pages_of(path)), "nothing is left of what was let go"


@pytest.mark.parametrize("fault", FAULTS)
def test_c7_whichever_call_of_the_first_save_goes_wrong_there_is_a_vault_or_none(
    fault: str, tmp_path: Path
) -> None:
    k = 0
    while True:
        path = tmp_path / str(k) / "vault"
        disk = FaultyDisk(fault, k)
        try:
            create_on(disk, path)
        except (VaultUnusable, Killed):
            if path.exists():
                assert kept(path) == ()
            else:
                create_on(FaultyDisk(), path)
        if not disk.fired:
            # Both files are made: each is written in two pieces, named and made durable.
            assert k >= 16
            return
        put_on(FaultyDisk(), path, NEW)
        assert kept(path) == NEW
        assert {file.name for file in path.parent.iterdir()} == FILES
        k += 1


@pytest.mark.parametrize("adds_decoy", [False, True], ids=["passphrase", "decoy"])
def test_c7_whichever_call_of_a_change_of_passphrases_goes_wrong_nothing_that_is_kept_is_lost(
    tmp_path: Path, *, adds_decoy: bool
) -> None:
    path = tmp_path / "vault"
    before = old_vault(path)
    k = -1
    done = []
    while True:
        k += 1
        put_back(before)
        disk = FaultyDisk(FAULTS[k % 3], k)
        vault = opened(path, disk=disk)
        with suppress(VaultUnusable, PassphraseUnsure, Killed):
            (vault.add_decoy if adds_decoy else vault.change_passphrase)(typed(OTHER))
        opens = [words for words in (WORDS, OTHER) if opens_by(path, words)]
        done.append(OTHER in opens)
        if adds_decoy:
            assert opens[0] == WORDS
            assert kept(path) == OLD
        else:
            (words,) = opens
            assert boxes_in(VaultStore(opened(path, words)).read()) == OLD
        if not disk.fired:
            break
    assert set(done) == {False, True}
    assert done[-1] is True
    assert k > 30


def opens_by(path: Path, words: str) -> bool:
    try:
        opened(path, words).close()
    except WrongPassphrase:
        return False
    return True


# Power cuts, in every state that the order of the calls allows


BEFORE, AFTER = b"1" * 300, b"2" * 300
Replace = Callable[[Path, bytes, Disk], None]


def whole(path: Path, content: bytes, disk: Disk) -> None:
    atomic_file.replace(path, content, disk=disk)


def without_fsync(path: Path, content: bytes, disk: Disk) -> None:
    """Planted: the name changes before the bytes are durable."""
    fresh = atomic_file.fresh_path(path)
    descriptor = disk.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    disk.write(descriptor, content)
    disk.close(descriptor)
    disk.replace(fresh, path)
    atomic_file.sync_directory(path.parent, disk=disk)


def without_directory_fsync(path: Path, content: bytes, disk: Disk) -> None:
    """Planted: it returns before the new name is durable."""
    fresh = atomic_file.fresh_path(path)
    descriptor = disk.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    disk.write(descriptor, content)
    disk.fsync(descriptor)
    disk.close(descriptor)
    disk.replace(fresh, path)


def overwriting_first(path: Path, content: bytes, disk: Disk) -> None:
    """Planted: the old bytes are overwritten while a name may still lead to them."""
    fresh = atomic_file.fresh_path(path)
    old = disk.open(path, os.O_WRONLY)
    descriptor = disk.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    disk.write(descriptor, content)
    disk.fsync(descriptor)
    disk.close(descriptor)
    disk.replace(fresh, path)
    disk.write(old, os.urandom(len(content)))
    disk.close(old)
    atomic_file.sync_directory(path.parent, disk=disk)


def in_place(path: Path, content: bytes, disk: Disk) -> None:
    """Planted: no second file."""
    descriptor = disk.open(path, os.O_WRONLY)
    disk.write(descriptor, content)
    disk.fsync(descriptor)
    disk.close(descriptor)


def after_cuts(save: Replace, folder: Path) -> tuple[set[bytes | None], set[bytes | None], int]:
    """What may lie at the path after a cut during *save* and after it, and how many states."""
    path = folder / "vault"
    path.write_bytes(BEFORE)
    disk = RecordingDisk(folder)
    save(path, AFTER, disk)
    during = {found.get("vault") for cut in disk.cuts for found in cut}
    after = {found.get("vault") for found in disk.cuts[-1]}
    return during, after, sum(map(len, disk.cuts))


def test_a_power_cut_at_any_moment_of_a_replacement_leaves_the_old_or_the_new(
    tmp_path: Path,
) -> None:
    during, after, states = after_cuts(whole, tmp_path)
    assert during == {BEFORE, AFTER}
    assert after == {AFTER}, "what was acknowledged is there"
    assert states > 20


@pytest.mark.parametrize(
    "planted", [without_fsync, without_directory_fsync, overwriting_first, in_place]
)
def test_a_save_in_another_order_would_be_found(planted: Replace, tmp_path: Path) -> None:
    during, after, _ = after_cuts(planted, tmp_path)
    assert not (during <= {BEFORE, AFTER} and after == {AFTER})


# Power cuts during the saves of a whole vault, pages and all


class PagesLateDisk(RecordingDisk):
    """Planted: the pages are not made durable before the vault that refers to them."""

    def fsync(self, fd: int) -> None:
        if not self.is_paged(fd):
            super().fsync(fd)


def vaults_after_cuts(disk: RecordingDisk, folder: Path) -> Iterator[tuple[bool, Path | None]]:
    """Each vault that may be found after a cut, or None, and whether that is so at the end."""
    folder.mkdir()
    path = folder / "vault"
    last = {frozenset(found.items()) for found in disk.cuts[-1]}
    for found in {frozenset(found.items()) for cut in disk.cuts for found in cut}:
        for file in folder.iterdir():
            file.unlink()
        for name, content in found:
            (folder / name).write_bytes(content)
        yield found in last, path if path.exists() else None


def boxes_found(path: Path) -> tuple[bytes, ...] | None:
    try:
        return kept(path)
    except VaultDamaged:
        return None


def saved_and_cut(make: type[RecordingDisk], folder: Path) -> list[tuple[bool, object]]:
    """What the vaults that may be found keep, and whether that is so after the save returned."""
    path = folder / "own" / "vault"
    old_vault(path)
    disk = make(path.parent)
    put_on(disk, path, NEW)
    return [
        (is_last, None if at is None else boxes_found(at))
        for is_last, at in vaults_after_cuts(disk, folder / "cut")
    ]


def test_c7_a_power_cut_at_any_moment_leaves_the_old_boxes_or_the_new(tmp_path: Path) -> None:
    found = saved_and_cut(RecordingDisk, tmp_path)
    assert {boxes for _, boxes in found} == {OLD, NEW}
    assert {boxes for is_last, boxes in found if is_last} == {NEW}
    assert len(found) > 15


def test_a_save_that_makes_its_pages_durable_too_late_would_be_found(tmp_path: Path) -> None:
    assert None in {boxes for _, boxes in saved_and_cut(PagesLateDisk, tmp_path)}


def test_a_save_that_writes_to_pages_in_use_would_be_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "own" / "vault"
    old_vault(path)
    disk = RecordingDisk(path.parent)
    vault = opened(path, disk=disk)
    # Planted: what the saved vault refers to counts as free as soon as the next one does not.
    monkeypatch.setattr(KeptBoxes, "_free_pages", lambda boxes: sorted(boxes.freed))
    keep(vault, *NEW)
    found = vaults_after_cuts(disk, tmp_path / "cut")
    assert None in {boxes_found(at) for _, at in found if at is not None}


def test_c7_a_power_cut_while_a_vault_is_made_leaves_a_vault_or_none(tmp_path: Path) -> None:
    path = tmp_path / "own" / "vault"
    path.parent.mkdir()
    disk = RecordingDisk(path.parent)
    create_on(disk, path)
    seen = []
    for is_last, at in vaults_after_cuts(disk, tmp_path / "cut"):
        assert at is None or kept(at) == ()
        seen.append((is_last, at is None))
    assert {is_none for is_last, is_none in seen if is_last} == {False}
    assert {is_none for is_last, is_none in seen} == {False, True}
    assert len(seen) > 10
