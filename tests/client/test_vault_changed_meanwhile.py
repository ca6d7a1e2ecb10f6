"""Who does not ask for the lock changes a vault's first file while we hold it: nothing is lost.

`cp` does so, and whoever puts a copy back by hand; and a file system may give less than it has.
"""

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from enum import Enum
from pathlib import Path

import pytest

from ojak_client import atomic_file, file_lock
from ojak_client import vault as vaults_of
from ojak_client.errors import (
    PassphraseUnsure,
    VaultBusy,
    VaultDamaged,
    VaultError,
    VaultExists,
    VaultRestored,
    WrongPassphrase,
)
from ojak_client.store import VaultStore
from ojak_client.vault import Vault, wipe
from ojak_client.vault_files import box_path, lock_path
from ojak_client.vault_format import (
    FILE_BYTES,
    HEADER_BYTES,
    SLOT_BYTES,
    SLOT_SALT_BYTES,
    SLOTS,
    Saved,
    written,
)
from ojak_client.vault_move import Step as MoveStep
from ojak_client.vault_move import move
from ojak_client.vault_session import Loaded
from tests.client.boxes import BOXES, keeping
from tests.client.vaults import WORDS, content_of, create, opened, own_slot, put, stretch, typed

OTHER_WORDS = "푸른 다리 위"
OLD, NEW = b"old", b"new"
Change = Callable[[Vault, Callable[[], None]], None]
Interfering = Callable[[], None]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "letters"


def save(vault: Vault, interfere: Interfering) -> None:
    with vault.locked() as session:
        interfere()
        session.save(NEW)


def change_passphrase(vault: Vault, interfere: Interfering) -> None:
    interfering(vault, interfere)
    vault.change_passphrase(typed(OTHER_WORDS))


def add_decoy(vault: Vault, interfere: Interfering) -> None:
    interfering(vault, interfere)
    vault.add_decoy(typed(OTHER_WORDS))


def interfering(vault: Vault, interfere: Interfering) -> None:
    load = vault._loaded  # noqa: SLF001 - called with the lock held

    def loaded(earlier: Loaded | None) -> Loaded:
        vault._loaded = load  # type: ignore[method-assign]  # noqa: SLF001 - of this one only
        found = load(earlier)
        interfere()
        return found

    vault._loaded = loaded  # type: ignore[method-assign]  # noqa: SLF001 - of this one only


CHANGES = pytest.mark.parametrize("change", [save, change_passphrase, add_decoy])


def test_c9_nobody_is_kept_waiting_while_a_passphrase_is_stretched(path: Path) -> None:
    vault = create(path)
    vault._stretch = stretch_beside_another(path)  # noqa: SLF001 - while it takes its time
    vault.add_decoy(typed(OTHER_WORDS))
    vault.change_passphrase(typed(OTHER_WORDS + "!"))


def stretch_beside_another(path: Path) -> Callable[[bytes, bytes], bytes]:
    def stretched(passphrase: bytes, salt: bytes) -> bytes:
        with file_lock.held(lock_path(path), seconds=0):
            return stretch(passphrase, salt)

    return stretched


@pytest.mark.parametrize("change", ["change_passphrase", "add_decoy"])
def test_a_new_passphrase_opens_though_another_vault_lay_there_while_it_was_stretched(
    path: Path, change: str
) -> None:
    vault = create(path)
    put(vault, OLD)
    ours = path.read_bytes()
    path.write_bytes(os.urandom(FILE_BYTES))

    def stretched(passphrase: bytes, salt: bytes) -> bytes:
        path.write_bytes(ours)
        return stretch(passphrase, salt)

    vault._stretch = stretched  # noqa: SLF001 - while it takes its time
    getattr(vault, change)(typed(OTHER_WORDS))
    opened(path, OTHER_WORDS)


def in_slot(path: Path, slot: int, at: int) -> None:
    raw = bytearray(path.read_bytes())
    raw[HEADER_BYTES + slot * SLOT_BYTES + at] ^= 1
    path.write_bytes(raw)


def in_header(path: Path) -> None:
    raw = bytearray(path.read_bytes())
    raw[100] ^= 1
    path.write_bytes(raw)


@CHANGES
@pytest.mark.parametrize(
    ("interfere", "said"),
    [
        (in_header, VaultDamaged),
        (lambda path: in_slot(path, own_slot(path), 0), WrongPassphrase),
        (lambda path: in_slot(path, own_slot(path), SLOT_SALT_BYTES), WrongPassphrase),
        (lambda path: in_slot(path, (own_slot(path) + 1) % SLOTS, 0), VaultBusy),
        (lambda path: os.truncate(path, FILE_BYTES - 4096), VaultDamaged),
    ],
    ids=["header", "own salt", "own commitment", "another slot", "cut"],
)
def test_what_lies_there_then_is_not_written_over(
    path: Path, change: Change, interfere: Callable[[Path], None], said: type[VaultError]
) -> None:
    vault = create(path)
    put(vault, OLD)
    after: list[bytes] = []

    def interfered() -> None:
        interfere(path)
        after.append(path.read_bytes())

    with pytest.raises(said):
        change(vault, interfered)
    assert [path.read_bytes()] == after


