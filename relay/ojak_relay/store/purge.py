"""Overwrite whatever lies in a store, whole or damaged, while no relay holds it."""

from pathlib import Path
from typing import Final

from ojak_relay.errors import StoreFailed, StoreUnusable
from ojak_relay.store.disk import Disk
from ojak_relay.store.migrate import remove_left
from ojak_relay.store.page import erased_page, is_fresh, read_header
from ojak_relay.store.page_file import PageFile

_SYNC_EVERY: Final = 1024
"""Pages between two syncs, so that little is left to overwrite when it is cut off."""


def purge(path: Path, *, disk: Disk) -> int:
    """Overwrite every page of the store at *path* that was ever written; return how many.

    Pages that cannot be read are overwritten as well, and what a migration that was cut off left
    beside the store.

    Raises:
        StoreUnusable: it is in use, is none, or the disk refused.
    """
    file = PageFile.open(path, disk=disk)
    try:
        remove_left(path, disk)
        file.note(is_closed=False)
        commit = _newest(file)
        done = 0
        for page in file.pages:
            if _was_written(file, page):
                file.write(page, erased_page(commit))
                done += 1
                if done % _SYNC_EVERY == 0:
                    file.sync()
        file.sync()
        file.note(is_closed=True)
        file.sync()
    except OSError as error:
        why = error.strerror or "in part only"
        raise StoreUnusable(f"the store {path} cannot be written: {why}") from None
    finally:
        file.close()
    return done


def _newest(file: PageFile) -> int:
    """Return the number of the newest commit: a start looks at the pages of that one again."""
    newest = 0
    for page in file.pages:
        try:
            header = read_header(file.read_page(page))
        except StoreFailed:
            continue
        newest = max(newest, header[2] if header else 0)
    return newest


def _was_written(file: PageFile, page: int) -> bool:
    try:
        return not is_fresh(file.read_page(page))
    except StoreFailed:
        return True
