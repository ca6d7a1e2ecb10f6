"""Give a store room for more boxes or fewer, while no relay holds it.

Killed or cut off at any moment, the file is a store of the old or the new capacity with all its
boxes, and the same command finishes. Boxes beyond the new end are written nearer the beginning,
durably, before they are overwritten where they lay; only then is the new capacity noted, and only
after that is anything cut off.
"""

from pathlib import Path

from ojak_relay.errors import StoreFailed, StoreUnusable
from ojak_relay.store.disk import Disk
from ojak_relay.store.due import NEVER
from ojak_relay.store.page import box_page, erased_page
from ojak_relay.store.page_file import PageFile, pages_for
from ojak_relay.store.pages import start_of
from ojak_relay.store.repair import Start


def resize(path: Path, capacity: int, *, disk: Disk) -> int:
    """Make the store at *path* one for *capacity* boxes; return what it was made for before.

    Raises:
        StoreUnusable: it is in use, is none, holds more boxes than that, or the disk refused.
    """
    file = PageFile.open(path, disk=disk)
    before = file.capacity
    start = start_of(file)
    try:
        _fits(path, start, capacity)
        if capacity > before:
            file.resize(capacity)
        else:
            _move_down(file, start, pages_for(capacity))
        # One superblock after the other: at any moment one of them is whole.
        for is_closed in (False, True):
            file.note(capacity=capacity, is_closed=is_closed)
            file.sync()
        file.resize(capacity)
    except OSError as error:
        why = error.strerror or "in part only"
        raise StoreUnusable(f"the store {path} cannot be written: {why}") from None
    except StoreFailed as error:
        raise StoreUnusable(f"the store {path} cannot be read: {error}") from None
    finally:
        file.close()
    return before


def _fits(path: Path, start: Start, capacity: int) -> None:
    boxes = len(start.index)
    if boxes > capacity:
        raise StoreUnusable(f"the store {path} holds {boxes} boxes: more than {capacity}")
    if start.unreadable:
        raise StoreUnusable(f"the disk does not give all of {path}; nothing was changed")


def _move_down(file: PageFile, start: Start, kept: range) -> None:
    """Bring every box beyond *kept* into it, and overwrite it where it lay."""
    free = iter([page for page in kept if start.expires_at[page] == NEVER])
    beyond = [page for page in range(kept.stop, file.pages.stop) if start.expires_at[page] != NEVER]
    for page in beyond:
        record = file.read(page)
        # One that is damaged is never given out, and gone with the end.
        if record is not None:
            file.write(next(free), box_page(record, start.commit + 1))
    file.sync()
    for page in beyond:
        file.write(page, erased_page(start.commit + 2))
    file.sync()