@CHANGES
def test_b6_an_older_copy_put_back_meanwhile_is_said_to_be_one(path: Path, change: Change) -> None:
    vault = create(path)
    older = path.read_bytes()
    put(vault, OLD)

    def put_back() -> None:
        path.write_bytes(older)

    with pytest.raises(VaultRestored):
        change(vault, put_back)
    assert path.read_bytes() == older


@CHANGES
@pytest.mark.parametrize("left_bytes", [4096, 65536])
def test_c7_a_file_that_is_cut_between_a_look_at_its_size_and_reading_it_is_not_saved_short(
    path: Path, monkeypatch: pytest.MonkeyPatch, change: Change, left_bytes: int
) -> None:
    vault = not_in_the_last_slot(path)
    put(vault, OLD)
    whole = path.read_bytes()

    def ends_early() -> None:
        real = os.pread

        def pread(descriptor: int, size: int, begin: int) -> bytes:
            return real(descriptor, max(0, min(size, FILE_BYTES - left_bytes - begin)), begin)

        monkeypatch.setattr(os, "pread", pread)

    with pytest.raises(VaultError):
        change(vault, ends_early)
    monkeypatch.undo()
    assert path.read_bytes() == whole
    assert content_of(path) == OLD


def not_in_the_last_slot(path: Path) -> Vault:
    """Of the last one even the heads lie nearly at the end."""
    vault = create(path)
    while own_slot(path) == SLOTS - 1:
        wipe(path)
        vault = create(path)
    return vault


def test_a_vault_of_another_length_is_never_written() -> None:
    with pytest.raises(ValueError, match="whole"):
        written(bytes(FILE_BYTES - 1), 0, bytearray(32), Saved(1, b"", 1), os.urandom)


@pytest.mark.parametrize("length", [0, 8, HEADER_BYTES, HEADER_BYTES + SLOT_BYTES + 40])
def test_a_file_that_is_cut_while_it_is_opened_is_damaged(
    path: Path, monkeypatch: pytest.MonkeyPatch, length: int
) -> None:
    create(path).close()
    real = os.pread

    def pread(descriptor: int, size: int, begin: int) -> bytes:
        return real(descriptor, max(0, min(size, length - begin)), begin)

    monkeypatch.setattr(os, "pread", pread)
    with pytest.raises(VaultDamaged):
        opened(path)


