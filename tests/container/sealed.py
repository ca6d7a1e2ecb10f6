"""What a running container may, read from outside of it and tried from inside."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.container.engine import Engine

GIGABYTE: Final = 1 << 30
TRIED: Final = (
    "import os, socket\n"
    "for path in ('/opt/new', '/etc/new', '/usr/bin/new', '/var/lib/new', '/new'):\n"
    "    try: open(path, 'w')\n"
    "    except OSError as error: print(error.strerror)\n"
    "try: socket.create_connection(('192.0.2.1', 53), 3)\n"
    "except OSError as error: print(error.strerror)\n"
)
"""Run in a relay: five places to write to, and an address outside."""


def _lines(path: Path, mark: str) -> dict[str, str]:
    pairs = (line.split(mark, 1) for line in path.read_text().splitlines() if mark in line)
    return {name.strip(): value.strip() for name, value in pairs}


def _group(pid: int, controller: str) -> Path:
    """Return the folder in which the kernel shows a limit of process *pid*."""
    for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines():
        _, names, path = line.split(":", 2)
        if controller in names.split(","):
            return Path(f"/sys/fs/cgroup/{controller}{path}")
        if not names and Path("/sys/fs/cgroup/cgroup.controllers").exists():
            return Path(f"/sys/fs/cgroup{path}")
    raise FileNotFoundError(controller)


def _limit(folder: Path, *names: str) -> str:
    return next((folder / name).read_text().strip() for name in names if (folder / name).exists())


@dataclass(frozen=True, slots=True)
class Rights:
    """What a container may: its user, capabilities as bits, and processes if they are counted."""

    user: str
    capabilities: int
    tasks: int = 0


def loose(engine: Engine, service: str, may: Rights) -> list[str]:
    """Return what does not stand as compose.yaml has it for the running *service*."""
    pid = engine.pid(service)
    status = _lines(Path(f"/proc/{pid}/status"), ":")
    found = [] if status["Uid"].split() == [may.user] * 4 else [f"user {status['Uid']}"]
    given = {name: int(status[name], 16) for name in ("CapEff", "CapPrm", "CapBnd", "CapInh")}
    found += [f"{name} {bits:x}" for name, bits in given.items() if bits & ~may.capabilities]
    if (status["NoNewPrivs"], status["Seccomp"]) != ("1", "2"):
        found.append("privileges, system calls")
    limits = Path(f"/proc/{pid}/limits").read_text()
    if not re.search(r"^Max core file size +0 +0 ", limits, re.MULTILINE):
        found.append("core dumps")
    roots = [line.split() for line in Path(f"/proc/{pid}/mounts").read_text().splitlines()]
    if not any(line[1] == "/" and "ro" in line[3].split(",") for line in roots):
        found.append("root")
    memory = _group(pid, "memory")
    if _limit(memory, "memory.limit_in_bytes", "memory.max") != str(GIGABYTE):
        found.append("memory")
    swap = _limit(memory, "memory.memsw.limit_in_bytes", "memory.swap.max")
    if swap not in {str(GIGABYTE), "0"}:
        found.append(f"swap {swap}")
    if may.tasks and _limit(_group(pid, "pids"), "pids.max") != str(may.tasks):
        found.append("tasks")
    return found
