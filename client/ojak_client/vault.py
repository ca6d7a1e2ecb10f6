"""What this device must remember, in two sealed files, under a passphrase.

This file alone takes the lock of a vault, and only from loading to saving, so that two processes
live side by side. Nothing of the files is read outside the lock, because a save overwrites the
old bytes. The passphrase is stretched once, at `create` or `open`; the key stays in memory, the
content does not. What the bytes mean is in `vault_format.py` and `box_file.py`, how they reach
the disk in `atomic_file.py`.

A save, in the order that leaves the old vault or the new one wherever it is killed:
    1. new boxes go to pages that the vault on disk does not refer to; made durable
    2. the first file is replaced by one that refers to them; durable; its old bytes overwritten
    3. pages that nothing refers to any more are overwritten. The new file names them, so that
       after a kill the next save does it: it overwrites what is named before all else.
"""

import contextlib
import os
from collections.abc import Callable, Collection, Iterator
from enum import Enum
from functools import partial
from pathlib import Path
from typing import Final, Self

from ojak_client import atomic_file, box_file, vault_format
from ojak_client.atomic_file import PIECE_BYTES, Disk
from ojak_client.box_file import PAGE_BYTES, Pages
from ojak_client.errors import (
    NoSlotLeft,
    NotAllErased,
    NoVault,
    PassphraseTaken,
    PassphraseUnsure,
    VaultBusy,
    VaultDamaged,
    VaultError,
    VaultExists,
    VaultRestored,
    VaultUnusable,
    WrongPassphrase,
)
from ojak_client.hardening import wipe as overwrite
from ojak_client.kept_boxes import KeptBoxes
from ojak_client.vault_files import (
    box_path,
    erase_all,
    file_errors,
    is_lock_left,
    locked,
    locked_if_there,
)
from ojak_client.vault_format import FILE_BYTES, SLOTS, Heads, Saved
from ojak_client.vault_session import Loaded, Session
from ojak_protocol.primitives import Entropy
from ojak_protocol.values import dataclass, replace

Stretch = Callable[[bytes, bytes], bytes]
"""Passphrase and 16-byte salt to 32 bytes, at a cost."""

LOCK_SECONDS: Final = 10.0
"""For how long others are waited for. A save takes tens of milliseconds, on slow cards a second."""


def _go_on(_: Enum) -> None:
    pass


def files_of(path: Path) -> tuple[Path, ...]:
    """Return the files that hold the vault at *path*; no other file is needed to open it."""
    return path, box_path(path)


@dataclass(frozen=True, slots=True)
class _Means:
    """What a vault does not do by itself."""

    stretch: Stretch
    entropy: Entropy
    after: Callable[[Enum], None]
    disk: Disk


