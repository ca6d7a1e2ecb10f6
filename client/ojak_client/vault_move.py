"""Taking a vault to another folder, so that there are never two of it that open.

A vault that opens in two places is two devices that say different things in one conversation:
both sides notice, and it ends. So the old one is closed before the new one gets its name.

    1. a mark drawn for this move laid beside the old files
    2. both files copied to the new folder under other names, durably, and compared; then the mark
    3. the first of the old files renamed: from here on nothing opens the old vault
    4. the copies renamed, the boxes first: from here on the new vault opens
    5. the old files overwritten and removed, and both marks

Killed between 3 and 4, neither opens, and the same call again goes on from there; what does not lie
whole at the new place any more is copied again. What lies at the new place is known by the mark: a
vault itself is no proof, for an older copy of it, made by hand, may lie there, or a newer state of
it if it was used before the old files were erased.
"""

import filecmp
import os
from collections.abc import Callable
from contextlib import ExitStack
from enum import Enum, auto
from pathlib import Path
from typing import Final

from ojak_client import atomic_file
from ojak_client.atomic_file import Disk
from ojak_client.errors import MoveBegun, NoVault, VaultExists
from ojak_client.vault import LOCK_SECONDS, files_of
from ojak_client.vault_files import (
    arriving_path,
    box_path,
    closed_path,
    erase_all,
    file_errors,
    is_closed,
    is_move_begun,
    locked,
    mark_path,
)

MARK_BYTES: Final = 16
PIECE_BYTES: Final = 1024 * 1024


class Step(Enum):
    """What `move` has just done."""

    MARKED = auto()
    COPIED = auto()
    CLOSED = auto()
    BOXES_NAMED = auto()
    OPENED = auto()
    UNMARKED = auto()
    ERASED = auto()


def _go_on(_: Enum) -> None:
    pass


