"""The second file of a vault: pages for sealed boxes, a quarter of them for each slot.

    file = 4 quarters, one for each slot           17 MiB with 1088 pages in each
    page = nonce 24 ‖ sealed (box 4000 ‖ zeros 56) ‖ tag 16            4096 bytes

It is made with the vault, at its full size and random, so that neither its presence nor its size
tells anything. No slot writes into the quarter of another. Each page is sealed under a key of its
own, drawn when it is written; the key stands in the vault's slot and goes with it, so that a box
that nobody needs any more is erased by the next save as surely as a letter is, and a page of
another time opens under no key. Overwriting it comes on top. See docs/decisions/0090.

Whoever calls holds the vault's lock.
"""

import contextlib
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from enum import Enum, auto
from pathlib import Path
from typing import Final

from ojak_client import atomic_file
from ojak_client.atomic_file import Disk
from ojak_client.errors import VaultDamaged, VaultIncomplete
from ojak_client.vault_format import SLOTS
from ojak_protocol.addresses import BOX_BYTES
from ojak_protocol.errors import Unopenable
from ojak_protocol.primitives import (
    NONCE_BYTES,
    SEAL_OVERHEAD_BYTES,
    Entropy,
    seal,
    u8,
    u16,
    unseal,
)
from ojak_protocol.values import dataclass

PAGE_BYTES: Final = 4096
"""A sector of every card and disk, so that no write touches two."""
PAGES: Final = 1088
"""For each slot: a parcel of 4 MiB, which has 1060 parts, and some letters beside it."""

_PAGES_A_PIECE: Final = 16

# The end of what is bound to the page's place; no other seal of ours is bound to such bytes.
_BOUND_TO: Final = b"ojak box page"


class Step(Enum):
    """What `Pages.write` has just done."""

    HALF_WRITTEN = auto()
    WRITTEN = auto()
    SYNCED = auto()


After = Callable[[Enum], None]


@dataclass(frozen=True, slots=True)
class Pages:
    """The pages of one slot in an opened file.

    Attributes:
        descriptor: of the file, for reading and writing.
        slot: whose quarter it is.
        count: how many pages a quarter has.
        disk: the system, for writing.
    """

    descriptor: int
    slot: int
    count: int
    disk: Disk

    def read(self, wanted: Collection[int]) -> dict[int, bytes]:
        """Return the bytes of each of the *wanted* pages, fewer if the file was cut.

        All pages are read, whichever are wanted: what is asked of the system must not tell.

        Raises:
            OSError: the file system refused.
        """
        found: dict[int, bytes] = {}
        # In pieces, which take the same memory one after the other: memory for all pages, touched
        # for the first time, costs several times what it takes to read them.
        for first in range(0, self.count, _PAGES_A_PIECE):
            pages = range(first, min(first + _PAGES_A_PIECE, self.count))
            begin = self._begin(pages.start)
            piece = atomic_file.read_at(
                self.descriptor, range(begin, begin + len(pages) * PAGE_BYTES)
            )
            for page in pages:
                if page in wanted:
                    at = (page - first) * PAGE_BYTES
                    found[page] = piece[at : at + PAGE_BYTES]
        return found

    def write(self, pages: Mapping[int, bytes], after: After) -> None:
        """Return once *pages* are durably what they are to be.

        Raises:
            OSError: the file system refused; any of them may be the old one, the new or torn.
        """
        if not pages:
            return
        for number, (page, content) in enumerate(sorted(pages.items())):
            rest = memoryview(content)
            while rest:
                begin = self._begin(page) + PAGE_BYTES - len(rest)
                rest = rest[self.disk.pwrite(self.descriptor, rest, begin) :]
            if number == len(pages) // 2:
                after(Step.HALF_WRITTEN)
        after(Step.WRITTEN)
        # Not fdatasync, which some systems lack: the size never changes, so it costs little more.
        self.disk.fsync(self.descriptor)
        after(Step.SYNCED)

    def overwrite(self, pages: Iterable[int], after: After) -> None:
        """Put random bytes over *pages*, durably, as far as the file system lets us."""
        with contextlib.suppress(OSError):
            self.write({page: os.urandom(PAGE_BYTES) for page in pages}, after)

    def _begin(self, page: int) -> int:
        return (self.slot * self.count + page) * PAGE_BYTES


def make(path: Path, pages: int, entropy: Entropy, after: After, disk: Disk) -> None:
    """Make the file at *path*, random and durable, with so many *pages* for each slot.

    Raises:
        OSError: the file system refused.
    """
    atomic_file.replace(path, entropy(_size_bytes(pages)), after=after, disk=disk)


@contextlib.contextmanager
def opened(path: Path, slot: int, pages: int, disk: Disk) -> Iterator[Pages]:
    """Give the pages of *slot* in the file at *path*, which has so many *pages* for each.

    Raises:
        VaultIncomplete: nothing lies there, or it has another size.
        OSError: the file system refused.
    """
    try:
        descriptor = atomic_file.open_regular(path, os.O_RDWR, disk=disk)
    except FileNotFoundError:
        raise VaultIncomplete("there is no file of boxes") from None
    try:
        if os.fstat(descriptor).st_size != _size_bytes(pages):
            raise VaultIncomplete("not the length of the file of boxes")
        yield Pages(descriptor, slot, pages, disk)
    finally:
        # What was written is durable already.
        with contextlib.suppress(OSError):
            disk.close(descriptor)


def sealed(box: bytes, *, key: bytes, slot: int, page: int, entropy: Entropy) -> bytes:
    """Return the bytes of a page that holds *box*; *key* has 32 bytes and seals no other page."""
    plaintext = box.ljust(PAGE_BYTES - SEAL_OVERHEAD_BYTES, b"\0")
    return seal(key, plaintext, bound_to=_binding(slot, page), nonce=entropy(NONCE_BYTES))


def unsealed(content: bytes, *, key: bytes, slot: int, page: int) -> bytes:
    """Return the box that `sealed` put into a page.

    Raises:
        VaultDamaged: the page was cut, changed, moved, or is of another time.
    """
    # No commitment is needed: the key is not made from a passphrase, but comes out of a slot that
    # was authenticated, and nobody who chooses the page's bytes knows it.
    try:
        return unseal(key, content, bound_to=_binding(slot, page))[:BOX_BYTES]
    except Unopenable:
        raise VaultDamaged("bytes of a box were changed") from None


def _binding(slot: int, page: int) -> bytes:
    return u8(slot) + u16(page) + _BOUND_TO


def _size_bytes(pages: int) -> int:
    return SLOTS * pages * PAGE_BYTES
