"""Taking a vault to another folder, so that there are never two of it that open.

A vault that opens in two places is two devices that say different things in one conversation:
both sides notice, and it ends. So the old one is closed before the new one gets its name.

    1. both files copied to the new folder under other names, durably, and compared
    2. the first of the old files renamed: from here on nothing opens the old vault
    3. the copies renamed, the boxes first: from here on the new vault opens
    4. the old files overwritten and removed

Killed between 2 and 3, neither opens, and the same call again goes on from there.
"""

import filecmp
import os
from collections.abc import Callable
from contextlib import ExitStack
from enum import Enum, auto
from pathlib import Path
from typing import Final

from ojak_client import atomic_file
from ojak_client.errors import MoveBegun, NoVault, VaultExists
from ojak_client.vault import LOCK_SECONDS, files_of
from ojak_client.vault_files import (
    arriving_path,
    closed_path,
    erase_all,
    file_errors,
    is_closed,
    locked,
)
from ojak_client.vault_format import HEADER_BYTES

PIECE_BYTES: Final = 1024 * 1024


class Step(Enum):
    """What `move` has just done."""

    COPIED = auto()
    CLOSED = auto()
    BOXES_NAMED = auto()
    OPENED = auto()
    ERASED = auto()


def _go_on(_: Enum) -> None:
    pass


def move(
    path: Path,
    target: Path,
    *,
    after: Callable[[Enum], None] = _go_on,
    lock_seconds: float = LOCK_SECONDS,
) -> None:
    """Return once the vault at *path* lies at *target* and no longer at *path*.

    Args:
        path: the first file of the vault, or where it lay when an earlier call was cut off.
        target: the first file of what it becomes; its directory is made if there is none.
        after: called after each step, for tests that stop there.
        lock_seconds: for how long another process at either place is waited for.

    Raises:
        NoVault: nothing lies at *path*, and nothing of it at *target*.
        VaultExists: another vault lies at *target*.
        MoveBegun: a move to another place was cut off; it is to be finished or taken back.
        VaultBusy: another process holds the lock of either.
        VaultUnusable: the file system refused. The old vault is as it was, or the same call again
            goes on.
    """
    with ExitStack() as held:
        with file_errors():
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if target.parent.samefile(path.parent):
                raise VaultExists("it lies there")
        held.enter_context(locked(path, lock_seconds))
        held.enter_context(locked(target, lock_seconds))
        with file_errors():
            _close(path, target, after)
            _open(target, after)
            _erase(path)
            after(Step.ERASED)


def take_back(path: Path, *, lock_seconds: float = LOCK_SECONDS) -> None:
    """Let the vault at *path* open again after a move that cannot be finished.

    If the other place holds a whole vault after all, there are two: the caller has warned of it.

    Raises:
        NoVault: no move was cut off here.
        VaultBusy: another process holds the lock.
        VaultUnusable: the file system refused.
    """
    with locked(path, lock_seconds), file_errors():
        if not is_closed(path):
            raise NoVault("no move was begun")
        closed_path(path).rename(path)
        atomic_file.sync_directory(path.parent)


def _close(path: Path, target: Path, after: Callable[[Enum], None]) -> None:
    """Copy what opens at *path*, and close it; where it is closed already, look that all fits."""
    if path.exists():
        if target.exists():
            raise VaultExists("another vault lies there")
        copies = [(old, arriving_path(new)) for old, new in _pairs(path, target) if old.exists()]
        for old, copy in copies:
            _copy(old, copy)
        after(Step.COPIED)
        path.rename(closed_path(path))
        atomic_file.sync_directory(path.parent)
        after(Step.CLOSED)
    elif is_closed(path):
        # Whatever was saved there since, the header stays.
        is_there = target.exists()
        came = target if is_there else arriving_path(target)
        if _header(came) != _header(closed_path(path)):
            raise VaultExists("another vault lies there") if is_there else MoveBegun("elsewhere")
    elif not target.exists():
        raise NoVault("there is no vault")


def _open(target: Path, after: Callable[[Enum], None]) -> None:
    for name, step in zip(reversed(files_of(target)), (Step.BOXES_NAMED, Step.OPENED), strict=True):
        if arriving_path(name).exists():
            arriving_path(name).rename(name)
            # Each name is durable before the next: a first file without its boxes opens nothing.
            atomic_file.sync_directory(name.parent)
        after(step)


def _erase(path: Path) -> None:
    """Erase what is left at *path* of a vault that lies elsewhere now."""
    if closed_path(path).exists():
        # Under the name of what may always go: half overwritten, it would be known no more.
        closed_path(path).rename(atomic_file.fresh_path(path))
        atomic_file.sync_directory(path.parent)
    erase_all(path)


def _pairs(path: Path, target: Path) -> list[tuple[Path, Path]]:
    return list(zip(files_of(path), files_of(target), strict=True))


def _copy(old: Path, copy: Path) -> None:
    """Copy *old* durably, and compare what lies there then."""
    atomic_file.erase(copy)
    descriptor = os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as written, old.open("rb") as read:
        while piece := read.read(PIECE_BYTES):
            written.write(piece)
        written.flush()
        os.fsync(descriptor)
    atomic_file.sync_directory(copy.parent)
    if not filecmp.cmp(old, copy, shallow=False):
        raise OSError("the copy is not what was written")


def _header(path: Path) -> bytes:
    """Return what stays the same through all saves of one vault, and tells it from others."""
    try:
        with path.open("rb") as file:
            return file.read(HEADER_BYTES)
    except FileNotFoundError:
        return b""