class Vault:
    """An opened vault: its path, its key and the number of its slot, never its content.

    Make one with `create` or `open`; both overwrite the passphrase they are given.
    """

    def __init__(self, path: Path, salt: bytes, key: bytearray, slot: int, means: _Means) -> None:
        self._path = path
        self._salt = salt
        self._key = key
        self._slot = slot
        self._stretch = means.stretch
        self._entropy = means.entropy
        self._after = means.after
        self._disk = means.disk
        self._newest_count = 0
        # What opening has read and opened; the first look takes it, and it is held no longer.
        self._opened: Loaded | None = None

    @classmethod
    def create(
        cls,
        path: Path,
        passphrase: bytearray,
        stretch: Stretch,
        entropy: Entropy,
        *,
        pages: int = box_file.PAGES,
        after: Callable[[Enum], None] = _go_on,
        disk: Disk = os,
    ) -> Self:
        """Return a new vault with empty content that durably lies at *path*.

        Args:
            path: the file; its directory is made, for its owner only, if there is none.
            passphrase: overwritten with zeros before this returns or raises.
            stretch: called once.
            entropy: kept for later saves.
            pages: how many boxes each slot has room for.
            after: called after each step of this and of every save, for tests that stop there.
            disk: the system, for this save and later ones.

        Raises:
            VaultExists: something lies there already.
            VaultBusy: another process holds the lock.
            VaultUnusable: the file system refused.
        """
        raw = vault_format.blank(entropy)
        # A random slot, so that its place does not tell which passphrase came first.
        slot = entropy(1)[0] % SLOTS
        salt = vault_format.salt_of(_heads_of(raw))
        key = _stretched(passphrase, salt, stretch)
        vault = cls(path, salt, key, slot, _Means(stretch, entropy, after, disk))
        with contextlib.ExitStack() as failed:
            failed.callback(vault.close)
            with file_errors():
                path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with locked(path, LOCK_SECONDS):
                if path.exists() or path.is_symlink():
                    raise VaultExists("there is a vault already")
                with file_errors():
                    # First: where a vault is, the file that belongs to it must not be missing.
                    box_file.make(box_path(path), pages, entropy, after, disk)
                vault._write(raw, Saved(1, b"", pages))
            failed.pop_all()
        return vault

    @classmethod
    def open(
        cls,
        path: Path,
        passphrase: bytearray,
        stretch: Stretch,
        entropy: Entropy,
        *,
        insists: bool = False,
        after: Callable[[Enum], None] = _go_on,
        disk: Disk = os,
    ) -> Self:
        """Return the vault at *path*, opened by *passphrase*.

        Args:
            path: the file.
            passphrase: overwritten with zeros before this returns or raises.
            stretch: called once, here, and never again at a load or a save; once more for each
                further passphrase.
            entropy: kept for later saves.
            insists: wait for long where another process holds the lock for long; for whoever has
                typed more than the passphrase already.
            after: called after each step of every save, for tests that stop there.
            disk: the system, for later saves.

        Raises:
            NoVault: nothing lies there.
            WrongPassphrase: it opens no slot.
            VaultDamaged: the file was cut or changed.
            VaultTooNew: written by a later version.
            VaultBusy: another process holds the lock.
            VaultUnusable: the file system refused.
        """
        try:
            with (
                locked_if_there(path, LOCK_SECONDS, insists=insists),
                _opened_to_read(path) as descriptor,
            ):
                heads = _heads(descriptor)
        except BaseException:
            overwrite(passphrase)
            raise
        salt = vault_format.salt_of(heads)
        key = _stretched(passphrase, salt, stretch)
        # Every slot is tried, so that the time does not tell which one opened.
        opened = [slot for slot in range(SLOTS) if vault_format.is_open(heads, slot, key)]
        if not opened:
            overwrite(key)
            raise WrongPassphrase("no slot opens")
        vault = cls(path, salt, key, opened[0], _Means(stretch, entropy, after, disk))
        with contextlib.ExitStack() as failed:
            failed.callback(vault.close)
            with locked_if_there(path, LOCK_SECONDS, insists=insists):
                vault._opened = vault._loaded(None)
            failed.pop_all()
        return vault

    def close(self) -> None:
        """Overwrite the key; nothing can be loaded or saved any more."""
        self._opened = None
        overwrite(self._key)

    @contextlib.contextmanager
    def locked(
        self, *, lock_seconds: float = LOCK_SECONDS, earlier: Loaded | None = None
    ) -> Iterator[Session]:
        """Give the newest content and the means to save, and keep others out meanwhile.

        Hold it from loading to saving only, never while a relay or a person is waited for.

        Args:
            lock_seconds: for how long another process is waited for.
            earlier: what an earlier session of this vault had loaded. Where the save that lies
                there is that one still, nothing is opened anew and no box is read.

        Raises:
            VaultBusy: another process held the lock for *lock_seconds*.
            NoVault: the vault was wiped.
            WrongPassphrase: another vault lies there, or the passphrase was changed.
            VaultDamaged: the file was cut or changed.
            VaultIncomplete: the file of boxes is missing or was cut.
            VaultRestored: an older copy lies there than this process has seen.
            VaultTooNew: a later version has written it.
            VaultUnusable: the file system refused.
        """
        with locked_if_there(self._path, lock_seconds):
            loaded = self._loaded(earlier)
            with self._pages(loaded.saved) as pages:
                boxes = KeptBoxes(
                    partial(_read_pages, pages),
                    self._slot,
                    loaded.saved.pages or box_file.PAGES,
                    self._entropy,
                    loaded.boxes,
                )
                session = Session(self._save, loaded, boxes)
                try:
                    yield session
                finally:
                    session.end()

    def change_passphrase(self, passphrase: bytearray) -> None:
        """Return once *passphrase* opens our slot in the place of the one before.

        Args:
            passphrase: overwritten with zeros before this returns or raises.

        Raises:
            PassphraseTaken: it opens a slot already; nothing changed.
            PassphraseUnsure: it opens the slot, but a power cut may bring back the one before.
            VaultError: as for `locked`; the old passphrase opens the slot.
        """
        with self._changing(passphrase) as (raw, saved, key):
            later = replace(saved, save_count=saved.save_count + 1)
            changed = vault_format.written(raw, self._slot, key, later, self._entropy)
            with file_errors():
                try:
                    self._replace(changed, later)
                except OSError:
                    if not self._may_lie_there(changed):
                        raise
                    self._key[:] = key
                    raise PassphraseUnsure("in place, and perhaps not durable") from None
            # In place, so that nothing is left of the one before.
            self._key[:] = key

    def add_decoy(self, passphrase: bytearray) -> None:
        """Return once *passphrase* opens a slot of its own, as empty as a new vault's.

        Our slot remembers, sealed, which slots were given away from it, and none of those is
        taken again. Of slots that were not given from ours nothing can be known: what another
        passphrase keeps there may be lost.

        Args:
            passphrase: overwritten with zeros before this returns or raises.

        Raises:
            PassphraseTaken: it opens a slot already; nothing changed.
            NoSlotLeft: all slots are ours or were given away from ours; nothing changed.
            VaultError: as for `locked`; nothing changed, or all is done.
        """
        with self._changing(passphrase) as (raw, saved, key):
            free = [slot for slot in range(SLOTS) if slot not in saved.given | {self._slot}]
            if not free:
                raise NoSlotLeft("every slot is in use")
            slot = free[self._entropy(1)[0] % len(free)]
            later = replace(
                saved,
                save_count=saved.save_count + 1,
                pages=saved.pages or box_file.PAGES,
                given=saved.given | {slot},
            )
            own = vault_format.written(raw, self._slot, self._key, later, self._entropy)
            # Just what `create` writes: a decoy that was never used is like a vault never used.
            new = Saved(1, b"", later.pages)
            both = vault_format.written(own, slot, key, new, self._entropy)
            with file_errors():
                if not saved.pages:
                    self._make_boxes(later.pages)
                # Both slots in one piece: one that was given and not remembered could be lost.
                self._replace(both, later)

    @contextlib.contextmanager
    def _changing(self, passphrase: bytearray) -> Iterator[tuple[bytes, Saved, bytearray]]:
        """Give file, slot and the key of a passphrase that opens no slot, and overwrite the key."""
        with contextlib.ExitStack() as held:
            held.callback(overwrite, passphrase)
            # Before the lock, as it takes long. Our slot is bound to a header with this salt, so
            # where it opens the new key will.
            key = _stretched(passphrase, self._salt, self._stretch)
            held.callback(overwrite, key)
            held.enter_context(locked_if_there(self._path, LOCK_SECONDS))
            loaded = self._loaded(None)
            if [slot for slot in range(SLOTS) if vault_format.is_open(loaded.heads, slot, key)]:
                raise PassphraseTaken("this passphrase opens a slot")
            yield self._whole(loaded), loaded.saved, key

    def _loaded(self, earlier: Loaded | None) -> Loaded:
        opened, self._opened = self._opened, None
        with _opened_to_read(self._path) as descriptor:
            heads = _heads(descriptor)
            # Also of what is known: nothing is to be saved under a key that was overwritten, or
            # changed where nobody could tell what lies there.
            if not vault_format.is_open(heads, self._slot, self._key):
                raise WrongPassphrase("the slot does not open any more")
            # What was sealed and damaged since is found by the next process; boxes are written by
            # saves only.
            for known in (earlier, opened):
                if known is not None and known.heads == heads:
                    self._note(known.saved)
                    return known
            sealed = _sealed(descriptor, self._slot)
        saved = vault_format.opened(heads, self._slot, self._key, sealed)
        self._note(saved)
        return Loaded(heads, saved)

    def _whole(self, loaded: Loaded) -> bytes:
        """Return the first file, which is still the save that was *loaded* under this lock.

        Raises:
            VaultBusy: somebody changed it who does not ask for the lock, as `cp` does.
            VaultError: and what lies there now is older, damaged, or of another passphrase.
        """
        with _opened_to_read(self._path) as descriptor:
            raw = atomic_file.read_at(descriptor, range(FILE_BYTES))
        # Nothing of ours may be sealed under another header, or into a file that was cut meanwhile.
        if len(raw) != FILE_BYTES or _heads_of(raw) != loaded.heads:
            self._loaded(None)
            raise VaultBusy("changed while we held the lock")
        return raw

    def _note(self, saved: Saved) -> None:
        if saved.save_count < self._newest_count:
            raise VaultRestored("an older copy lies there")
        self._newest_count = saved.save_count

    def _save(self, loaded: Loaded, boxes: KeptBoxes) -> Loaded:
        saved = loaded.saved
        later = replace(
            saved,
            save_count=saved.save_count + 1,
            pages=saved.pages or box_file.PAGES,
            stale=boxes.freed,
        )
        raw = self._whole(loaded)
        raw = vault_format.written(raw, self._slot, self._key, later, self._entropy)
        if not saved.pages:
            with file_errors():
                self._make_boxes(later.pages)
        with self._pages(later) as pages, file_errors():
            if pages is None:
                raise VaultDamaged("a vault that is saved has a file of boxes")
            torn = {page: self._entropy(PAGE_BYTES) for page in saved.stale}
            pages.write(torn | boxes.writes, self._after)
            self._replace(raw, later)
            pages.overwrite(boxes.freed, self._after)
        return Loaded(_heads_of(raw), later)

    def _write(self, raw: bytes, saved: Saved) -> None:
        raw = vault_format.written(raw, self._slot, self._key, saved, self._entropy)
        with file_errors():
            self._replace(raw, saved)

    def _replace(self, raw: bytes, saved: Saved) -> None:
        atomic_file.replace(self._path, raw, after=self._after, disk=self._disk)
        self._newest_count = saved.save_count

    def _may_lie_there(self, raw: bytes) -> bool:
        """Return whether *raw* lies at our path after a replacement that went wrong, or may."""
        try:
            with _opened_to_read(self._path) as descriptor:
                return _heads(descriptor) == _heads_of(raw)
        except NoVault:
            return False
        except VaultError:
            return True

    def _make_boxes(self, pages: int) -> None:
        box_file.make(box_path(self._path), pages, self._entropy, self._after, self._disk)

    @contextlib.contextmanager
    def _pages(self, saved: Saved) -> Iterator[Pages | None]:
        """Give the pages of our slot; None where the vault is older than the file of boxes."""
        if not saved.pages:
            yield None
            return
        with contextlib.ExitStack() as held:
            with file_errors():
                opened = box_file.opened(box_path(self._path), self._slot, saved.pages, self._disk)
                pages = held.enter_context(opened)
            yield pages


