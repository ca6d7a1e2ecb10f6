"""What a relay does with its file at start: put right what a crash left, and learn what lies where.

Only pages of the newest commit can be torn. What is torn, and the older of two with one id (a
replacement cut short between its two syncs), is erased before anything is served. Erased pages get
the number of the newest commit, not a later one: if this start is cut short as well, the next one
looks at the same pages again.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from ojak_protocol.addresses import MailboxId
from ojak_relay.store.page_file import Header, PageFile, erased_page


@dataclass(frozen=True, slots=True)
class Start:
    """What a file holds once put right: the page of each box, and the last commit."""

    boxes: dict[MailboxId, tuple[int, Header]]
    commit: int


def repair(file: PageFile) -> Start:
    """Erase what a crash left in *file*, durably, and return what it holds."""
    erase: list[int] = []
    found: list[tuple[int, Header]] = []
    for page, header in file.scan():
        if header is None:
            erase.append(page)
        else:
            found.append((page, header))
    commit = max((header.commit for _, header in found), default=0)
    torn = {
        page for page, header in found if header.commit == commit and file.is_torn(page, header)
    }
    boxes, older = _newest(item for item in found if item[1].is_box and item[0] not in torn)
    _erase(file, [*erase, *torn, *older], commit)
    return Start(boxes, commit)


def _newest(
    found: Iterable[tuple[int, Header]],
) -> tuple[dict[MailboxId, tuple[int, Header]], list[int]]:
    """Return the newest box of each id, and the pages of the others."""
    boxes: dict[MailboxId, tuple[int, Header]] = {}
    older: list[int] = []
    for page, header in found:
        other = boxes.get(header.id)
        if other is not None and other[1].commit > header.commit:
            older.append(page)
            continue
        if other is not None:
            older.append(other[0])
        boxes[header.id] = page, header
    return boxes, older


def _erase(file: PageFile, pages: list[int], commit: int) -> None:
    for page in pages:
        file.write(page, erased_page(commit))
    if pages:
        file.sync()
