"""What a relay does with its file at start: put right what a crash left, and learn what lies where.

Only pages of the newest commit can be torn, and those it was about to take: their headers may be
the old ones still, and say erased, while a part of a box stands behind. What is torn, and the older
of two with one id (a replacement cut short between its two syncs), is erased before anything is
served. Erased pages get the number of the newest commit, not a later one: if this start is cut
short as well, the next one looks at the same pages again.

The whole pages of the newest commit are written once more. Their sync may have failed, and then
they stand in the memory of the system and not on the disk: what is served would be gone with the
power, and another sync alone would not tell.
"""

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from ojak_relay.store.due import NEVER
from ojak_relay.store.free import FreePages
from ojak_relay.store.index import Index
from ojak_relay.store.page import (
    BOX,
    PAGE_BYTES,
    Columns,
    Header,
    erased_page,
    is_fresh,
    is_torn,
    read_boxes,
    read_header,
    read_headers,
)
from ojak_relay.store.page_file import PageFile

_COMMITS_A_SERIAL: Final = 2**32
"""More than there can be until the superblock is noted again."""


@dataclass(slots=True)
class Start:
    """What a file holds once put right. Each array has one item a page.

    Attributes:
        index: the page of each box.
        expires_at: when the time of a page's box is over, or NEVER.
        released_at: from when on it is visible.
        commit: number of the last commit in the file, or a higher one if not all could be read.
        free: the pages that can be written.
        unreadable: pages that the disk did not give. They are left alone.
    """

    index: Index
    expires_at: "array[int]"
    released_at: "array[int]"
    commit: int = 0
    free: FreePages = field(default_factory=lambda: FreePages(bytearray()))
    unreadable: set[int] = field(default_factory=set)


def repair(file: PageFile) -> Start:
    """Erase what a crash left in *file*, durably, and return what it holds.

    Raises:
        OSError: the disk refused to write.
        StoreFailed: the disk refused to read, or the file became shorter.
    """
    scan = _scanned(file)
    start = scan.start
    for page in scan.newest:
        whole = file.read_page(page)
        if _is_torn(whole):
            scan.broken.append(page)
            _forget(start, page)
        else:
            file.write(page, whole)
    # Before anything that these replace is erased.
    file.sync()
    older = [page for pages in scan.doubles.values() for page in _older(file, start, pages)]
    for page in older:
        _forget(start, page)
    for page in dict.fromkeys((*scan.broken, *older)):
        file.write(page, erased_page(start.commit))
    if file.is_closed or start.unreadable:
        file.note()
    file.sync()
    if start.unreadable:
        # Among what was not read may be the newest. A serial is noted for each start that lacks
        # pages, and each minute: nothing of an earlier run has a number as high.
        start.commit = max(start.commit, file.serial * _COMMITS_A_SERIAL)
    start.free = _free(file, start)
    return start


def _free(file: PageFile, start: Start) -> FreePages:
    is_free = bytearray(map(NEVER.__eq__, start.expires_at))
    for page in (*range(file.pages.start), *start.unreadable):
        is_free[page] = 0
    return FreePages(is_free)


@dataclass(slots=True)
class _Scan:
    """What the headers of a file say.

    Attributes:
        start: all boxes, torn and double ones included; nothing is free yet.
        broken: pages whose header is not whole, and erased ones that hold something else.
        newest: pages of the newest commit.
        doubles: ids that more than one page has, and these.
    """

    start: Start
    broken: list[int] = field(default_factory=list)
    newest: list[int] = field(default_factory=list)
    doubles: dict[bytes, set[int]] = field(default_factory=dict)


def _scanned(file: PageFile) -> _Scan:
    total = file.pages.stop
    never, zero = array("Q", [NEVER]), array("Q", [0])
    start = Start(Index(total), never * total, zero * total)
    scan = _Scan(start)
    for span in file.written():
        expected = span.start
        for pages, content in file.read_all(span):
            start.unreadable.update(range(expected, pages.start))
            expected = pages.stop
            _note(scan, pages, content, may_be_torn=not file.is_closed)
        start.unreadable.update(range(expected, span.stop))
    return scan


def _note(scan: _Scan, pages: range, content: memoryview, *, may_be_torn: bool) -> None:
    """Note what some pages say, whose bytes lie side by side in *content*."""

    def page_bytes(page: int) -> bytes:
        at = (page - pages.start) * PAGE_BYTES
        return bytes(content[at : at + PAGE_BYTES])

    columns = read_boxes(content)
    if columns is not None:
        _note_newest(scan, pages, columns[1])
        _note_boxes(scan, pages, columns)
        return
    if is_fresh(bytes(content)):
        return
    boxes: dict[int, Header] = {}
    for page, header in zip(pages, read_headers(content), strict=True):
        if header is None:
            if not is_fresh(page_bytes(page)):
                scan.broken.append(page)
            continue
        _note_newest(scan, [page], [header[2]])
        if header[0] == BOX:
            boxes[page] = header
        elif may_be_torn and is_torn(page_bytes(page), header):
            scan.broken.append(page)
    if boxes:
        _, ids, commits, expires_at, released_at, _ = zip(*boxes.values(), strict=True)
        _note_boxes(scan, [*boxes], (ids, commits, expires_at, released_at))


def _note_newest(scan: _Scan, pages: Sequence[int], commits: Sequence[int]) -> None:
    newest = max(commits)
    if newest > scan.start.commit:
        scan.start.commit = newest
        scan.newest.clear()
    if newest == scan.start.commit:
        each = zip(pages, commits, strict=True)
        scan.newest += [page for page, commit in each if commit == newest]


def _note_boxes(scan: _Scan, pages: Sequence[int], columns: Columns) -> None:
    start = scan.start
    ids, _, expires_at, released_at = columns
    if isinstance(pages, range):
        start.expires_at[pages.start : pages.stop] = array("Q", expires_at)
        start.released_at[pages.start : pages.stop] = array("Q", released_at)
    else:
        for page, expires, released in zip(pages, expires_at, released_at, strict=True):
            start.expires_at[page] = expires
            start.released_at[page] = released
    for page, other in start.index.put_all(pages, ids):
        scan.doubles.setdefault(start.index.id_of(page), {other}).add(page)


def _older(file: PageFile, start: Start, pages: Iterable[int]) -> list[int]:
    """Return, of *pages* with one id, all but the newest that is whole."""
    found = []
    for page in pages:
        whole = file.read_page(page)
        header = read_header(whole)
        if header is not None and _has_box(start, page):
            # It may be torn and not of the newest commit, if it could not be read for a while.
            found.append((not is_torn(whole, header), header[2], page))
    return [page for _, _, page in sorted(found)[:-1]]


def _is_torn(page: bytes) -> bool:
    header = read_header(page)
    return header is None or is_torn(page, header)


def _has_box(start: Start, page: int) -> bool:
    return start.expires_at[page] != NEVER


def _forget(start: Start, page: int) -> None:
    if _has_box(start, page):
        start.index.remove(page)
        start.expires_at[page] = NEVER
