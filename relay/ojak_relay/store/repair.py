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
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain, compress
from operator import and_, not_
from typing import Final

from ojak_protocol.addresses import ID_BYTES
from ojak_relay.errors import StoreFailed
from ojak_relay.store.due import NEVER
from ojak_relay.store.free import FreePages
from ojak_relay.store.headers import (
    COMMIT,
    EXPIRES_AT,
    RELEASED_AT,
    are_boxes,
    are_whole,
    ids_in,
    numbers_in,
    which_are_boxes,
    which_are_whole,
)
from ojak_relay.store.index import Index
from ojak_relay.store.page import erased_page, is_fresh, is_torn, read_header
from ojak_relay.store.page_file import PageFile

_COMMITS_A_SERIAL: Final = 2**32
"""More than there can be until the superblock is noted again."""

Progress = Callable[[int, int], None]
"""Takes up to which page a file is read, and how many it has."""

_OTHER: Final = bytes.maketrans(b"\0\1", b"\1\0")


@dataclass(slots=True)
class Start:
    """What a file holds once put right. Each array has one item a page.

    Attributes:
        index: the page of each box.
        has_box: 1 where a box lies, 0 elsewhere.
        expires_at: when the time of a page's box is over, or NEVER.
        released_at: from when on it is visible.
        commit: number of the last commit in the file, or a higher one if not all could be read.
        free: the pages that can be written.
        unreadable: pages that the disk did not give. They are left alone.
    """

    index: Index
    has_box: bytearray
    expires_at: "array[int]"
    released_at: "array[int]"
    commit: int = 0
    free: FreePages = field(default_factory=lambda: FreePages(bytearray()))
    unreadable: set[int] = field(default_factory=set)


def untold(page: int, pages: int) -> None:
    """Take what nobody asked for."""


def repair(file: PageFile, progress: Progress = untold) -> Start:
    """Erase what a crash left in *file*, durably, and return what it holds.

    How far it is read, is told to *progress*.

    Raises:
        OSError: the disk refused to write.
        StoreFailed: the disk refused to read, or the file became shorter.
    """
    scan = _Scan(file, progress)
    index = Index(scan.ids)
    end = file.pages.stop
    doubles = _by_id(index, index.put_all(scan.has_box, lambda: progress(end, end)))
    start = Start(
        index=index,
        has_box=scan.has_box,
        expires_at=scan.expires_at,
        released_at=scan.released_at,
        commit=scan.commit,
        unreadable=scan.unreadable,
    )
    for page in scan.newest:
        whole = file.read_page(page)
        if _is_torn(whole):
            scan.broken.append(page)
            _forget(start, page)
        else:
            file.write(page, whole)
    # Before anything that these replace is erased.
    file.sync()
    older = [page for pages in doubles for page in _older(file, start, pages)]
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


def _by_id(index: Index, pairs: Iterable[tuple[int, int]]) -> list[set[int]]:
    """Return all pages of each id, of *pairs* that have one id."""
    found: dict[bytes, set[int]] = {}
    for page, other in pairs:
        found.setdefault(index.id_of(page), {other}).add(page)
    return [*found.values()]


def _free(file: PageFile, start: Start) -> FreePages:
    is_free = start.has_box.translate(_OTHER)
    for page in (*range(file.pages.start), *start.unreadable):
        is_free[page] = 0
    return FreePages(is_free)


