"""Which pages can be written: the lowest one first, so that those of one commit lie side by side.

What lies side by side is written in one call, and what was written before is written again before
a part of the file is taken that never held anything: to sync the latter costs the disk more.
"""

from typing import Final

_BLOCK_PAGES: Final = 1024


class FreePages:
    """Some pages, in a byte a page.

    Args:
        is_free: for each page that there is, by its number, 1 if it is one of them, and 0 if not.
            It is kept, and changed.
    """

    def __init__(self, is_free: bytearray) -> None:
        self._is_free = is_free
        # How many are free in each block, and whether any is: then none is looked for where all
        # are taken.
        starts = range(0, len(is_free), _BLOCK_PAGES)
        self._counts = [is_free.count(1, start, start + _BLOCK_PAGES) for start in starts]
        self._any = bytearray(map(bool, self._counts))
        self._total = sum(self._counts)

    def __len__(self) -> int:
        return self._total

    def give(self, page: int) -> None:
        """Add *page*, which is not among them."""
        block = page // _BLOCK_PAGES
        self._is_free[page] = 1
        self._counts[block] += 1
        self._any[block] = 1
        self._total += 1

    def take(self) -> int:
        """Remove the lowest one and return it; there must be one."""
        block = self._any.index(1)
        page = self._is_free.index(1, block * _BLOCK_PAGES)
        self._is_free[page] = 0
        self._counts[block] -= 1
        self._any[block] = self._counts[block] > 0
        self._total -= 1
        return page