def move(
    path: Path,
    target: Path,
    *,
    after: Callable[[Enum], None] = _go_on,
    disk: Disk = os,
    lock_seconds: float = LOCK_SECONDS,
) -> bool:
    """Return once the vault at *path* lies at *target* and nothing is left at *path*.

    Returns:
        Whether a vault went there. If not, only remains were erased at *path*: no mark says any
        more whether they are of the vault that lies at *target*, or of another.

    Args:
        path: the first file of the vault, or where it lay when an earlier call was cut off.
        target: the first file of what it becomes; its directory is made if there is none.
        after: called after each step, for tests that stop there.
        disk: the system.
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
        for one in (path, target):
            held.enter_context(locked(one, lock_seconds, insists=False))
        with file_errors():
            is_whole = path.exists() or is_closed(path)
            _close(path, target, after, disk)
            _open(target, after, disk)
            _erase(path, target, after, disk)
    return is_whole


def take_back(path: Path, *, disk: Disk = os, lock_seconds: float = LOCK_SECONDS) -> None:
    """Let the vault at *path* open again after a move that cannot be finished, or forget the move.

    If the other place holds a whole vault after all, there are two: the caller has warned of it.

    Raises:
        NoVault: no move was cut off here.
        VaultBusy: another process holds the lock.
        VaultUnusable: the file system refused.
    """
    with locked(path, lock_seconds, insists=False), file_errors():
        if is_closed(path):
            disk.replace(closed_path(path), path)
        elif not is_move_begun(path):
            raise NoVault("no move was begun")
        atomic_file.sync_directory(path.parent, disk=disk)
        # So that the copies there, which are older from the next save on, are not taken for it.
        atomic_file.erase(mark_path(path), disk=disk)


def _close(path: Path, target: Path, after: Callable[[Enum], None], disk: Disk) -> None:
    """Copy what opens at *path*, and close it; where it is closed already, look that all fits."""
    if path.exists():
        if target.exists():
            raise VaultExists("another vault lies there")
        mark = os.urandom(MARK_BYTES)
        atomic_file.replace(mark_path(path), mark, disk=disk)
        after(Step.MARKED)
        for old, new in zip(files_of(path), files_of(target), strict=True):
            if old.exists():
                _copy(old, arriving_path(new), disk)
        # Last, so that it stands for copies that are whole.
        atomic_file.replace(mark_path(target), mark, disk=disk)
        after(Step.COPIED)
        disk.replace(path, closed_path(path))
        atomic_file.sync_directory(path.parent, disk=disk)
        # Who does not ask for the lock may have put another there since it was copied, and it would
        # be erased. From here on nobody finds it by its name.
        _copy_what_is_missing(path, target, disk)
        after(Step.CLOSED)
    elif is_closed(path):
        is_there = target.exists()
        if not _marked_alike(path, target) or (is_there and arriving_path(target).exists()):
            raise VaultExists("another lies there") if is_there else MoveBegun("elsewhere")
        if not is_there:
            _copy_what_is_missing(path, target, disk)
    elif not target.exists():
        raise NoVault("there is no vault")


def _copy_what_is_missing(path: Path, target: Path, disk: Disk) -> None:
    """Copy what does not lie whole at *target*: the mark alone is no proof that copies still do.

    They may have been away on a stick since, and what is closed here is erased next.
    """
    for old, new in zip((closed_path(path), box_path(path)), files_of(target), strict=True):
        copies = (arriving_path(new), new)
        if old.exists() and not any(one.exists() and _is_same(old, one) for one in copies):
            _copy(old, arriving_path(new), disk)


def _open(target: Path, after: Callable[[Enum], None], disk: Disk) -> None:
    for name, step in zip(reversed(files_of(target)), (Step.BOXES_NAMED, Step.OPENED), strict=True):
        if arriving_path(name).exists():
            disk.replace(arriving_path(name), name)
            # Each name is durable before the next: a first file without its boxes opens nothing.
            atomic_file.sync_directory(name.parent, disk=disk)
        after(step)


def _erase(path: Path, target: Path, after: Callable[[Enum], None], disk: Disk) -> None:
    """Erase what is left at *path* of a vault that lies at *target* now, and the mark there."""
    if closed_path(path).exists():
        # Under the name of what may always go: half overwritten, it would open no more.
        disk.replace(closed_path(path), atomic_file.fresh_path(path))
        atomic_file.sync_directory(path.parent, disk=disk)
    if _marked_alike(path, target):
        # Not overwritten: half of it would be alike no more, and it tells nothing.
        disk.unlink(mark_path(target))
    after(Step.UNMARKED)
    erase_all(path, disk=disk)
    after(Step.ERASED)


def _copy(old: Path, copy: Path, disk: Disk) -> None:
    """Copy *old* durably, and compare what lies there then."""
    atomic_file.erase(copy, disk=disk)
    descriptor = disk.open(copy, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(atomic_file.open_regular(old, os.O_RDONLY), "rb") as read:
            while piece := read.read(PIECE_BYTES):
                atomic_file.write_all(descriptor, piece, disk=disk)
        disk.fsync(descriptor)
    finally:
        disk.close(descriptor)
    atomic_file.sync_directory(copy.parent, disk=disk)
    if not _is_same(old, copy):
        raise OSError("the copy is not what was written")


def _is_same(old: Path, copy: Path) -> bool:
    # Nothing that was compared before is believed: the files may be others of the same times.
    filecmp.clear_cache()
    return filecmp.cmp(old, copy, shallow=False)


def _marked_alike(path: Path, target: Path) -> bool:
    """Return whether *target* is where the move went that was begun at *path*."""
    mark = _mark(path)
    return len(mark) == MARK_BYTES and mark == _mark(target)


def _mark(path: Path) -> bytes:
    try:
        descriptor = atomic_file.open_regular(mark_path(path), os.O_RDONLY)
    except FileNotFoundError:
        return b""
    with os.fdopen(descriptor, "rb") as mark:
        return mark.read(MARK_BYTES + 1)
