"""What a relay does with its file at start: put right what a crash left, and learn what lies where.

Only pages of the newest commit can be torn. What is torn, and the older of two with one id (a
replacement cut short between its two syncs), is erased before anything is served. Erased pages get
the number of the newest commit, not a later one: if this start is cut short as well, the next one
looks at the same pages again.

The whole pages of the newest commit are written once more. Their sync may have failed, and then
they stand in the memory of the system and not on the disk: what is served would be gone with the
power, and another sync alone would not tell.
"""

from array import array
from dataclasses import dataclass, field

from ojak_protocol.addresses import MailboxId
from ojak_relay.store.due import NEVER
from ojak_relay.store.index import Index
from ojak_relay.store.page import (
    PAGE_BYTES,
    Header,
    erased_page,
    is_box,
    is_fresh,
    is_torn,
    read_header,
)
from ojak_relay.store.page_file import PageFile


class Start:
    """What a file holds once put right. Each array has one item a page.

    Attributes:
        index: the page of each box.
        expires_at: when the time of a page's box is over, or NEVER.
        released_at: from when on it is visible.
        free: the pages that can be written, the last ones first.
        commit: number of the last commit in the file.
        unreadable: how many pages the disk did not give. They are left alone.
    """

    def __init__(self, pages: int) -> None:
        self.index = Index(pages)
        self.expires_at = array("Q", [NEVER]) * pages
        self.released_at = array("Q", [0]) * pages
        self.free = array("I")
        self.commit = 0
        self.unreadable = 0


@dataclass(slots=True)
class _Scan:
    """What is known of the pages read so far.

    Attributes:
        commits: of each page with a box.
        newest: pages of the newest commit; nothing is done with these before all are read.
        erase: pages to be erased.
    """

    start: Start
    commits: "array[int]"
    newest: dict[int, Header] = field(default_factory=dict)
    erase: list[int] = field(default_factory=list)

    def see(self, page: int, header: Header) -> None:
        """Take a page whose header is whole."""
        commit = header[2]
        if commit < self.start.commit:
            self.take(page, header)
            return
        if commit > self.start.commit:
            for other, one in self.newest.items():
                self.take(other, one)
            self.newest.clear()
            self.start.commit = commit
        self.newest[page] = header

    def take(self, page: int, header: Header) -> None:
        """Take a page that is whole; of two boxes with one id the newer one."""
        start = self.start
        if not is_box(header):
            start.free.append(page)
            return
        _, id_, commit, expires_at, released_at, _ = header
        other = start.index.find(MailboxId(id_))
        if other is not None:
            older = page if commit < self.commits[other] else other
            self.erase.append(older)
            if older == page:
                return
            start.index.remove(MailboxId(id_), other)
            start.expires_at[other] = NEVER
        start.index.put(MailboxId(id_), page)
        start.expires_at[page] = expires_at
        start.released_at[page] = released_at
        self.commits[page] = commit


def repair(file: PageFile) -> Start:
    """Erase what a crash left in *file*, durably, and return what it holds.

    Raises:
        OSError: the disk refused to write.
        StoreFailed: the disk refused to read, or the file became shorter.
    """
    start = Start(file.pages.stop)
    scan = _Scan(start, array("Q", [0]) * file.pages.stop)
    read = 0
    for pages, data in file.scan():
        read += len(pages)
        for page, at in zip(pages, range(0, len(data), PAGE_BYTES), strict=False):
            header = read_header(data, at)
            if header is not None:
                scan.see(page, header)
            elif is_fresh(data[at : at + PAGE_BYTES]):
                start.free.append(page)
            else:
                scan.erase.append(page)
    start.unreadable = len(file.pages) - read
    for page, header in scan.newest.items():
        whole = file.read_page(page)
        if is_torn(whole, header):
            scan.erase.append(page)
        else:
            scan.take(page, header)
            file.write(page, whole)
    # Before anything that these replace is erased.
    file.sync()
    for page in scan.erase:
        file.write(page, erased_page(start.commit))
    file.sync()
    start.free.extend(scan.erase)
    start.free.reverse()
    return start
