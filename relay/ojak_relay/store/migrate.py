"""Bring a store of the earlier format to this one, while no relay holds it.

A whole new file is made beside it and takes its name; only then is the earlier one overwritten and
removed. Killed at any moment, the name leads to a whole store of one format or the other, and the
same command finishes, the overwriting included. The disk needs room for both meanwhile.
"""

import os
from contextlib import closing, suppress
from pathlib import Path

from ojak_relay.errors import StoreUnusable
from ojak_relay.store.disk import Disk
from ojak_relay.store.earlier import EarlierFile
from ojak_relay.store.page import PAGE_BYTES, box_page
from ojak_relay.store.page_file import PageFile, check, lock, sync_folder


def migrate(path: Path, *, disk: Disk) -> int | None:
    """Bring the store at *path* to the present format; return how many boxes, or None if it was.

    Raises:
        StoreUnusable: it is in use, is no store, or the disk refused.
    """
    try:
        boxes = _made_anew(path, disk)
        remove_left(path, disk)
    except OSError as error:
        why = error.strerror or "in part only"
        raise StoreUnusable(f"the store {path} cannot be migrated: {why}") from None
    return boxes


def left_by_migration(path: Path) -> list[Path]:
    """Return which files a migration that was cut off left beside the store: boxes lie in them."""
    return [file for file in (_earlier(path), _new(path)) if file.exists()]


def remove_left(path: Path, disk: Disk) -> None:
    """Overwrite and remove what a migration left beside the store at *path*, which is whole.

    Raises:
        OSError: the disk refused, or took a part only.
        StoreUnusable: a relay holds one of these files.
    """
    left = left_by_migration(path)
    for file in left:
        _remove(file, disk)
    if left:
        sync_folder(disk, path)


def _earlier(path: Path) -> Path:
    return path.with_name(f"{path.name}.earlier")


def _new(path: Path) -> Path:
    return path.with_name(f"{path.name}.migrating")


def _made_anew(path: Path, disk: Disk) -> int | None:
    earlier, new = _earlier(path), _new(path)
    with suppress(StoreUnusable):
        check(path, 0, disk=disk)
        return None
    descriptor = disk.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        lock(descriptor, path)
        before = EarlierFile(disk, descriptor, path)
        boxes = _copied(before, new, disk)
        # Root migrates for a user who is to open it.
        owner = os.fstat(descriptor)
        os.chown(new, owner.st_uid, owner.st_gid)
        # Two names for the earlier file, so that there is no moment without a store at *path*.
        if earlier.exists():
            if not earlier.samefile(path):
                _overwrite(earlier, disk)
            earlier.unlink()
        earlier.hardlink_to(path)
        new.replace(path)
        sync_folder(disk, path)
    finally:
        disk.close(descriptor)
    return boxes


def _copied(before: EarlierFile, new: Path, disk: Disk) -> int:
    if new.exists():
        # What a run that was cut off had copied is written again, over what it wrote.
        _overwrite(new, disk)
        new.unlink()
    boxes = 0
    with closing(PageFile.open(new, before.capacity, disk=disk)) as file:
        for page, record in zip(file.pages, before.records(), strict=False):
            file.write(page, box_page(record, 1))
            boxes += 1
        file.sync()
        file.note(is_closed=True)
        file.sync()
    return boxes


def _remove(earlier: Path, disk: Disk) -> None:
    _overwrite(earlier, disk)
    earlier.unlink()


def _overwrite(path: Path, disk: Disk) -> None:
    descriptor = disk.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        lock(descriptor, path)
        for at in range(0, os.fstat(descriptor).st_size, PAGE_BYTES):
            if disk.pwritev(descriptor, [os.urandom(PAGE_BYTES)], at) != PAGE_BYTES:
                raise OSError("a page was written in part")
        disk.fsync(descriptor)
    finally:
        disk.close(descriptor)