class _Scan:
    """What the headers of *file* say, by page.

    Attributes:
        ids: 32 bytes a page; zeros where it holds no box.
        has_box: 1 or 0.
        expires_at, released_at: the times of its box.
        commit: the newest one.
        broken: pages whose header is not whole, and erased ones that hold something else.
        unreadable: pages that the disk did not give.
    """

    def __init__(self, file: PageFile, progress: Progress) -> None:
        total = file.pages.stop
        self._file = file
        self.ids = bytearray(ID_BYTES * total)
        self.has_box = bytearray(total)
        self.expires_at = array("Q", [NEVER]) * total
        self.released_at = array("Q", [0]) * total
        self.commit = 0
        self._newest: list[tuple[Sequence[int], Sequence[int]]] = []
        self.broken: list[int] = []
        self.unreadable: set[int] = set()
        for span in file.written():
            expected = span.start
            for pages, heads in file.read_headers(span):
                self.unreadable.update(range(expected, pages.start))
                expected = pages.stop
                self._note(pages, heads)
                progress(pages.stop, total)
            self.unreadable.update(range(expected, span.stop))

    def _note(self, pages: range, heads: memoryview) -> None:
        """Note what the headers of some pages say, and look at bodies where they do not say all."""
        if are_boxes(heads) and are_whole(heads):
            self._note_boxes(pages, heads)
            self._note_newest(pages, numbers_in(heads, COMMIT))
            return
        if is_fresh(bytes(heads)):
            self._look_at_fresh(pages)
            return
        is_whole = which_are_whole(heads)
        commits = compress(numbers_in(heads, COMMIT), is_whole)
        self._note_newest([*compress(pages, is_whole)], [*commits])
        may_be_torn = not self._file.is_closed
        has_box = [*map(and_, is_whole, which_are_boxes(heads))]
        if any(has_box):
            self._note_boxes(pages, heads)
            for page in compress(pages, map(not_, has_box)):
                self._clear(page)
        for page, whole, box in zip(pages, is_whole, has_box, strict=True):
            if not box and (may_be_torn or not whole):
                self._look(page)

    def _note_boxes(self, pages: range, heads: memoryview) -> None:
        first, stop = pages.start, pages.stop
        self.ids[ID_BYTES * first : ID_BYTES * stop] = ids_in(heads)
        self.has_box[first:stop] = b"\1" * len(pages)
        self.expires_at[first:stop] = numbers_in(heads, EXPIRES_AT)
        self.released_at[first:stop] = numbers_in(heads, RELEASED_AT)

    @property
    def newest(self) -> list[int]:
        """Pages of the newest commit."""
        each = chain.from_iterable(zip(*some, strict=True) for some in self._newest)
        return [page for page, commit in each if commit == self.commit]

    def _note_newest(self, pages: Sequence[int], commits: Sequence[int]) -> None:
        newest = max(commits, default=0)
        if newest > self.commit:
            self.commit = newest
            self._newest.clear()
        if newest == self.commit:
            self._newest.append((pages, commits))

    def _clear(self, page: int) -> None:
        self.ids[ID_BYTES * page : ID_BYTES * (page + 1)] = bytes(ID_BYTES)
        self.has_box[page] = 0
        self.expires_at[page] = NEVER
        self.released_at[page] = 0

    def _look_at_fresh(self, pages: range) -> None:
        """Do as `_look` with pages of which all headers are zeros, and most bodies."""
        fresh: set[int] = set()
        for some, content in self._file.read_all(pages):
            if is_fresh(bytes(content)):
                fresh.update(some)
        for page in pages:
            if page not in fresh:
                self._look(page)

    def _look(self, page: int) -> None:
        """Note whether *page*, which has not the header of a box, holds what none such may."""
        try:
            whole = self._file.read_page(page)
        except StoreFailed:
            self.unreadable.add(page)
            return
        if not is_fresh(whole) and _is_torn(whole):
            self.broken.append(page)


def _older(file: PageFile, start: Start, pages: Iterable[int]) -> list[int]:
    """Return, of *pages* with one id, all but the newest that is whole."""
    found = []
    for page in pages:
        whole = file.read_page(page)
        header = read_header(whole)
        if header is not None and start.has_box[page]:
            # It may be torn and not of the newest commit, if it could not be read for a while.
            found.append((not is_torn(whole, header), header[2], page))
    return [page for _, _, page in sorted(found)[:-1]]


def _is_torn(page: bytes) -> bool:
    header = read_header(page)
    return header is None or is_torn(page, header)


def _forget(start: Start, page: int) -> None:
    if start.has_box[page]:
        start.index.remove(page)
        start.has_box[page] = 0
        start.expires_at[page] = NEVER
