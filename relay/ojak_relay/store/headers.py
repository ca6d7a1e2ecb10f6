"""Many headers of pages side by side, 96 bytes each, read by columns: no object for each of them.

A start has a million of them to read. `page` says what stands in one.
"""

import sys
import zlib
from array import array
from functools import cache
from typing import Final

from ojak_relay.store.page import BOX, HEADER_BYTES, erased_page, read_header

_WORD_BYTES: Final = 8
_WORDS: Final = HEADER_BYTES // _WORD_BYTES
_ID_WORDS: Final = range(1, 5)
COMMIT: Final = 5
"""Which word of a header is its commit number."""
EXPIRES_AT: Final = 6
RELEASED_AT: Final = 7


def are_whole(heads: memoryview) -> bool:
    """Say whether every one of *heads* is whole, by one checksum over all of them.

    It is wrong as rarely as theirs, once in four thousand million times.
    """
    return zlib.crc32(heads) == _crc_of_whole(len(heads) // HEADER_BYTES)


@cache
def _crc_of_whole(count: int) -> int:
    # A CRC of anything with its own CRC behind it depends on its length alone: so for one header,
    # and for as many of them side by side.
    return zlib.crc32(erased_page(0)[:HEADER_BYTES] * count)


def which_are_whole(heads: memoryview) -> list[bool]:
    """Say of each of *heads* whether it is whole."""
    if are_whole(heads):
        return [True] * (len(heads) // HEADER_BYTES)
    starts = range(0, len(heads), HEADER_BYTES)
    return [read_header(bytes(heads[at : at + HEADER_BYTES])) is not None for at in starts]


def are_boxes(heads: memoryview) -> bool:
    """Say whether every one of *heads*, if it is whole, is that of a box."""
    return _words(heads, 0) == BOX * (len(heads) // HEADER_BYTES)


def which_are_boxes(heads: memoryview) -> list[bool]:
    """Say of each of *heads* whether it is that of a box, if it is whole."""
    magics = _words(heads, 0)
    starts = range(0, len(magics), _WORD_BYTES)
    return [magics.startswith(BOX, at) for at in starts]


def ids_in(heads: memoryview) -> bytearray:
    """Return the ids in *heads* side by side, 32 bytes each."""
    words = heads.cast("Q")
    ids = bytearray(len(_ID_WORDS) * _WORD_BYTES * (len(words) // _WORDS))
    lying = memoryview(ids).cast("Q")
    for at, word in enumerate(_ID_WORDS):
        lying[at :: len(_ID_WORDS)] = words[word::_WORDS]
    return ids


def numbers_in(heads: memoryview, word: int) -> "array[int]":
    """Return one number of each of *heads*: COMMIT, EXPIRES_AT or RELEASED_AT."""
    numbers = array("Q", _words(heads, word))
    if sys.byteorder == "little":
        numbers.byteswap()
    return numbers


def _words(heads: memoryview, word: int) -> bytes:
    return heads.cast("Q")[word::_WORDS].tobytes()
