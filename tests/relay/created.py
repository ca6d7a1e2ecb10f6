"""Which files appear in a folder, however short they are there: the system tells (inotify)."""

import ctypes
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_CREATED = 0x100
_MOVED_TO = 0x80
_NON_BLOCKING = 0o4000
_HEAD = struct.Struct("iIII")


@contextmanager
def watched(*folders: Path) -> Iterator[set[str]]:
    """Give a set that, at the end of the block, has the names of all files that appeared."""
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = libc.inotify_init1(_NON_BLOCKING)
    assert descriptor >= 0
    names: set[str] = set()
    try:
        for folder in folders:
            path = os.fsencode(folder)
            assert libc.inotify_add_watch(descriptor, path, _CREATED | _MOVED_TO) >= 0
        yield names
        names |= set(_names(descriptor))
    finally:
        os.close(descriptor)


def _names(descriptor: int) -> Iterator[str]:
    try:
        told = os.read(descriptor, 1_000_000)
    except BlockingIOError:
        return
    while told:
        _, _, _, length = _HEAD.unpack_from(told)
        name, told = told[_HEAD.size : _HEAD.size + length], told[_HEAD.size + length :]
        yield os.fsdecode(name.rstrip(b"\0"))
