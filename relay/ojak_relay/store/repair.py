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
from collections.abc import Iterable
from dataclasses import dataclass, field

from ojak_protocol.addresses import MailboxId
from ojak_relay.store.due import NEVER
from ojak_relay.store.free import FreePages
from ojak_relay.store.index import Index
from ojak_relay.store.page import (
    BOX,
    erased_page,
    is_fresh,
    is_torn,
    read_header,
    read_headers,
)
from ojak_relay.store.page_file import PageFile


@dataclass(slots=True)
class Start:
    """What a file holds once put right. Each array has one item a page.

    Attributes:
        index: the page of each box.
        expires_at: when the time of a page's box is over, or NEVER.
        released_at: from when on it is visible.
        free: the pages that can be written.
        commit: number of the last commit in the file.
        unreadable: pages that the disk did not give. They are left alone.
    """

    index: Index
    expires_at: "array[int]"
    released_at: "array[int]"
    free: FreePages
    commit: int = 0
    unreadable: set[int] = field(default_factory=set)


def repair(file: PageFile) -> Start:
    """Erase what a crash left in *file*, durably, and return what it holds.

    Raises:
        OSError: the disk refused to write.
        StoreFailed: the disk refused to read, or the file became shorter.
    """
    scan = _scanned(file)
    start = scan.start
    if not file.is_closed:
        scan.broken += [page for page in scan.erased if _is_torn(file.read_page(page))]
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
    if file.is_closed:
        file.note()
    file.sync()
    free = (page for page in file.pages if start.expires_at[page] == NEVER)
    start.free.give_all(page for page in free if page not in start.unreadable)
    return start


@dataclass(slots=True)
class _Scan:
    """What the headers of a file say.

    Attributes:
        start: all boxes, torn and double ones included; nothing is free yet.
        broken: pages whose header is not whole.
        erased: pages that are erased, of the newest commit or not.
        newest: pages of the newest commit.
        doubles: ids that more than one page has, and these.
    """

    start: Start
    broken: list[int] = field(default_factory=list)
    erased: "array[int]" = field(default_factory=lambda: array("I"))
    newest: list[int] = field(default_factory=list)
    doubles: dict[bytes, set[int]] = field(default_factory=dict)


def _scanned(file: PageFile) -> _Scan:
    total = file.pages.stop
    never, zero = array("Q", [NEVER]), array("Q", [0])
    start = Start(Index(total), never * total, zero * total, FreePages(total))
    scan = _Scan(start)
    put, expires_at, released_at = start.index.put, start.expires_at, start.released_at
    expected = file.pages.start
    for pages, headers in file.headers():
        start.unreadable.update(range(expected, pages.start))
        expected = pages.stop
        for page, header in zip(pages, read_headers(headers), strict=True):
            if header is None:
                if not is_fresh(file.read_page(page)):
                    scan.broken.append(page)
                continue
            magic, id_, commit, its_expires_at, its_released_at, _ = header
            if magic == BOX:
                expires_at[page] = its_expires_at
                released_at[page] = its_released_at
                if other := put(MailboxId(id_), page):
                    scan.doubles.setdefault(id_, {other}).add(page)
            else:
                scan.erased.append(page)
            if commit > start.commit:
                start.commit = commit
                scan.newest.clear()
            if commit == start.commit:
                scan.newest.append(page)
    start.unreadable.update(range(expected, total))
    return scan


def _older(file: PageFile, start: Start, pages: Iterable[int]) -> list[int]:
    """Return, of *pages* with one id, all but the newest."""
    headers = [(read_header(file.read_page(page)), page) for page in pages if _has_box(start, page)]
    by_commit = sorted((header[2], page) for header, page in headers if header is not None)
    return [page for _, page in by_commit[:-1]]


def _is_torn(page: bytes) -> bool:
    header = read_header(page)
    return header is None or is_torn(page, header)


def _has_box(start: Start, page: int) -> bool:
    return start.expires_at[page] != NEVER


def _forget(start: Start, page: int) -> None:
    if _has_box(start, page):
        start.index.remove(page)
        start.expires_at[page] = NEVER
