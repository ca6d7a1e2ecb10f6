"""A part of a core for one process, by the kernel's control groups of version 1 or 2.

Root may give it where the controller `cpu` is mounted and can be written to; `lacking` says why
not.
"""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PROC: Final = Path("/proc")
PERIOD_US: Final = 20_000
"""A fifth of the kernel's own, so that who has used up his part is not away for long."""

_LACKS: Final = {errno.EACCES, errno.EPERM, errno.EROFS, errno.EBUSY, errno.EOPNOTSUPP}
"""What the kernel answers whoever may not make groups that share out cores."""


class Unavailable(Exception):
    """No process can be held to a part of a core here; the text says why."""


@dataclass(frozen=True, slots=True)
class Held:
    """Processes that are held to a part of a core."""

    group: Path

    def throttled(self) -> int:
        """Return how often the kernel made them wait because their part was used up."""
        lines = (self.group / "cpu.stat").read_text().splitlines()
        return int(dict(line.split() for line in lines)["nr_throttled"])


def lacking(proc: Path = PROC) -> str:
    """Say why no process can be given a part of a core here, or nothing.

    Args:
        proc: the folder in which the kernel tells what is mounted, and who is in which group.

    Raises:
        OSError: this is not as the kernel has it, for another reason than rights or a controller
            that are not there.
    """
    try:
        with _group(_hierarchy(os.getpid(), proc), os.getpid()):
            return ""
    except Unavailable as why:
        return str(why)


@contextmanager
def quota(pid: int, share: float, proc: Path = PROC) -> Iterator[Held]:
    """Let process *pid*, and what it starts, have *share* of one core for the length of the block.

    Raises:
        Unavailable: this machine cannot do that, or not for whoever asks.
    """
    where = _hierarchy(pid, proc)
    with _group(where, pid) as group:
        try:
            allowed_us = round(share * PERIOD_US)
            if where.is_second:
                (group / "cpu.max").write_text(f"{allowed_us} {PERIOD_US}")
            else:
                (group / "cpu.cfs_period_us").write_text(str(PERIOD_US))
                (group / "cpu.cfs_quota_us").write_text(str(allowed_us))
            (group / "cgroup.procs").write_text(str(pid))
            yield Held(group)
        finally:
            # A group goes only when nobody is in it.
            for member in (group / "cgroup.procs").read_text().split():
                # Who ended meanwhile is in none.
                with suppress(ProcessLookupError):
                    (where.home / "cgroup.procs").write_text(member)


@dataclass(frozen=True, slots=True)
class _Hierarchy:
    """Where a process has its time from now, where it can be given less, and by which version."""

    home: Path
    parent: Path
    is_second: bool


def _hierarchy(pid: int, proc: Path) -> _Hierarchy:
    why = "no control group that shares out cores is mounted"
    groups: dict[str, str] = {}
    for line in (proc / str(pid) / "cgroup").read_text().splitlines():
        _, names, path = line.split(":", 2)
        groups |= dict.fromkeys(names.split(","), path.lstrip("/"))
    for line in (proc / "self" / "mounts").read_text().splitlines():
        _, mounted, kind, options, *_ = line.split()
        root = Path(mounted)
        is_second = kind == "cgroup2"
        if not is_second and not (kind == "cgroup" and "cpu" in options.split(",")):
            continue
        name = "" if is_second else "cpu"
        if name not in groups:
            continue
        home = root / groups[name]
        if not home.is_dir():
            why = f"{home}, the group of the process, cannot be seen here"
        elif not is_second:
            return _Hierarchy(home, home, is_second=False)
        elif "cpu" in (root / "cgroup.controllers").read_text().split():
            # None but the root may have both processes and groups that share out cores.
            return _Hierarchy(home, root, is_second=True)
    raise Unavailable(why)


@contextmanager
def _group(where: _Hierarchy, pid: int) -> Iterator[Path]:
    """Give a group that is empty, and has to be so again at the end of the block."""
    with _sharing_out(where):
        group = where.parent / f"ojak-bench-{pid}"
        with _lack_named():
            group.mkdir()
        try:
            yield group
        finally:
            group.rmdir()


@contextmanager
def _sharing_out(where: _Hierarchy) -> Iterator[None]:
    """Let the groups in the parent share out cores, where they do not yet, until the block ends."""
    if not where.is_second:
        yield
        return
    switch = where.parent / "cgroup.subtree_control"
    if "cpu" in switch.read_text().split():
        yield
        return
    with _lack_named():
        switch.write_text("+cpu")
    try:
        yield
    finally:
        switch.write_text("-cpu")


@contextmanager
def _lack_named() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in _LACKS:
            raise Unavailable(str(error)) from None
        raise
