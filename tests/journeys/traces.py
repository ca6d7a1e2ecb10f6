"""What is left behind: pieces of boxes in a store's file, files in folders, calls that write."""

import re
import shutil
import stat
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

WINDOW_BYTES = 8
"""Every run of 15 bytes or more is found: it holds a whole window of the file."""

STRACE = ("strace", "-f", "-qq", "-e", "trace=%file,%network,memfd_create,ftruncate,execve")
HARMLESS = ("/dev/tty", "/dev/null")

_FAILED = re.compile(r" = -1 E")
_WRITES = re.compile(
    r"O_(WRONLY|RDWR|CREAT|TMPFILE)"
    r"|\b(mkdir|mknod|rename|unlink|rmdir|symlink|link|f?truncate|memfd_create|creat)(at2?|2)?\("
    r"|\b(chmod|chown|utime|utimes|utimensat|setxattr)(at2?)?\("
)
_LOOPBACK = re.compile(r"sin_port=htons\((\d+)\), sin_addr=inet_addr\(\"127\.0\.0\.1\"\)")
_NAMED = re.compile(r'"([^"]*)"')


def count_pieces(boxes: Iterable[bytes], file: Path) -> int:
    """Return how many windows of *file* are bytes of one of *boxes*."""
    windows = {
        box[at : at + WINDOW_BYTES] for box in boxes for at in range(len(box) - WINDOW_BYTES + 1)
    }
    content = file.read_bytes()
    return sum(
        content[at : at + WINDOW_BYTES] in windows for at in range(0, len(content), WINDOW_BYTES)
    )


def files_in(*folders: Path) -> dict[str, tuple[int, int, int]]:
    """Return everything in *folders*: kind and mode, size and time of change of each."""
    found = {}
    for folder in folders:
        for path in (folder, *folder.rglob("*")):
            seen = path.lstat()
            size = seen.st_size if stat.S_ISREG(seen.st_mode) else 0
            found[str(path)] = seen.st_mode, size, seen.st_mtime_ns
    return found


def strace_to(file: Path) -> Sequence[str]:
    """Return the command that writes the calls of another to *file*; nothing if not installed."""
    return (*STRACE, "-o", str(file)) if shutil.which("strace") else ()


def violations(trace: Path, *, relay_port: int) -> list[str]:
    """Return the calls in *trace* that write a file or reach anything but the relay."""
    calls = _calls(trace)
    return [call for call in calls if _writes(call) or _reaches_out(call, relay_port)]


def connections(trace: Path) -> int:
    """Return how many calls in *trace* reach out at all."""
    return sum("connect(" in call for call in _calls(trace))


def _calls(trace: Path) -> list[str]:
    return trace.read_text(errors="replace").splitlines()


def _writes(call: str) -> bool:
    if _FAILED.search(call) or not _WRITES.search(call):
        return False
    named = _NAMED.search(call)
    return named is None or named[1] not in HARMLESS


def _reaches_out(call: str, relay_port: int) -> bool:
    """Whether *call* goes anywhere; a connection that is being made looks like one that failed."""
    if "AF_UNIX" in call and _FAILED.search(call):
        return False
    if "connect(" not in call and not ("sendto(" in call and "AF_INET" in call):
        return False
    reached = _LOOPBACK.search(call)
    return reached is None or int(reached[1]) != relay_port


def names_of_calls(trace: Path) -> Counter[str]:
    """Return how often each call was made; reading from the line in pieces is left out."""
    names = (re.match(r"\d+\s+(\w+)\(", line) for line in trace.read_text().splitlines())
    return Counter(name[1] for name in names if name and not name[1].startswith("recv"))