def wipe(path: Path, *, lock_seconds: float = LOCK_SECONDS) -> None:
    """Overwrite and remove the vault at *path* and all that belongs to it.

    The directory is removed too if nothing else is in it. Nothing there is well. Where another
    process holds the lock, or nobody can, all is removed in spite of it, and the error says to do
    it again.

    Raises:
        VaultBusy: removed, but another process was at it, or could be, and may have saved again.
        NotAllErased: the file system refused to remove something; all else is removed.
    """
    busy = None
    with contextlib.ExitStack() as held:
        try:
            # Also where there is no vault yet: whoever is just making one holds its lock.
            if os.path.lexists(path) or is_lock_left(path):
                held.enter_context(locked(path, lock_seconds))
        except NoVault:
            pass
        except (VaultBusy, VaultUnusable):
            # A lock that is no file is no reason to keep what somebody wants gone.
            busy = VaultBusy("another process may be at it")
        try:
            erase_all(path)
        except OSError:
            raise NotAllErased("the file system refused") from None
    if busy is not None:
        raise busy


def _stretched(passphrase: bytearray, salt: bytes, stretch: Stretch) -> bytearray:
    """Return the key, and overwrite the passphrase whatever happens.

    The copy that a library needs as immutable bytes is out of our reach once made.
    """
    try:
        return bytearray(stretch(bytes(passphrase), salt))
    finally:
        overwrite(passphrase)


