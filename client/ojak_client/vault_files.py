"""The files of a vault by name, its lock, and what the file system says in our own errors.

letters         header and four slots (`vault_format.py`)
letters.boxes   sealed boxes, a quarter for each slot (`box_file.py`)
letters.lock    empty; the kernel's lock on it keeps two processes from saving at a time
letters.moved   what was `letters`, closed, while it is taken to another folder (`vault_move.py`)
*.arriving      the copy there, until the old one is closed
letters.move    16 random bytes at both places, by which a move that was cut off knows its own
*.new           a file being written, under this name until it is whole and durable
"""

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from ojak_client import atomic_file, file_lock
from ojak_client.atomic_file import Disk
from ojak_client.errors import NoVault, VaultUnusable


def box_path(path: Path) -> Path:
    """Return the file of boxes that belongs to the vault at *path*."""
    return path.with_name(path.name + ".boxes")


def lock_path(path: Path) -> Path:
    """Return the file by which processes keep each other out of the vault at *path*."""
    return path.with_name(path.name + ".lock")


def closed_path(path: Path) -> Path:
    """Return the name of the vault at *path* while it is taken to another folder."""
    return path.with_name(path.name + ".moved")


def arriving_path(path: Path) -> Path:
    """Return the name of a file that is to become *path* once the old vault is closed."""
    return path.with_name(path.name + ".arriving")


def mark_path(path: Path) -> Path:
    """Return the mark of a move from or to *path*."""
    return path.with_name(path.name + ".move")


def is_closed(path: Path) -> bool:
    """Return whether a move of the vault at *path* was cut off after it was closed there."""
    return closed_path(path).exists() and not path.exists()


def are_copies_there(path: Path) -> bool:
    """Return whether copies lie here that a move brought which was cut off before their names."""
    return any(arriving_path(one).exists() for one in (path, box_path(path)))


def is_move_begun(path: Path) -> bool:
    """Return whether a move of the vault at *path* was cut off before it was closed there.

    Copies may lie at the other place, which is written nowhere.
    """
    return path.exists() and mark_path(path).exists()


def erase_all(path: Path, *, disk: Disk = os) -> None:
    """Overwrite and remove all that belongs to the vault at *path*, keys first.

    The directory goes too if nothing else is in it, and so does an empty one under a name of ours.

    Raises:
        OSError: the file system refused; every other name was tried all the same.
    """
    _erase((*_whole(path), lock_path(path)), path.parent, disk)


def _erase(names: tuple[Path, ...], folder: Path, disk: Disk) -> None:
    try:
        # Not `is_dir`, for which a folder that cannot be looked at is none either.
        is_folder = stat.S_ISDIR(folder.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return
    if not is_folder:
        return
    refused: OSError | None = None
    for ours in names:
        try:
            atomic_file.erase(ours, disk=disk)
        except OSError as error:
            refused = refused if _removes_directory(ours) else error
    atomic_file.sync_directory(folder, disk=disk)
    if refused is not None:
        raise refused
    with contextlib.suppress(OSError):
        folder.rmdir()


def _removes_directory(path: Path) -> bool:
    try:
        path.rmdir()
    except OSError:
        return False
    return True


def is_anything_there(path: Path) -> bool:
    """Return whether anything that a vault at *path* consists of is left, under whichever name."""
    return any(os.path.lexists(ours) for ours in _whole(path))


def is_lock_left(path: Path) -> bool:
    """Return whether the empty lock file lies there, which a killed command may leave as the last.

    It holds nothing, and tells that a vault was here.
    """
    return os.path.lexists(lock_path(path))


def _whole(path: Path) -> tuple[Path, ...]:
    """Return every name under which all or part of what is kept may lie, keys first.

    The boxes are sealed under keys that stand in the slots: once those are gone, so are they. Of
    those the one that opens goes last, so that who breaks it off and looks sees that all is there.
    """
    boxes, mark = box_path(path), mark_path(path)
    firsts = (path, closed_path(path))
    # A killed save or move leaves the slots under the name of what may always go.
    fresh = (*map(atomic_file.fresh_path, firsts), arriving_path(path))
    fresh_boxes = (atomic_file.fresh_path(boxes), arriving_path(boxes))
    return (*fresh, *reversed(firsts), boxes, *fresh_boxes, mark, atomic_file.fresh_path(mark))


@contextlib.contextmanager
def locked_if_there(path: Path, seconds: float, *, insists: bool = True) -> Iterator[None]:
    """Hold the lock of a vault that is there; where there is none, leave no lock file either.

    Raises:
        NoVault: there is none, or it was wiped while we waited.
        VaultBusy: another process held the lock for so long; see `file_lock.held`.
        VaultUnusable: the file system refused.
    """
    with file_errors():
        path.lstat()
    with locked(path, seconds, insists=insists):
        with file_errors():
            # A link that leads nowhere now is no wiped vault: what it led to may come back.
            if not os.path.lexists(path):
                # Wiped while we waited, and the waiting has made a new lock file; no more than that
                # is ours to erase, as somebody may have taken the first file to another place.
                if not is_anything_there(path):
                    _erase((lock_path(path),), path.parent, os)
                raise NoVault("there is no vault any more")
        yield


@contextlib.contextmanager
def locked(path: Path, seconds: float, *, insists: bool = True) -> Iterator[None]:
    """Hold the lock of the vault at *path*, whether there is one or not.

    Raises:
        VaultBusy: another process held it for so long; see `file_lock.held`.
        VaultUnusable: the file system refused.
    """
    with contextlib.ExitStack() as held:
        with file_errors():
            lock = file_lock.held(lock_path(path), seconds=seconds, insists=insists)
            held.enter_context(lock)
        yield


@contextlib.contextmanager
def file_errors() -> Iterator[None]:
    """Turn what the file system says, which names paths, into our errors, which do not."""
    try:
        yield
    except FileNotFoundError:
        raise NoVault("there is no vault") from None
    except OSError:
        raise VaultUnusable("the file system refused") from None
