"""What this device must remember, in one sealed file, under a passphrase.

This file alone takes the lock of a vault, and only from loading to saving, so that two processes
live side by side. Nothing of the file is read outside the lock, because a save overwrites the
old bytes. The passphrase is stretched once, at `create` or `open`; the key stays in memory, the
content does not. What the bytes mean is in `vault_format.py`, how they reach the disk in
`atomic_file.py`.
"""

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, Self

from ojak_client import atomic_file, vault_format
from ojak_client.errors import (
    NoVault,
    VaultBusy,
    VaultDamaged,
    VaultExists,
    VaultRestored,
    VaultUnusable,
    WrongPassphrase,
)
from ojak_client.hardening import wipe as overwrite
from ojak_client.vault_format import FILE_BYTES, SLOTS, Saved
from ojak_protocol.primitives import Entropy

Stretch = Callable[[bytes, bytes], bytes]
"""Passphrase and 16-byte salt to 32 bytes, at a cost."""

LOCK_SECONDS: Final = 10.0
"""A save takes tens of milliseconds, on a slow card about a second."""
POLL_SECONDS: Final = 0.01
"""How often a lock that another process holds is tried again."""


class Session:
    """The vault between loading and saving, while its lock is held."""

    def __init__(self, save: Callable[[Saved], None], saved: Saved) -> None:
        self._save = save
        self._saved = saved
        self._is_locked = True

    @property
    def content(self) -> bytes:
        """What was saved last, by whichever process; empty in a new vault."""
        return self._saved.content

    @property
    def save_count(self) -> int:
        """How many saves there were; it tells whether another process saved meanwhile."""
        return self._saved.save_count

    def save(self, content: bytes) -> None:
        """Return once *content* is what the vault durably holds.

        Args:
            content: at most `vault_format.MAX_CONTENT_BYTES`.

        Raises:
            VaultFull: *content* is longer; nothing changed.
            VaultUnusable: the file system refused; the vault holds the old or the new content.
        """
        if not self._is_locked:
            raise RuntimeError("a session saves only while it holds the lock")
        saved = Saved(self._saved.save_count + 1, content)
        self._save(saved)
        self._saved = saved

    def end(self) -> None:
        """Refuse to save from now on: the lock is given back."""
        self._is_locked = False


class Vault:
    """An opened vault: its path, its key and the number of its slot, never its content.

    Make one with `create` or `open`; both overwrite the passphrase they are given.
    """

    def __init__(self, path: Path, key: bytearray, slot: int, entropy: Entropy) -> None:
        self._path = path
        self._key = key
        self._slot = slot
        self._entropy = entropy
        self._newest_count = 0

    @classmethod
    def create(cls, path: Path, passphrase: bytearray, stretch: Stretch, entropy: Entropy) -> Self:
        """Return a new vault with empty content that durably lies at *path*.

        Args:
            path: the file; its directory is made, for its owner only, if there is none.
            passphrase: overwritten with zeros before this returns or raises.
            stretch: called once.
            entropy: kept for later saves.

        Raises:
            VaultExists: something lies there already.
            VaultBusy: another process holds the lock.
            VaultUnusable: the file system refused.
        """
        raw = vault_format.blank(entropy)
        # A random slot, so that its place does not tell which passphrase came first.
        slot = entropy(1)[0] % SLOTS
        vault = cls(path, _stretched(passphrase, raw, stretch), slot, entropy)
        with _file_errors():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _locked(path, LOCK_SECONDS):
            if path.exists() or path.is_symlink():
                raise VaultExists("there is a vault already")
            vault._write(raw, Saved(1, b""))
        return vault

    @classmethod
    def open(cls, path: Path, passphrase: bytearray, stretch: Stretch, entropy: Entropy) -> Self:
        """Return the vault at *path*, opened by *passphrase*.

        Args:
            path: the file.
            passphrase: overwritten with zeros before this returns or raises.
            stretch: called once, here, and never again at a load or a save.
            entropy: kept for later saves.

        Raises:
            NoVault: nothing lies there.
            WrongPassphrase: it opens no slot.
            VaultDamaged: the file was cut or changed.
            VaultTooNew: written by a later version.
            VaultBusy: another process holds the lock.
            VaultUnusable: the file system refused.
        """
        try:
            with _locked_if_there(path, LOCK_SECONDS):
                raw = _whole(path)
        except BaseException:
            overwrite(passphrase)
            raise
        key = _stretched(passphrase, raw, stretch)
        # Every slot is tried, so that the time does not tell which one opened.
        opened = [slot for slot in range(SLOTS) if vault_format.is_open(raw, slot, key)]
        if not opened:
            overwrite(key)
            raise WrongPassphrase("no slot opens")
        vault = cls(path, key, opened[0], entropy)
        vault._read(raw)
        return vault

    def close(self) -> None:
        """Overwrite the key; nothing can be loaded or saved any more."""
        overwrite(self._key)

    @contextlib.contextmanager
    def locked(self, *, lock_seconds: float = LOCK_SECONDS) -> Iterator[Session]:
        """Give the newest content and the means to save, and keep others out meanwhile.

        Hold it from loading to saving only, never while a relay or a person is waited for.

        Raises:
            VaultBusy: another process held the lock for *lock_seconds*.
            NoVault: the vault was wiped.
            WrongPassphrase: another vault lies there.
            VaultDamaged: the file was cut or changed.
            VaultRestored: an older copy lies there than this process has seen.
            VaultTooNew: a later version has written it.
            VaultUnusable: the file system refused.
        """
        with _locked_if_there(self._path, lock_seconds):
            raw = _whole(self._path)
            session = Session(lambda saved: self._write(raw, saved), self._read(raw))
            try:
                yield session
            finally:
                session.end()

    def _read(self, raw: bytes) -> Saved:
        if not vault_format.is_open(raw, self._slot, self._key):
            raise WrongPassphrase("the slot does not open any more")
        saved = vault_format.opened(raw, self._slot, self._key)
        if saved.save_count < self._newest_count:
            raise VaultRestored("an older copy lies there")
        self._newest_count = saved.save_count
        return saved

    def _write(self, raw: bytes, saved: Saved) -> None:
        raw = vault_format.written(raw, self._slot, self._key, saved, self._entropy)
        with _file_errors():
            atomic_file.replace(self._path, raw)
        self._newest_count = saved.save_count


