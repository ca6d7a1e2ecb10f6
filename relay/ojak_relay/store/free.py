"""Which pages can be written: the lowest one first, so that those of one commit lie side by side.

What lies side by side is written in one call, and what was written before is written again before
a part of the file is taken that never held anything: to sync the latter costs the disk more.
"""

from collections.abc import Iterable
from typing import Final

_BLOCK_PAGES: Final = 1024


class FreePages:
    """Some of the pages numbered below *total*, in a byte a page; none at first."""

    def __init__(self, total: int) -> None:
        self._is_free = bytearray(total)
        # How many are free in each block, and whether any is: then none is looked for where all
        # are taken.
        self._counts = [0] * -(-total // _BLOCK_PAGES)
        self._any = bytearray(len(self._counts))
        self._total = 0

    def __len__(self) -> int:
        return self._total

    def give(self, page: int) -> None:
        """Add *page*, which is not among them."""
        block = page // _BLOCK_PAGES
        self._is_free[page] = 1
        self._counts[block] += 1
        self._any[block] = 1
        self._total += 1

    def give_all(self, pages: Iterable[int]) -> None:
        """Add each of *pages*."""
        for page in pages:
            self.give(page)

    def take(self) -> int:
        """Remove the lowest one and return it; there must be one."""
        block = self._any.index(1)
        page = self._is_free.index(1, block * _BLOCK_PAGES)
        self._is_free[page] = 0
        self._counts[block] -= 1
        self._any[block] = self._counts[block] > 0
        self._total -= 1
        return page
