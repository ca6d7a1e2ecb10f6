"""Unix sockets: made with the rights they are to have, and only where nobody else answers.

The name of a Unix socket has room for about a hundred bytes. Where the system can, a longer path is
reached through its folder.
"""

import errno
import os
import select
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ojak_relay.config import Address


def named(address: Address) -> str:
    """Return *address* as it stands in the settings: `HOST:PORT`, or `unix:PATH`."""
    if isinstance(address, Path):
        return f"unix:{address}"
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def shown(address: Address, scheme: str) -> str:
    """Return *address* as others write it: `SCHEME://HOST:PORT`, or `unix:PATH`."""
    return named(address) if isinstance(address, Path) else f"{scheme}://{named(address)}"


def reason(error: OSError) -> str:
    """Return in a few words why the system refused; names and addresses may stand in it."""
    if error.errno is not None and error.errno > 0:
        return os.strerror(error.errno)
    return error.strerror or str(error) or type(error).__name__


def unix_listener(path: Path, mode: int) -> socket.socket:
    """Return a socket bound to *path*, which has *mode* from its beginning.

    One that nobody answers any more is replaced.

    Raises:
        OSError: somebody answers there, something else lies there, or it cannot be made.
    """
    with suppress(FileNotFoundError, ConnectionRefusedError):
        connected(path).close()
        raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
    if path.is_socket():
        path.unlink()
    elif path.exists():
        raise OSError(errno.EEXIST, os.strerror(errno.EEXIST))
    listening = socket.socket(socket.AF_UNIX)
    try:
        # Linux makes the socket with the mode that its descriptor has.
        os.fchmod(listening.fileno(), mode)
        with _short(path) as name:
            listening.bind(name)
        path.chmod(mode)
        listening.listen(1024)
        listening.settimeout(0)
    except OSError:
        listening.close()
        raise
    return listening


def own_number(path: Path) -> int:
    """Return what tells the socket that was just made at *path* from a later one."""
    return path.lstat().st_ino


def removed(path: Path, number: int) -> None:
    """Take away the socket at *path* if it is still the one with that number."""
    with suppress(FileNotFoundError):
        if own_number(path) == number:
            path.unlink()


def connected(path: Path, seconds: float = 10) -> socket.socket:
    """Return a line to the Unix socket at *path*, with that time for each step.

    Raises:
        OSError: nobody answers there.
    """
    line = socket.socket(socket.AF_UNIX)
    try:
        line.settimeout(seconds)
        with _short(path) as name:
            line.connect(name)
    except OSError:
        line.close()
        raise
    return line


@contextmanager
def _short(path: Path) -> Iterator[str]:
    """Give a name that leads to *path*, short if the system can do that."""
    if not Path("/proc/self/fd").is_dir():
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def is_ended(line: socket.socket | None) -> bool:
    """Return whether the other end has ended *line*, without reading what it sent before."""
    if line is None:
        return False
    end = select.poll()
    # That a line is lost is told in any case.
    end.register(line.fileno(), getattr(select, "POLLRDHUP", 0))
    return bool(end.poll(0))
