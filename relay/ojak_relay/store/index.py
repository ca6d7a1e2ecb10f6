"""Which page holds the box of an id, in 80 to 112 bytes a page.

A dict of ids takes up to twice that. Here the ids lie side by side, 32 bytes a page, and a table of
page numbers leads to them: that of an id stands at its hash, or in the first free slot behind. The
hash is Python's own, whose key is new in every process: nobody outside can choose ids that meet.
"""

import struct
from array import array
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, compress, islice
from operator import itemgetter
from typing import Final

from ojak_protocol.addresses import MailboxId

_ID_BYTES: Final = 32
_ONE: Final = struct.Struct(f"{_ID_BYTES}s")
_MANY: Final = struct.Struct(_ONE.format * 256)
_SLOTS_PER_PAGE: Final = 3
"""At least: then most ids stand at their hash, and most misses end at once."""
_MARKS_PER_PAGE: Final = 32
"""At least: then most polls of a request have marks that nothing has."""

_MOST_COUNTED: Final = 255
"""As many ids as a byte counts. So many never share a mark, but that a damaged file repeats one."""

TOLD_EVERY_PAGES: Final = 65_536
"""A tenth of a second's work."""


class Index:
    """The ids of pages, whose numbers begin at 1; a page has at most one.

    Args:
        ids: of each page, 32 bytes, those of page 0 included; zeros where it has none. They are
            kept, and changed. Before anything else `put_all` says which pages have one.
    """

    def __init__(self, ids: bytearray) -> None:
        self._ids = ids
        slots = 1 << (_SLOTS_PER_PAGE * len(ids) // _ID_BYTES).bit_length()
        self._last_slot = slots - 1
        self._slots = array("I", [0]) * slots
        marks = 1 << (_MARKS_PER_PAGE * len(ids) // _ID_BYTES).bit_length()
        self._last_mark = marks - 1
        self._counts = bytearray(marks)
        """How many ids have each mark, which is more of their hash than a slot is: a miss, which
        most are, looks no further. What is `_MOST_COUNTED` once, is so for good. (A counting Bloom
        filter of one hash.)"""
        self._taken = 0

    def __len__(self) -> int:
        return self._taken

    def find(self, id_: MailboxId) -> int | None:
        """Return the page that *id_* was put with, or None."""
        slots, ids, last = self._slots, self._ids, self._last_slot
        slot = hash(id_) & last
        while page := slots[slot]:
            if ids.startswith(id_, _ID_BYTES * page):
                return page
            slot = (slot + 1) & last
        return None

    def may_have(self, ids: Sequence[MailboxId]) -> list[int]:
        """Return for which of *ids* `find` should be called: for few others than it finds.

        Most of what is polled for is nowhere, mostly all of it; so each costs no call, and where it
        stands is asked only of the others. With a million boxes nothing of this is in the
        processor's cache: asked for in one step, all of it is on its way at once.
        """
        if len(ids) < 2:
            return list(range(len(ids)))
        counts = itemgetter(*map(self._last_mark.__and__, map(hash, ids)))(self._counts)
        # First asked of all, which is quicker: nearly always it is none.
        return [at for at, count in enumerate(counts) if count] if any(counts) else []

    def id_of(self, page: int) -> MailboxId:
        """Return the id that *page* was put with."""
        return MailboxId(bytes(self._ids[_ID_BYTES * page : _ID_BYTES * (page + 1)]))

    def put(self, id_: MailboxId, page: int) -> int | None:
        """Note that *page*, which has no id, holds the box of *id_*.

        Returns:
            Another page that holds one of *id_*, or None. Which of them `find` returns is open.
        """
        slots, lying, last = self._slots, self._ids, self._last_slot
        lying[_ID_BYTES * page : _ID_BYTES * (page + 1)] = id_
        hashed = hash(id_)
        other, slot = None, hashed & last
        while taken := slots[slot]:
            if lying.startswith(id_, _ID_BYTES * taken):
                other = taken
            slot = (slot + 1) & last
        slots[slot] = page
        mark = hashed & self._last_mark
        if self._counts[mark] < _MOST_COUNTED:
            self._counts[mark] += 1
        self._taken += 1
        return other

    def put_all(
        self, has_id: bytearray, progress: Callable[[], None] = lambda: None
    ) -> list[tuple[int, int]]:
        """Note which pages have an id: 1 or 0 of each; return some with another that has the same.

        All of them at once: so the table stays in the processor's cache meanwhile. With many it
        takes seconds, and *progress* is called again and again.
        """
        slots, ids, last = self._slots, self._ids, self._last_slot
        counts, last_mark = self._counts, self._last_mark
        hashes = enumerate(map(hash, _each(ids)))
        others = []
        for first in range(0, len(has_id), TOLD_EVERY_PAGES):
            if first:
                progress()
            some = has_id[first : first + TOLD_EVERY_PAGES]
            for page, hashed in compress(islice(hashes, len(some)), some):
                if counts[hashed & last_mark] < _MOST_COUNTED:
                    counts[hashed & last_mark] += 1
                slot = hashed & last
                while other := slots[slot]:
                    id_ = ids[_ID_BYTES * page : _ID_BYTES * (page + 1)]
                    if ids.startswith(id_, _ID_BYTES * other):
                        others.append((page, other))
                    slot = (slot + 1) & last
                slots[slot] = page
        self._taken = has_id.count(1)
        return others

    def remove(self, page: int) -> None:
        """Forget the id of *page*; nothing is left of it here."""
        slots, last = self._slots, self._last_slot
        hashed = hash(self.id_of(page))
        slot = hashed & last
        while slots[slot] != page:
            slot = (slot + 1) & last
        self._close_up(slot)
        mark = hashed & self._last_mark
        if self._counts[mark] < _MOST_COUNTED:
            self._counts[mark] -= 1
        self._ids[_ID_BYTES * page : _ID_BYTES * (page + 1)] = bytes(_ID_BYTES)
        self._taken -= 1

    def _close_up(self, hole: int) -> None:
        """Free the slot *hole*, moving those behind it to where `find` comes upon them."""
        slots, last = self._slots, self._last_slot
        slot = hole
        while page := slots[slot := (slot + 1) & last]:
            home = hash(self.id_of(page)) & last
            # It may stand in the hole unless its hash lies behind that.
            if (slot - home) & last >= (slot - hole) & last:
                slots[hole] = page
                hole = slot
        slots[hole] = 0


def _each(ids: bytearray) -> Iterator[bytes]:
    """Give each of *ids*: to take many in one step costs less."""
    whole = len(ids) // _MANY.size * _MANY.size
    lying = memoryview(ids)
    many, rest = _MANY.iter_unpack(lying[:whole]), _ONE.iter_unpack(lying[whole:])
    return chain.from_iterable(chain(many, rest))
