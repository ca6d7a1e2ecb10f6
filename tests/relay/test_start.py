"""C4: a start learns of each page what it says by itself, whatever lies beside it.

Pages are read many at once; so each kind stands beside each other one, and damage in their middle.
"""

import os
import random
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import pytest

from ojak_relay.store import repair as repairing
from ojak_relay.store.base import Record
from ojak_relay.store.due import NEVER
from ojak_relay.store.page import PAGE_BYTES, box_page, erased_page, read_record
from ojak_relay.store.page_file import PageFile
from ojak_relay.store.repair import Start, repair
from tests.relay.disks import QuickDisk, RefusingDisk, SystemDisk
from tests.relay.kit import NOW, box, boxes_in, place

CAPACITY = 1300
"""Pages are read by 512."""

KINDS = ("box", "box", "box", "erased", "fresh", "damaged", "part of a box", "torn erasure")


@dataclass
class Lying:
    """What was put into a file.

    Attributes:
        boxes: pages with a box, whose number is that of the page.
        wrong: pages that hold what has to be erased in any file.
        torn: erased ones with a part of a box behind the header: erased unless it was closed.
        commit: the newest.
    """

    boxes: set[int] = field(default_factory=set)
    wrong: set[int] = field(default_factory=set)
    torn: set[int] = field(default_factory=set)
    commit: int = 0

    def page(self, kind: str, page: int) -> bytes:
        """Return what shall lie in *page*, and remember it."""
        box_here, erased = a_box(page), erased_page(page)
        if kind in {"box", "erased", "torn erasure"}:
            self.commit = page
        match kind:
            case "box":
                self.boxes.add(page)
                return box_here
            case "erased":
                return erased
            case "damaged":
                self.wrong.add(page)
                return box_here[:20] + bytes([box_here[20] ^ 8]) + box_here[21:]
            case "part of a box":
                self.wrong.add(page)
                return bytes(PAGE_BYTES // 2) + box_here[PAGE_BYTES // 2 :]
            case "torn erasure":
                self.torn.add(page)
                return erased[:1000] + box_here[1000:]
        return bytes(PAGE_BYTES)


def a_box(number: int, *, commit: int | None = None, content: int | None = None) -> bytes:
    """Return the page of box *number*, which bears that number as its commit too."""
    body = box(number if content is None else content)
    record = Record(place(number), NOW + number, NOW + 600 + number, body)
    return box_page(record, number if commit is None else commit)


def put(path: Path, seed: int, *, is_closed: bool) -> Lying:
    """Make a store with pages of all kinds, in runs of any length."""
    chance = random.Random(seed)  # noqa: S311 (repeatable, and nothing secret)
    file, lying = PageFile.open(path, CAPACITY, disk=QuickDisk()), Lying()
    pages = iter(file.pages)
    content: dict[int, bytes] = {}
    while len(content) < len(file.pages):
        kind, run = chance.choice(KINDS), chance.choice((1, 1, 2, 3, 40, 300))
        content |= {page: lying.page(kind, page) for page in islice(pages, run)}
    file.write_all(content)
    file.note(is_closed=is_closed)
    file.close()
    return lying


def started(path: Path, disk: SystemDisk) -> Start:
    file = PageFile.open(path, CAPACITY, disk=disk)
    start = repair(file)
    file.close()
    return start


def pages_in(path: Path) -> list[bytes]:
    data = path.read_bytes()
    return [data[at : at + PAGE_BYTES] for at in range(0, len(data), PAGE_BYTES)]


def differing(start: Start, lying: Lying, content: list[bytes]) -> list[int]:
    """Return the pages of which *start* does not say what lies there."""
    return [
        page
        for page in range(2, len(content))
        for has_box in [page in lying.boxes]
        if start.index.find(place(page)) != (page if has_box else None)
        or start.has_box[page] != has_box
        or start.expires_at[page] != (NOW + 600 + page if has_box else NEVER)
        or (has_box and start.released_at[page] != NOW + page)
        or (read_record(content[page]) is not None) != has_box
    ]


def free_in(start: Start) -> set[int]:
    return {start.free.take() for _ in range(len(start.free))}


@pytest.mark.parametrize("is_closed", [True, False])
@pytest.mark.parametrize("seed", range(6))
def test_c4_each_page_is_seen_as_what_it_is_beside_pages_of_any_kind(
    tmp_path: Path, seed: int, *, is_closed: bool
) -> None:
    lying = put(tmp_path / "store", seed, is_closed=is_closed)
    start = started(tmp_path / "store", QuickDisk())
    content = pages_in(tmp_path / "store")
    assert differing(start, lying, content) == []
    assert (len(start.index), start.commit) == (len(lying.boxes), lying.commit)
    assert free_in(start) == {*range(2, len(content))} - lying.boxes
    erased = lying.wrong | (set() if is_closed else lying.torn)
    assert [page for page in erased if boxes_in(content[page])] == []


def test_c4_a_start_that_trusts_every_header_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lying = put(tmp_path / "store", 1, is_closed=True)
    monkeypatch.setattr(repairing, "are_whole", lambda _: True)
    monkeypatch.setattr(repairing, "which_are_whole", lambda heads: [True] * (len(heads) // 96))
    start = started(tmp_path / "store", QuickDisk())
    assert differing(start, lying, pages_in(tmp_path / "store"))


def test_the_older_of_two_is_found_wherever_in_the_file_the_newer_lies(tmp_path: Path) -> None:
    path, pairs = tmp_path / "store", [(5, 6), (7, 900), (1200, 8), (511, 515), (1361, 1360)]
    lying = put(path, 3, is_closed=True)
    file = PageFile.open(path, disk=QuickDisk())
    every = lying.boxes | {page for pair in pairs for page in pair}
    for older, newer in pairs:
        file.write(older, a_box(newer, commit=2, content=older))
    file.write_all({page: a_box(page) for page in every - {older for older, _ in pairs}})
    file.close()
    lying.boxes = every - {older for older, _ in pairs}
    start, content = started(path, QuickDisk()), pages_in(path)
    assert differing(start, lying, content) == []
    assert [older for older, _ in pairs if boxes_in(content[older])] == []


@pytest.mark.parametrize("is_closed", [True, False])
def test_c4_pages_that_cannot_be_read_cost_none_beside_them(
    tmp_path: Path, *, is_closed: bool
) -> None:
    lying = put(tmp_path / "store", 2, is_closed=is_closed)
    bad = {2, 3, 513, 514, 700, 1025, 1026, 1365}
    before = pages_in(tmp_path / "store")
    disk = RefusingDisk(bad={page * PAGE_BYTES + 9 for page in bad})
    start = started(tmp_path / "store", disk)
    content = pages_in(tmp_path / "store")
    assert start.unreadable == bad
    assert [page for page in bad if content[page] != before[page]] == []
    lying.boxes -= bad
    assert {*differing(start, lying, content)} <= bad
    assert free_in(start) == {*range(2, len(content))} - lying.boxes - bad


class ForgetsBodies(QuickDisk):
    """Gives headers, many at once, and refuses a single page."""

    def pread(self, fd: int, length: int, offset: int, /) -> bytes:
        if offset >= 2 * PAGE_BYTES:
            raise OSError(5, os.strerror(5))
        return super().pread(fd, length, offset)


def test_c4_an_erased_page_that_cannot_be_read_again_is_left_alone(tmp_path: Path) -> None:
    """It may hold a part of a box, and so is not written to, but looked at by a later start."""
    path = tmp_path / "store"
    file = PageFile.open(path, CAPACITY, disk=QuickDisk())
    file.write_all({page: erased_page(5)[:1000] + a_box(page)[1000:] for page in (2, 3)})
    file.note(is_closed=False)
    file.close()
    with path.open("r+b") as raw:
        raw.seek(4 * PAGE_BYTES)
        raw.write(a_box(4))
    file = PageFile.open(path, CAPACITY, disk=ForgetsBodies())
    scan = repairing._Scan(file, repairing.untold)  # noqa: SLF001 (what it would go on with)
    file.close()
    assert (scan.unreadable, scan.broken) == ({2, 3}, [])
    assert scan.has_box[4]