def _heads(descriptor: int) -> Heads:
    def read(part: range) -> bytes:
        found = atomic_file.read_at(descriptor, part)
        if len(found) != len(part):
            raise VaultDamaged("not the length of a vault")
        return found

    return vault_format.heads(read)


def _heads_of(raw: bytes) -> Heads:
    return vault_format.heads(lambda part: raw[part.start : part.stop])


def _sealed(descriptor: int, slot: int) -> bytes:
    """Return what is sealed in *slot*; all of the file is read, so that this does not tell which.

    In pieces, which take the same memory one after the other, as the pages of boxes do.
    """
    wanted, found = vault_format.sealed_at(slot), []
    for begin in range(0, FILE_BYTES, PIECE_BYTES):
        piece = atomic_file.read_at(descriptor, range(begin, begin + PIECE_BYTES))
        found.append(piece[max(wanted.start - begin, 0) : max(wanted.stop - begin, 0)])
    return b"".join(found)


@contextlib.contextmanager
def _opened_to_read(path: Path) -> Iterator[int]:
    with file_errors():
        # Not through a symbolic link: a save would put a file in the link's place.
        descriptor = atomic_file.open_regular(path, os.O_RDONLY)
        try:
            if os.fstat(descriptor).st_size != FILE_BYTES:
                raise VaultDamaged("not the length of a vault")
            yield descriptor
        finally:
            with contextlib.suppress(OSError):
                os.close(descriptor)


def _read_pages(pages: Pages | None, wanted: Collection[int]) -> dict[int, bytes]:
    """Return the bytes of each of the *wanted* *pages*; None: there is no file of boxes."""
    if pages is not None:
        with file_errors():
            return pages.read(wanted)
    if wanted:
        raise VaultDamaged("a reference to a file that there never was")
    return {}
