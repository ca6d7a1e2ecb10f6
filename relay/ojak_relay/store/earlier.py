"""Stores of the format before this one, which knew one superblock and longer checksums.

    first page   "ojakpg01" ‖ capacity 8 ‖ checksum 16
    other pages  magic 8 ‖ id 32 ‖ commit 8 ‖ expires 8 ‖ released 8 ‖ body checksum 16
                 ‖ header checksum 16 ‖ body 4000

A checksum is BLAKE2b of 16 bytes; numbers begin with their most significant byte.
"""

import hashlib
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from ojak_protocol.addresses import MailboxId
from ojak_relay.errors import StoreUnusable
from ojak_relay.store.base import Record
from ojak_relay.store.disk import Disk
from ojak_relay.store.page import BOX, HEADER_BYTES, PAGE_BYTES
from ojak_relay.store.page_file import EARLIER_FORMAT, SPARE_PAGES

_FIRST: Final = struct.Struct(">8sQ")
_HEADER: Final = struct.Struct(">8s32sQQQ16s")
_CHECKSUM_BYTES: Final = 16


class EarlierFile:
    """An open store of the earlier format.

    Args:
        disk: the system, or what stands for it.
        descriptor: of the open file; it stays the caller's.
        path: what errors name.

    Raises:
        StoreUnusable: it is no such store, or cannot be read.
    """

    def __init__(self, disk: Disk, descriptor: int, path: Path) -> None:
        self._disk = disk
        self._descriptor = descriptor
        self._path = path
        first = self._page(0)
        fields = first[: _FIRST.size]
        if _checksum(fields) != first[_FIRST.size :][:_CHECKSUM_BYTES]:
            raise StoreUnusable(f"{path} is not a store that can be brought to this version")
        magic, self.capacity = _FIRST.unpack(fields)
        """How many boxes it is made for."""
        if magic != EARLIER_FORMAT:
            raise StoreUnusable(f"{path} is not a store that can be brought to this version")

    def newest(self) -> dict[MailboxId, int]:
        """Return the page of each box that is whole: the newest one where two have one id."""
        found: dict[MailboxId, tuple[int, int]] = {}
        for page in self._pages():
            commit, record = self._read(page)
            if record is not None and commit >= found.get(record.id, (0, 0))[0]:
                found[record.id] = commit, page
        return {id_: page for id_, (_, page) in found.items()}

    def records(self) -> Iterator[Record]:
        """Give every box once."""
        for page in self.newest().values():
            record = self._read(page)[1]
            if record is not None:
                yield record

    def _pages(self) -> range:
        return range(1, 1 + self.capacity + SPARE_PAGES)

    def _read(self, page: int) -> tuple[int, Record | None]:
        data = self._page(page)
        fields, body = data[: _HEADER.size], data[HEADER_BYTES:]
        if _checksum(fields) != data[_HEADER.size : HEADER_BYTES]:
            return 0, None
        magic, id_, commit, expires_at, released_at, checksum = _HEADER.unpack(fields)
        if magic != BOX or _checksum(body) != checksum:
            return 0, None
        return commit, Record(MailboxId(id_), released_at, expires_at, body)

    def _page(self, page: int) -> bytes:
        data = self._disk.pread(self._descriptor, PAGE_BYTES, page * PAGE_BYTES)
        if len(data) != PAGE_BYTES:
            raise StoreUnusable(f"{self._path} is not a store that can be brought to this version")
        return data


def _checksum(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=_CHECKSUM_BYTES).digest()
