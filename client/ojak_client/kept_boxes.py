"""Which box lies on which page, from loading a slot to saving it.

What is written where, and what becomes free, follows from what was brought at loading and what is
put at saving. A new box never goes to a page that the saved vault still refers to: until the new
vault is in place, a kill must leave all pages of the old one as they were.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Final

from ojak_client import box_file
from ojak_client.errors import VaultDamaged, VaultFull
from ojak_protocol.addresses import BOX_BYTES
from ojak_protocol.primitives import KEY_BYTES, Entropy, u16

_PAGE_NUMBER_BYTES: Final = 2
REFERENCE_BYTES: Final = _PAGE_NUMBER_BYTES + KEY_BYTES
"""What stands in the place of a box: its page's number and its key."""


Known = Mapping[bytes, bytes]
"""Boxes, and what stands for each."""

ReadPages = Callable[[Collection[int]], Mapping[int, bytes]]
"""Give the bytes of each of these pages."""


class KeptBoxes:
    """The boxes of one slot while the vault's lock is held.

    Args:
        read: called once for all boxes that are brought.
        slot: the slot's number.
        pages: how many pages it has.
        entropy: fresh randomness.
        known: boxes that were brought by an earlier one and are kept still.
    """

    def __init__(
        self,
        read: ReadPages,
        slot: int,
        pages: int,
        entropy: Entropy,
        known: Known | None = None,
    ) -> None:
        self._read = read
        self._slot = slot
        self._pages = pages
        self._entropy = entropy
        self._known: dict[bytes, bytes] = dict(known or {})
        self._kept: dict[bytes, bytes] = {}
        self._free: list[int] | None = None
        self.writes: dict[int, bytes] = {}
        """Pages to be written before the vault that refers to them is saved."""

    @property
    def known(self) -> Known:
        """The boxes that were brought or, after saving, those that the saved vault refers to."""
        return self._known

    @property
    def freed(self) -> frozenset[int]:
        """Pages that the saved vault refers to and the next one does not."""
        return _pages_of(self._known) - _pages_of(self._kept)

    def bring(self, kept: Collection[bytes]) -> dict[bytes, bytes]:
        """Return for each of *kept*, which `put` gave, its box; a box itself is kept in format 1.

        Raises:
            VaultDamaged: its page was changed, or one of *kept* is neither.
        """
        references = {one: self._page_of(one) for one in kept if len(one) != BOX_BYTES}
        pages = self._read(frozenset(references.values()))
        brought = {one: one for one in kept if len(one) == BOX_BYTES}
        for reference, page in references.items():
            key = reference[_PAGE_NUMBER_BYTES:]
            box = box_file.unsealed(pages[page], key=key, slot=self._slot, page=page)
            self._known[box] = reference
            brought[reference] = box
        return brought

    def _page_of(self, kept: bytes) -> int:
        page = int.from_bytes(kept[:_PAGE_NUMBER_BYTES], "big")
        if len(kept) != REFERENCE_BYTES or page >= self._pages:
            raise VaultDamaged("neither a box nor a reference to one")
        return page

    def put(self, box: bytes) -> bytes:
        """Return what stands for *box*, 34 bytes; the same for a box that was brought or put.

        Raises:
            VaultFull: there is no page for it; nothing was written.
        """
        if len(box) != BOX_BYTES:
            raise ValueError("a box has 4000 bytes")
        kept = self._kept.get(box) or self._known.get(box) or self._put_on_a_page(box)
        self._kept[box] = kept
        return kept

    def saved(self) -> None:
        """Take what was put for what the saved vault refers to."""
        self._known, self._kept, self._free, self.writes = self._kept, {}, None, {}

    def _put_on_a_page(self, box: bytes) -> bytes:
        if self._free is None:
            self._free = self._free_pages()
        if not self._free:
            raise VaultFull("no page is free")
        page, key = self._free.pop(), self._entropy(KEY_BYTES)
        self.writes[page] = box_file.sealed(
            box, key=key, slot=self._slot, page=page, entropy=self._entropy
        )
        return u16(page) + key

    def _free_pages(self) -> list[int]:
        """Return what is free, to be taken from the end.

        It begins anywhere, so that the highest page that was ever written does not tell how many
        boxes there have been at a time.
        """
        used = _pages_of(self._known)
        begin = int.from_bytes(self._entropy(4), "big")
        turned = ((begin - step) % self._pages for step in range(self._pages))
        return [page for page in turned if page not in used]


def _pages_of(references: dict[bytes, bytes]) -> frozenset[int]:
    return frozenset(
        int.from_bytes(kept[:_PAGE_NUMBER_BYTES], "big") for kept in references.values()
    )
