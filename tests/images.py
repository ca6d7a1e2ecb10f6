"""File systems in a file, for what only the bytes of a disk can tell: needs root, loop mounts."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MEBIBYTE = 1024 * 1024


class CannotMount(Exception):
    """Nobody here may mount a file system from a file; the text says why."""


def new_image(path: Path, *, mebibytes: int = 32) -> Path:
    """Make an empty ext4 that writes nothing by itself for half a minute.

    Raises:
        CannotMount: mkfs.ext4 is missing.
    """
    with path.open("wb") as file:
        file.truncate(mebibytes * MEBIBYTE)
    _run("mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0", str(path))
    return path


@contextmanager
def mounted(image: Path) -> Iterator[Path]:
    """Give the folder at which *image* is mounted, for the length of the block.

    Raises:
        CannotMount: who runs the tests is not root, or has no loop devices.
    """
    folder = image.with_name(f"{image.name}.mounted")
    folder.mkdir(exist_ok=True)
    if os.geteuid():
        raise CannotMount("mounting needs root")
    _run("mount", "-o", "loop,commit=30,data=ordered", str(image), str(folder))
    try:
        yield folder
    finally:
        _run("umount", str(folder))


def cut_copy(image: Path) -> Path:
    """Copy what a mounted image has on its disk now, as a power cut would leave it."""
    copy = image.with_name(f"{image.name}.cut")
    # Another file, not the same one filled anew: whoever made a namespace of mounts meanwhile still
    # has the one before mounted, and would have the system show its files once more.
    copy.unlink(missing_ok=True)
    _run("cp", "--sparse=always", str(image), str(copy))
    return copy


def _run(program: str, *arguments: str) -> None:
    found = shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if found is None:
        raise CannotMount(f"{program} is missing")
    ended = subprocess.run([found, *arguments], capture_output=True, text=True, check=False)
    if ended.returncode:
        raise CannotMount(f"{program}: {ended.stderr.strip()}")