def wipe(path: Path, *, lock_seconds: float = LOCK_SECONDS) -> None:
    """Overwrite and remove the vault at *path* and all that belongs to it.

    The directory is removed too if nothing else is in it. Nothing there is well. Where another
    process holds the lock, all is removed in spite of it, and the error says to do it again.

    Raises:
        VaultBusy: removed, but another process was at it and may have saved again.
        VaultUnusable: the file system refused; something may be left.
    """
    busy = None
    with contextlib.ExitStack() as held:
        try:
            held.enter_context(_locked_if_there(path, lock_seconds))
        except NoVault:
            pass
        except VaultBusy as error:
            busy = error
        with _file_errors():
            _erase_all(path)
    if busy is not None:
        raise busy


def _erase_all(path: Path) -> None:
    if not path.parent.is_dir():
        return
    for ours in (path, atomic_file.fresh_path(path), _lock_path(path)):
        atomic_file.erase(ours)
    atomic_file.sync_directory(path.parent)
    with contextlib.suppress(OSError):
        path.parent.rmdir()


def _stretched(passphrase: bytearray, raw: bytes, stretch: Stretch) -> bytearray:
    """Return the key, and overwrite the passphrase whatever happens.

    The copy that a library needs as immutable bytes is out of our reach once made.
    """
    try:
        return bytearray(stretch(bytes(passphrase), vault_format.salt_of(raw)))
    finally:
        overwrite(passphrase)


def _whole(path: Path) -> bytes:
    # Not through a symbolic link: a save would put a file in the link's place.
    with _file_errors(), os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb") as file:
        raw = file.read(FILE_BYTES + 1)
    if len(raw) != FILE_BYTES:
        raise VaultDamaged("not the length of a vault")
    return raw


def _lock_path(path: Path) -> Path:
    return path.with_name(path.name + ".lock")


@contextlib.contextmanager
def _locked_if_there(path: Path, seconds: float) -> Iterator[None]:
    """Hold the lock of a vault that is there; where there is none, leave no lock file either."""
    with _file_errors():
        path.lstat()
    with _locked(path, seconds):
        with _file_errors():
            if not path.exists():
                # Wiped while we waited; the waiting has made a new lock file.
                _erase_all(path)
                raise NoVault("there is no vault any more")
        yield


@contextlib.contextmanager
def _locked(path: Path, seconds: float) -> Iterator[None]:
    from filelock import FileLock, Timeout  # noqa: PLC0415 - slow, and no guest has a vault

    # Only the kernel's lock: it ends with the process that holds it, even one that was killed.
    lock = FileLock(_lock_path(path), mode=0o600, fallback_to_soft=False)
    with _file_errors():
        try:
            lock.acquire(timeout=seconds, poll_interval=POLL_SECONDS)
        except Timeout:
            raise VaultBusy("another process holds the vault") from None
    try:
        yield
    finally:
        lock.release()


@contextlib.contextmanager
def _file_errors() -> Iterator[None]:
    """Turn what the file system says, which names paths, into our errors, which do not."""
    try:
        yield
    except FileNotFoundError:
        raise NoVault("there is no vault") from None
    except OSError:
        raise VaultUnusable("the file system refused") from None
