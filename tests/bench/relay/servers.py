"""Servers in processes of their own, and the CPU time that they used so far."""

import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.journeys.children import BIN, OJAK_RELAY
from tests.ports import free_port

PATIENCE_SECONDS = 60


@dataclass(frozen=True)
class Server:
    """A running server, with its children."""

    port: int
    process: psutil.Process

    @property
    def ports(self) -> tuple[int]:
        return (self.port,)

    def cpu_seconds(self) -> float:
        """Return the CPU time of all its processes, that of the kernel for them included."""
        times = [one.cpu_times() for one in (self.process, *self.process.children(recursive=True))]
        return sum(one.user + one.system for one in times)

    def memory_bytes(self) -> int:
        """Return how much memory it holds that is its alone."""
        return int(self.process.memory_full_info().uss)


@contextmanager
def started(
    command: Sequence[str | Path], port: int, environment: Mapping[str, str] | None = None
) -> Iterator[Server]:
    """Give the server that *command* starts, once it accepts at *port*."""
    process = subprocess.Popen(
        [str(part) for part in command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={"PATH": "/usr/sbin:/usr/bin:/bin", "LANG": "C.UTF-8", **(environment or {})},
    )
    try:
        _until_it_accepts(port, process)
        yield Server(port, psutil.Process(process.pid))
    finally:
        process.kill()
        process.wait()


@contextmanager
def our_relay(folder: Path, *, capacity: int, store: str = "pages") -> Iterator[Server]:
    """Give our relay over a store in *folder*, which may be there already."""
    port = free_port()
    settings = ("--path", folder / "relay.store", "--capacity", str(capacity))
    command = (OJAK_RELAY, "serve", "--listen", f"127.0.0.1:{port}", "--store", store, *settings)
    with started(command, port) as server:
        yield server


@contextmanager
def no_op(kind: str) -> Iterator[Server]:
    """Give an aiohttp handler that reads a body and answers one of the right length."""
    port = free_port()
    with started(
        (BIN / "python", "-m", "tests.bench.relay.no_op", kind, str(port)), port
    ) as server:
        yield server


def _until_it_accepts(port: int, process: "subprocess.Popen[bytes]") -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"{process.args!r} does not accept") from None
            time.sleep(0.02)
        else:
            return
