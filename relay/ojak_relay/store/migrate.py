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
    earlier = path.with_name(f"{path.name}.earlier")
    try:
        boxes = _made_anew(path, earlier, disk)
        if earlier.exists():
            _remove(earlier, disk)
            sync_folder(disk, path)
    except OSError as error:
        raise StoreUnusable(f"the store {path} cannot be migrated: {error.strerror}") from None
    return boxes


def _made_anew(path: Path, earlier: Path, disk: Disk) -> int | None:
    with suppress(StoreUnusable):
        check(path, 0, disk=disk)
        return None
    descriptor = disk.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        lock(descriptor, path)
        before = EarlierFile(disk, descriptor, path)
        new = path.with_name(f"{path.name}.migrating")
        boxes = _copied(before, new, disk)
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
            disk.pwritev(descriptor, [os.urandom(PAGE_BYTES)], at)
        disk.fsync(descriptor)
    finally:
        disk.close(descriptor)
