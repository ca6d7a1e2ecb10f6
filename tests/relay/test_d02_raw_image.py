"""D1, D2, D5: nothing deleted, replaced or expired is in the store's file, nor on the raw disk.

The disk is a file with ext4 (`data=ordered`) on it. Needs root for loop mounts: without, it is
skipped with a word, and `make torture` counts it. The same search finds what SQLite leaves.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from ojak_relay.store.page_file import PageFile
from ojak_relay.store.pages import PagesStore
from tests.images import CannotMount, mounted, new_image
from tests.relay.kit import NOW, box, boxes_in, deposit, place

BOXES = 300
KEPT = set(range(0, BOXES, 10))
EXPIRED = set(range(1, BOXES, 10))
REPLACED = set(range(2, BOXES, 10))
CAPACITY = 400
TOGETHER = 10
NEW = 10_000
"""What is added to the number of a box to get that of the one that replaced it."""


async def _live(path: Path) -> None:
    store = await PagesStore.open(path, CAPACITY)
    for first in range(0, BOXES, TOGETHER):
        numbers = range(first, first + TOGETHER)
        some = [deposit(n, n, ttl=60 if n in EXPIRED else 6000) for n in numbers]
        await store.apply([], some, now=NOW)
    replacing = [deposit(n, NEW + n, shown=True, ttl=6000) for n in REPLACED]
    await store.apply([], replacing, now=NOW)
    gone = set(range(BOXES)) - KEPT - EXPIRED - REPLACED
    for first in range(0, BOXES, TOGETHER):
        ids = [place(number) for number in gone & set(range(first, first + TOGETHER))]
        await store.apply(ids, [], now=NOW)
    while await store.expire(now=NOW + 60):
        pass
    assert store.boxes == len(KEPT) + len(REPLACED)
    await store.close()


def live(folder: Path) -> None:
    """Deposit, replace, delete and let expire, in the pages store."""
    asyncio.run(_live(folder / "store"))


def live_in_sqlite(folder: Path) -> None:
    """Planted: the same in SQLite as people use it, with its own overwriting on."""
    database = sqlite3.connect(folder / "store")
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("PRAGMA synchronous=FULL")
    database.execute("PRAGMA secure_delete=ON")
    database.execute("CREATE TABLE boxes (id BLOB PRIMARY KEY, box BLOB)")
    for number in range(BOXES):
        with database:
            row = bytes(place(number)), box(number)
            database.execute("INSERT INTO boxes VALUES (?, ?)", row)
    for number in set(range(BOXES)) - KEPT:
        with database:
            if number in REPLACED:
                row = box(NEW + number), bytes(place(number))
                database.execute("UPDATE boxes SET box = ? WHERE id = ?", row)
            else:
                database.execute("DELETE FROM boxes WHERE id = ?", (bytes(place(number)),))
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()


def left_in(data: bytes) -> tuple[int, int]:
    """Return how many boxes, and ids of boxes, are in *data* that should be gone."""
    lie = KEPT | {NEW + number for number in REPLACED}
    assert lie <= boxes_in(data), "what lies there is found, so the search can find"
    ids = set(range(BOXES)) - KEPT - REPLACED
    return len(boxes_in(data) - lie), sum(bytes(place(number)) in data for number in ids)


def on_raw_disk(folder: Path, work: Callable[[Path], None]) -> tuple[int, int]:
    """Do *work* on a disk of its own and return what is left there.

    Raises:
        CannotMount: there is no root here.
    """
    image = new_image(folder / "image")
    with mounted(image) as disk:
        work(disk)
    return left_in(image.read_bytes())


def test_d1_nothing_gone_is_in_the_file_of_a_live_store(tmp_path: Path) -> None:
    live(tmp_path)
    assert left_in((tmp_path / "store").read_bytes()) == (0, 0)


def test_d2_nothing_gone_is_on_the_raw_disk(tmp_path: Path) -> None:
    try:
        assert on_raw_disk(tmp_path, live) == (0, 0)
    except CannotMount as reason:
        pytest.skip(f"NO RAW DISK WAS SEARCHED: {reason}")


def test_d5_what_sqlite_leaves_on_the_raw_disk_is_found(tmp_path: Path) -> None:
    try:
        boxes, ids = on_raw_disk(tmp_path, live_in_sqlite)
    except CannotMount as reason:
        pytest.skip(f"NO RAW DISK WAS SEARCHED: {reason}")
    assert boxes > 10
    assert ids > 10


def test_d1_a_store_that_does_not_overwrite_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = PageFile.write_all

    def write_all(file: PageFile, pages: Mapping[int, bytes]) -> None:
        # Planted: only the header says that it is gone.
        honest(
            file,
            {
                page: data[:96] + file.read_page(page)[96:] if b"gone" in data[:8] else data
                for page, data in pages.items()
            },
        )

    monkeypatch.setattr(PageFile, "write_all", write_all)
    live(tmp_path)
    assert left_in((tmp_path / "store").read_bytes()) != (0, 0)
