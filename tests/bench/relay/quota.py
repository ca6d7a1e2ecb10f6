"""A part of a core for one process, by the kernel's control groups of version 1 or 2.

Root may give it where the controller `cpu` is mounted and can be written to; `lacking` says why
not.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

MOUNTS: Final = Path("/proc/self/mounts")
PERIOD_US: Final = 20_000
"""A fifth of the kernel's own, so that who has used up his part is not away for long."""


def lacking(mounts: Path = MOUNTS) -> str:
    """Say why no process can be given a part of a core here, or nothing.

    Args:
        mounts: the file in which the kernel tells what is mounted.
    """
    try:
        with quota(os.getpid(), 1.0, mounts):
            return ""
    except OSError as error:
        return str(error)


@contextmanager
def quota(pid: int, share: float, mounts: Path = MOUNTS) -> Iterator[None]:
    """Let process *pid*, and what it starts, have *share* of one core for the length of the block.

    Raises:
        OSError: this machine cannot do that.
    """
    where = _place(pid, mounts)
    group = where.parent / f"ojak-bench-{pid}"
    group.mkdir()
    try:
        used_us = round(share * PERIOD_US)
        if where.is_second:
            (group / "cpu.max").write_text(f"{used_us} {PERIOD_US}")
        else:
            (group / "cpu.cfs_period_us").write_text(str(PERIOD_US))
            (group / "cpu.cfs_quota_us").write_text(str(used_us))
        (group / "cgroup.procs").write_text(str(pid))
        yield
    finally:
        # A group goes only when nobody is in it.
        for member in (group / "cgroup.procs").read_text().split():
            (where.home / "cgroup.procs").write_text(member)
        group.rmdir()


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a process has its time from now, where it can be given less, and by which version."""

    home: Path
    parent: Path
    is_second: bool


def _place(pid: int, mounts: Path) -> _Place:
    lines = Path(f"/proc/{pid}/cgroup").read_text().splitlines()
    groups = {names: path.lstrip("/") for _, names, path in (line.split(":", 2) for line in lines)}
    for line in mounts.read_text().splitlines():
        _, place, kind, options, *_ = line.split()
        root = Path(place)
        if kind == "cgroup" and "cpu" in options.split(","):
            path = next(path for names, path in groups.items() if "cpu" in names.split(","))
            return _Place(root / path, root / path, is_second=False)
        if kind == "cgroup2" and "cpu" in (root / "cgroup.controllers").read_text().split():
            # None but the root may have both processes and groups that share out cores.
            (root / "cgroup.subtree_control").write_text("+cpu")
            return _Place(root / groups[""], root, is_second=True)
    raise FileNotFoundError("no control group that shares out cores is mounted")
