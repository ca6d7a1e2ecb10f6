"""What stands in a page, 4096 bytes: a box, an erased box, nothing yet, or a superblock.

    magic 8 ‖ id 32 ‖ commit 8 ‖ expires 8 ‖ released 8 ‖ zeros 24 ‖ body CRC 4 ‖ header CRC 4
    body 4000

An erased page has another magic and is otherwise random. The first two pages of a file are
superblocks; the whole one with the higher serial counts, so that one can be written while the
other stands:

    magic 8 ‖ serial 8 ‖ capacity 8 ‖ clock 8 ‖ closed 8 ‖ CRC 4 ‖ zeros

Numbers begin with their most significant byte; a CRC behind what it is of, with its least. CRC-32
finds what disks do to bytes. Against people the boxes are sealed by those who wrote them.
"""

import os
import struct
import zlib
from dataclasses import dataclass
from typing import Final

from ojak_protocol.addresses import BOX_BYTES, MailboxId
from ojak_relay.store.base import Record

PAGE_BYTES: Final = 4096
HEADER_BYTES: Final = PAGE_BYTES - BOX_BYTES

_HEADER: Final = struct.Struct(">8s32sQQQ24xI")
_CHECKED_HEADER: Final = struct.Struct(f"{_HEADER.format}4x")
_HEAD_OF_PAGE: Final = struct.Struct(f"{HEADER_BYTES}s{BOX_BYTES}x")
_SUPERBLOCK: Final = struct.Struct(">8sQQQQ")
_FORMAT: Final = b"ojakpg02"
BOX: Final = b"ojak box"
_ERASED: Final = b"ojakgone"
_WHOLE: Final = 0x2144DF1C
"""CRC of anything with its own CRC behind it."""

Header = tuple[bytes, bytes, int, int, int, int]
"""Magic, id, commit, expires at, released at, checksum of the body. A plain tuple, because
counting what lies in a file reads a million of them; a start reads them by columns (`headers`)."""


@dataclass(frozen=True, slots=True)
class Superblock:
    """What is true of a whole file.

    Attributes:
        serial: the higher one counts.
        capacity: how many boxes the file is made for.
        clock: a time, Unix seconds, that the relay's clock had reached.
        is_closed: whether whoever wrote to the file last had finished.
    """

    serial: int
    capacity: int
    clock: int
    is_closed: bool


def box_page(record: Record, commit: int) -> bytes:
    """Return the page that keeps *record*, 4096 bytes."""
    header = (BOX, record.id, commit, record.expires_at, record.released_at)
    return _page(*header, zlib.crc32(record.box), body=record.box)


def erased_page(commit: int) -> bytes:
    """Return a page of random bytes that says that it is erased, 4096 bytes."""
    random = os.urandom(32 + 16 + BOX_BYTES)
    id_, times, body = random[:32], struct.unpack(">QQ", random[32:48]), random[48:]
    return _page(_ERASED, id_, commit, *times, zlib.crc32(body), body=body)


def _page(*header: bytes | int, body: bytes) -> bytes:
    return b"".join((_checked(_HEADER.pack(*header)), body))


def _checked(data: bytes) -> bytes:
    return data + zlib.crc32(data).to_bytes(4, "little")


def read_header(page: bytes) -> Header | None:
    """Return the header of *page*, or None if it is not whole."""
    return _HEADER.unpack_from(page) if zlib.crc32(page[:HEADER_BYTES]) == _WHOLE else None


def read_headers(pages: memoryview) -> list[Header | None]:
    """Do the same for many pages that lie side by side."""
    heads = [head for (head,) in _HEAD_OF_PAGE.iter_unpack(pages)]
    read = zip(_CHECKED_HEADER.iter_unpack(b"".join(heads)), map(zlib.crc32, heads), strict=True)
    return [header if checked == _WHOLE else None for header, checked in read]


def is_fresh(pages: bytes) -> bool:
    """Say whether nothing was ever written to *pages*, one or several."""
    return pages == bytes(len(pages))


def is_torn(page: bytes, header: Header) -> bool:
    """Say whether the body of *page* is not the one its header was written with."""
    return zlib.crc32(page[HEADER_BYTES:]) != header[-1]


def read_record(page: bytes) -> Record | None:
    """Return the box in *page*, or None if the page holds none or one that is damaged."""
    header = read_header(page)
    if header is None or header[0] != BOX or is_torn(page, header):
        return None
    _, id_, _, expires_at, released_at, _ = header
    return Record(MailboxId(id_), released_at, expires_at, page[HEADER_BYTES:])


def superblock_page(superblock: Superblock) -> bytes:
    """Return the page of *superblock*, 4096 bytes."""
    numbers = (superblock.serial, superblock.capacity, superblock.clock, superblock.is_closed)
    return _checked(_SUPERBLOCK.pack(_FORMAT, *numbers)).ljust(PAGE_BYTES, b"\0")


def read_superblock(page: bytes) -> Superblock | None:
    """Return the superblock in *page*, or None if it is none or not whole."""
    checked = page[: _SUPERBLOCK.size + 4]
    if len(page) != PAGE_BYTES or zlib.crc32(checked) != _WHOLE:
        return None
    magic, serial, capacity, clock, closed = _SUPERBLOCK.unpack_from(page)
    return Superblock(serial, capacity, clock, bool(closed)) if magic == _FORMAT else None