def test_a_file_system_that_gives_little_at_a_time_gives_all(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault = create(path)
    real = os.pread
    monkeypatch.setattr(os, "pread", lambda fd, size, begin: real(fd, min(size, 30_011), begin))
    put(vault, OLD)
    put(vault, NEW)
    assert content_of(path) == NEW


# What opening leaves behind, and what it waits for


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> list[bytearray]:
    made: list[bytearray] = []
    real = vaults_of._stretched  # noqa: SLF001 - it alone makes keys

    def stretched(*given: object) -> bytearray:
        made.append(real(*given))  # type: ignore[arg-type]  # whatever it is given
        return made[-1]

    monkeypatch.setattr(vaults_of, "_stretched", stretched)
    return made


def fails_at_creating(path: Path) -> None:
    create(path)


def fails_at_the_passphrase(path: Path) -> None:
    opened(path, OTHER_WORDS)


def fails_at_the_second_look(path: Path) -> None:
    in_slot(path, own_slot(path), 1000)
    opened(path)


@pytest.mark.parametrize(
    ("failing", "said"),
    [
        (fails_at_creating, VaultExists),
        (fails_at_the_passphrase, WrongPassphrase),
        (fails_at_the_second_look, VaultDamaged),
    ],
)
def test_no_key_is_left_where_a_vault_is_not_made_or_opened(
    path: Path,
    keys: list[bytearray],
    failing: Callable[[Path], None],
    said: type[VaultError],
) -> None:
    create(path).close()
    keys.clear()
    with pytest.raises(said):
        failing(path)
    assert keys
    assert not any(map(any, keys))


@pytest.mark.parametrize("look", ["first", "second"])
def test_both_looks_of_opening_wait_for_the_lock(
    path: Path, monkeypatch: pytest.MonkeyPatch, look: str
) -> None:
    create(path).close()
    monkeypatch.setattr(vaults_of, "LOCK_SECONDS", 0.05)
    with ExitStack() as held:

        def hold() -> None:
            held.enter_context(file_lock.held(lock_path(path), seconds=10))

        if look == "first":
            hold()
        asked: list[str] = []

        def stretched(passphrase: bytes, salt: bytes) -> bytes:
            asked.append(look)
            if look == "second":
                hold()
            return stretch(passphrase, salt)

        with pytest.raises(VaultBusy):
            Vault.open(path, typed(WORDS), stretched, os.urandom)
        assert asked == ([] if look == "first" else [look])


@pytest.mark.parametrize("slot", range(SLOTS))
def test_b5_all_of_the_file_is_read_in_the_same_pieces_whichever_slot_is_ours(
    path: Path, monkeypatch: pytest.MonkeyPatch, slot: int
) -> None:
    create(path).close()
    while own_slot(path) != slot:
        wipe(path)
        create(path).close()
    parts: list[range] = []
    real = atomic_file.read_at

    def read_at(descriptor: int, part: range) -> bytes:
        parts.append(part)
        return real(descriptor, part)

    monkeypatch.setattr(atomic_file, "read_at", read_at)
    opened(path).close()
    pieces = [part for part in parts if len(part) == atomic_file.PIECE_BYTES]
    assert [*pieces] == [
        range(begin, begin + atomic_file.PIECE_BYTES)
        for begin in range(0, FILE_BYTES, atomic_file.PIECE_BYTES)
    ]
    assert len(parts) == len(pieces) + 2 * (1 + SLOTS)


@pytest.fixture
def descriptors() -> Iterator[None]:
    before = set(Path("/proc/self/fd").iterdir())
    yield
    assert set(Path("/proc/self/fd").iterdir()) == before


@pytest.mark.usefixtures("descriptors")
@pytest.mark.parametrize("fails", [False, True])
def test_no_descriptor_is_left_open(path: Path, *, fails: bool) -> None:
    vault = create(path)
    put(vault, OLD)
    if fails:
        in_slot(path, own_slot(path), 1000)
        with pytest.raises(VaultDamaged):
            opened(path)
    assert content_of(path) == OLD if not fails else True
    vault.close()


# What the system refuses at the end


class FailsAtTheEnd:
    """A system that makes no directory durable and closes nothing without an error."""

    def __init__(self) -> None:
        self.fails_at = ""

    def __getattr__(self, name: str) -> object:
        return getattr(os, name)

    def fsync(self, descriptor: int) -> None:
        os.fsync(descriptor)
        if self.fails_at == "fsync" and Path(f"/proc/self/fd/{descriptor}").is_dir():
            self.fails_at = "pread"
            raise OSError(errno.EIO, "no directory")

    def close(self, descriptor: int) -> None:
        os.close(descriptor)
        if self.fails_at == "close":
            raise OSError(errno.EIO, "a path")


def test_what_cannot_be_looked_at_after_it_may_have_been_changed_is_unsure(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = FailsAtTheEnd()
    vault = create(path, disk=disk)  # type: ignore[arg-type]  # what it lacks is that of `os`
    real = os.pread

    def pread(descriptor: int, size: int, begin: int) -> bytes:
        if disk.fails_at == "pread":
            raise OSError(errno.EIO, "nothing")
        return real(descriptor, size, begin)

    monkeypatch.setattr(os, "pread", pread)
    disk.fails_at = "fsync"
    with pytest.raises(PassphraseUnsure):
        vault.change_passphrase(typed(OTHER_WORDS))
    monkeypatch.undo()
    assert content_of(path, OTHER_WORDS) == b""


@pytest.mark.parametrize("is_older", [False, True])
def test_what_is_known_is_not_saved_under_a_key_that_opens_nothing(
    path: Path, *, is_older: bool
) -> None:
    vault = create(path)
    store = VaultStore(vault, remembers=True)
    store.update(lambda _: (keeping(BOXES[:1]), None))
    before = path.read_bytes()
    if is_older:
        # As after a change of which nobody could tell whether it had been made.
        vault._key[:] = stretch(OTHER_WORDS.encode(), before[:16])  # noqa: SLF001 - what it left
    else:
        vault.close()
    with pytest.raises(WrongPassphrase):
        store.update(lambda _: (keeping(BOXES[:2]), None))
    assert path.read_bytes() == before


def test_a_vault_whose_link_leads_nowhere_for_a_while_loses_nothing(
    path: Path, tmp_path: Path
) -> None:
    create(path).close()
    path.rename(tmp_path / "away")
    path.symlink_to(tmp_path / "nowhere")
    before = box_path(path).read_bytes()
    with pytest.raises(VaultError):
        opened(path)
    assert box_path(path).read_bytes() == before


def test_what_is_put_into_the_place_of_a_vault_while_it_is_moved_is_moved(
    path: Path, tmp_path: Path
) -> None:
    vault = create(path)
    put(vault, OLD)
    older = path.read_bytes()
    put(vault, NEW)
    newer = path.read_bytes()
    path.write_bytes(older)

    def put_back(step: Enum) -> None:
        if step is MoveStep.COPIED:
            path.write_bytes(newer)

    move(path, tmp_path / "there" / "letters", after=put_back)
    assert content_of(tmp_path / "there" / "letters") == NEW


def test_a_file_of_boxes_that_cannot_be_closed_in_order_is_no_error_once_all_is_durable(
    path: Path,
) -> None:
    disk = FailsAtTheEnd()
    vault = create(path, disk=disk)  # type: ignore[arg-type]  # what it lacks is that of `os`
    put(vault, OLD)
    disk.fails_at = "close"
    with vault.locked() as session:
        assert session.content == OLD
