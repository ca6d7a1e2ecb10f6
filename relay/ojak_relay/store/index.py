"""Which page holds the box of an id, in 48 to 52 bytes a box.

A dict of ids takes four times that. Here the ids lie side by side, 32 bytes a page, and a hash
table of small buckets leads to them; each entry of a bucket is the first 8 bytes of an id and the
page. The hash is Python's own, whose key is new in every process: nobody outside can choose ids
that meet in one bucket.
"""

from typing import Final

from ojak_protocol.addresses import MailboxId

_ID_BYTES: Final = 32
_PREFIX_BYTES: Final = 8
_PAGE_BYTES: Final = 4
_ENTRY_BYTES: Final = _PREFIX_BYTES + _PAGE_BYTES
_ENTRIES: Final = 32
"""In each bucket, on average, when every page is taken."""


class Index:
    """The ids of up to *pages* pages, numbered from 0; a page has at most one."""

    def __init__(self, pages: int) -> None:
        self._ids = bytearray(_ID_BYTES * pages)
        self._buckets = [bytearray() for _ in range(1 + pages // _ENTRIES)]
        self._count = len(self._buckets)
        self._taken = 0

    def __len__(self) -> int:
        return self._taken

    def find(self, id_: MailboxId) -> int | None:
        """Return the page that *id_* was put with, or None."""
        bucket = self._buckets[hash(id_) % self._count]
        prefix = id_[:_PREFIX_BYTES]
        at = bucket.find(prefix)
        while at >= 0:
            if at % _ENTRY_BYTES == 0:
                page = int.from_bytes(bucket[at + _PREFIX_BYTES : at + _ENTRY_BYTES], "big")
                if self.id_of(page) == id_:
                    return page
            at = bucket.find(prefix, at + 1)
        return None

    def id_of(self, page: int) -> MailboxId:
        """Return the id that *page* was last put with."""
        return MailboxId(bytes(self._ids[_ID_BYTES * page : _ID_BYTES * (page + 1)]))

    def put(self, id_: MailboxId, page: int) -> None:
        """Note that *page*, which has no id, holds the box of *id_*, which has no page."""
        self._ids[_ID_BYTES * page : _ID_BYTES * (page + 1)] = id_
        self._buckets[hash(id_) % self._count] += _entry(id_, page)
        self._taken += 1

    def remove(self, id_: MailboxId, page: int) -> None:
        """Forget that *page* holds the box of *id_*, of which nothing is left here.

        Raises:
            ValueError: it was not put so.
        """
        bucket = self._buckets[hash(id_) % self._count]
        entry = _entry(id_, page)
        at = bucket.find(entry)
        while at % _ENTRY_BYTES:
            at = bucket.index(entry, at + 1)
        bucket[at : at + _ENTRY_BYTES] = bucket[-_ENTRY_BYTES:]
        # What is cut off stays in the memory of the bucket.
        bucket[-_ENTRY_BYTES:] = bytes(_ENTRY_BYTES)
        del bucket[-_ENTRY_BYTES:]
        self._ids[_ID_BYTES * page : _ID_BYTES * (page + 1)] = bytes(_ID_BYTES)
        self._taken -= 1


def _entry(id_: MailboxId, page: int) -> bytes:
    return id_[:_PREFIX_BYTES] + page.to_bytes(_PAGE_BYTES, "big")
