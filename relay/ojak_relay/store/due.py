"""Which boxes are past their time, found without looking at all the others.

For each block of pages the earliest expiry is kept, or an earlier one: a block is looked through
only when that has come.
"""

from array import array
from typing import Final

NEVER: Final = 2**63
"""Expiry of a page without a box."""

BLOCK_PAGES: Final = 1024


class Due:
    """The expiry of each page, Unix seconds; NEVER where no box lies.

    Args:
        expires_at: one item a page. It is kept, and changed by `set`.
    """

    def __init__(self, expires_at: "array[int]") -> None:
        self._expires_at = expires_at
        self._earliest = array("Q")
        for start in range(0, len(expires_at), BLOCK_PAGES):
            self._earliest.append(min(expires_at[start : start + BLOCK_PAGES]))

    def __getitem__(self, page: int) -> int:
        return self._expires_at[page]

    def set(self, page: int, expires_at: int) -> None:
        """Note when the time of *page* is over."""
        self._expires_at[page] = expires_at
        block = page // BLOCK_PAGES
        self._earliest[block] = min(self._earliest[block], expires_at)

    def clear(self, page: int) -> None:
        """Note that *page* holds no box."""
        self._expires_at[page] = NEVER

    def count(self, now: int) -> int:
        """Return how many pages have a box whose time is over at *now*."""
        return sum(
            at <= now
            for block, earliest in enumerate(self._earliest)
            if earliest <= now
            for at in self._expires_at[block * BLOCK_PAGES : (block + 1) * BLOCK_PAGES]
        )

    def take(self, now: int, at_most: int) -> list[int]:
        """Return up to *at_most* pages, of one block, whose time is over at *now*.

        The same ones are returned again until they are cleared or set anew.
        """
        for block, earliest in enumerate(self._earliest):
            if earliest > now:
                continue
            start = block * BLOCK_PAGES
            times = self._expires_at[start : start + BLOCK_PAGES]
            due = [page for page, at in enumerate(times, start) if at <= now]
            if due:
                return due[:at_most]
            self._earliest[block] = min(times)
        return []
